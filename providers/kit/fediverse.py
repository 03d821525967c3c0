"""What servers with Mastodon's API share: attachments, live limits, statuses read back.

Facts: mastodon/documentation @2903485d (2026-07-02: POST /api/v2/media, GET /api/v1/media/{id},
GET /api/v2/instance), networks.md of 2026-11-21, section 12. "Media not found or already attached"
is one sentence for two cases: unused uploads are cleared away after a day, so before that it can
only mean that they stand in a post.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from providers.kit.content import ImageRule, Limits, VideoRule
from providers.kit.contract import Account, Message
from providers.kit.errors import Duplicate, NetworkError, Rejected, StillWorking
from providers.kit.http import Reply, Wire, objects_in, text_in
from providers.kit.steps import DONE, forget, once
from providers.kit.uploads import File

PATIENCE = timedelta(seconds=5)  # a server does not say when to ask again
CLEARED_AFTER = timedelta(hours=23)


class Attachments:
    """The uploads for one message; every step is kept, none is taken twice."""

    def __init__(
        self,
        wire: Wire,
        account: Account,
        message: Message,
        refusal: Callable[[Reply], NetworkError],
    ) -> None:
        self.wire = wire
        self.account = account
        self.message = message
        self.refusal = refusal

    def ids(self) -> list[str]:
        """The ids of all pictures and videos, in order, ready to be put into a status."""
        return [self._id(number) for number in range(len(self.message.media))]

    def ended(self, reply: Reply) -> NetworkError | None:
        """What a refused status says of its attachments; None if it says nothing of them."""
        said = reply.said("error")
        if reply.status != 422 or "media not found or already attached" not in said.lower():
            return None
        if reply.received_at - self.message.created_at < CLEARED_AFTER:
            return Duplicate(said, status=reply.status)
        numbers = range(len(self.message.media))
        names = [f"{step}.{number}" for number in numbers for step in ("media", "ready")]
        return forget(self.message.saved, names, Rejected(said, status=reply.status))

    def _id(self, number: int) -> str:
        saved, ready = self.message.saved, f"ready.{number}"
        media_id = saved.get(f"media.{number}")
        if not media_id:
            media_id, done = self._upload(number)
            saved.keep(f"media.{number}", media_id)
            if done:
                saved.keep(ready, DONE)
        once(saved, ready, lambda: self._ask(media_id))
        return media_id

    def _upload(self, number: int) -> tuple[str, bool]:
        """POST /api/v2/media: 200 is ready, 202 is still being worked on."""
        media = self.message.media[number]
        reply = self.wire.call(
            "POST",
            f"{self.account.host}/api/v2/media",
            safe=True,
            form={"description": media.alt} if media.alt else {},
            files={"file": File.of(media)},
            bearer=self.account.access_token,
        )
        media_id = text_in(self._object(reply), "id")
        if not media_id:
            raise reply.unreadable()
        return media_id, reply.status == 200

    def _ask(self, media_id: str) -> str:
        """GET /api/v1/media/{id}: 206 while it is worked on, 200 when it is ready."""
        url = f"{self.account.host}/api/v1/media/{media_id}"
        reply = self.wire.call("GET", url, bearer=self.account.access_token)
        self._object(reply)
        if reply.status == 206:
            raise StillWorking("The server is working on the video.", wait=PATIENCE)
        return DONE

    def _object(self, reply: Reply) -> dict[str, Any]:
        """What is refused here is the file."""
        if reply.status in (400, 404, 413, 422):
            raise Rejected(reply.said("error_description", "error"), status=reply.status)
        if not reply.ok:
            raise self.refusal(reply)
        return reply.json()


def same_attachments(message: Message, status: Mapping[str, Any]) -> bool:
    """Whether a status shows exactly the files that were uploaded for this message."""
    theirs = [text_in(one, "id") for one in objects_in(status, "media_attachments")]
    numbers = range(len(message.media))
    return theirs == [message.saved.get(f"media.{number}") for number in numbers]


def limits_in(instance: Mapping[str, Any], known: Limits) -> Limits:
    """The limits that an instance tells; what it does not tell stays as `known`."""
    told = instance.get("configuration")
    statuses, files = _part(told, "statuses"), _part(told, "media_attachments")
    text = replace(
        known.text,
        limit=_number(statuses, "max_characters") or known.text.limit,
        url_length=_number(statuses, "characters_reserved_per_url") or known.text.url_length,
    )
    images = known.images and _pictures(statuses, files, known.images)
    return replace(
        known, text=text, images=images, video=known.video and _videos(files, known.video)
    )


def _pictures(statuses: object, files: object, known: ImageRule) -> ImageRule:
    return replace(
        known,
        most=_number(statuses, "max_media_attachments") or known.most,
        types=_types(files, known.types),
        max_bytes=_number(files, "image_size_limit") or known.max_bytes,
        max_pixels=_number(files, "image_matrix_limit") or known.max_pixels,
        alt_limit=_number(files, "description_limit") or known.alt_limit,
    )


def _videos(files: object, known: VideoRule) -> VideoRule:
    most = _number(files, "video_size_limit") or known.max_bytes
    return replace(known, types=_types(files, known.types), max_bytes=most)


def _types(files: object, known: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the types we know that the instance takes; it never gets a type that we do not."""
    told = files.get("supported_mime_types") if isinstance(files, Mapping) else None
    return tuple(t for t in known if isinstance(told, list) and t in told) or known


def _part(data: object, name: str) -> object:
    return data.get(name) if isinstance(data, Mapping) else None


def _number(data: object, name: str) -> int | None:
    value = _part(data, name)
    return value if isinstance(value, int) and value > 0 else None


class _Text(HTMLParser):
    """Collects the text of a status."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def plain(content: str) -> str:
    """The text of a status without its HTML."""
    reader = _Text()
    reader.feed(content)
    reader.close()
    return "".join(reader.parts)


def links(data: Mapping[str, Any]) -> Iterator[str]:
    """The pages of a status or account; only a web address is ever shown as a link."""
    for link in (text_in(data, "url"), text_in(data, "uri")):
        if link.startswith(("https://", "http://")):
            yield link
