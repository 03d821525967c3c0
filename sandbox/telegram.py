"""The twin of Telegram's Bot API.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.5 and 15 (Bot API 10.1; the
words of errors are likely, not documented). Everybody here owns one channel and one bot, which is
its administrator. Types of pictures are not documented: the twin takes JPEG and PNG. Not played:
rate limits by themselves, videos, parse modes, groups that become supergroups.
"""

from __future__ import annotations

import json
from math import ceil
from typing import Any

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    Twin,
    as_json,
    number_of,
    route,
)
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document

PHOTOS = Sort(("image/jpeg", "image/png"), 10_000_000)
LONGEST, LONGEST_CAPTION = 4096, 1024
REFUSALS = {
    "unauthorized": (401, "Unauthorized"),
    "invalid_grant": (401, "Unauthorized"),
    "forbidden": (400, "Bad Request: chat not found"),
    "rejected": (400, "Bad Request: message is too long"),
    "not_there": (403, "Forbidden: bot is not a member of the channel chat"),
}


def no(status: int, words: str, **parameters: int) -> Answer:
    """A refusal."""
    body: Document = {"ok": False, "error_code": status, "description": words}
    return as_json({**body, "parameters": parameters} if parameters else body, status)


def bad(words: str) -> RefusalError:
    """A refusal of what was sent."""
    return RefusalError(no(400, f"Bad Request: {words}"))


def yes(result: Any) -> Answer:
    """What was asked for."""
    return as_json({"ok": True, "result": result})


