"""AT Protocol pieces: record keys from a message, claims of a session token, facets of a text.

Facts: atproto.com specifications (TID, record key) and bluesky-social/atproto @d6296a1c (lexicons
`app.bsky.richtext.facet`, `com.atproto.server.*`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import regex

from providers.kit.text import urls

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
"""base32-sortable: the keys sort as the moments do."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TAG_GRAPHEMES = 64
MAX_TAG_BYTES = 640
_TAG = regex.compile(r"(?:^|(?<=[\s(]))[#＃]((?!\uFE0F)[^\s#＃\u00AD\u2060\u200A-\u200D\u20E2]+)")
_TAG_TAIL = regex.compile(r"\p{P}+$")


def tid(at: datetime, key: str) -> str:
    """The record key of a message: 53 bits of microseconds, then 10 bits of a hash of `key`."""
    micros = (at - EPOCH) // timedelta(microseconds=1)
    clock = int.from_bytes(sha256(key.encode()).digest()[:2]) & 0x3FF
    number = (micros & (1 << 53) - 1) << 10 | clock
    return "".join(ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified: it came from its issuer over TLS; {} if unreadable."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def lifetime(token: str) -> timedelta | None:
    """From `iat` to `exp` of a JWT; None if it does not say."""
    said = claims(token)
    begin, end = said.get("iat"), said.get("exp")
    if not isinstance(begin, int) or not isinstance(end, int) or not 0 < end - begin < 10**9:
        return None
    return timedelta(seconds=end - begin)


def service_endpoint(did_doc: object) -> str:
    """The PDS in a DID document: `service[?id=="#atproto_pds"].serviceEndpoint`; "" if none."""
    services = did_doc.get("service") if isinstance(did_doc, Mapping) else None
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            endpoint = service.get("serviceEndpoint")
            return endpoint.rstrip("/") if isinstance(endpoint, str) else ""
    return ""


def facets(text: str) -> list[dict[str, Any]]:
    """Links and hashtags of `text`, with offsets in UTF-8 bytes (end exclusive)."""
    links = urls(text)
    found = [(u.start, u.end, {"$type": _feature("link"), "uri": u.target}) for u in links]
    for match in _TAG.finditer(text):
        tag = _TAG_TAIL.sub("", match[1])
        end = match.start(1) + len(tag)
        inside = any(u.start < end and match.start() < u.end for u in links)
        if _is_tag(tag) and not inside:
            start = match.start(1) - 1
            found.append((start, end, {"$type": _feature("tag"), "tag": tag}))
    return [
        {
            "index": {"byteStart": _bytes(text[:start]), "byteEnd": _bytes(text[:end])},
            "features": [feature],
        }
        for start, end, feature in sorted(found, key=lambda f: f[0])
    ]


def _is_tag(tag: str) -> bool:
    """Neither empty, nor a number, nor longer than the lexicon allows."""
    short = len(regex.findall(r"\X", tag)) <= MAX_TAG_GRAPHEMES and _bytes(tag) <= MAX_TAG_BYTES
    return bool(tag) and not tag.isdigit() and short


def _feature(kind: str) -> str:
    return f"app.bsky.richtext.facet#{kind}"


def _bytes(text: str) -> int:
    return len(text.encode())
