"""Telegram: a bot speaks in one channel or group; what it has sent cannot be looked up.

Facts: Bot API 10.1 (2026-06-11, as PaulSonOfLars/telegram-bot-api-spec @160fd99 has it), the Bots
FAQ, networks.md of 2026-11-21, section 15; the words of its errors are likely, not documented. A
post in doubt stays a person's to decide. Not told: which types of pictures are taken (these two
are what clients send), the exact limits. Not offered: alternative texts (there is no field for
them) and videos. Pictures of one post go up in one request, hence the limit on all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from providers.kit.contract import (
    Account,
    Field,
    Grant,
    Identity,
    ImageRule,
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
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.rates import Cap, retry_after
from providers.kit.uploads import File

TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
CHAT = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,63}|-?[0-9]{1,20}")
READD = ("bot was kicked", "bot was blocked", "bot is not a member", "need administrator rights")
PRIVATE = "-100"  # how the ids of channels and supergroups begin


class Telegram(Provider):
    """A Telegram channel or group, through a bot of its owner."""

    name = "telegram"
    label = "Telegram"
    colour = "#229ed9"
    limits = Limits(
        TextRule(limit=4096, unit=Unit.UTF16),
        images=ImageRule(
            10,
            ("image/jpeg", "image/png"),
            10_000_000,
            alt_limit=None,
            max_side=5000,  # width and height together are at most 10,000
            min_aspect=1 / 20,
            max_aspect=20,
            most_bytes=40_000_000,  # ours: what can be sent within one deadline
        ),
        caption=TextRule(limit=1024, unit=Unit.UTF16),
        links=True,
        replies=True,
    )
    key_in_address = True
    caps = (Cap(1, timedelta(seconds=1)), Cap(20, timedelta(minutes=1)))
    """What the Bots FAQ asks of a bot: 1 message a second in a chat, 20 a minute in a group."""
    settings = (
        Setting(
            "TELEGRAM_API_URL",
            "Base URL of the Bot API",
            default="https://api.telegram.org",
            practice="{street}/telegram",
        ),
        Setting(
            "TELEGRAM_WEB_URL",
            "Where posts are read",
            default="https://t.me",
            practice="{street}/telegram",
        ),
    )
    fields = (
        Field(
            "token",
            "Bot token",
            help="From @BotFather, for example 123456:ABC-DEF",
            secret=True,
            practice="4242:practice-ada",
        ),
        Field(
            "chat",
            "Channel or group",
            help="Its @name, or its number, which begins with -100",
            practice="@ada_practice",
            again="id",
        ),
    )

    def sign_in(self, values: Mapping[str, str]) -> tuple[Grant, Identity]:
        """getMe, getChat and getChatMember: is the bot there, and may it post?"""
        token, chat = values.get("token", "").strip(), _chat(values.get("chat", ""))
        if not TOKEN.fullmatch(token):
            raise Unauthorized("This is not a bot token; @BotFather shows it as 123456:ABC-DEF.")
        me = self._object(self._ask("getMe", token))
        about = self._object(self._ask("getChat", token, params={"chat_id": chat}))
        query = {"chat_id": str(about.get("id", "")), "user_id": str(me.get("id", ""))}
        member = self._object(self._ask("getChatMember", token, params=query))
        if not _may_post(text_in(about, "type"), member):
            words = "The bot may not post there: make it an administrator who may post messages."
            raise Forbidden(words)
        name = text_in(about, "username")
        identity = Identity(
            external_id=query["chat_id"],
            handle=f"@{name}" if name else text_in(about, "title") or query["chat_id"],
            name=text_in(about, "title") or text_in(about, "first_name"),
            url=f"{self._web()}/{name}" if name else "",
        )
        return Grant(token), identity

    def publish(self, message: Message, account: Account) -> Receipt:
        """sendMessage, sendPhoto or sendMediaGroup; one request, which nothing can repeat."""
        name, form, files = _request(message)
        chat = message.saved.get("chat") or account.external_id
        reply = self._send(name, account, {"chat_id": chat, **form}, files)
        if moved := _moved(reply):
            message.saved.keep("chat", moved)  # refused for certain: nothing was sent
            reply = self._send(name, account, {"chat_id": moved, **form}, files)
        told = self._result(reply)
        sent = told if isinstance(told, list) else [told]
        ids = [str(one["message_id"]) for one in sent if _has_id(one)]
        if not ids or len(ids) < len(sent):
            raise reply.unreadable()
        return Receipt(",".join(ids), self._link(sent[0].get("chat"), ids[0]))

    def delete(self, receipt: Receipt, account: Account) -> None:
        """deleteMessage, for each message of an album; Telegram allows it for 48 hours."""
        for number in receipt.external_id.split(","):
            form = {"chat_id": account.external_id, "message_id": number}
            reply = self._ask("deleteMessage", account.access_token, safe=True, json=form)
            if moved := _moved(reply):
                form["chat_id"] = moved
                reply = self._ask("deleteMessage", account.access_token, safe=True, json=form)
            if "message to delete not found" not in _said(reply).lower():
                self._result(reply)

    def _send(
        self, name: str, account: Account, form: dict[str, Any], files: dict[str, File]
    ) -> Reply:
        if not files:
            return self._ask(name, account.access_token, safe=False, json=form)
        lines = {k: v if isinstance(v, str) else json.dumps(v) for k, v in form.items()}
        return self._ask(name, account.access_token, safe=False, form=lines, files=files)

    def _ask(self, name: str, token: str, *, safe: bool = True, **load: Any) -> Reply:
        """One call; the token stands in the address and never in words."""
        url = f"{self.options['TELEGRAM_API_URL'].rstrip('/')}/bot{token}/{name}"
        method = "POST" if {"json", "form"} & load.keys() else "GET"
        return self.wire.call(method, url, safe=safe, secrets=(token,), **load)

    def _object(self, reply: Reply) -> dict[str, Any]:
        found = self._result(reply)
        if not isinstance(found, dict) or not found:
            raise reply.unreadable()
        return found

    def _result(self, reply: Reply) -> Any:
        """What stands under `result`; an answer without `ok` is none."""
        data = reply.maybe_json()
        if not reply.ok or data.get("ok") is False:
            raise _refusal(reply)
        if data.get("ok") is not True or "result" not in data:
            raise reply.unreadable()
        return data["result"]

    def _link(self, chat: object, number: str) -> str:
        """Where the post is read; small groups have no such page."""
        if name := text_in(chat, "username"):
            return f"{self._web()}/{name}/{number}"
        inner = str(chat.get("id", "")) if isinstance(chat, Mapping) else ""
        if inner.startswith(PRIVATE):
            return f"{self._web()}/c/{inner.removeprefix(PRIVATE)}/{number}"
        return ""

    def _web(self) -> str:
        return self.options["TELEGRAM_WEB_URL"].rstrip("/")


def _chat(typed: str) -> str:
    """The channel behind @name, name, https://t.me/name or a number."""
    said = re.sub(r"^(https?://)?(t\.me|telegram\.me)/", "", typed.strip()).strip("/")
    chat = said if re.match(r"[@0-9-]", said) else f"@{said}"
    if not CHAT.fullmatch(chat):
        raise Rejected("Type the channel's @name, or its number, which begins with -100.")
    return chat


