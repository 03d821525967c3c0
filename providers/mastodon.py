"""Mastodon: any instance, an app registered at each, an Idempotency-Key that makes repeats safe.

Facts: mastodon/documentation @2903485d (2026-07-02; the size of videos from its page on Instance,
@01783b27) and the server's own source for limits and the key, which is kept for one hour
(`idempotency:status:{account}:{key}`). Not offered: pictures that move, focal points.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from providers.kit.contract import (
    Account,
    App,
    Family,
    Field,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
    VideoRule,
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
from providers.kit.fediverse import Attachments, limits_in, links, plain, same_attachments
from providers.kit.http import Reply, base_url, text_in
from providers.kit.oauth import OUR_FAULT, OAuth, OAuthProvider
from providers.kit.rates import Cap, Meter
from providers.kit.text import without_domains

CLOCK_SKEW = timedelta(minutes=2)
PAGE = 20
ADDRESS = re.compile(r"@?[\w.-]+@(?P<domain>[^@/\s]+)")


class Mastodon(OAuthProvider):
    """Mastodon and the servers that speak its API."""

    name = "mastodon"
    label = "Mastodon"
    colour = "#6364ff"
    family = Family.NONE
    limits = Limits(  # as an instance has them that changed nothing; see `limits_now`
        TextRule(limit=500, unit=Unit.GRAPHEMES, url_length=23, short_mentions=True),
        images=ImageRule(
            4,
            ("image/jpeg", "image/png", "image/webp"),
            16_777_216,
            alt_limit=1500,
            max_pixels=33_177_600,
        ),
        video=VideoRule(("video/mp4", "video/quicktime", "video/webm"), 41_943_040),
        replies=True,
    )
    resend_window = timedelta(minutes=55)  # of the hour that the server keeps the key
    caps = (Cap(300, timedelta(minutes=5)), Cap(300, timedelta(hours=3)))
    """Requests and statuses of one account (networks.md, section 12, 2026-11-21)."""
    meters = (Meter("X-RateLimit-Remaining", "X-RateLimit-Reset", clock="iso"),)
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("read:accounts", "read:statuses", "write:statuses", "write:media"),
    )
    settings = (
        Setting(
            "MASTODON_INSTANCE",
            "Instance that the connect form suggests",
            default="mastodon.social",
            practice="{street}/mastodon",
        ),
        Setting(
            "MASTODON_APP_NAME",
            "Name under which this house registers at instances",
            default="Postrider",
        ),
    )
    fields = (
        Field(
            "instance",
            "Instance",
            help="The server your account lives on, for example mastodon.social",
            default="MASTODON_INSTANCE",
        ),
    )

    def host(self, values: Mapping[str, str]) -> str:
        """The instance behind a domain, a URL, a profile's URL or @me@domain."""
        typed = values.get("instance", "").strip()
        if address := ADDRESS.fullmatch(typed):
            typed = address["domain"]
        return base_url(typed.partition("/@")[0], "Instance")

    def authorize_endpoint(self, host: str) -> str:
        """The consent page of the instance."""
        return f"{host}/oauth/authorize"

    def token_endpoint(self, host: str) -> str:
        """Where the instance trades codes."""
        return f"{host}/oauth/token"

    def app(self, host: str) -> App | None:
        """None: every instance has an app of its own, see `register`."""
        return None

    def register(self, host: str, redirect_uri: str) -> App:
        """POST /api/v1/apps; then a token for the app itself, or old servers forget the app."""
        form = {
            "client_name": self.options["MASTODON_APP_NAME"],
            "redirect_uris": redirect_uri,
            "scopes": " ".join(self.oauth.scopes),
        }
        reply = self.wire.call("POST", f"{host}/api/v1/apps", safe=True, form=form)
        made = self._object(reply)
        app = App(text_in(made, "client_id"), text_in(made, "client_secret"))
        if not app.client_id or not app.client_secret:
            raise reply.unreadable()
        with contextlib.suppress(NetworkError):
            scope = {"scope": form["scopes"], "redirect_uri": redirect_uri}
            self.ask_for_grant({"grant_type": "client_credentials", **scope}, app, host)
        return app

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /api/v1/accounts/verify_credentials; the handle names the instance too."""
        reply = self.wire.call(
            "GET", f"{host}/api/v1/accounts/verify_credentials", bearer=grant.access_token
        )
        me = self._object(reply)
        if not text_in(me, "id") or not text_in(me, "username"):
            raise reply.unreadable()
        return Identity(
            external_id=text_in(me, "id"),
            handle=f"@{text_in(me, 'username')}@{urlsplit(host).netloc}",
            name=text_in(me, "display_name"),
            url=_link(me),
            avatar_url=text_in(me, "avatar"),
        )

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """POST /oauth/revoke; an instance answers 200 {} whatever became of the token."""
        if app:
            self.revoke_token(f"{host}/oauth/revoke", {"token": grant.access_token}, app)

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /api/v1/statuses; the same key brings the same status back for one hour."""
        attachments = Attachments(self.wire, account, message, self._refusal)
        body: dict[str, Any] = {"status": message.text}
        if message.media:
            body["media_ids"] = attachments.ids()
        if message.reply_to:
            body["in_reply_to_id"] = message.reply_to.external_id
        reply = self.wire.call(
            "POST",
            f"{account.host}/api/v1/statuses",
            safe=False,
            json=body,
            headers={"Idempotency-Key": message.key},
            bearer=account.access_token,
        )
        if message.media and (ended := attachments.ended(reply)):
            raise ended
        status = self._object(reply)
        if not text_in(status, "id") or not _link(status):
            raise reply.unreadable()
        return Receipt(text_in(status, "id"), _link(status))

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Look for the post among the account's newest statuses."""
        reply = self.wire.call(
            "GET",
            f"{account.host}/api/v1/accounts/{account.external_id}/statuses",
            params={"limit": str(PAGE), "exclude_reblogs": "true"},
            bearer=account.access_token,
        )
        if not reply.ok:
            raise self._refusal(reply)
        since = message.created_at - CLOCK_SKEW
        recent = [s for s in reply.items() if _written_at(s, message.created_at) >= since]
        wanted = _bare(message.text)
        for status in recent:
            same = _bare(plain(text_in(status, "content"))) == wanted and text_in(status, "id")
            if same and same_attachments(message, status):
                return Receipt(text_in(status, "id"), _link(status))
        if len(recent) >= PAGE:
            raise Uncertain("There are too many newer posts to tell whether this one is there.")
        return None

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /api/v1/statuses/{id}."""
        url = f"{account.host}/api/v1/statuses/{receipt.external_id}"
        reply = self.wire.call("DELETE", url, safe=True, bearer=account.access_token)
        if not reply.ok and reply.status != 404:
            raise self._refusal(reply)

    def limits_now(self, account: Account) -> Limits:
        """GET /api/v2/instance; servers before 4.0 tell the same at /api/v1/instance."""
        for version in ("v2", "v1"):
            url = f"{account.host}/api/{version}/instance"
            reply = self.wire.call("GET", url, bearer=account.access_token)
            if reply.status != 404:
                break
        return limits_in(self._object(reply), self.limits)

    def _object(self, reply: Reply) -> dict[str, Any]:
        if not reply.ok:
            raise self._refusal(reply)
        return reply.json()

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of Mastodon."""
        said = reply.said("error_description", "error")
        status = reply.status
        if (code := text_in(reply.maybe_json(), "error")) in OUR_FAULT:
            words = f"The instance does not know our app: {said}"
            return Misconfigured(words, status=status, network_code=code)
        if status == 401 or (status == 403 and "outside the authorized scopes" in said):
            return Unauthorized(said, status=status)
        if status == 403:
            return Forbidden(said, status=status)
        if status == 429:
            return Throttled(said, wait=self.wait(reply), status=status)
        if status >= 500 or status == 408:
            return reply.troubled()
        if status == 422 and "not finished processing" in said:
            return Unavailable(said, wait=timedelta(seconds=10), status=status)
        if status in (400, 404, 413, 422) and not reply.safe:
            return Rejected(said, status=status)
        return Unexpected(f"The instance answered {status}: {said}", status=status)


def _bare(text: str) -> str:
    """What is left of a text on its way through the server's HTML: no white space, no domains."""
    return "".join(without_domains(unicodedata.normalize("NFC", text)).split())


def _written_at(status: Mapping[str, Any], default: datetime) -> datetime:
    """When a status was written; where the server does not tell, it is taken for recent."""
    try:
        moment = datetime.fromisoformat(text_in(status, "created_at"))
    except ValueError:
        return default
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _link(data: Mapping[str, Any]) -> str:
    return next(links(data), "")
