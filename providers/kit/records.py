"""Posts as records of the AT Protocol: text and facets, pictures as blobs, link cards, replies.

Facts: lexicons `app.bsky.feed.post`, `app.bsky.embed.*`, `com.atproto.repo.*` of
bluesky-social/atproto @d6296a1c; networks.md of 2026-11-21, section 13 (Publish). A record must be
the same, byte by byte, at every attempt, so what a request brought into it is kept as a step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

from providers.kit.atproto import facets
from providers.kit.contract import Media, Message
from providers.kit.http import Reply, text_in

COLLECTION = "app.bsky.feed.post"
Record = dict[str, Any]


def record(message: Message, blobs: Sequence[Record] = (), reply: Record | None = None) -> Record:
    """The post as it is stored; the same message gives the same bytes at every attempt."""
    written = message.created_at.astimezone(UTC)
    found, embed = facets(message.text), _embed(message, blobs)
    return {
        "$type": COLLECTION,
        "text": message.text,
        "createdAt": written.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **({"facets": found} if found else {}),
        **({"embed": embed} if embed else {}),
        **({"reply": reply} if reply else {}),
    }


def _embed(message: Message, blobs: Sequence[Record]) -> Record:
    """The pictures; without any the card of the link; a record has room for one of them."""
    if blobs:
        pairs = zip(message.media, blobs, strict=True)
        shown = [_image(media, blob) for media, blob in pairs]
        return {"$type": "app.bsky.embed.images", "images": shown}
    if message.link:
        title = urlsplit(message.link).hostname or message.link
        card = {"uri": message.link, "title": title, "description": ""}
        return {"$type": "app.bsky.embed.external", "external": card}
    return {}


def _image(media: Media, blob: Record) -> Record:
    known = {"image": blob, "alt": media.alt}
    if media.width > 0 and media.height > 0:
        known["aspectRatio"] = {"width": media.width, "height": media.height}
    return known


def blob_in(reply: Reply) -> str:
    """The blob of an upload's answer, as it is kept; what has no reference is unreadable."""
    blob = reply.json().get("blob")
    reference = blob.get("ref") if isinstance(blob, Mapping) else None
    if not text_in(reference, "$link"):
        raise reply.unreadable()
    return json.dumps(blob)


def reference_in(reply: Reply) -> str:
    """The strong reference to a record that was read, as it is kept."""
    found = reply.json()
    known = {part: text_in(found, part) for part in ("uri", "cid")}
    if not all(known.values()):
        raise reply.unreadable()
    return json.dumps(known)
