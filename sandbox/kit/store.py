"""What the street remembers: JSON documents and files, which outlive a killed process.

A document has a network, a kind, a key and, if somebody owns it, an owner to list it by. A file is
found by the SHA-256 of its bytes; the oldest make room when there are too many.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

TABLE = """
create table if not exists documents (
    seq integer primary key autoincrement,
    network text not null,
    kind text not null,
    key text not null,
    owner text not null default '',
    body text not null,
    unique (network, kind, key)
);
create table if not exists files (seal text primary key, body blob not null);
create index if not exists documents_by_kind on documents (kind, seq);
create index if not exists documents_by_owner on documents (network, kind, owner, seq);
"""

ROOM_FOR_FILES = 256 * 1024 * 1024


class Store:
    """Documents in a sqlite file, or in memory if no file is named. Any thread may ask."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.db = sqlite3.connect(
            str(path) if path else ":memory:", check_same_thread=False, isolation_level=None
        )
        # What a killed process has written is safe with the operating system; only a power cut
        # could lose it, and a practice street may forget that.
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = off")
        self.db.executescript(TABLE)

    @contextmanager
    def together(self) -> Iterator[None]:
        """One request at a time, and all of what it writes or nothing."""
        with self.lock:
            self.db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self.db.execute("rollback")
                raise
            self.db.execute("commit")

    def put(self, network: str, kind: str, key: str, body: Document, owner: str = "") -> None:
        """Write a document; one of the same key is replaced and keeps its place in the order."""
        with self.lock:
            self.db.execute(
                "insert into documents (network, kind, key, owner, body) values (?, ?, ?, ?, ?)"
                " on conflict (network, kind, key)"
                " do update set body = excluded.body, owner = excluded.owner",
                (network, kind, key, owner, json.dumps(body)),
            )

    def get(self, network: str, kind: str, key: str) -> Document | None:
        """The document under a key, if there is one."""
        with self.lock:
            row = self.db.execute(
                "select body from documents where network = ? and kind = ? and key = ?",
                (network, kind, key),
            ).fetchone()
        return json.loads(row[0]) if row else None

    def drop(self, network: str, kind: str, key: str) -> bool:
        """Forget a document; says whether there was one."""
        with self.lock:
            done = self.db.execute(
                "delete from documents where network = ? and kind = ? and key = ?",
                (network, kind, key),
            )
        return done.rowcount > 0

    def newest(
        self, kind: str, network: str = "", owner: str = "", limit: int = -1
    ) -> list[Document]:
        """Documents of a kind, the newest first; of all networks and owners unless told."""
        with self.lock:
            rows = self.db.execute(
                "select body from documents where kind = ?1 and (?2 = '' or network = ?2)"
                " and (?3 = '' or owner = ?3) order by seq desc limit ?4",
                (kind, network, owner, limit),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def owned(self, network: str, kind: str, owner: str, limit: int = -1) -> list[Document]:
        """One owner's documents, the newest first, by the index."""
        with self.lock:
            rows = self.db.execute(
                "select body from documents where network = ? and kind = ? and owner = ?"
                " order by seq desc limit ?",
                (network, kind, owner, limit),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def count(self, network: str, kind: str) -> int:
        """How many documents of a kind a network has."""
        with self.lock:
            row = self.db.execute(
                "select count(*) from documents where network = ? and kind = ?", (network, kind)
            ).fetchone()
        return int(row[0])

    def put_bytes(self, seal: str, body: bytes) -> None:
        """Keep a file under its SHA-256; the oldest files make room for it."""
        with self.lock:
            self.db.execute("insert or ignore into files (seal, body) values (?, ?)", (seal, body))
            self.db.execute(
                "delete from files where rowid in (select rowid from (select rowid,"
                " sum(length(body)) over (order by rowid desc) as room from files) where room > ?)",
                (ROOM_FOR_FILES,),
            )

    def bytes_of(self, seal: str) -> bytes:
        """A file by its SHA-256; b"" if it is not here (any more)."""
        with self.lock:
            row = self.db.execute("select body from files where seal = ?", (seal,)).fetchone()
        return bytes(row[0]) if row else b""

    def next_number(self, network: str, at: float) -> int:
        """A number larger than every one before, near the microseconds of `at`."""
        with self.lock:
            last = self.get(network, "counter", "last") or {"number": 0}
            number = max(int(last["number"]) + 1, int(at * 1_000_000))
            self.put(network, "counter", "last", {"number": number})
        return number

    def clear(self, keep: tuple[str, ...] = ()) -> None:
        """Forget everything but the documents of the kinds to keep."""
        marks = ", ".join("?" for _ in keep)
        with self.lock:
            self.db.execute(f"delete from documents where kind not in ({marks})", keep)
            self.db.execute("delete from files")

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.db.close()
