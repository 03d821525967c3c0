"""Takes out of a picture what it says beside its pixels: place, camera, comments, thumbnails.

Without loss: the pixels' own bytes stay as they are, the colour profile stays, and whatever was
hung on behind the end is gone. A file that is not put together as it should be raises ValueError.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

_JPEG_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"sBIT", b"bKGD", b"pHYS", b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"}
_WEBP_SAYS_MORE = 0x08 | 0x04  # EXIF, XMP
_GIF_LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")


def clean(data: bytes, mime: str) -> bytes:
    """The same picture with nothing beside its pixels; raises ValueError."""
    try:
        return b"".join(_CLEANERS[mime](data))
    except (IndexError, struct.error) as problem:
        raise ValueError("it breaks off") from problem


def _jpeg(data: bytes) -> Iterator[bytes]:
    yield data[:2]
    at = 2
    while True:
        found = _JPEG_MARKER.match(data, at)
        if found is None:
            raise ValueError("no marker where one must be")
        marker, at = data[found.end() - 1], found.end()
        if marker == _EOI:
            yield b"\xff\xd9"
            return
        length = struct.unpack_from(">H", data, at)[0]
        body = data[at + 2 : at + length]
        if length < 2 or len(body) != length - 2:
            raise ValueError("a segment breaks off")
        if _stays(marker, body):
            yield b"\xff" + bytes([marker]) + data[at : at + length]
        at += length
        if marker == _SOS:
            ahead = _JPEG_MARKER.search(data, at)
            end = ahead.start() if ahead else len(data)
            yield data[at:end]
            at = end
            if ahead is None:  # some cameras forget the end
                yield b"\xff\xd9"
                return


def _stays(marker: int, body: bytes) -> bool:
    """Which segments the pixels need: all but comments and applications' own."""
    if marker == 0xE0:
        return body.startswith(b"JFIF\0")
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return body.startswith(b"Adobe")
    return marker != _COM and not 0xE0 <= marker <= 0xEF


def _png(data: bytes) -> Iterator[bytes]:
    yield data[:8]
    at, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError("a chunk breaks off")
        if kind in _PNG_KEPT:
            yield data[at:end]
        at = end


def _webp(data: bytes) -> Iterator[bytes]:
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    kept, at = [], 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) != length:
            raise ValueError("a chunk breaks off")
        if kind == b"VP8X":
            body = bytes([body[0] & ~_WEBP_SAYS_MORE]) + body[1:]
        if kind in _WEBP_KEPT:
            kept.append(struct.pack("<4sI", kind, length) + body + b"\0" * (length % 2))
        at += 8 + length + length % 2
    whole = b"WEBP" + b"".join(kept)
    yield b"RIFF" + struct.pack("<I", len(whole)) + whole


def _gif(data: bytes) -> Iterator[bytes]:
    at = 13 + _palette(data[10])
    yield data[:at]
    while data[at] != 0x3B:
        start = at
        if data[at] == 0x2C:
            at = _blocks(data, at + 10 + _palette(data[at + 9]) + 1)
            yield data[start:at]
        elif data[at] == 0x21:
            label, at = data[at + 1], _blocks(data, at + 2)
            loops = label == 0xFF and data[start + 2 : start + 14] in _GIF_LOOPS
            if label == 0xF9 or loops:
                yield data[start:at]
        else:
            raise ValueError("an unknown block")
    yield b"\x3b"


def _palette(flags: int) -> int:
    """How many bytes a colour table takes."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, at: int) -> int:
    """Behind a row of blocks."""
    while data[at]:
        at += data[at] + 1
    return at + 1


_CLEANERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
}
