"""A picture or a video for a trial: drawn here, or brought where it cannot be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from providers.kit.content import ImageRule, Kind, Limits, Media, VideoRule

ALT = "A blue rectangle: the trial picture of Postrider"
SIZE, COLOUR = (640, 480), (58, 92, 140)
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
PICTURE_URL, VIDEO = "LIVE_PICTURE_URL", "LIVE_VIDEO"


class NoSpecimenError(Exception):
    """There is none that this network takes; the message says what to set."""


def specimen(limits: Limits, around: Mapping[str, str]) -> tuple[str, Media]:
    """What it is in words, and the thing itself; raises NoSpecimenError."""
    if limits.images is not None and (around.get(PICTURE_URL) or not limits.images.by_url):
        told = "" if limits.images.alt_limit is None else " with a description"
        return f"a picture{told}", picture(limits.images, around.get(PICTURE_URL, ""))
    if limits.video is not None and limits.needs_media and not limits.video.by_url:
        return "a video", video(limits.video, around.get(VIDEO, ""))
    if limits.images is None:
        raise NoSpecimenError("it takes no pictures.")
    raise NoSpecimenError(
        f"it fetches pictures itself: set {PICTURE_URL} to the https address of a JPEG of 640 ×"
        " 480 pixels."
    )


def picture(rule: ImageRule, url: str) -> Media:
    """A picture of one colour; networks that fetch it get the one at `url`."""
    mime = next(known for known in FORMATS if known in rule.types)
    out = BytesIO()
    Image.new("RGB", SIZE, COLOUR).save(out, FORMATS[mime])
    data = out.getvalue()

    def opened() -> BinaryIO:
        return BytesIO(data)

    name, alt = f"trial.{FORMATS[mime].lower()}", ALT if rule.alt_limit is not None else ""
    address = url if rule.by_url else ""
    return Media(Kind.IMAGE, mime, len(data), name, opened, alt, *SIZE, url=address)


def video(rule: VideoRule, file: str) -> Media:
    """The MP4 that somebody has brought; raises NoSpecimenError."""
    path = Path(file)
    if not file or not path.is_file():
        raise NoSpecimenError(f"set {VIDEO} to a file, a small MP4.")

    def opened() -> BinaryIO:
        return path.open("rb")

    return Media(Kind.VIDEO, rule.types[0], path.stat().st_size, "trial.mp4", opened)
