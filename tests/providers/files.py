"""Small real pictures and videos that fit a network's rules, and a server that hands them out."""

from __future__ import annotations

import threading
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from random import Random
from typing import Any, BinaryIO

from PIL import Image

from providers.kit.content import ImageRule, Kind, Limits, Media, VideoRule

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
}
ALT = "Ein grüner Hügel, “at dusk” & <b>quiet</b> 🌄"
VIDEO_BYTES = 2_300_000


class Files(ThreadingHTTPServer):
    """Hands out files by their SHA-256, for networks that fetch what they are told of."""

    daemon_threads = True

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, bytes]] = {}
        super().__init__(("127.0.0.1", 0), Hand)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, data: bytes, mime: str) -> str:
        """The address of a file from now on."""
        seal = sha256(data).hexdigest()
        self.kept[seal] = (mime, data)
        return f"http://127.0.0.1:{self.server_address[1]}/{seal}"


class Hand(BaseHTTPRequestHandler):
    """Answers with one file."""

    server: Files

    def do_GET(self) -> None:
        """The file, or 404."""
        mime, data = self.server.kept.get(self.path.strip("/"), ("", b""))
        self.send_response(200 if data else 404)
        self.send_header("Content-Type", mime or "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@cache
def files() -> Files:
    """The one server of this run."""
    return Files()


def medium(kind: Kind, mime: str, data: bytes, *, alt: str = "", **more: Any) -> Media:
    """These bytes as a medium."""

    def opened() -> BinaryIO:
        return BytesIO(data)

    url, name = files().keep(data, mime), f"{kind}.{mime.partition('/')[2]}"
    return Media(kind, mime, len(data), name, opened, alt=alt, url=url, **more)


def size_for(rule: ImageRule) -> tuple[int, int]:
    """Width and height of a picture that fits a rule."""
    width, height = max(64, rule.min_width or 0), 0
    aspect = min(max(4 / 3, rule.min_aspect or 0), rule.max_aspect or 4 / 3)
    height = round(width / aspect)
    return width, height


def picture(rule: ImageRule, seed: int = 0, mime: str = "", alt: str = ALT) -> Media:
    """A picture that fits; another one for each seed."""
    mime, (width, height) = mime or rule.types[0], size_for(rule)
    told = (alt if len(alt) <= rule.alt_limit else alt[: rule.alt_limit]) if rule.alt_limit else ""
    data = painted(mime, width, height, seed)
    return medium(Kind.IMAGE, mime, data, alt=told, width=width, height=height)


@cache
def painted(mime: str, width: int, height: int, seed: int) -> bytes:
    """The bytes of a picture of one colour."""
    out = BytesIO()
    colour = tuple(Random(seed).randbytes(3))
    Image.new("RGB", (width, height), colour).save(out, FORMATS[mime])
    return out.getvalue()


def grown(media: Media, size: int) -> Media:
    """The same picture with so many bytes: what stands behind its end is part of no picture."""
    data = media.read()
    more = {"width": media.width, "height": media.height}
    return medium(media.kind, media.mime, data.ljust(size, b"\0"), alt=media.alt, **more)


def video(rule: VideoRule, seed: int = 0, size: int = VIDEO_BYTES) -> Media:
    """The beginning of an MP4 and bytes of chance, long enough to go up in several pieces."""
    head = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
    if rule.types[0] == "video/quicktime":
        head = b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  "
    data = head + noise(seed, min(size, rule.max_bytes) - len(head))
    mime = "video/mp4" if "video/mp4" in rule.types else rule.types[0]
    least = rule.shortest.total_seconds() if rule.shortest else 0.0
    return medium(Kind.VIDEO, mime, data, seconds=max(6.0, least), width=640, height=480)


@cache
def noise(seed: int, size: int) -> bytes:
    """Bytes of chance, the same for the same seed."""
    return Random(seed).randbytes(size)


def needed(limits: Limits) -> tuple[Media, ...]:
    """What a post must have beside its text."""
    if not limits.needs_media:
        return ()
    return (picture(limits.images),) if limits.images else (video(limits.video),)  # type: ignore[arg-type]
