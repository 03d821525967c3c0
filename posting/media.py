"""Files in a post: put there, and handed to the networks; what their authors should know before."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from django.conf import settings

import providers
from accounts.models import Team
from integrations.storage import NotThere, StoreTrouble, store
from posting.models import Attachment, Post, Upload, Variant
from posting.sniff import ENDINGS
from posting.variants import Unfit, fit, stands_still
from providers.kit.content import ImageRule, Kind, Limits, Media, VideoRule
from providers.kit.errors import Rejected, Unavailable
from tokens.models import SocialAccount

FETCHED_WITHIN = timedelta(hours=6)
"""How long a network may take to fetch a file from us: some do so while they work on the post."""
Files = Sequence[tuple[Upload, str]]
"""Files with their descriptions."""
AWAY = "The store of our files does not answer; nothing was sent."


def attach(post: Post, media: Files, part_media: Sequence[Files] = ()) -> None:
    """Put files with their descriptions into a post, in this order, and into its parts.

    Inside the transaction that writes the post: a sweep that wants to delete one of them waits.
    """
    wanted = [
        (part, place, upload, alt)
        for part, files in enumerate((media, *part_media))
        for place, (upload, alt) in enumerate(files)
    ]
    ids = {upload.pk for _, _, upload, _ in wanted}
    held = Upload.objects.select_for_update().filter(pk__in=ids)
    there = {upload.pk for upload in held}
    Attachment.objects.bulk_create(
        Attachment(post=post, part=part, place=place, upload=upload, alt=alt)
        for part, place, upload, alt in wanted
        if upload.pk in there
    )


def of_post(post_id: int, part: int = 0) -> list[tuple[Upload, str]]:
    """The files of a part of a post with their descriptions, in order."""
    rows = Attachment.objects.filter(post=post_id, part=part).select_related("upload")
    return [(row.upload, row.alt) for row in rows.order_by("place")]


def of_parts(post_id: int, parts: int) -> tuple[Files, ...]:
    """The files of so many parts behind the first, in order; () where none has any."""
    rows = Attachment.objects.filter(post=post_id, part__range=(1, parts)).select_related("upload")
    found: dict[int, list[tuple[Upload, str]]] = {}
    for row in rows.order_by("part", "place"):
        found.setdefault(row.part, []).append((row.upload, row.alt))
    return even([found.get(number, []) for number in range(1, parts + 1)], parts)


def even(part_media: Sequence[Files], parts: int) -> tuple[Files, ...]:
    """Files for each of so many parts; () where none has any, so that equal posts are equal."""
    held = [*map(tuple, part_media), *((),) * parts][:parts]
    return tuple(held) if any(held) else ()


def attached(
    post_id: int, part: int, provider: str, limits: Limits | None = None
) -> tuple[Media, ...]:
    """The files of a part of a post as this network wants them; `limits`: or one account there.

    Raises Rejected where one cannot be made to fit any more, Unavailable where the store is away:
    what the engine knows how to go on from.
    """
    kind = providers.ADAPTERS.get(provider)
    if kind is None:  # the network is gone: whoever speaks to it says so
        return ()
    rules, found = limits or kind.limits, of_post(post_id, part)
    return tuple(
        _one(place, upload, alt, rules) for place, (upload, alt) in enumerate(found, start=1)
    )


def _one(place: int, upload: Upload, alt: str, limits: Limits) -> Media:
    rule: ImageRule | VideoRule | None = limits.images if upload.is_picture else limits.video
    if rule is None:
        raise Rejected(f"{upload.name}: this network takes no such files.")
    kept: Upload | Variant = upload
    if isinstance(rule, ImageRule):
        try:
            kept = fit(upload, rule)
        except Unfit as problem:
            raise Rejected(f"{upload.name} {problem}") from None
        except NotThere:
            raise Rejected(f"{upload.name} is not there any more.") from None
        except StoreTrouble:
            raise Unavailable(AWAY) from None
    name = f"{upload.kind}-{place}{ENDINGS[kept.mime]}"  # a person's file name is nobody's business
    return Media(
        Kind(upload.kind),
        kept.mime,
        kept.size,
        name,
        _opener(kept.key),
        alt,
        kept.width,
        kept.height,
        upload.seconds,
        address(kept.key, kept.mime) if rule.by_url else "",
    )


def address(key: str, mime: str) -> str:
    """A signed address under which a network can fetch a file for some hours."""
    return urljoin(f"{settings.PUBLIC_URL}/", store().address(key, FETCHED_WITHIN, mime=mime))


def _opener(key: str) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        try:
            return store().fetch(key)
        except NotThere:
            raise Rejected("A file of this post is not there any more.") from None
        except StoreTrouble:
            raise Unavailable(AWAY) from None

    return opened


def not_ours(media: Sequence[tuple[Upload, str]], team: Team) -> str:
    """Why these files cannot be put into a post of this team; "" if they can."""
    if any(upload.team_id != team.pk for upload, _ in media):
        return "One of these files is not yours."
    ready = Upload.objects.ready().filter(pk__in=[upload.pk for upload, _ in media])
    if ready.count() != len({upload.pk for upload, _ in media}):
        return "One of these files has not arrived completely. Choose it again."
    return ""


def nudges(media: Sequence[tuple[Upload, str]], accounts: Sequence[SocialAccount]) -> list[str]:
    """What nobody refuses and the author may still want to change."""
    names = dict.fromkeys(account.provider for account in accounts)
    return [words for upload, alt in media for words in _nudges(upload, alt, list(names))]


def _nudges(upload: Upload, alt: str, names: Sequence[str]) -> Iterator[str]:
    adapters = [providers.adapter(name) for name in names]
    rules = [(a.label, a.limits.images) for a in adapters if a.limits.images is not None]
    if not upload.is_picture or not rules:
        return
    if not alt.strip() and any(rule.alt_limit is not None for _, rule in rules):
        yield f"{upload.name} has no description; people who cannot see it learn nothing of it."
    if alt.strip() and (deaf := [label for label, rule in rules if rule.alt_limit is None]):
        yield f"{', '.join(deaf)} takes no descriptions; that of {upload.name} stays here."
    if still := [label for label, rule in rules if stands_still(upload, rule)]:
        yield f"{upload.name} moves; on {', '.join(still)} only its first picture is shown."


def out_of_reach(
    media: Sequence[tuple[Upload, str]], accounts: Sequence[SocialAccount]
) -> list[str]:
    """Why networks that fetch files from us could not: one sentence, or none."""
    waiting = [account for account in accounts if _fetched(media, account)]
    if not waiting:
        return []
    upload = media[0][0]
    words = reachable(address(upload.key, upload.mime))
    labels = ", ".join(dict.fromkeys(account.label for account in waiting))
    return [f"{labels}: {words}"] if words else []


def _fetched(media: Sequence[tuple[Upload, str]], account: SocialAccount) -> bool:
    """Whether this account's network, and a real one, fetches any of these files itself."""
    limits = providers.adapter(account.provider).limits
    rules = {True: limits.images, False: limits.video}
    wanted = (rules[upload.is_picture] for upload, _ in media)
    return any(rule is not None and rule.by_url for rule in wanted) and not _on_our_ground(account)


