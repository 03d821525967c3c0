"""Messages into a chat's channel: what is sent, what its error codes mean, how long to wait.

Facts: discord/discord-api-docs @c98d64b, discord/discord-api-spec @74fda0f (2026-07-18; its
OpenAPI file allows longer texts than the documents, which are believed), networks.md of 2026-11-21,
section 16. In what unit the 2000 characters count is not told: UTF-16 is never too long.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from providers.kit.content import ImageRule, Limits, TextRule, Unit
from providers.kit.contract import Message
from providers.kit.errors import (
    Forbidden,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unexpected,
)
from providers.kit.http import Reply, Wire, objects_in, text_in
from providers.kit.rates import Meter, asked_wait
from providers.kit.uploads import File

MEBIBYTE = 1_048_576
PICTURES = ImageRule(
    10,
    ("image/jpeg", "image/png", "image/webp"),
    10 * MEBIBYTE,
    alt_limit=1024,
    most_bytes=25_000_000,  # a whole request may have 25 MiB
)
LIMITS = Limits(TextRule(limit=2000, unit=Unit.UTF16), images=PICTURES)
METERS = (Meter("X-RateLimit-Remaining", "X-RateLimit-Reset"),)

UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK = 10003, 10004, 10008, 10015
NO_ACCESS = frozenset({50001, 50013})
TOO_BUSY = frozenset({20028})
CONTENT = frozenset({50006, 50035, 50109, 40005, 50045, 240000, 200000})


@dataclass(frozen=True, slots=True)
class Poster:
    """Who sends to a channel: by which headers, and which values must not be shown."""

    wire: Wire
    agent: str
    authorization: str = ""
    hidden: tuple[str, ...] = ()

    def call(self, method: str, url: str, **more: Any) -> Reply:
        """One request."""
        headers = {"User-Agent": self.agent}
        if self.authorization:
            headers["Authorization"] = self.authorization
        return self.wire.call(method, url, headers=headers, secrets=self.hidden, **more)

    def post(self, url: str, message: Message, **more: Any) -> dict[str, Any]:
        """The message that stands in the channel afterwards."""
        body: dict[str, Any] = {"content": message.text, "allowed_mentions": {"parse": []}}
        body |= more.pop("body", {})
        if not message.media:
            reply = self.call("POST", url, safe=False, json=body, **more)
        else:
            body["attachments"] = attachments(message)
            form = {"payload_json": json.dumps(body)}
            reply = self.call("POST", url, safe=False, form=form, files=files(message), **more)
        told = found(reply)
        if not text_in(told, "id"):
            raise reply.unreadable()
        return told


def file_name(message: Message, number: int) -> str:
    """The name of a file: it tells whose it is, so that a post is known again by its files."""
    ending = mimetypes.guess_extension(message.media[number].mime) or ".bin"
    return f"{mark(message)[:12]}-{number}{ending}"


def mark(message: Message) -> str:
    """What stands for a message, the same at every attempt; 24 characters, 25 are allowed."""
    return sha256(message.key.encode()).hexdigest()[:24]


def attachments(message: Message) -> list[dict[str, Any]]:
    """What is said about the files."""
    for media in message.media:
        if media.mime not in PICTURES.types:
            raise Rejected(f"{media.name} would only be shown as a file ({media.mime}).")
    return [
        {"id": str(n), "filename": file_name(message, n)}
        | ({"description": media.alt} if media.alt else {})
        for n, media in enumerate(message.media)
    ]


def files(message: Message) -> dict[str, File]:
    """The files themselves."""
    return {
        f"files[{n}]": replace(File.of(media), name=file_name(message, n))
        for n, media in enumerate(message.media)
    }


def same(message: Message, theirs: Mapping[str, Any]) -> bool:
    """Whether a message of a channel is ours: by its files where it has any, else by its words."""
    names = [text_in(one, "filename") for one in objects_in(theirs, "attachments")]
    if names != [file_name(message, n) for n in range(len(message.media))]:
        return False
    return bool(names) or text_in(theirs, "content").strip() == message.text.strip()


def found(reply: Reply) -> dict[str, Any]:
    """The object in a success answer."""
    if not reply.ok:
        raise refusal(reply)
    return reply.json()


def code_of(reply: Reply) -> int:
    """The network's own code of a refusal; 0 where there is none."""
    code = reply.maybe_json().get("code")
    return code if isinstance(code, int) else 0


def refusal(reply: Reply) -> NetworkError:
    """The error table; the code says more than the status."""
    said, code, status = reply.said("message"), code_of(reply), reply.status
    known = str(code or "")
    if status == 429 or code in TOO_BUSY:
        return Throttled(said, wait=_wait(reply), status=status, network_code=known)
    if status >= 500:
        return reply.troubled()
    if code in NO_ACCESS:
        words = f"{said}: give it the right to see the channel and to send messages and files."
        return Unauthorized(words, status=status, network_code=known)
    if code == UNKNOWN_WEBHOOK:
        words = f"{said}: it was deleted; make a new one and connect it."
        return Unauthorized(words, status=status, network_code=known)
    if status == 401:
        return Unauthorized(said, status=status, network_code=known)
    if code in CONTENT or status in (400, 413):
        return Rejected(said, status=status, network_code=known)
    if status in (403, 404):
        return Forbidden(said, status=status, network_code=known)
    words = f"The network answered {status}: {said}"
    return Unexpected(words, status=status, network_code=known)


def gone(reply: Reply) -> bool:
    """Whether a message that was to be deleted is not there any more."""
    return reply.ok or code_of(reply) == UNKNOWN_MESSAGE


def _wait(reply: Reply) -> timedelta | None:
    """Seconds in the body, with a fraction; else what the headers say."""
    seconds = reply.maybe_json().get("retry_after")
    if isinstance(seconds, int | float) and 0 <= seconds <= 86_400:
        return timedelta(seconds=seconds)
    return asked_wait(reply, METERS)
