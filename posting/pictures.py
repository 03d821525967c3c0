"""Looks at pictures and makes others of them, with Pillow, which meets only what we named."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import sqrt

from PIL import Image, ImageOps

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises over a broken file."""
ORIENTATION = 0x0112
MOST_FRAMES = 20
"""An animation may have so many times the pixels that a picture may have."""
FINE, LADDER = 92, (85, 78, 70)
SHRINK = 0.82
SMALLEST = 64


class Unreadable(Exception):
    """This is not a picture that can be read; the text says why, for who brought it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: its size the right way up, whether it is stored turned, whether it moves."""

    width: int
    height: int
    turned: bool
    moving: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that was made of another."""

    data: bytes
    mime: str
    width: int
    height: int


def look(data: bytes, mime: str, most_pixels: int) -> Look:
    """Decode it once; raises Unreadable for what is broken or too large to be decoded here."""
    if mime == "image/webp":  # its decoder takes the memory before it can be asked for the size
        _refuse_bomb(*_webp_size(data), most_pixels)
    try:
        with Image.open(BytesIO(data), formats=[FORMATS[mime]]) as image:
            width, height = image.size
            _refuse_bomb(width, height, most_pixels)
            frames = int(getattr(image, "n_frames", 1))
            if frames * width * height > MOST_FRAMES * most_pixels:
                raise Unreadable(f"has too many frames for its size ({frames}).")
            image.seek(0)
            image.load()
            turn = image.getexif().get(ORIENTATION, 1)
    except Image.DecompressionBombError:
        raise Unreadable(
            f"has far too many pixels; at most {most_pixels // 1_000_000} million are taken."
        ) from None
    except BROKEN:
        raise Unreadable("is broken: it cannot be read as a picture.") from None
    if turn in (5, 6, 7, 8):
        width, height = height, width
    return Look(width, height, turn in range(2, 9), frames > 1)


def upright(data: bytes, mime: str) -> bytes:
    """The same picture the right way up, with nothing beside its pixels and its colour profile."""
    with _opened(data, mime) as image:
        return _encoded(ImageOps.exif_transpose(image), mime, 95)


def fitted(
    data: bytes, mime: str, types: Sequence[str], max_bytes: int, size: tuple[int, int]
) -> Made | None:
    """A picture of one of `types`, no larger than `size` and `max_bytes`; None if it cannot be.

    It stays what it is as long as that is small enough, else it becomes a JPEG, then coarser, then
    smaller. Of an animation the first frame is taken.
    """
    with _opened(data, mime) as image:
        image.load()
        for target, quality, scale in _ways(mime, types):
            width, height = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
            if scale < 1 and min(width, height) < SMALLEST:
                return None
            smaller = image if image.size == (width, height) else _resized(image, width, height)
            made = _encoded(smaller, target, quality)
            if len(made) <= max_bytes:
                return Made(made, target, width, height)
    return None


def within(
    width: int, height: int, max_side: int | None, max_pixels: int | None
) -> tuple[int, int]:
    """The largest size of the same shape that keeps to both."""
    scale = 1.0
    if max_side:
        scale = min(scale, max_side / max(width, height))
    if max_pixels:
        scale = min(scale, sqrt(max_pixels / (width * height)))
    if scale == 1:
        return width, height
    return max(1, int(width * scale)), max(1, int(height * scale))


def _ways(mime: str, types: Sequence[str]) -> Iterator[tuple[str, int, float]]:
    """Type, quality and scale of each try, the best first."""
    first = mime if mime in types and mime != "image/gif" else types[0]
    yield first, FINE, 1
    coarse = next((one for one in ("image/jpeg", "image/webp") if one in types), first)
    for quality in LADDER:
        yield coarse, quality, 1
    scale = SHRINK
    while scale > 0.01:
        yield coarse, LADDER[1], scale
        scale *= SHRINK


def _opened(data: bytes, mime: str) -> Image.Image:
    return Image.open(BytesIO(data), formats=[FORMATS[mime]])


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    whole = image.convert("RGBA") if image.has_transparency_data else _plain(image)
    return whole.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)


def _encoded(image: Image.Image, mime: str, quality: int) -> bytes:
    out, profile = BytesIO(), image.info.get("icc_profile")
    kept = profile if image.mode in ("RGB", "RGBA", "L", "P") else None
    _SAVERS[mime](image, out, quality, kept)
    return out.getvalue()


def _save_jpeg(image: Image.Image, out: BytesIO, quality: int, profile: bytes | None) -> None:
    """Transparent places become white."""
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(clear, mask=clear.getchannel("A"))
    else:
        flat = _plain(image)
    flat.info = {}  # a comment would be written anew
    flat.save(out, "JPEG", quality=quality, optimize=True, icc_profile=profile, exif=b"")


def _save_png(image: Image.Image, out: BytesIO, quality: int, profile: bytes | None) -> None:
    bare = image.convert("RGB") if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") else image.copy()
    bare.info = {k: v for k, v in image.info.items() if k == "transparency"}
    bare.save(out, "PNG", icc_profile=profile, compress_level=6 if quality == FINE else 9)


def _save_webp(image: Image.Image, out: BytesIO, quality: int, profile: bytes | None) -> None:
    bare = image.convert("RGBA") if image.has_transparency_data else _plain(image)
    bare.info = {}
    bare.save(out, "WEBP", quality=quality, icc_profile=profile, exif=b"")


def _plain(image: Image.Image) -> Image.Image:
    """Red, green and blue, eight bits each; sixteen-bit grey loses its lower half."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    return image.convert("RGB")


_SAVERS: dict[str, Callable[[Image.Image, BytesIO, int, bytes | None], None]] = {
    "image/jpeg": _save_jpeg,
    "image/png": _save_png,
    "image/webp": _save_webp,
}


def _refuse_bomb(width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        raise Unreadable(
            f"has {width} × {height} pixels; at most {most_pixels // 1_000_000} million are taken."
        )


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height as the first chunk tells them (RFC 9649, sections 2.5 to 2.7)."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0, 0
    if kind == b"VP8X":
        wide, tall = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
        return wide, tall
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    wide, tall = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
    return wide, tall
