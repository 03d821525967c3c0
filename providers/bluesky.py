"""Bluesky: app-password sessions and posts whose record key we choose, so repeats are no-ops.

Facts: bluesky-social/atproto @d6296a1c (lexicons, PDS source: sessions of 2 hours, refresh with a
grace of 2 hours, putRecord with the same bytes changes nothing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from providers.kit.atproto import facets, lifetime, service_endpoint, tid
from providers.kit.contract import (
    Account,
    App,
    Family,
    Field,
    Grant,
    Identity,
    Limits,
    Message,
    Provider,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
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
from providers.kit.http import Reply, base_url, text_in
from providers.kit.rates import epoch_reset, retry_after

COLLECTION = "app.bsky.feed.post"
DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]+")
RECORD_KEY = re.compile(r"at://[^/]+/app\.bsky\.feed\.post/([A-Za-z0-9._:~-]{1,512})")
DEAD_TOKEN = frozenset(
    {"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired"}
    | {"AuthFactorTokenRequired", "BadJwtAudience", "InsufficientScope"}
)
BARRED = frozenset({"AccountTakedown", "AccountDeactivated", "RepoDeactivated"})
OUR_FAULT = frozenset({"invalid_client", "invalid_client_metadata"})
BUSY = frozenset({"UpstreamFailure", "NotEnoughResources"})
PLAINER = {
    "AuthFactorTokenRequired": "Bluesky asks for a code by e-mail: use an app password instead."
}


class Bluesky(Provider):
    """Bluesky and other servers of the AT Protocol network."""

    name = "bluesky"
    label = "Bluesky"
    colour = "#1185fe"
    family = Family.GRACE
    limits = Limits(TextRule(limit=300, unit=Unit.GRAPHEMES, byte_limit=3000))
    resend_window = timedelta(days=30)
    settle = timedelta(0)
    """getRecord asks the account's own server for this very key, and a request that still lands
    after the look meets the same key as its repeat: one look is enough."""
    settings = (
        Setting(
            "BLUESKY_HOST",
            "Server that the connect form suggests",
            default="https://bsky.social",
            practice="{street}/bluesky",
        ),
        Setting(
            "BLUESKY_WEB_URL",
            "Where posts are read",
            default="https://bsky.app",
            practice="{street}/bluesky",
        ),
    )
    fields = (
        Field("host", "Server", help="Leave it if you do not know", default="BLUESKY_HOST"),
        Field(
            "identifier", "Handle", help="For example ada.bsky.social", practice="ada.practice.test"
        ),
        Field(
            "password",
            "App password",
            help="Made in the settings of Bluesky under Privacy and security",
            secret=True,
            practice="prac-tice-pass-word",
        ),
    )

    def host(self, values: Mapping[str, str]) -> str:
        """The server to sign in at."""
        return base_url(values.get("host", "") or self.options["BLUESKY_HOST"], "Server")

    def sign_in(self, values: Mapping[str, str]) -> tuple[Grant, Identity]:
        """createSession, once per connection: it is limited to 30 in 5 minutes."""
        host = self.host(values)
        password = values.get("password", "").strip()
        identifier = values.get("identifier", "").strip().lstrip("@")
        reply = self.wire.call(
            "POST",
            f"{host}/xrpc/com.atproto.server.createSession",
            safe=True,
            json={"identifier": identifier, "password": password},
            secrets=(password,),
        )
        session = self._object(reply)
        handle, did = text_in(session, "handle"), text_in(session, "did")
        if not handle or not DID.fullmatch(did):
            raise reply.unreadable()
        url = f"{self._web()}/profile/{handle}"
        return _grant(session, reply, host), Identity(did, f"@{handle}", url=url)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """refreshSession takes no body; a repeat within 2 hours gives the same successor."""
        home = grant.host or host
        reply = self.wire.call(
            "POST",
            f"{home}/xrpc/com.atproto.server.refreshSession",
            safe=True,
            bearer=grant.refresh_token,
        )
        return _grant(self._object(reply), reply, home)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """deleteSession, by the refresh token; a session that has ended is no error."""
        reply = self.wire.call(
            "POST",
            f"{grant.host or host}/xrpc/com.atproto.server.deleteSession",
            safe=True,
            bearer=grant.refresh_token,
        )
        if not reply.ok and text_in(reply.maybe_json(), "error") not in DEAD_TOKEN:
            raise _refusal(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """putRecord under a key of our own; an existing post is never overwritten (swapRecord)."""
        reply = self.wire.call(
            "POST",
            f"{account.host}/xrpc/com.atproto.repo.putRecord",
            safe=False,
            json={
                "repo": account.external_id,
                "collection": COLLECTION,
                "rkey": tid(message.created_at, message.key),
                "validate": True,
                "swapRecord": None,
                "record": record(message),
            },
            bearer=account.access_token,
        )
        return self._receipt(self._object(reply), reply, account)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """getRecord with the key that the message leads to."""
        query = {
            "repo": account.external_id,
            "collection": COLLECTION,
            "rkey": tid(message.created_at, message.key),
        }
        reply = self.wire.call(
            "GET", f"{account.host}/xrpc/com.atproto.repo.getRecord", params=query
        )
        if reply.status in (400, 404) and reply.maybe_json().get("error") == "RecordNotFound":
            return None
        found = self._object(reply)
        value = found.get("value")
        if not isinstance(value, dict):
            raise reply.unreadable()
        if value.get("text") != message.text:
            raise Unexpected("Another post stands at the place of this one.")
        return self._receipt(found, reply, account)

    def _receipt(self, data: Mapping[str, Any], reply: Reply, account: Account) -> Receipt:
        uri = text_in(data, "uri")
        match = RECORD_KEY.fullmatch(uri)
        if match is None:
            raise reply.unreadable()
        handle = account.handle.lstrip("@") or account.external_id
        return Receipt(uri, f"{self._web()}/profile/{handle}/post/{match[1]}")

    def _web(self) -> str:
        return self.options["BLUESKY_WEB_URL"].rstrip("/")

    def _object(self, reply: Reply) -> dict[str, Any]:
        if not reply.ok:
            raise _refusal(reply)
        return reply.json()


def record(message: Message) -> dict[str, Any]:
    """The post as it is stored; the same message gives the same bytes at every attempt."""
    written = message.created_at.astimezone(UTC)
    found = facets(message.text)
    return {
        "$type": COLLECTION,
        "text": message.text,
        "createdAt": written.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **({"facets": found} if found else {}),
    }


def _grant(session: Mapping[str, Any], reply: Reply, host: str) -> Grant:
    """The tokens of a session and the server that it lives on from now on."""
    access, refresh = text_in(session, "accessJwt"), text_in(session, "refreshJwt")
    if not access or not refresh:
        raise Unavailable("Bluesky answered without a token.", status=reply.status)
    home = service_endpoint(session.get("didDoc"))
    return Grant(access, refresh, lifetime(access), host=home or host)


def _refusal(reply: Reply) -> NetworkError:
    """The error table of Bluesky; what counts is the name of the error, not the status."""
    code = text_in(reply.maybe_json(), "error")
    said = PLAINER.get(code) or reply.said("message", "error")
    status = reply.status
    if status == 429 or code == "RateLimitExceeded":
        wait = retry_after(reply) or epoch_reset(reply, "RateLimit-Reset")
        return Throttled(said, wait=wait, status=status, network_code=code)
    if code in OUR_FAULT:
        words = f"Bluesky does not serve our app: {said}"
        return Misconfigured(words, status=status, network_code=code)
    if code in BARRED or (status == 403 and code not in DEAD_TOKEN):
        return Forbidden(said, status=status, network_code=code)
    if status == 401 or code in DEAD_TOKEN:
        return Unauthorized(said, status=status, network_code=code)
    if status >= 500 or status == 408 or code in BUSY:
        return reply.troubled()
    if code == "InvalidSwap":
        return Uncertain("A post stands at this place already.", status=status, network_code=code)
    if status in (400, 413) and not reply.safe:
        return Rejected(said, status=status, network_code=code)
    return Unexpected(f"Bluesky answered {status}: {said}", status=status, network_code=code)
