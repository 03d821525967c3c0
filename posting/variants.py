"""A picture as a network wants it: made once, kept, and never cropped.

What can be made to fit is made to fit: format, bytes, pixels. What would change the picture's
shape is for its author to decide, so it is refused, with the numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from django.db import IntegrityError, transaction

from integrations.storage import store
from posting.models import Upload, Variant, new_key
from posting.pictures import Made, fitted, within
from posting.sniff import ENDINGS
from posting.uploads import FILES
from providers.kit.content import ImageRule, Kind, Limits, Media
from providers.kit.media import picture_problems, problems

THUMBNAIL = ImageRule(1, ("image/jpeg",), 100_000, alt_limit=None, max_side=480)


class Unfit(Exception):
    """This picture cannot be made to fit; the text says why, in words that follow its name."""


def fit(upload: Upload, rule: ImageRule) -> Variant:
    """The picture as `rule` wants it; raises Unfit. Two that ask at once get the same one."""
    seal = fingerprint(rule)
    if there := upload.variants.filter(rule=seal).first():
        return there
    if words := why_not(upload, rule):
        raise Unfit(words)
    size = within(upload.width, upload.height, rule.max_side, rule.max_pixels)
    if _as_it_is(upload, rule):
        fields = {"key": upload.key, "mime": upload.mime, "size": upload.size}
        return _noted(upload, seal, fields, size)
    with store().fetch(upload.key) as file:
        made = fitted(file.read(), upload.mime, rule.types, rule.max_bytes, size)
    if made is None or (rule.min_width and made.width < rule.min_width):
        raise Unfit(f"cannot be made smaller than {rule.max_bytes / 1_000_000:g} MB.")
    return _put(upload, seal, made)


def misfits(media: Sequence[tuple[Upload, str]], limits: Limits, label: str) -> tuple[str, ...]:
    """What a network would refuse of these files and their descriptions, in sentences."""
    return problems([_expected(upload, alt, limits) for upload, alt in media], limits, label)


def why_not(upload: Upload, rule: ImageRule) -> str:
    """Why a picture cannot be made to fit, in words that follow its name; "" if it can."""
    return " ".join(picture_problems(_as_fitted(upload, "", rule), rule))


def fingerprint(rule: ImageRule) -> str:
    """The same for rules that make the same picture."""
    wants = (rule.types, rule.max_bytes, rule.max_pixels, rule.max_side, rule.min_width)
    return hashlib.sha256(repr((wants, rule.min_aspect, rule.max_aspect)).encode()).hexdigest()


def _as_it_is(upload: Upload, rule: ImageRule) -> bool:
    """Whether nothing has to be made: then an animation goes on moving, too."""
    size = within(upload.width, upload.height, rule.max_side, rule.max_pixels)
    small = upload.size <= rule.max_bytes and size == (upload.width, upload.height)
    return small and upload.mime in rule.types


def stands_still(upload: Upload, rule: ImageRule) -> bool:
    """Whether a moving picture has to lose its movement here."""
    return upload.moving and not _as_it_is(upload, rule)


def _put(upload: Upload, seal: str, made: Made) -> Variant:
    key = new_key(f"{FILES}/{upload.team_id}", ENDINGS[made.mime])
    store().keep(key, BytesIO(made.data), made.mime)
    fields = {"key": key, "mime": made.mime, "size": len(made.data)}
    variant = _noted(upload, seal, fields, (made.width, made.height))
    if variant.key != key:
        store().remove(key)
    return variant


def _noted(upload: Upload, seal: str, fields: Mapping[str, Any], size: tuple[int, int]) -> Variant:
    width, height = size
    try:
        with transaction.atomic():
            return Variant.objects.create(
                upload=upload, rule=seal, width=width, height=height, **fields
            )
    except IntegrityError:  # another worker was a moment faster
        return Variant.objects.get(upload=upload, rule=seal)


def _expected(upload: Upload, alt: str, limits: Limits) -> Media:
    """What will go out of a file, judged before it is made."""
    if upload.is_picture and limits.images is not None:
        return _as_fitted(upload, alt, limits.images)
    seconds, size = upload.seconds, upload.size
    kind = Kind(upload.kind)
    return Media(
        kind, upload.mime, size, upload.name, BytesIO, alt, upload.width, upload.height, seconds
    )


def _as_fitted(upload: Upload, alt: str, rule: ImageRule) -> Media:
    mime = upload.mime if upload.mime in rule.types else rule.types[0]
    width, height = within(upload.width, upload.height, rule.max_side, rule.max_pixels)
    size = min(upload.size, rule.max_bytes)
    return Media(Kind.IMAGE, mime, size, upload.name, BytesIO, alt, width, height)