def length(text: str) -> int:
    """How Telegram counts: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Telegram(Twin):
    """Telegram: the bot's token in the address, no way to look anything up."""

    name = "telegram"
    label = "Telegram"
    colour = "#24a1de"
    hint = "Bot token 4242:practice-ada, channel @ada_practice (or bo instead of ada)."
    unplayed = frozenset({"misconfigured"})

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}_practice", f"-100{number_of(name)[:10]}")

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "throttled":
            seconds = max(1, ceil(scene.reset_at - scene.request.at))
            words = f"Too Many Requests: retry after {seconds}"
            return no(429, words, retry_after=seconds)
        return no(*REFUSALS.get(kind, (500, "Internal Server Error")))

    # Bots

    def grant(self, person: Person, request: Request) -> Document:
        token = f"4242:practice-{person.name}"
        self.put("grant", token, {"id": token, "person": person.name, "alive": True}, person.name)
        return {"access_token": token}

    def owner(self, request: Request) -> Person:
        """Whose bot speaks, by the token in the address."""
        token = request.params["token"]
        number, colon, rest = token.partition(":")
        name = rest.removeprefix("practice-")
        if not number.isdigit() or not colon:
            raise RefusalError(no(404, "Not Found"))
        person = next((p for p in self.people() if p.name == name), None)
        if person is None or number != "4242":
            raise RefusalError(self.dialect("unauthorized", Scene(request)))
        known = self.get("grant", token)
        if known is None:
            self.grant(person, request)
        elif not known["alive"]:
            raise RefusalError(self.dialect("unauthorized", Scene(request)))
        return person

    def chat(self, request: Request, asked: object) -> Person:
        """The channel that is meant, which must be one that the bot is in."""
        owner, mark = self.owner(request), str(asked).lstrip("@")
        found = self.person_by(mark)
        if found is None:
            raise bad("chat not found")
        if found.id != owner.id:
            raise RefusalError(self.dialect("not_there", Scene(request)))
        return found

    @route("GET", "/bot{token}/getMe", "token")
    def me(self, request: Request) -> Answer:
        person = self.owner(request)
        name = f"{person.name}_practice_bot"
        return yes({"id": 4242, "is_bot": True, "first_name": person.display, "username": name})

    @route("GET", "/bot{token}/getChat", "identity")
    def get_chat(self, request: Request) -> Answer:
        return yes(about(self.chat(request, request.query.get("chat_id", ""))))

    @route("GET", "/bot{token}/getChatMember", "identity")
    def member(self, request: Request) -> Answer:
        self.chat(request, request.query.get("chat_id", ""))
        if request.query.get("user_id") != "4242":
            raise bad("user not found")
        user = {"id": 4242, "is_bot": True, "first_name": "Bot"}
        return yes({"status": "administrator", "user": user, "can_post_messages": True})

    # Messages

    @route("POST", "/bot{token}/sendMessage", "publish")
    def send_message(self, request: Request) -> Answer:
        asked = request.fields()
        chat, text = self.chat(request, asked.get("chat_id", "")), str(asked.get("text", ""))
        if not text.strip():
            raise bad("message text is empty")
        if length(text) > LONGEST:
            raise bad("message is too long")
        preview = asked.get("link_preview_options") or {}
        more = {"reply_to": self.above(asked, chat), "link": str(preview.get("url", ""))}
        [number] = self.numbers(chat, 1, request)
        self.pin(chat, [number], text, request, **more)
        return yes({**message(chat, number, request), "text": text})

    @route("POST", "/bot{token}/sendPhoto", "publish")
    def send_photo(self, request: Request) -> Answer:
        fields, files = parts(request)
        chat = self.chat(request, fields.get("chat_id", ""))
        if set(files) != {"photo"}:
            raise bad("there is no photo in the request")
        caption = self.caption(fields.get("caption", ""))
        [number] = self.album(chat, [files["photo"]], caption, fields, request)
        return yes({**message(chat, number, request), "caption": caption, "photo": []})

    @route("POST", "/bot{token}/sendMediaGroup", "publish")
    def send_album(self, request: Request) -> Answer:
        fields, files = parts(request)
        chat = self.chat(request, fields.get("chat_id", ""))
        album = json.loads(fields.get("media", "[]"))
        if not 2 <= len(album) <= 10:
            raise bad("wrong number of messages in the group")
        names = [one["media"].removeprefix("attach://") for one in album]
        if any(one["type"] != "photo" for one in album) or set(names) != set(files):
            raise bad("wrong file identifier/HTTP URL specified")
        captions = [self.caption(one.get("caption", "")) for one in album]
        whole = [files[name] for name in names]
        sent = self.album(chat, whole, captions[0], fields, request)
        return yes([{**message(chat, number, request), "photo": []} for number in sent])

    def caption(self, text: str) -> str:
        """A caption that is not too long."""
        if length(text) > LONGEST_CAPTION:
            raise bad("message caption is too long")
        return text

    def album(
        self, chat: Person, files: list[bytes], text: str, fields: Document, request: Request
    ) -> list[int]:
        """Messages with a photo each, which readers see as one."""
        for data in files:
            if fault := PHOTOS.fault(sight(data), len(data)):
                raise bad("IMAGE_PROCESS_FAILED" if fault == "type" else "file is too big")
        asked = {**fields, "reply_parameters": json.loads(fields.get("reply_parameters", "{}"))}
        above, sent = self.above(asked, chat), self.numbers(chat, len(files), request)
        media = [
            self.shelf.put(f"{chat.id}.{number}", chat.id, data, request.at)
            for number, data in zip(sent, files, strict=True)
        ]
        self.pin(chat, sent, text, request, reply_to=above, media=media)
        return sent

    def numbers(self, chat: Person, count: int, request: Request) -> list[int]:
        """The next numbers of messages."""
        return [self.store.next_number(self.name, request.at) for _ in range(count)]

    def pin(self, chat: Person, sent: list[int], text: str, request: Request, **more: Any) -> None:
        """Put a message or an album on the board, under the numbers of all its messages."""
        name = ",".join(str(number) for number in sent)
        for number in sent:
            self.put("message", str(number), {"post": name, "chat": chat.id})
        self.receive(chat, name, text, f"/{chat.handle}/{sent[0]}", request.at, **more)

    def above(self, asked: Document, chat: Person) -> str:
        """The post that is answered; "" if none."""
        if not (number := (asked.get("reply_parameters") or {}).get("message_id")):
            return ""
        known = self.get("message", str(number))
        if known is None or known["chat"] != chat.id:
            raise bad("message to be replied not found")
        return str(known["post"])

    @route("POST", "/bot{token}/deleteMessage", "delete")
    def delete(self, request: Request) -> Answer:
        asked = request.fields()
        chat, number = self.chat(request, asked.get("chat_id", "")), str(asked.get("message_id"))
        known = self.get("message", number)
        if known is None or known["chat"] != chat.id:
            raise bad("message to delete not found")
        self.store.drop(self.name, "message", number)
        self.board.take_down(self.name, known["post"])
        return yes(result=True)

    @route("GET", "/{handle}/{id}")
    def show(self, request: Request) -> Answer:
        known = self.get("message", request.params["id"]) or {"post": ""}
        return page.permalink(self, self.board.post(self.name, known["post"]))


def parts(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """The words and the files of a form."""
    every = request.parts().items()
    words = {name: part.text for name, part in every if not part.filename}
    return words, {name: part.data for name, part in every if part.filename}


def about(chat: Person) -> Document:
    """A channel as the API shows it."""
    known = {"id": int(chat.id), "type": "channel"}
    return {**known, "title": chat.display, "username": chat.handle}


def message(chat: Person, number: int, request: Request) -> Document:
    """A message as the API shows it."""
    return {"message_id": number, "date": int(request.at), "chat": about(chat)}
