"""Discord: a bot of one's own speaks in one channel; a nonce makes repeats harmless for a while.

Facts: discord/discord-api-docs @c98d64b and discord/discord-api-spec @74fda0f (2026-07-18), API
v10; networks.md of 2026-11-21, section 16. "A few minutes" is all that is told about the nonce:
two are used here, later the channel is read. Webhooks are a network of their own, since nothing
sent through one can be looked up. Not offered: videos, threads of forum channels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from providers.kit.channels import (
    LIMITS,
    METERS,
    Poster,
    found,
    gone,
    mark,
    refusal,
    same,
)
from providers.kit.contract import (
    Account,
    Field,
    Grant,
    Identity,
    Message,
    Provider,
    Receipt,
    Setting,
)
from providers.kit.errors import Rejected, Unauthorized, Uncertain
from providers.kit.http import text_in
from providers.kit.rates import Cap

TOKEN = re.compile(r"[A-Za-z0-9_.=-]{20,120}")
CHANNEL = re.compile(r"[0-9]{1,20}")
CLOCK_SKEW = timedelta(minutes=2)
PAGE = 50


class Discord(Provider):
    """A channel of a Discord server, through a bot."""

    name = "discord"
    label = "Discord"
    colour = "#5865f2"
    limits = replace(LIMITS, replies=True)
    resend_window = timedelta(minutes=2)
    caps = (Cap(50, timedelta(seconds=1)),)
    """What one bot may ask altogether; how much a channel takes, its answers say."""
    meters = METERS
    settings = (
        Setting(
            "DISCORD_API_URL",
            "Base URL of the API, with its version",
            default="https://discord.com/api/v10",
            practice="{street}/discord/api/v10",
        ),
        Setting(
            "DISCORD_WEB_URL",
            "Where messages are read",
            default="https://discord.com",
            practice="{street}/discord",
        ),
        Setting(
            "DISCORD_AGENT",
            "User-Agent; Discord wants it in the form DiscordBot (address, version)",
            default="DiscordBot (https://postrider.example, 0.1)",
        ),
    )
    fields = (
        Field(
            "token",
            "Bot token",
            help="From the page Bot of your application",
            secret=True,
            practice="practice.ada.token-of-a-bot",
        ),
        Field(
            "channel",
            "Channel",
            help="Its address, or its ID (Copy Channel ID)",
            practice="4242000000000000001",
            again="id",
        ),
    )

    def sign_in(self, values: Mapping[str, str]) -> tuple[Grant, Identity]:
        """GET /users/@me and the channel: is the token good, and may the bot see the channel?"""
        token = values.get("token", "").strip().removeprefix("Bot ")
        number = values.get("channel", "").strip().rstrip("/").rpartition("/")[2]
        if not TOKEN.fullmatch(token):
            raise Unauthorized("This is not the token of a bot.")
        if not CHANNEL.fullmatch(number):
            raise Rejected("Type the channel's address or its ID, which is a long number.")
        poster = self._poster(token)
        reply = poster.call("GET", self._api("/users/@me"))
        if not text_in(found(reply), "id"):
            raise reply.unreadable()
        reply = poster.call("GET", self._api(f"/channels/{number}"))
        channel = found(reply)
        guild, name = text_in(channel, "guild_id"), text_in(channel, "name")
        if not guild or text_in(channel, "id") != number:
            raise reply.unreadable()
        place = f"{guild}/{number}"
        return Grant(token), Identity(place, f"#{name}", name, f"{self._web()}/channels/{place}")

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /channels/{id}/messages with a nonce: sent again, the same message comes back."""
        body: dict[str, Any] = {"nonce": mark(message), "enforce_nonce": True}
        if message.reply_to:
            above = message.reply_to.external_id
            body["message_reference"] = {"message_id": above, "fail_if_not_exists": True}
        sent = self._poster(account.access_token).post(self._messages(account), message, body=body)
        return self._receipt(sent, account)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Read the newest messages of the channel; needs the right to read its history."""
        poster = self._poster(account.access_token)
        me = text_in(found(poster.call("GET", self._api("/users/@me"))), "id")
        reply = poster.call("GET", self._messages(account), params={"limit": str(PAGE)})
        if not reply.ok:
            raise refusal(reply)
        since = message.created_at - CLOCK_SKEW
        recent = [one for one in reply.items() if _written_at(one, message.created_at) >= since]
        for one in recent:
            if text_in(one.get("author"), "id") == me and same(message, one):
                return self._receipt(one, account)
        if len(recent) >= PAGE:
            raise Uncertain("There are too many newer messages to tell whether this one is there.")
        return None

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /channels/{id}/messages/{id}."""
        url = f"{self._messages(account)}/{receipt.external_id}"
        reply = self._poster(account.access_token).call("DELETE", url, safe=True)
        if not gone(reply):
            raise refusal(reply)

    def _poster(self, token: str) -> Poster:
        return Poster(self.wire, self.options["DISCORD_AGENT"], f"Bot {token}", (token,))

    def _messages(self, account: Account) -> str:
        return self._api(f"/channels/{account.external_id.rpartition('/')[2]}/messages")

    def _receipt(self, sent: Mapping[str, Any], account: Account) -> Receipt:
        number = text_in(sent, "id")
        return Receipt(number, f"{self._web()}/channels/{account.external_id}/{number}")

    def _api(self, path: str) -> str:
        return self.options["DISCORD_API_URL"].rstrip("/") + path

    def _web(self) -> str:
        return self.options["DISCORD_WEB_URL"].rstrip("/")


def _written_at(message: Mapping[str, Any], default: datetime) -> datetime:
    """When a message was written; where that cannot be read it is taken for recent."""
    try:
        moment = datetime.fromisoformat(text_in(message, "timestamp"))
    except ValueError:
        return default
    return moment if moment.tzinfo else default
