"""What a video tells of itself: how long, how large; and its place of recording is taken out.

MP4 and QuickTime are rows of boxes in boxes (ISO/IEC 14496-12, section 4.2): four bytes of size,
four of type, then the content. They are walked through without decoding anything.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BOXED = ("video/mp4", "video/quicktime")
MOST_BOXES = 20_000
HUSHED = {b"udta", b"meta", b"uuid"}
"""Boxes with words about the video: title, camera, place (©xyz, com.apple.quicktime.location)."""
QUARTER_TURNS = ((0, 1), (0, -1))
ASK_S = 20


class BrokenVideo(Exception):
    """The boxes do not fit into each other, or no video is in them."""


@dataclass(frozen=True, slots=True)
class Footage:
    """Width and height as shown, 0 where unknown, and the length in seconds, None if unknown."""

    width: int = 0
    height: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box lies: its type, its beginning, its content, its end."""

    kind: bytes
    start: int
    body: int
    end: int


def footage(file: BinaryIO, mime: str, path: str) -> Footage:
    """What can be told of a video; ffprobe is asked, if it is there, for what is not in boxes."""
    known = _in_boxes(file) if mime in BOXED else Footage()
    if known.seconds is None or not known.width:
        return asked(path) or known
    return known


def hush(file: BinaryIO) -> int:
    """Make free space of every box that tells of the recording, in place; how many there were."""
    found = list(_telling(file))
    for box in found:
        file.seek(box.start + 4)
        file.write(b"free")
        file.seek(box.body)
        left = box.end - box.body
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 16)))
    return len(found)


def _telling(file: BinaryIO) -> Iterator[Box]:
    for box in boxes(file, 0, _size(file)):
        if box.kind in HUSHED:
            yield box
        if box.kind != b"moov":
            continue
        for inner in boxes(file, box.body, box.end):
            if inner.kind in HUSHED:
                yield inner
            elif inner.kind == b"trak":
                if _handler(file, inner) == b"meta":  # a track of places along the way
                    yield inner
                else:
                    yield from (b for b in boxes(file, inner.body, inner.end) if b.kind in HUSHED)


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places; raises BrokenVideo."""
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack(">I4s", _read(file, start, 8))
        body = start + 8
        if size == 1:
            size, body = struct.unpack(">Q", _read(file, body, 8))[0], start + 16
        stop = end if size == 0 else start + size
        if stop < body or stop > end:
            raise BrokenVideo("is broken: its parts do not fit into each other.")
        yield Box(kind, start, body, stop)
        start = stop
    raise BrokenVideo("is made of too many parts.")


def _in_boxes(file: BinaryIO) -> Footage:
    films = _inner(file, Box(b"", 0, 0, _size(file)), b"moov")
    if not films:
        raise BrokenVideo("is broken: it does not say what is in it.")
    moov = films[0]
    seconds = _length(file, moov)
    sizes = [
        _shown(file, head)
        for track in _inner(file, moov, b"trak")
        if _handler(file, track) == b"vide"
        for head in _inner(file, track, b"tkhd")
    ]
    if not sizes:
        raise BrokenVideo("has no pictures in it.")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Footage(width, height, seconds)


def _length(file: BinaryIO, moov: Box) -> float | None:
    """Duration by time scale, of the whole film."""
    for head in _inner(file, moov, b"mvhd"):
        data = _read(file, head.body, min(32, head.end - head.body))
        wide = data[:1] == b"\x01"
        if len(data) < (32 if wide else 20):
            return None
        scale, duration = struct.unpack_from(">IQ" if wide else ">II", data, 20 if wide else 12)
        unknown = duration in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) or not scale
        return None if unknown else duration / scale
    return None


def _shown(file: BinaryIO, head: Box) -> tuple[int, int]:
    """Width and height of a track, turned as its matrix says."""
    data = _read(file, head.body, head.end - head.body) if head.end - head.body < 200 else b""
    at = 52 if data[:1] == b"\x01" else 40
    if len(data) < at + 44:
        return 0, 0
    across, down = (value >> 16 for value in struct.unpack_from(">ii", data, at))
    width, height = (value >> 16 for value in struct.unpack_from(">II", data, at + 36))
    return (height, width) if (across, down) in QUARTER_TURNS else (width, height)


def _handler(file: BinaryIO, track: Box) -> bytes:
    """What a track holds: vide, soun, meta."""
    for media in _inner(file, track, b"mdia"):
        for handler in _inner(file, media, b"hdlr"):
            if handler.end - handler.body >= 12:
                return _read(file, handler.body + 8, 4)
    return b""


def _inner(file: BinaryIO, box: Box, kind: bytes) -> list[Box]:
    return [one for one in boxes(file, box.body, box.end) if one.kind == kind]


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) != count:
        raise BrokenVideo("breaks off before its end.")
    return data


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def asked(path: str) -> Footage | None:
    """What ffprobe says of a file on the disk; None if it is not there or does not know."""
    program = shutil.which("ffprobe")
    if program is None:
        return None
    options = ["-v", "error", "-protocol_whitelist", "file", "-print_format", "json"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the path is ours
            [program, *options, "-show_format", "-show_streams", f"file:{path}"],
            capture_output=True,
            timeout=ASK_S,
            check=True,
        )
        told = json.loads(done.stdout)
        shown = [one for one in told["streams"] if one.get("codec_type") == "video"]
        seconds = float(told["format"]["duration"])
        return Footage(int(shown[0]["width"]), int(shown[0]["height"]), seconds)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, IndexError, TypeError):
        return None
