"""Discord, through a webhook: nothing is asked of anybody, and nothing sent can be looked up.

Facts: discord/discord-api-docs @c98d64b and discord/discord-api-spec @74fda0f (2026-07-18), API
v10; networks.md of 2026-11-21, section 16. A webhook has no nonce and no listing: a post in doubt
stays a person's to decide. Its address is its key, so one that is unknown has to be made anew; its
rate (5 in 2 seconds) is background knowledge. Not offered: replies, which webhooks do not have,
videos, threads of forum channels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from providers.kit.channels import LIMITS, METERS, Poster, found, gone, refusal
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
from providers.kit.errors import Unauthorized
from providers.kit.http import text_in
from providers.kit.rates import Cap

ADDRESS = re.compile(
    r"https?://[^/\s]+/api(?:/v[0-9]+)?/webhooks/(?P<id>[0-9]{1,20})/(?P<token>[\w-]{8,120})/?",
    re.ASCII,
)


class DiscordWebhook(Provider):
    """A channel of a Discord server, through one of its webhooks."""

    name = "discord_webhook"
    label = "Discord webhook"
    colour = "#5865f2"
    limits = LIMITS
    key_in_address = True
    caps = (Cap(5, timedelta(seconds=2)),)
    meters = METERS
    settings = (
        Setting(
            "DISCORD_WEBHOOK_API_URL",
            "Base URL of the API, with its version",
            default="https://discord.com/api/v10",
            practice="{street}/discord_webhook/api/v10",
        ),
        Setting(
            "DISCORD_WEBHOOK_WEB_URL",
            "Where messages are read",
            default="https://discord.com",
            practice="{street}/discord_webhook",
        ),
        Setting(
            "DISCORD_WEBHOOK_AGENT",
            "User-Agent; Discord wants it in the form DiscordBot (address, version)",
            default="DiscordBot (https://postrider.example, 0.1)",
        ),
    )
    fields = (
        Field(
            "webhook",
            "Webhook",
            help="Its address, from the channel's settings under Integrations",
            secret=True,
            practice="https://discord.com/api/webhooks/4242000000000000009/practice-ada",
        ),
    )

    def sign_in(self, values: Mapping[str, str]) -> tuple[Grant, Identity]:
        """GET /webhooks/{id}/{token}: what it is called and where it leads."""
        match = ADDRESS.fullmatch(values.get("webhook", "").strip())
        if match is None:
            raise Unauthorized("This is not the address of a webhook.")
        token = match["token"]
        url = self._api(f"/webhooks/{match['id']}/{token}")
        reply = self._poster(token).call("GET", url)
        hook = found(reply)
        guild, channel = text_in(hook, "guild_id"), text_in(hook, "channel_id")
        if not guild or not channel or text_in(hook, "id") != match["id"]:
            raise reply.unreadable()
        name = text_in(hook, "name") or match["id"]
        page = f"{self._web()}/channels/{guild}/{channel}"
        return Grant(token), Identity(f"{guild}/{channel}/{match['id']}", name, name, page)

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /webhooks/{id}/{token}?wait=true, or there would be no id."""
        poster, query = self._poster(account.access_token), {"wait": "true"}
        sent = poster.post(self._hook(account), message, params=query)
        number, place = text_in(sent, "id"), account.external_id.rpartition("/")[0]
        return Receipt(number, f"{self._web()}/channels/{place}/{number}")

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /webhooks/{id}/{token}/messages/{id}."""
        url = f"{self._hook(account)}/messages/{receipt.external_id}"
        reply = self._poster(account.access_token).call("DELETE", url, safe=True)
        if not gone(reply):
            raise refusal(reply)

    def _poster(self, token: str) -> Poster:
        return Poster(self.wire, self.options["DISCORD_WEBHOOK_AGENT"], hidden=(token,))

    def _hook(self, account: Account) -> str:
        number = account.external_id.rpartition("/")[2]
        return self._api(f"/webhooks/{number}/{account.access_token}")

    def _api(self, path: str) -> str:
        return self.options["DISCORD_WEBHOOK_API_URL"].rstrip("/") + path

    def _web(self) -> str:
        return self.options["DISCORD_WEBHOOK_WEB_URL"].rstrip("/")
