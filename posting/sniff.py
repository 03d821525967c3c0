"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

from providers.kit.content import Kind

HEAD = 64
ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
}
TAKEN = tuple(ENDINGS)
"""The types that are taken. No SVG: it is a program, and no network takes it."""
TAKEN_WORDS = "JPEG, PNG, GIF and WebP pictures, MP4, MOV and WebM videos"
STILL_BRANDS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}


def kind_of(mime: str) -> Kind:
    """Whether a type is one of pictures or one of videos."""
    return Kind.IMAGE if mime.startswith("image/") else Kind.VIDEO


def sniff(head: bytes) -> str:
    """The type of a file that begins so; "" for what is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head:
        return "video/webm"
    return _film(head)


def _film(head: bytes) -> str:
    """MP4 and QuickTime say at the fifth byte what they are; HEIC and AVIF do too."""
    if head[4:8] != b"ftyp":
        old = head[4:8] in (b"moov", b"wide")
        return "video/quicktime" if old else ""
    brand = head[8:12]
    if brand == b"qt  ":
        return "video/quicktime"
    return "" if brand in STILL_BRANDS else "video/mp4"


def not_taken(head: bytes) -> str:
    """Why a file that begins so is not taken, in a sentence for who brought it."""
    if head[4:8] == b"ftyp" and head[8:12] in STILL_BRANDS:
        return "HEIC and AVIF pictures are not taken; save it as JPEG and choose it again."
    if b"<svg" in head.lower() or head.lstrip().startswith(b"<?xml"):
        return "SVG drawings are not taken; save it as PNG and choose it again."
    return f"This is not one of the files that are taken: {TAKEN_WORDS}."
