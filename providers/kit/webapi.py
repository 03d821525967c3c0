"""A chat's web API that answers 200 to everything: what `ok` and `error` mean, what a message is.

Facts: docs.slack.dev (read 2026-11-21), networks.md of 2026-11-21, section 17 (Error table; the
documents of internal_error and fatal_error say that part of the work may have been done).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.kit.content import Kind
from providers.kit.contract import Message
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.rates import retry_after

EVENT = "post_published"
DEAD = frozenset({"token_revoked", "account_inactive", "invalid_auth", "token_expired"})
NO_KEY = DEAD | {"not_authed", "missing_scope", "no_permission", "not_allowed_token_type"}
DEAD_GRANT = frozenset({"invalid_refresh_token", "invalid_grant", "token_revoked"})
OUR_FAULT = frozenset({"bad_client_secret", "invalid_client_id"})
CLOSED = frozenset({"channel_not_found", "is_archived", "ekm_access_denied", "not_in_channel"})
CONTENT = frozenset(
    {"msg_too_long", "no_text", "msg_blocks_too_long", "invalid_blocks", "too_many_attachments"}
    | {"invalid_arguments", "thread_not_found", "cannot_reply_to_message", "file_not_found"}
)
TOO_FAST = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
LATER = frozenset({"team_added_to_org", "org_login_required", "service_unavailable"})
IN_DOUBT = frozenset({"fatal_error", "internal_error", "request_timeout"})
PLAINER = {
    "not_in_channel": "The app is not in this channel: invite it there, then send again.",
    "missing_scope": "The app was not given a right that it needs: connect the workspace again.",
    "channel_not_found": "There is no such channel, or the app may not see it.",
    "is_archived": "The channel is archived.",
}


def fine(reply: Reply) -> bool:
    """Whether it was done; the status alone says nothing."""
    return reply.ok and reply.maybe_json().get("ok") is True


def told(reply: Reply) -> dict[str, Any]:
    """The body of a success answer; raises what a refusal means."""
    if fine(reply):
        return reply.json()
    raise refusal(reply)


def code(reply: Reply) -> str:
    """The error of a refusal, "" if it names none."""
    return text_in(reply.maybe_json(), "error")


def refusal(reply: Reply) -> NetworkError:
    """The error table."""
    error, status = code(reply), reply.status
    said = PLAINER.get(error) or reply.said("error").replace("_", " ")
    if status == 429 or error in TOO_FAST:
        return Throttled(said, wait=retry_after(reply), status=status, network_code=error)
    if status >= 500 or error in IN_DOUBT:
        return reply.troubled()
    for codes, kind in KINDS:
        if error in codes:
            return kind(said, status=status, network_code=error)
    if error.startswith("restricted_action"):
        return Forbidden(said, status=status, network_code=error)
    if not error and reply.ok:
        return reply.unreadable()
    words = f"The network answered {status}: {said}"
    return Unexpected(words, status=status, network_code=error)


KINDS: tuple[tuple[frozenset[str], type[NetworkError]], ...] = (
    (NO_KEY, Unauthorized),
    (CLOSED, Forbidden),
    (CONTENT, Rejected),
    (LATER, Unavailable),
    (OUR_FAULT, Misconfigured),
)


def token_refusal(reply: Reply) -> NetworkError | None:
    """What an error of the token door means; None for one that is like everybody's.

    After fatal_error and its like a single-use token may be spent, so that is a doubt.
    """
    error, status = code(reply), reply.status
    if error in DEAD_GRANT | {"account_inactive"}:
        words = f"The network no longer accepts this connection ({error})."
        return Unauthorized(words, status=status, network_code=error)
    if error in OUR_FAULT:
        words = f"The network does not accept our app's credentials ({error})."
        return Misconfigured(words, status=status, network_code=error)
    if error in TOO_FAST:
        return Throttled("Too many token requests.", wait=retry_after(reply), status=status)
    if error in LATER:
        return Unavailable(f"The network has trouble with tokens ({error}).", status=status)
    if error in IN_DOUBT:
        return Uncertain(f"The network has trouble with tokens ({error}).", status=status)
    return None


def escaped(text: str) -> str:
    """A text in which nothing but words is meant by &, < and >."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def body(message: Message, files: Sequence[str]) -> dict[str, Any]:
    """What is posted: the text, the pictures as blocks, the key, and the place in a thread."""
    said = escaped(message.text)
    mark = {"event_type": EVENT, "event_payload": {"key": message.key}}
    sent: dict[str, Any] = {"text": said, "unfurl_links": True, "metadata": mark}
    if message.reply_to:
        sent["thread_ts"] = (message.root or message.reply_to).external_id
    if files:
        words = [{"type": "section", "text": {"type": "mrkdwn", "text": said}}] if said else []
        pictures = [
            {"type": "image", "slack_file": {"id": name}, "alt_text": media.alt or Kind.IMAGE.value}
            for name, media in zip(files, message.media, strict=True)
        ]
        sent["blocks"] = [*words, *pictures]
    return sent


def listing(message: Message, since: datetime) -> tuple[str, dict[str, str]]:
    """By which method and with what the place is read where the message would stand."""
    query = {"oldest": f"{since.timestamp():.6f}", "inclusive": "true"}
    query["include_all_metadata"] = "true"
    if message.reply_to is None:
        return "conversations.history", query
    return "conversations.replies", query | {"ts": (message.root or message.reply_to).external_id}


def key_of(one: Mapping[str, Any]) -> str:
    """The key that a message carries, "" for a message of others."""
    mark = one.get("metadata")
    payload = mark.get("event_payload") if isinstance(mark, Mapping) else None
    return text_in(payload, "key") if text_in(mark, "event_type") == EVENT else ""
