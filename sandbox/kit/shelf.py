"""What was sent beside words: pictures and videos, with their bytes, alt texts and states.

A twin keeps each under the id that its network gives it (`Shelf.put`), in pieces where they come
in pieces (`begin`, `append`, `finish`), and says on the board which of them belong to a post
(`shown`). Ids end with time, or when a test lets them end; what is not ready yet is asked for
again. Nothing is judged here: which types and sizes a network takes, its twin says (`Sort`).
"""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from sandbox.kit.store import Document, Store

DAY_S = 86_400
FETCH_S = 5.0
"""How long a network waits for a file that it fetches by its address."""
SHOWN = ("id", "kind", "mime", "size", "sha256", "width", "height", "alt")


@dataclass(frozen=True, slots=True)
class Sight:
    """What the first bytes of a file say it is; nothing known: mime is ""."""

    mime: str = ""
    width: int = 0
    height: int = 0

    @property
    def kind(self) -> str:
        """image, video or nothing."""
        return self.mime.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Sort:
    """What a network takes of one kind: types as MIME says them, and bytes of one file."""

    types: tuple[str, ...]
    max_bytes: int

    def fault(self, sight: Sight, size: int) -> str:
        """ "type", "size", or "" for a file that is taken."""
        if sight.mime not in self.types:
            return "type"
        return "size" if size > self.max_bytes else ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart form."""

    data: bytes = field(repr=False)
    filename: str = ""
    mime: str = ""

    @property
    def text(self) -> str:
        """The part as words."""
        return self.data.decode("utf-8", "replace")


def sight(data: bytes) -> Sight:
    """What a file is, by its first bytes; its size in pixels where they tell it."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return Sight("image/png", *struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return Sight("image/gif", *struct.unpack("<HH", data[6:10]))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Sight("image/webp", *_webp_size(data))
    if data.startswith(b"\xff\xd8\xff"):
        return Sight("image/jpeg", *_jpeg_size(data))
    if data[4:8] == b"ftyp":
        return Sight("video/quicktime" if data[8:10] == b"qt" else "video/mp4")
    return Sight("video/webm") if data.startswith(b"\x1aE\xdf\xa3") else Sight()


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height out of the frame header (SOF) of a JPEG."""
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        mark, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height out of the first chunk of a WebP, in its three forms."""
    match data[12:16]:
        case b"VP8X" if len(data) >= 30:
            sides = (data[24:27], data[27:30])
            return int.from_bytes(sides[0], "little") + 1, int.from_bytes(sides[1], "little") + 1
        case b"VP8L" if len(data) >= 25:
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if len(data) >= 30:
            width, height = struct.unpack("<HH", data[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return 0, 0


def multipart(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts of a multipart form by name; {} if the body is none (RFC 7578)."""
    kind, _, rest = content_type.partition(";")
    mark = dict(_parameters(rest)).get("boundary", "")
    if kind.strip().lower() != "multipart/form-data" or not mark:
        return {}
    found: dict[str, Part] = {}
    for piece in (b"\r\n" + body).split(b"\r\n--" + mark.encode())[1:]:
        head, gap, data = piece.partition(b"\r\n\r\n")
        if not gap or piece.startswith(b"--"):
            continue
        lines = [line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n")]
        fields = {name.strip().lower(): value.strip() for name, _, value in lines}
        about = dict(_parameters(fields.get("content-disposition", "").partition(";")[2]))
        name, file = about.get("name", ""), about.get("filename", "")
        found[name] = Part(data, file, fields.get("content-type", ""))
    return found


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    """The name="value" pairs of a header."""
    for pair in text.split(";"):
        name, _, value = pair.strip().partition("=")
        yield name.lower(), value.strip('"')


def fetched(url: str) -> bytes:
    """The file at an address of this machine, as networks fetch one by URL; b"" if there is none.

    The street's own address will not do: the street answers one request at a time.
    """
    if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        return b""
    try:
        with urllib.request.urlopen(url, timeout=FETCH_S) as answer:
            data: bytes = answer.read()
    except OSError:
        return b""
    return data


class Shelf:
    """The pictures and videos of one twin, and what else comes before a post (containers)."""

    def __init__(self, store: Store, network: str) -> None:
        self.store = store
        self.network = network

    def put(
        self,
        name: str,
        owner: str,
        data: bytes,
        at: float,
        *,
        lives_s: float = DAY_S,
        **more: object,
    ) -> Document:
        """Keep a file under an id of the twin's choice; a picture is ready at once."""
        seen, seal = sight(data), sha256(data).hexdigest()
        self.store.put_bytes(seal, data)
        about: Document = {"id": name, "owner": owner, "sha256": seal, "size": len(data)}
        about |= {"kind": seen.kind, "mime": seen.mime, "width": seen.width, "height": seen.height}
        if seen.kind == "image":
            about["polls"] = 0
        return self.keep(name, {**about, "alt": "", "ends_at": at + lives_s, **more})

    def keep(self, name: str, body: Document) -> Document:
        """Keep anything that comes before a post; `owner` and `ends_at` are what `get` asks for."""
        left = self.store.get(self.network, "patience", "all") or {"polls": 0}
        whole = {"polls": left["polls"], **body}
        self.store.put(self.network, "media", name, whole)
        return whole

    def get(self, name: str, owner: str, at: float) -> Document | None:
        """What is kept under an id, if it is this owner's and has not ended."""
        found = self.store.get(self.network, "media", name)
        good = found is not None and found["owner"] == owner and found["ends_at"] > at
        return found if good else None

    def change(self, name: str, **more: object) -> None:
        """Note something more about what is kept."""
        found = self.store.get(self.network, "media", name) or {}
        self.store.put(self.network, "media", name, {**found, **more})

    def ready(self, name: str) -> bool:
        """Whether the network has finished with it; each time it is asked brings that nearer."""
        found = self.store.get(self.network, "media", name) or {}
        left = int(found.get("polls", 0))
        self.change(name, polls=max(0, left - 1))
        return left <= 0

    def is_ready(self, name: str) -> bool:
        """The same, only looked at."""
        return int((self.store.get(self.network, "media", name) or {}).get("polls", 0)) <= 0

    def fetch(self, url: str) -> bytes:
        """The file at an address, as this network fetches it; b"" if it is not to be had."""
        left = int((self.store.get(self.network, "losses", "all") or {}).get("times", 0))
        if left > 0:
            self.lose(left - 1)
            return b""
        return fetched(url)

    # In pieces

    def begin(self, name: str, owner: str, at: float, **more: object) -> None:
        """Expect a file in pieces."""
        about = {"id": name, "owner": owner, "pieces": {}, "ends_at": at + DAY_S, **more}
        self.keep(name, about)

    def append(self, name: str, number: int, data: bytes) -> None:
        """Take a piece; one of the same number is replaced."""
        seal = sha256(data).hexdigest()
        self.store.put_bytes(seal, data)
        found = self.store.get(self.network, "media", name) or {}
        self.change(name, pieces={**found.get("pieces", {}), str(number): seal})

    def joined(self, name: str) -> bytes:
        """The pieces so far, in the order of their numbers."""
        kept = (self.store.get(self.network, "media", name) or {}).get("pieces", {})
        return b"".join(self.store.bytes_of(kept[n]) for n in sorted(kept, key=int))

    # For tests and for the board

    def be_slow(self, polls: int) -> None:
        """What comes from now on is ready after having been asked for this many times."""
        self.store.put(self.network, "patience", "all", {"polls": polls})

    def lose(self, times: int) -> None:
        """So many of the next fetches find nothing, as where the site of a file is away."""
        self.store.put(self.network, "losses", "all", {"times": times})

    def end_all(self, at: float) -> int:
        """Let everything that is not in a post yet have ended; says how much that was."""
        kept = self.store.newest("media", self.network)
        for one in kept:
            self.change(one["id"], ends_at=at)
        return len(kept)


def shown(media: Document) -> Document:
    """A picture or video as the board shows it."""
    return {part: media.get(part, "") for part in SHOWN}