def _on_our_ground(account: SocialAccount) -> bool:
    """Whether the network stands where we said that private addresses are fine (practice)."""
    origins = tuple(f"{origin.rstrip('/')}/" for origin in settings.TRUSTED_ORIGINS)
    host = account.token.host if account.token else ""
    told = [*settings.PROVIDER_OPTIONS.get(account.provider, {}).values(), host]
    return bool(origins) and any(f"{value}/".startswith(origins) for value in told)


def reachable(url: str) -> str:
    """Why nobody outside can fetch this address, and what to do; "" if nothing speaks against it.

    It is judged by its host's addresses. Whether a firewall stands in the way cannot be seen here.
    """
    place = urlsplit(url)
    host = place.hostname or ""
    name, where = stands_at(url)
    cure = f"Set {name} to an address that begins with https:// and can be reached from outside"
    if place.scheme != "https":
        return f"it fetches files from this site and cannot from {where}. {cure}."
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, place.port or 443)}
    except (OSError, UnicodeError):
        return f"it fetches files from this site, and {host} has no address. {cure}."
    if not all(ipaddress.ip_address(one.partition("%")[0]).is_global for one in found):
        return f"it fetches files from this site, and {host} is a private address. {cure}."
    return ""


def stands_at(url: str) -> tuple[str, str]:
    """The setting that an address of ours comes from, and its origin."""
    place = urlsplit(url)
    ours = url.startswith(f"{settings.PUBLIC_URL}/")
    return "PUBLIC_URL" if ours else "S3_ENDPOINT", f"{place.scheme}://{place.netloc}"
