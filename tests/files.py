"""Files that people bring: pictures with secrets in them, films, bombs, and things in disguise."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from random import Random

from django.utils import timezone
from PIL import Image, ImageDraw

from accounts.models import Team, User
from posting.models import Upload
from posting.uploads import take

SECRET = b"48.8584 N 2.2945 E, the Tower"
"""Stands for the place where it was taken; nowhere in what is kept."""
ORIENTATION, DESCRIPTION, GPS = 0x0112, 0x010E, 0x8825
DUSK, DAWN, BRASS = (38, 54, 92), (238, 160, 104), (196, 148, 66)


def drawn(width: int, height: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """A picture with structure, so that its size in bytes depends on how well it is packed."""
    small = Image.frombytes("RGB", (16, 16), Random(seed).randbytes(768))
    image = small.resize((width, height), Image.Resampling.BICUBIC)
    return image.convert(mode)


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    """A picture that nothing can pack."""
    return Image.frombytes("RGB", (width, height), Random(seed).randbytes(width * height * 3))


def encoded(image: Image.Image, kind: str = "JPEG", **more: object) -> bytes:
    """The bytes of a picture."""
    out = BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def telling(kind: str = "JPEG", width: int = 60, height: int = 40, turn: int = 1) -> bytes:
    """A picture that tells where it was taken, stored turned if asked for."""
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    exif[DESCRIPTION] = SECRET.decode()
    exif.get_ifd(GPS)[1] = "N"
    more: dict[str, object] = {"exif": exif}
    if kind == "JPEG":
        more |= {"comment": SECRET, "quality": 90}
    return encoded(drawn(width, height), kind, **more) + b"\r\n<script>" + SECRET


def moving(frames: int = 3) -> bytes:
    """A GIF that moves, with a comment in it."""
    pictures = [drawn(40, 30, seed=seed).convert("P") for seed in range(frames)]
    return encoded(
        pictures[0], "GIF", save_all=True, append_images=pictures[1:], loop=0, comment=SECRET
    )


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A small PNG that says it is enormous."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    parts = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


def webp_bomb() -> bytes:
    """A small WebP that says it is enormous; its decoder would take the memory at once."""
    sides = (16_383).to_bytes(3, "little") * 2
    whole = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    seal = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", seal)


def box(kind: bytes, *inner: bytes) -> bytes:
    """One box of an MP4."""
    body = b"".join(inner)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def film(
    seconds: float = 6.5,
    width: int = 640,
    height: int = 360,
    *,
    turned: bool = False,
    wide: int = 0,
) -> bytes:
    """An MP4 without pictures but with all that is said of them, and the place of recording.

    `wide`: the version of its heads, 1 has longer numbers.
    """
    times = struct.pack(">QQIQ" if wide else ">IIII", 0, 0, 600, int(seconds * 600))
    mvhd = box(b"mvhd", bytes([wide, 0, 0, 0]), times, b"\0" * 80)
    return b"".join([
        box(b"ftyp", b"isom\0\0\2\0isommp41"),
        box(b"moov", mvhd, track(width, height, turned=turned, wide=wide), places(), secret()),
        box(b"mdat", Random(1).randbytes(3000)),
    ])  # fmt: skip


def track(width: int, height: int, *, turned: bool = False, wide: int = 0) -> bytes:
    """A track of pictures with a head of either version."""
    one = 1 << 16
    matrix = (
        (0, one, 0, -one, 0, 0, 0, 0, 1 << 30) if turned else (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    )
    head = bytes([wide, 0, 0, 3]) + b"\0" * (32 if wide else 20) + b"\0" * 16
    tkhd = box(
        b"tkhd", head, struct.pack(">9i", *matrix), struct.pack(">II", width << 16, height << 16)
    )
    return box(b"trak", tkhd, box(b"mdia", handler(b"vide")), secret())


def places() -> bytes:
    """A track of places along the way, as phones record it."""
    return box(b"trak", box(b"mdia", handler(b"meta")), box(b"stbl", SECRET))


def handler(kind: bytes) -> bytes:
    """Says what a track holds."""
    return box(b"hdlr", b"\0" * 8, kind, b"\0" * 13)


def secret() -> bytes:
    """User data with the place of recording."""
    return box(b"udta", box(b"\xa9xyz", SECRET))


def brought(team: Team, person: User, data: bytes, name: str = "tower.jpg") -> Upload:
    """A file that came with a form."""
    return take(team, person, name, BytesIO(data), len(data), timezone.now())


def bell(width: int = 1200, height: int = 800) -> Image.Image:
    """A bell before the evening sky: something to look at in a story that people see."""
    picture = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(picture)
    for line in range(height):
        share = line / height
        colour = tuple(int(a + (b - a) * share) for a, b in zip(DUSK, DAWN, strict=True))
        pen.line([(0, line), (width, line)], fill=colour)
    x, y, r = width / 2, height * 0.2, height * 0.2
    pen.ellipse([x - r, y, x + r, y + 2 * r], fill=BRASS)
    pen.polygon(
        [(x - r, y + r), (x + r, y + r), (x + r * 1.5, y + 2.6 * r), (x - r * 1.5, y + 2.6 * r)],
        fill=BRASS,
    )
    pen.rounded_rectangle(
        [x - r * 1.65, y + 2.5 * r, x + r * 1.65, y + 2.75 * r], r / 8, fill=BRASS
    )
    pen.ellipse([x - r / 4, y - r / 3, x + r / 4, y + r / 6], outline=BRASS, width=int(r / 9))
    return picture
