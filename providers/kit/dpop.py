"""DPoP: proofs that a token is used by whoever it was given to, and the nonces servers ask for.

RFC 9449 (sections 4.2: what a proof holds; 8 and 9: nonces of authorization and resource servers)
and atproto.com/specs/oauth (ES256, a nonce is mandatory, one key per session). A server that asks
for a nonce has not carried the request out: it is sent once more, with the nonce it gave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jwt

from providers.kit.errors import Misconfigured, Unavailable
from providers.kit.http import Reply, text_in

ALGORITHM = "ES256"
_PUBLIC = ("crv", "kty", *"xy")  # RFC 7638, section 3.2: what the thumbprint is made of
_ASKS = re.compile(r"\bdpop\b[^,]*?\berror=\"use_dpop_nonce\"", re.IGNORECASE | re.DOTALL)
_TRIES = 2

Send = Callable[[Mapping[str, str], tuple[str, ...]], Reply]
"""Sends one request with these headers; the values are secrets that must not come back in words."""


class Nonces:
    """The newest nonce of each origin; any thread may ask."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._guard = threading.Lock()

    def of(self, url: str) -> str:
        """What the server of `url` wants to see next; "" if it has not said."""
        with self._guard:
            return self._known.get(_origin(url), "")

    def learn(self, url: str, reply: Reply) -> None:
        """Keep the nonce that came with an answer, if one did."""
        if nonce := reply.headers.get("DPoP-Nonce", ""):
            with self._guard:
                self._known[_origin(url)] = nonce

    def forget(self) -> None:
        """Know nothing any more, as after a start."""
        with self._guard:
            self._known.clear()


NONCES = Nonces()
"""What this process has learnt, over all threads and adapters."""


def prove(
    method: str,
    url: str,
    key: str,
    send: Send,
    *,
    access_token: str = "",
    at: Callable[[], datetime] = lambda: datetime.now(UTC),
    nonces: Nonces = NONCES,
) -> Reply:
    """Send with a proof by `key` (a private JWK as JSON text), at most twice.

    The second time only if the server asks for a nonce, which says that it did nothing; what is
    lost on the way means then what it always means. Raises Unavailable if it asks once more.
    """
    for _ in range(_TRIES):
        nonce = nonces.of(url)
        token = proof(method, url, key, at=at(), nonce=nonce, access_token=access_token)
        headers = {"DPoP": token}
        if access_token:
            headers["Authorization"] = f"DPoP {access_token}"
        reply = send(headers, tuple(s for s in (token, access_token, private_part(key)) if s))
        nonces.learn(url, reply)
        if not asks_for_nonce(reply):
            return reply
    raise Unavailable("The network asks for another proof again and again.")


def proof(
    method: str, url: str, key: str, *, at: datetime, nonce: str = "", access_token: str = ""
) -> str:
    """One proof, good for one request."""
    claims = {
        "jti": secrets.token_urlsafe(24),
        "htm": method,
        "htu": urlunsplit((*urlsplit(url)[:3], "", "")),
        "iat": int(at.timestamp()),
    }
    if nonce:
        claims["nonce"] = nonce
    if access_token:
        claims["ath"] = encoded(hashlib.sha256(access_token.encode()).digest())
    return signed(claims, key, {"typ": "dpop+jwt", "jwk": public_part(key)})


def asks_for_nonce(reply: Reply) -> bool:
    """Whether a server refused for want of a nonce: in the body (400) or the header (401)."""
    if reply.status == 401 and _ASKS.search(reply.headers.get("WWW-Authenticate", "")):
        return True
    said = text_in(reply.maybe_json(), "error")
    return reply.status in (400, 401) and said == "use_dpop_nonce"


def signed(claims: Mapping[str, Any], key: str, headers: Mapping[str, Any]) -> str:
    """A JWT by a private JWK; raises Misconfigured for a key that is none."""
    try:
        signer = jwt.PyJWK(_parsed(key), algorithm=ALGORITHM)
        return jwt.encode(dict(claims), signer, algorithm=ALGORITHM, headers=dict(headers))
    except (jwt.PyJWTError, TypeError, ValueError, AttributeError):
        raise _no_key() from None


def public_part(key: str) -> dict[str, str]:
    """The public half of a private JWK: these members and no other."""
    known = _parsed(key)
    return {name: str(known.get(name, "")) for name in _PUBLIC}


def private_part(key: str) -> str:
    """The one secret member of a private JWK."""
    return str(_parsed(key).get("d", ""))


def thumbprint(key: str) -> str:
    """The name of a key that follows from the key itself (RFC 7638)."""
    whole = json.dumps(public_part(key), separators=(",", ":"), sort_keys=True)
    return encoded(hashlib.sha256(whole.encode()).digest())


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _parsed(key: str) -> dict[str, Any]:
    try:
        found = json.loads(key)
    except ValueError:
        raise _no_key() from None
    if not isinstance(found, dict) or found.get("crv") != "P-256" or not found.get("d"):
        raise _no_key()
    return found


def _no_key() -> Misconfigured:
    return Misconfigured("A signing key of this site is not a private P-256 key (a JWK).")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
