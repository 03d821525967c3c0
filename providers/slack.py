"""Slack: an app posts into channels of a workspace; errors come inside HTTP 200.

Facts: docs.slack.dev (read 2026-11-21: chat.postMessage, image block and Slack file object,
conversations.replies, formatting), networks.md of 2026-11-21, section 17. The app's metadata make a
message known again. Pictures go up unseen and stand in the message as blocks, since the other way
(sharing files) tells no id; how large they may be is not told, 10 MB and 10 of them are ours. Not
known: whether plain apps know PKCE (a challenge is sent), whether an old access token survives a
renewal, the unit of lengths. Not offered: private channels, files that are no pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from providers.kit import webapi
from providers.kit.contract import (
    Account,
    App,
    Family,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Look,
    Message,
    Offer,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import NetworkError, Rejected, Unauthorized, Uncertain
from providers.kit.http import Reply, objects_in, text_in
from providers.kit.media import must_fit
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import Cap
from providers.kit.steps import DONE, forget, once
from providers.kit.uploads import File

CLOCK_SKEW = timedelta(minutes=2)
PAGE = "15"
MOST_PAGES, MOST_LISTS = 3, 50
SECTION = 3000


class Slack(OAuthProvider):
    """Channels of a Slack workspace."""

    name = "slack"
    label = "Slack"
    colour = "#4a154b"
    family = Family.ROTATING
    limits = Limits(
        TextRule(limit=40_000, unit=Unit.CODE_POINTS),
        images=ImageRule(10, ("image/jpeg", "image/png"), 10_000_000, alt_limit=2000),
        caption=TextRule(limit=SECTION, unit=Unit.CODE_POINTS),
        replies=True,
        flat_threads=True,
    )
    settle = timedelta(seconds=70)
    """New apps outside the Marketplace may read a channel once a minute (since 2025-05-29)."""
    look = Look.MARK  # the event payload of `metadata`
    caps = (Cap(1, timedelta(seconds=1)),)
    """About one message a second in a channel."""
    oauth: ClassVar[OAuth] = OAuth(
        scopes=(
            *("chat:write", "chat:write.public", "channels:read", "channels:history"),
            "files:write",
        ),
        scope_separator=",",
        client_auth="basic",
    )
    settings = (
        Setting(
            "SLACK_CLIENT_ID",
            "Client id of your Slack app",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "SLACK_CLIENT_SECRET",
            "Client secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "SLACK_URL",
            "Base URL of Slack: its API and its consent page",
            default="https://slack.com",
            practice="{street}/slack",
        ),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self._base() + "/oauth/v2/authorize"

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._api("oauth.v2.access")

    def read_grant(self, reply: Reply) -> Grant:
        """With rotation switched off in the app there is no refresh token, and no end."""
        grant = super().read_grant(reply)
        return replace(grant, family=Family.ROTATING if grant.refresh_token else Family.NONE)

    def token_refusal(self, reply: Reply) -> NetworkError:
        """Errors of the token door, which come with HTTP 200."""
        return webapi.token_refusal(reply) or super().token_refusal(reply)

    def identify(self, grant: Grant, host: str) -> Identity:
        """auth.test: the workspace; what can be posted to are its channels, see `offers`."""
        me = self._told("GET", "auth.test", grant.access_token)
        return Identity(text_in(me, "team_id"), text_in(me, "team"), url=text_in(me, "url"))

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """conversations.list: the public channels; all of them speak by the one grant."""
        team = self.identify(grant, host)
        return [
            Offer(
                Identity(
                    external_id=text_in(one, "id"),
                    handle=f"#{text_in(one, 'name')}",
                    name=f"#{text_in(one, 'name')} ({team.handle})",
                    url=f"{team.url}archives/{text_in(one, 'id')}",
                )
            )
            for one in self._channels(grant)
            if text_in(one, "id") and text_in(one, "name")
        ]

    def _channels(self, grant: Grant) -> Iterator[dict[str, Any]]:
        query = {"types": "public_channel", "exclude_archived": "true", "limit": "200"}
        for _ in range(MOST_LISTS):
            page = self._told("GET", "conversations.list", grant.access_token, params=query)
            yield from objects_in(page, "channels")
            query["cursor"] = text_in(page.get("response_metadata"), "next_cursor")
            if not query["cursor"]:
                return

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation; the old refresh token is revoked by it."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("Slack gave no refresh token; connect the workspace again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """auth.revoke; a token that is dead already is no error."""
        reply = self._ask("POST", "auth.revoke", grant.access_token, safe=True)
        if not webapi.fine(reply) and webapi.code(reply) not in webapi.DEAD:
            raise webapi.refusal(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """chat.postMessage; its page follows from the workspace, which is asked for before."""
        must_fit(message.media, self.limits, self.label)
        most = self.limits.words(beside_media=bool(message.media)).limit
        if len(webapi.escaped(message.text)) > most:  # Slack cuts off, and counts & as &amp;
            raise Rejected(f"The text is too long for Slack: at most {most:,} characters.")
        site = once(message.saved, "site", lambda: self._site(account))
        files = [self._file(message, n, account) for n in range(len(message.media))]
        body = webapi.body(message, files)
        body["channel"] = account.external_id
        reply = self._ask("POST", "chat.postMessage", account.access_token, safe=False, json=body)
        if webapi.code(reply) == "invalid_blocks" and files:
            ended = Rejected("Slack does not show the uploaded pictures.", status=reply.status)
            raise forget(message.saved, list(_steps(message)), ended)
        ts = text_in(webapi.told(reply), "ts")
        if not ts:
            raise reply.unreadable()
        return self._receipt(ts, site, account)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Read the channel, or the thread, for the key that the message carries."""
        name, query = webapi.listing(message, message.created_at - CLOCK_SKEW)
        query |= {"channel": account.external_id, "limit": PAGE}
        for _ in range(MOST_PAGES):
            page = self._told("GET", name, account.access_token, params=query)
            if not isinstance(page.get("messages"), list):
                raise Uncertain("Slack's answer does not show the channel.")
            for one in objects_in(page, "messages"):
                if webapi.key_of(one) == message.key and text_in(one, "ts"):
                    return self._receipt(text_in(one, "ts"), self._site(account), account)
            query["cursor"] = text_in(page.get("response_metadata"), "next_cursor")
            if not page.get("has_more") or not query["cursor"]:
                return None
        raise Uncertain("There are too many newer messages to tell whether this one is there.")

    def delete(self, receipt: Receipt, account: Account) -> None:
        """chat.delete."""
        body = {"channel": account.external_id, "ts": receipt.external_id}
        reply = self._ask("POST", "chat.delete", account.access_token, safe=True, json=body)
        if not webapi.fine(reply) and webapi.code(reply) != "message_not_found":
            raise webapi.refusal(reply)

    def _file(self, message: Message, number: int, account: Account) -> str:
        """A picture that nobody sees yet: ask for an address, send it there, say that it is all."""
        saved, media, token = message.saved, message.media[number], account.access_token

        def ask() -> str:
            form = {"filename": media.name, "length": str(media.size)}
            told = self._told("POST", "files.getUploadURLExternal", token, form=form)
            return f"{text_in(told, 'file_id')} {text_in(told, 'upload_url')}"

        def send() -> str:
            reply = self.wire.call("POST", address, safe=True, body=File.of(media))
            if not reply.ok:
                raise webapi.refusal(reply)
            return DONE

        def complete() -> str:
            body = {"files": [{"id": name, "title": media.name}]}
            self._told("POST", "files.completeUploadExternal", token, json=body)
            return name

        name, _, address = once(saved, f"upload.{number}", ask).partition(" ")
        try:
            once(saved, f"sent.{number}", send)
            return once(saved, f"media.{number}", complete)
        except Rejected as problem:
            raise forget(saved, [f"{step}.{number}" for step in STEPS], problem) from None

    def _site(self, account: Account) -> str:
        """The address of the workspace."""
        return text_in(self._told("GET", "auth.test", account.access_token), "url") or DONE

    def _receipt(self, ts: str, site: str, account: Account) -> Receipt:
        """As chat.getPermalink writes it, without another request after the post is out."""
        page = f"{site}archives/{account.external_id}/p{ts.replace('.', '')}"
        return Receipt(ts, page if site != DONE else "")

    def _told(self, method: str, name: str, token: str, **load: Any) -> dict[str, Any]:
        return webapi.told(self._ask(method, name, token, safe=True, **load))

    def _ask(self, method: str, name: str, token: str, *, safe: bool, **load: Any) -> Reply:
        return self.wire.call(method, self._api(name), safe=safe, bearer=token, **load)

    def _api(self, name: str) -> str:
        return f"{self._base()}/api/{name}"

    def _base(self) -> str:
        return self.options["SLACK_URL"].rstrip("/")


STEPS = ("upload", "sent", "media")


def _steps(message: Message) -> Iterator[str]:
    for number in range(len(message.media)):
        yield from (f"{step}.{number}" for step in STEPS)
