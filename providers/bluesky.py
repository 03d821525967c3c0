"""Bluesky: sign-in by OAuth or app password, posts under record keys of ours: repeats are no-ops.

Facts: bluesky-social/atproto @d6296a1c (lexicons, PDS source: sessions of 2 hours, refresh with a
grace of 2 hours, putRecord with the same bytes changes nothing); networks.md of 2026-11-21,
section 13 (by OAuth a refresh token is single use, and putRecord needs create and update; pictures
stay below 1 MB for older servers). The lexicon sets no length for alternative texts, 2000 is ours.
Not offered: videos, which the sheet does not describe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from providers.kit.atproto import lifetime, service_endpoint, tid
from providers.kit.atproto_oauth import AtprotoOAuth
from providers.kit.contract import (
    Account,
    App,
    Family,
    Field,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Look,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import Rejected, Unavailable, Unexpected
from providers.kit.http import Reply, base_url, text_in
from providers.kit.identities import DID, Registry, is_identity
from providers.kit.rates import Cap, Meter
from providers.kit.records import COLLECTION, blob_in, record, reference_in
from providers.kit.steps import forget, once
from providers.kit.uploads import File
from providers.kit.xrpc import DEAD_TOKEN, refusal

RECORD_KEY = re.compile(r"at://[^/]+/app\.bsky\.feed\.post/([A-Za-z0-9._:~-]{1,512})")


class Bluesky(AtprotoOAuth):
    """Bluesky and other servers of the AT Protocol network."""

    name = "bluesky"
    label = "Bluesky"
    colour = "#1185fe"
    family = Family.GRACE
    limits = Limits(
        TextRule(limit=300, unit=Unit.GRAPHEMES, byte_limit=3000),
        images=ImageRule(4, ("image/jpeg", "image/png", "image/webp"), 1_000_000, alt_limit=2000),
        replies=True,
        links=True,
    )
    resend_window = timedelta(days=30)
    look = Look.MARK  # the record key
    renewals_per_minute = 300
    """Half of the 3,000 requests that one address may make in 5 minutes."""
    caps = (Cap(5000, timedelta(hours=1), cost=2), Cap(35_000, timedelta(days=1), cost=2))
    """Points of one account, of which a put takes 2 (networks.md, section 13, 2026-11-21)."""
    meters = (Meter("RateLimit-Remaining", "RateLimit-Reset", shared="3000;w=300"),)
    """3000 requests in 5 minutes is what one address may send, not one account (ibid.)."""
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
        Setting(
            "BLUESKY_PLC_URL",
            "Directory in which accounts name their server",
            default="https://plc.directory",
            practice="{street}/bluesky/plc",
        ),
        Setting(
            "BLUESKY_CLIENT_KEY",
            "Private key (JWK) by which this site proves who it is; `python -m tokens.vault proof`",
            secret=True,
        ),
    )
    page_fields = (
        Field(
            "account",
            "Handle or server",
            help="For example ada.bsky.social, or the address of your server",
            practice="ada.practice.test",
            again="id",
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

    def hint(self, values: Mapping[str, str]) -> str:
        """A handle or DID, else the address of a server; ValueError if it can be neither."""
        typed = values.get("account", "").strip().removeprefix("at://").lstrip("@")
        named = not typed or is_identity(typed)
        return typed if named else base_url(typed, "Handle or server")

    def registry(self) -> Registry:
        """Handles are asked for at the configured server, DIDs in the directory."""
        host = base_url(self.options["BLUESKY_HOST"], "BLUESKY_HOST")
        return Registry(self.wire, host, self.options["BLUESKY_PLC_URL"])

    def client_key(self) -> str:
        """From the settings; without one our app is a public client."""
        return self.options.get("BLUESKY_CLIENT_KEY", "")

    def identify(self, grant: Grant, host: str) -> Identity:
        """getSession, at the account's own server."""
        url = f"{grant.host or host}/xrpc/com.atproto.server.getSession"
        reply = self.call_bound("GET", url, grant.access_token, grant.proof_key)
        return self._identity(self._object(reply), reply)

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
        return _grant(session, reply, host), self._identity(session, reply)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """By OAuth one rotation. refreshSession takes no body; a repeat within 2 hours is safe."""
        if grant.proof_key:
            return self.refresh_bound(grant, app, host)
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
        if grant.proof_key:
            return self.revoke_bound(grant, app, host)
        reply = self.wire.call(
            "POST",
            f"{grant.host or host}/xrpc/com.atproto.server.deleteSession",
            safe=True,
            bearer=grant.refresh_token,
        )
        if not reply.ok and text_in(reply.maybe_json(), "error") not in DEAD_TOKEN:
            raise refusal(reply)
        return None

    def publish(self, message: Message, account: Account) -> Receipt:
        """putRecord under a key of our own; an existing post is never overwritten (swapRecord)."""
        numbers = range(len(message.media))
        blobs = [self._blob(message, number, account) for number in numbers]
        body = {
            "repo": account.external_id,
            "collection": COLLECTION,
            "rkey": tid(message.created_at, message.key),
            "validate": True,
            "swapRecord": None,
            "record": record(message, blobs, self._place(message, account)),
        }
        reply = self._post("putRecord", account, body)
        if text_in(reply.maybe_json(), "error") == "BlobNotFound":
            ended = Rejected("The uploaded pictures are not there any more.", status=reply.status)
            raise forget(message.saved, [f"media.{number}" for number in numbers], ended)
        return self._receipt(self._object(reply), reply, account)

    def _blob(self, message: Message, number: int, account: Account) -> dict[str, Any]:
        """uploadBlob: found by what is in it, so that a repeat changes nothing."""
        media = message.media[number]

        def upload() -> str:
            reply = self._post("uploadBlob", account, File.of(media), safe=True)
            if not reply.ok:
                raise refusal(reply, content=True)
            return blob_in(reply)

        kept: dict[str, Any] = json.loads(once(message.saved, f"media.{number}", upload))
        return kept

    def _place(self, message: Message, account: Account) -> dict[str, Any] | None:
        """Where in a thread it stands: parent and root, each with the hash of what it says."""
        if message.reply_to is None:
            return None
        parent = self._reference("parent", message.reply_to, message, account)
        root = self._reference("root", message.root or message.reply_to, message, account)
        return {"root": root, "parent": parent}

    def _reference(self, name: str, to: Receipt, message: Message, account: Account) -> Any:
        return json.loads(once(message.saved, name, lambda: self._read(to, account)))

    def _read(self, receipt: Receipt, account: Account) -> str:
        """getRecord of the post that is answered."""
        repo, _, rkey = receipt.external_id.removeprefix("at://").partition(f"/{COLLECTION}/")
        reply = self._record(repo, rkey, account)
        if reply.maybe_json().get("error") == "RecordNotFound":
            raise Rejected("The post to be answered is gone.", status=reply.status)
        self._object(reply)
        return reference_in(reply)

    def delete(self, receipt: Receipt, account: Account) -> None:
        """deleteRecord; says 200 as well if there was none."""
        rkey = receipt.external_id.rpartition("/")[2]
        body = {"repo": account.external_id, "collection": COLLECTION, "rkey": rkey}
        self._object(self._post("deleteRecord", account, body, safe=True))

    def find(self, message: Message, account: Account) -> Receipt | None:
        """getRecord with the key that the message leads to; public, so it needs no token."""
        rkey = tid(message.created_at, message.key)
        reply = self._record(account.external_id, rkey, account)
        if reply.status in (400, 404) and reply.maybe_json().get("error") == "RecordNotFound":
            return None
        found = self._object(reply)
        value = found.get("value")
        if not isinstance(value, dict):
            raise reply.unreadable()
        if value.get("text") != message.text:
            raise Unexpected("Another post stands at the place of this one.")
        return self._receipt(found, reply, account)

    def _record(self, repo: str, rkey: str, account: Account) -> Reply:
        query = {"repo": repo, "collection": COLLECTION, "rkey": rkey}
        url = f"{account.host}/xrpc/com.atproto.repo.getRecord"
        return self.wire.call("GET", url, params=query)

    def _post(
        self, name: str, account: Account, body: dict[str, Any] | File, *, safe: bool | None = None
    ) -> Reply:
        url = f"{account.host}/xrpc/com.atproto.repo.{name}"
        return self.call_bound(
            "POST", url, account.access_token, account.proof_key, body, safe=safe
        )

    def _identity(self, session: Mapping[str, Any], reply: Reply) -> Identity:
        handle, did = text_in(session, "handle"), text_in(session, "did")
        if not handle or not DID.fullmatch(did):
            raise reply.unreadable()
        return Identity(did, f"@{handle}", url=f"{self._web()}/profile/{handle}")

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
            raise refusal(reply)
        return reply.json()


def _grant(session: Mapping[str, Any], reply: Reply, host: str) -> Grant:
    """The tokens of a session and the server that it lives on from now on."""
    access, refresh = text_in(session, "accessJwt"), text_in(session, "refreshJwt")
    if not access or not refresh:
        raise Unavailable("Bluesky answered without a token.", status=reply.status)
    home = service_endpoint(session.get("didDoc"))
    return Grant(access, refresh, lifetime(access), host=home or host)
