"""The forms of the AT Protocol: TIDs, content identifiers, tokens, records, refusals.

From `networks.md` of 2026-11-21, section 13. A cid is a hash of the record's JSON, not of its CBOR:
equal records have equal cids, which is all that the wire shows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from math import ceil
from typing import Any

from sandbox.kit.network import Answer, Person, RefusalError, as_json
from sandbox.kit.store import Document
from sandbox.kit.text import graphemes

POST = "app.bsky.feed.post"
TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"


def error(status: int, code: str, message: str) -> Answer:
    """A refusal as XRPC writes it."""
    return as_json({"error": code, "message": message}, status)


def refuse(status: int, code: str, message: str) -> RefusalError:
    """The same, to be raised."""
    return RefusalError(error(status, code, message))


def base32(data: bytes) -> str:
    """Lower-case base32 without padding."""
    return base64.b32encode(data).decode().rstrip("=").lower()


def cid_of(record: Any) -> str:
    """A content identifier: the same record always has the same one."""
    whole = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    return "b" + base32(b"\x01\x71\x12\x20" + hashlib.sha256(whole).digest())


def tid(number: int) -> str:
    """A TID: microseconds since the epoch, clock id 0, 13 sortable letters."""
    return "".join(TID_LETTERS[(number << 10) >> (5 * i) & 31] for i in reversed(range(13)))


def is_tid(rkey: str) -> bool:
    """Whether a record key is a TID; the highest of its 65 bits must be empty."""
    return len(rkey) == 13 and set(rkey) <= set(TID_LETTERS) and rkey[0] in TID_LETTERS[:16]


def jwt(claims: Document) -> str:
    """A token with the shape of a JWT; the signature means nothing."""
    parts = [json.dumps(part).encode() for part in ({"typ": "at+jwt", "alg": "HS256"}, claims)]
    head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    seal = base64.urlsafe_b64encode(hmac.digest(b"practice", head, "sha256")).rstrip(b"=")
    return f"{head.decode()}.{seal.decode()}"


def did_document(person: Person, home: str) -> Document:
    """What the directory says of somebody: the handle, and the server that holds the account."""
    pds = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": home}
    return {"id": person.id, "alsoKnownAs": [f"at://{person.handle}"], "service": [pds]}


def is_moment(value: object) -> bool:
    """Whether this is a date and time with a zone."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def accepted(own: tuple[str, str], asked: Document) -> tuple[str, Document]:
    """Collection and record of a write, once they are found to be in order."""
    collection, record = str(asked.get("collection", "")), asked.get("record")
    if asked.get("repo") not in own:
        raise refuse(400, "InvalidRequest", "The repo is not the account's own")
    if not collection or not isinstance(record, dict) or record.get("$type") != collection:
        raise refuse(400, "InvalidRequest", f"Invalid {collection or 'unnamed'} record")
    if collection == POST:
        check_post(record)
    return collection, record


def check_post(record: Document) -> None:
    """Refuse a post that does not fit the lexicon."""
    text, facets, langs = record.get("text"), record.get("facets", []), record.get("langs", [])
    if not isinstance(text, str) or not is_moment(record.get("createdAt")):
        raise refuse(400, "InvalidRequest", f"Invalid {POST} record")
    size = len(text.encode())
    if size > 3000 or len(graphemes(text)) > 300:
        unit = "3000 bytes" if size > 3000 else "300 graphemes"
        raise refuse(400, "InvalidRequest", f"Record/text must not be longer than {unit}")
    spans = [f.get("index", {}) for f in facets]
    if any(not 0 <= s.get("byteStart", -1) <= s.get("byteEnd", -1) <= size for s in spans):
        raise refuse(400, "InvalidRequest", f"Invalid {POST} record: facet out of range")
    if len(langs) > 3:
        raise refuse(400, "InvalidRequest", f"Invalid {POST} record: too many langs")


def throttled(reset_at: float, wait: float) -> Answer:
    """Too many requests; the reset is in epoch seconds, Retry-After in seconds."""
    hints = (
        ("RateLimit-Limit", "3000"),
        ("RateLimit-Remaining", "0"),
        ("RateLimit-Reset", str(ceil(reset_at))),
        ("RateLimit-Policy", "3000;w=300"),
        ("Retry-After", str(ceil(wait))),
    )
    return error(429, "RateLimitExceeded", "Rate Limit Exceeded").with_headers(*hints)