def _may_post(kind: str, member: Mapping[str, Any]) -> bool:
    """Whether the bot may post: in a channel as an administrator, elsewhere by being there."""
    status = text_in(member, "status")
    if kind == "channel":
        return status == "creator" or (
            status == "administrator" and member.get("can_post_messages") is not False
        )
    return status not in ("left", "kicked")


def _request(message: Message) -> tuple[str, dict[str, Any], dict[str, File]]:
    """The method to call for a message, and what goes with it."""
    more: dict[str, Any] = {}
    if message.reply_to:
        first = message.reply_to.external_id.partition(",")[0]
        more["reply_parameters"] = {"message_id": int(first)}
    if not message.media:
        if message.link:
            more["link_preview_options"] = {"url": message.link}
        return "sendMessage", {"text": message.text, **more}, {}
    caption = {"caption": message.text} if message.text else {}
    if len(message.media) == 1:
        return "sendPhoto", {**caption, **more}, {"photo": File.of(message.media[0])}
    files = {f"f{n}": File.of(media) for n, media in enumerate(message.media)}
    album = [{"type": "photo", "media": f"attach://{name}"} for name in files]
    album[0] |= caption
    return "sendMediaGroup", {"media": album, **more}, files


def _has_id(data: object) -> bool:
    number = data.get("message_id") if isinstance(data, Mapping) else None
    return isinstance(number, int) and not isinstance(number, bool)


def _moved(reply: Reply) -> str:
    """The new number of a group that became a supergroup; "" for every other answer."""
    new = _parameter(reply, "migrate_to_chat_id")
    return str(new) if new and not reply.ok else ""


def _parameter(reply: Reply, name: str) -> int | None:
    """A number beside a refusal."""
    told = reply.maybe_json().get("parameters")
    value = told.get(name) if isinstance(told, Mapping) else None
    return value if isinstance(value, int) else None


def _said(reply: Reply) -> str:
    return text_in(reply.maybe_json(), "description")


def _refusal(reply: Reply) -> NetworkError:
    """The error table of Telegram; what its words say comes before the number."""
    said, told = reply.said("description"), reply.maybe_json().get("error_code")
    status = told if isinstance(told, int) else reply.status
    if status == 429:
        seconds = _parameter(reply, "retry_after")
        wait = retry_after(reply) if seconds is None else timedelta(seconds=min(seconds, 86_400))
        return Throttled(said, wait=wait, status=status)
    if status >= 500:
        return reply.troubled()
    if any(words in said.lower() for words in READD) or status == 403:
        words = f"{said}. Add the bot to the chat again, as an administrator who may post."
        return Unauthorized(words, status=status)
    if "chat not found" in said.lower():
        return Forbidden(said, status=status)
    if status in (401, 404):
        return Unauthorized(said, status=status)
    if status in (400, 413):
        return Rejected(said, status=status)
    return Unexpected(f"Telegram answered {status}: {said}", status=status)
