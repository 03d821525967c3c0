"""The least that could renew these tokens: asyncio, raw SQL, no broker, no ORM, no spool.

python -m tests.bench.bare PLACE        (PLACE 0 or 1: which half of the due tokens is ours)

Per token the same HTTP request and the same writes in the same transactions as `tokens.refresh`:
lease with its journal line, intent, new pair, end of the line; one decryption, two encryptions.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import psycopg

from tokens.vault import seal, unseal

AT_ONCE = 100
Row = tuple[UUID, int, int, str]
DUE = """
    SELECT id, team_id, version, refresh_sealed FROM tokens_oauthtoken
    WHERE state = 'good' AND can_refresh AND refresh_at <= now() ORDER BY refresh_at, id"""
LEASE = """
    UPDATE tokens_oauthtoken SET refresh_lease_until = now() + interval '90 seconds',
        refresh_epoch = refresh_epoch + 1
    WHERE id = %s AND version = %s AND state = 'good' AND refresh_lease_until IS NULL
        AND refresh_sent_at IS NULL RETURNING refresh_epoch"""
LINE = """
    INSERT INTO tokens_renewal (token_id, team_id, provider, epoch, by, started_at, outcome, words,
        correlation_id) VALUES (%s, %s, 'x', %s, 'bare', now(), '', '', '')"""
INTENT = """
    UPDATE tokens_oauthtoken SET refresh_sent_at = now()
    WHERE id = %s AND version = %s AND refresh_epoch = %s"""
PAIR = """
    UPDATE tokens_oauthtoken SET access_sealed = %s, refresh_sealed = %s, expires_at = %s,
        refresh_at = %s, refreshed_at = now(), version = version + 1, refresh_lease_until = NULL,
        refresh_sent_at = NULL, refresh_failures = 0, problem = ''
    WHERE id = %s AND version = %s AND refresh_epoch = %s"""
END = """
    UPDATE tokens_renewal SET ended_at = now(), outcome = 'refreshed'
    WHERE token_id = %s AND epoch = %s"""


class Line:
    """One kept-alive HTTP connection."""

    def __init__(self, url: str) -> None:
        self.parts = urlsplit(url)
        who = f"{os.environ['X_CLIENT_ID']}:{os.environ['X_CLIENT_SECRET']}"
        self.basic = b64encode(who.encode()).decode()

    async def open(self) -> None:
        """Connect."""
        host, port = self.parts.hostname, self.parts.port
        self.reader, self.writer = await asyncio.open_connection(host, port)

    async def renew(self, refresh_token: str) -> dict[str, str]:
        """One refresh."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        body = urlencode(form).encode()
        head = (
            f"POST /2/oauth2/token HTTP/1.1\r\nHost: {self.parts.netloc}\r\n"
            f"Authorization: Basic {self.basic}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(answer.partition("content-length:")[2].split("\r\n")[0])
        pair: dict[str, str] = json.loads(await self.reader.readexactly(length))
        return pair


async def renew(database: psycopg.AsyncConnection[Row], line: Line, row: Row) -> None:
    """One token, from its lease to the end of its line."""
    key, team, version, sealed = row
    async with database.transaction():
        leased = await (await database.execute(LEASE, (key, version))).fetchone()
        if leased is None:
            return
        epoch = leased[0]
        await database.execute(LINE, (key, team, epoch))
    await database.execute(INTENT, (key, version, epoch))
    pair = await line.renew(unseal(sealed, f"token:{key}:refresh"))
    access = seal(pair["access_token"], f"token:{key}:access")
    refresh = seal(pair["refresh_token"], f"token:{key}:refresh")
    at = datetime.now(UTC)
    ends, ahead = at + timedelta(hours=2), at + timedelta(hours=1)
    await database.execute(PAIR, (access, refresh, ends, ahead, key, version, epoch))
    await database.execute(END, (key, epoch))


async def worker(queue: asyncio.Queue[Row]) -> None:
    """Takes tokens until there are none; one database session and one HTTP connection."""
    line = Line(os.environ["X_API_URL"])
    await line.open()
    url = os.environ["DATABASE_URL"]
    async with await psycopg.AsyncConnection[Row].connect(url, autocommit=True) as database:
        while not queue.empty():
            await renew(database, line, queue.get_nowait())


async def main(place: int) -> None:
    """Renew our half of what is due."""
    queue: asyncio.Queue[Row] = asyncio.Queue()
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        for number, row in enumerate(database.execute(DUE).fetchall()):
            if number % 2 == place:
                queue.put_nowait(row)
    print("ready", flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await asyncio.gather(*(worker(queue) for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
