"""Do these pictures and videos fit? What a network would refuse, said before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from providers.kit.content import ImageRule, Kind, Limits, Media, VideoRule
from providers.kit.errors import Rejected

MEGABYTE = 1_000_000


def problems(media: Sequence[Media], limits: Limits, label: str) -> tuple[str, ...]:
    """Why `media` does not fit, in sentences for the author; empty where all of it fits."""
    found = list(_together(media, limits, label))
    for number, one in enumerate(media, 1):
        name = one.name or f"{one.kind} {number}"
        rule = limits.images if one.kind is Kind.IMAGE else limits.video
        if isinstance(rule, ImageRule):
            said = _picture(one, rule)
        elif isinstance(rule, VideoRule):
            said = _video(one, rule)
        else:
            continue
        found += [f"{label}: {name} {words}" for words in said]
    return tuple(found)


def must_fit(media: Sequence[Media], limits: Limits, label: str) -> None:
    """Refuse what a network would not refuse, but show in another way than was meant."""
    if found := problems(media, limits, label):
        raise Rejected(" ".join(found))


def _together(media: Sequence[Media], limits: Limits, label: str) -> Iterator[str]:
    """How many, of what kinds, and whether any are needed."""
    images = sum(1 for one in media if one.kind is Kind.IMAGE)
    videos = len(media) - images
    if limits.needs_media and not media:
        wanted = " or ".join(
            words
            for words, rule in (("a picture", limits.images), ("a video", limits.video))
            if rule is not None
        )
        yield f"{label}: add {wanted}; a post without one is not possible."
    for count, rule, noun in ((images, limits.images, "picture"), (videos, limits.video, "video")):
        most = rule.most if rule else 0
        if count > most:
            allowed = f"at most {most} {noun}{'' if most == 1 else 's'}" if most else f"no {noun}s"
            yield f"{label}: {allowed} ({count} given)."
    if limits.together is not None and len(media) > limits.together and images and videos:
        yield f"{label}: at most {limits.together} pictures and videos ({len(media)} given)."
    if images and videos and limits.images and limits.video and not limits.mixed:
        yield f"{label}: pictures and a video do not go together."
    weight = sum(one.size for one in media if one.kind is Kind.IMAGE)
    if limits.images and limits.images.most_bytes and weight > limits.images.most_bytes:
        size = f"{weight / MEGABYTE:.1f} MB, at most {limits.images.most_bytes / MEGABYTE:.1f} MB"
        yield f"{label}: the pictures are too large for one post ({size} together)."


def _picture(image: Media, rule: ImageRule) -> Iterator[str]:
    if image.mime not in rule.types:
        yield f"is of a type that is not taken ({image.mime})."
    if image.size > rule.max_bytes:
        yield _too_large(image.size, rule.max_bytes)
    if rule.alt_limit is not None and len(image.alt) > rule.alt_limit:
        over = len(image.alt) - rule.alt_limit
        yield f"has a description that is {over} characters too long."
    if image.width and image.height:
        yield from _shape(image.width, image.height, rule)


def _shape(width: int, height: int, rule: ImageRule) -> Iterator[str]:
    too_big = rule.max_pixels is not None and width * height > rule.max_pixels
    if too_big or (rule.max_side is not None and max(width, height) > rule.max_side):
        yield f"is too large ({width} × {height} pixels)."
    if rule.min_width is not None and width < rule.min_width:
        yield f"is too small ({width} pixels wide, {rule.min_width} are needed)."
    if rule.min_aspect is not None and width / height < rule.min_aspect:
        yield "is too tall for its width."
    if rule.max_aspect is not None and width / height > rule.max_aspect:
        yield "is too wide for its height."


def _video(video: Media, rule: VideoRule) -> Iterator[str]:
    if video.mime not in rule.types:
        yield f"is of a type that is not taken ({video.mime})."
    if video.size > rule.max_bytes:
        yield _too_large(video.size, rule.max_bytes)
    if video.seconds is None:
        return
    if rule.longest is not None and video.seconds > rule.longest.total_seconds():
        yield f"is too long (at most {rule.longest.total_seconds():g} seconds)."
    if rule.shortest is not None and video.seconds < rule.shortest.total_seconds():
        yield f"is too short (at least {rule.shortest.total_seconds():g} seconds)."


def _too_large(size: int, most: int) -> str:
    return f"is too large ({size / MEGABYTE:.1f} MB, at most {most / MEGABYTE:.1f} MB)."
