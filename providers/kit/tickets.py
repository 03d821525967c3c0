"""Networks that answer a post with a ticket and go on working: what its states and codes mean.

Facts: networks.md of 2026-11-21, section 8 (error table; the list of reasons is not complete), and
the Content Posting API's media transfer guide (read 2026-11-21: how a file falls into chunks).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from providers.kit.content import Media
from providers.kit.contract import Message
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    NotFetched,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.rates import retry_after
from providers.kit.uploads import File

Seen = TypeVar("Seen")
CHUNK = 8 * 1024 * 1024  # between 5 and 64 MB; the last one takes what is left over
PATIENCE = timedelta(seconds=10)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NO_KEY = frozenset({"access_token_invalid", "scope_not_authorized", "scope_permission_missed"})
TOO_MANY = frozenset({"spam_risk_too_many_posts", "spam_risk_too_many_pending_share", "spam_risk"})
BARRED = frozenset({"spam_risk_user_banned_from_posting"})
OUR_APP = frozenset(
    {"reached_active_user_cap", "unaudited_client_can_only_post_to_private_accounts"}
    | {"url_ownership_unverified", "invalid_client"}
)
CONTENT = frozenset({"privacy_level_option_mismatch", "invalid_param", "app_version_check_failed"})
CREATOR = (
    *("privacy_level_options", "comment_disabled", "duet_disabled", "stitch_disabled"),
    *("creator_username", "max_video_post_duration_sec"),
)
UNFETCHED = frozenset({"video_pull_failed", "photo_pull_failed"})


def refusal(reply: Reply) -> NetworkError:
    """The error table; the code stands under `error`, whatever the status is."""
    error = reply.maybe_json().get("error")
    code = text_in(error, "code")
    said, status = text_in(error, "message") or code or reply.words, reply.status
    said = f"{said} ({code})" if code and code not in said else said or f"status {status}"
    if code == "rate_limit_exceeded" or status == 429:
        wait = retry_after(reply) or MINUTE
        return Throttled(said, wait=wait, status=status, network_code=code)
    if code in TOO_MANY:
        return Throttled(said, wait=retry_after(reply) or DAY, status=status, network_code=code)
    if status >= 500 or code == "internal_error":
        return reply.troubled()
    kinds: tuple[tuple[frozenset[str], type[NetworkError]], ...] = (
        (NO_KEY, Unauthorized),
        (BARRED, Forbidden),
        (OUR_APP, Misconfigured),
        (CONTENT, Rejected),
    )
    for codes, kind in kinds:
        if code in codes:
            return kind(said, status=status, network_code=code)
    if status == 401:
        return Unauthorized(said, status=status, network_code=code)
    words = f"The network answered {status}: {said}"
    return Unexpected(words, status=status, network_code=code)


def failed(reason: str) -> NetworkError:
    """What it means that a post was taken and came to nothing; nobody has seen it."""
    words = f"The network could not publish this: {reason.replace('_', ' ') or 'no reason given'}."
    if reason == "auth_removed":
        return Unauthorized(words, network_code=reason)
    if reason in UNFETCHED:
        return NotFetched(words, network_code=reason)
    if reason == "internal":
        return Unavailable(words, network_code=reason)
    return Rejected(words, network_code=reason)


def waiting(look: Callable[[], Seen], keep: Callable[[], None]) -> Seen:
    """One look after a ticket was given; a look that says nothing leaves the ticket kept."""
    try:
        return look()
    except (StillWorking, Unauthorized, Throttled):
        _kept(keep)
        raise
    except Lost as problem:
        _kept(keep)
        raise StillWorking(problem.words, wait=PATIENCE) from None


class Lost(Unavailable):
    """A look at a ticket that brought no answer."""


def looked(ask: Callable[[], Reply]) -> Reply:
    """A question about a ticket; whatever goes wrong with it says nothing about the post."""
    try:
        return ask()
    except (Unavailable, Uncertain, Unexpected) as problem:
        if isinstance(problem, Misconfigured):
            raise
        raise Lost(f"It was taken; how far it is cannot be seen now. {problem.words}") from None


def _kept(keep: Callable[[], None]) -> None:
    """Keep the ticket; without it nobody can tell any more what became of the post."""
    try:
        keep()
    except Unavailable:
        raise Uncertain("The network has taken it, but its ticket could not be kept.") from None


def chunks(size: int) -> tuple[int, int]:
    """How long a chunk is and how many there are: size by length, rounded down."""
    return (size, 1) if size < CHUNK else (CHUNK, size // CHUNK)


def chunk(media: Media, number: int) -> tuple[File, str]:
    """One chunk, from 0, and its Content-Range."""
    length, count = chunks(media.size)
    first = number * length
    last = media.size if number == count - 1 else first + length
    try:
        with media.open() as whole:
            whole.seek(first)
            data = whole.read(last - first)
    except OSError:
        raise Unavailable(f"{media.name} cannot be read at the moment.") from None
    return File.holding(data, media.name, media.mime), f"bytes {first}-{last - 1}/{media.size}"


def about(message: Message, creator: Mapping[str, Any]) -> dict[str, Any]:
    """What is said about a video; nobody but the author chooses who may see it."""
    told = creator.get("privacy_level_options")
    options = [str(one) for one in told] if isinstance(told, list) else []
    privacy = message.options.get("privacy", "").strip()
    if privacy not in options:
        message.saved.keep("creator", "")  # the creator's settings may be others by next time
        raise Rejected(f"Choose who may see it: {', '.join(options) or 'nobody is offered'}.")
    said: dict[str, Any] = {"title": message.text, "privacy_level": privacy}
    for name in ("comment", "duet", "stitch"):
        said[f"disable_{name}"] = creator.get(f"{name}_disabled") is True
    return said


def photos(message: Message, said: Mapping[str, Any]) -> dict[str, Any]:
    """A post of photos: a title, a text, and where the photos are to be fetched."""
    urls = [one.url for one in message.media]
    if not all(urls):
        raise Unavailable("There is no address yet from which the network could fetch the photos.")
    kept = {name: said[name] for name in ("privacy_level", "disable_comment")}
    words = {"title": message.options.get("title", ""), "description": message.text}
    source = {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": urls}
    kind = {"post_mode": "DIRECT_POST", "media_type": "PHOTO"}
    return {"post_info": {**words, **kept}, "source_info": source, **kind}
