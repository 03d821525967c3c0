"""Channels of a chat, from the network's side: messages with files, their refusals, their page.

From `networks.md` of 2026-11-21, section 16, and the OpenAPI file of discord/discord-api-spec
@74fda0f. A file of any type is taken; which are shown as pictures, clients decide. Not played:
embeds, forum channels, a text that only the OpenAPI file allows, rate limits by themselves.
"""

from __future__ import annotations

import json
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
    as_page,
    number_of,
    route,
)
from sandbox.kit.store import Document

MEBIBYTE = 1_048_576
LARGEST_FILE, LARGEST_REQUEST = 10 * MEBIBYTE, 25 * MEBIBYTE
LONGEST, LONGEST_ALT, MOST_FILES = 2000, 1024, 10
REFUSALS = {
    "unauthorized": (401, 0, "401: Unauthorized"),
    "invalid_grant": (401, 0, "401: Unauthorized"),
    "forbidden": (404, 10003, "Unknown Channel"),
    "no_access": (403, 50001, "Missing Access"),
    "rejected": (400, 50035, "Invalid Form Body"),
    "error": (500, 0, "500: Internal Server Error"),
}


def no(status: int, code: int, words: str, **more: Any) -> Answer:
    """A refusal with its code."""
    return as_json({"message": words, "code": code, **more}, status)


def bad(words: str) -> RefusalError:
    """A refusal of a form body, with the tree of errors that the documents show."""
    tree = {"content": {"_errors": [{"code": "BASE_TYPE_BAD", "message": words}]}}
    return RefusalError(no(400, 50035, f"Invalid Form Body: {words}", errors=tree))


class ChannelTwin(Twin):
    """Everybody has one channel in a server of their own."""

    unplayed = frozenset({"misconfigured"})

    def describe(self, name: str, display: str) -> Person:
        known = {"ada": "4242000000000000001", "bo": "4242000000000000002"}
        channel = known.get(name, f"4242{number_of(name)[:14]}")
        return Person(name, display, f"{name}-news", f"{self.guild(name)}/{channel}")

    def guild(self, name: str) -> str:
        """The server that somebody's channel belongs to."""
        return f"77{number_of(name)[:12]}"

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "throttled":
            left = max(0.0, scene.reset_at - scene.request.at)
            words = "You are being rate limited."
            answer = as_json({"message": words, "retry_after": left, "global": False}, 429)
            hints = {"Limit": "5", "Remaining": "0", "Reset": f"{scene.reset_at:.3f}"}
            hints |= {"Reset-After": f"{left:.3f}", "Bucket": "practice", "Scope": "user"}
            return answer.with_headers(*((f"X-RateLimit-{k}", v) for k, v in hints.items()))
        return no(*REFUSALS.get(kind, REFUSALS["error"]))

    def polite(self, request: Request) -> None:
        """Turn away who does not say to be a bot, as the guard before the API may do."""
        if not request.headers.get("user-agent", "").startswith("DiscordBot ("):
            raise RefusalError(as_page(page.notice("Access denied", "Error 1010"), 403))

    def taken(self, request: Request, person: Person) -> Document:
        """The message in a request, with its files on the shelf."""
        if len(request.body) > LARGEST_REQUEST:
            raise RefusalError(no(413, 40005, "Request entity too large"))
        parts = request.parts()
        asked = json.loads(parts["payload_json"].text) if parts else request.json()
        files = {n: part for n, part in parts.items() if n.startswith("files[")}
        text = str(asked.get("content") or "")
        if not text.strip() and not files:
            raise RefusalError(no(400, 50006, "Cannot send an empty message"))
        if len(text) > LONGEST:
            raise bad("Must be 2000 or fewer in length.")
        if asked.get("allowed_mentions") != {"parse": []}:
            raise bad("The twin wants mentions to be switched off.")
        if len(files) > MOST_FILES:
            raise bad("Must be 10 or fewer in length.")
        about = {f"files[{one['id']}]": one for one in asked.get("attachments", [])}
        if set(about) != set(files):
            raise bad("attachments do not belong to the files")
        media = [self.file(request, person, part.data, about[n]) for n, part in files.items()]
        return {**asked, "content": text, "media": media}

    def file(self, request: Request, person: Person, data: bytes, about: Document) -> Document:
        """One file, if it is neither too large nor described at too great length."""
        if len(data) > LARGEST_FILE:
            raise RefusalError(no(413, 40005, "Request entity too large"))
        if len(str(about.get("description", ""))) > LONGEST_ALT:
            raise bad("Must be 1024 or fewer in length.")
        name = str(self.store.next_number(self.name, request.at))
        more = {"filename": about["filename"], "alt": about.get("description", "")}
        self.shelf.put(name, person.id, data, request.at)
        self.shelf.change(name, **more)
        return self.shelf.get(name, person.id, request.at) or {}

    def sent(self, request: Request, person: Person, asked: Document, **more: Any) -> Document:
        """Put a message into somebody's channel."""
        number = str(self.store.next_number(self.name, request.at))
        path = f"/channels/{person.id}/{number}"
        names = [one["filename"] for one in asked["media"]]
        more |= {"media": asked["media"], "filenames": names}
        return self.receive(person, number, asked["content"], path, request.at, **more)

    def taken_back(self, person: Person, number: str) -> Answer:
        """Delete a message of somebody's channel."""
        post = self.board.post(self.name, number)
        if post is None or post["account"] != person.id:
            return no(404, 10008, "Unknown Message")
        self.board.take_down(self.name, number)
        return Answer(204)

    def shown(self, post: Document, author: Document) -> Document:
        """A message as the API shows it."""
        files = [
            {"id": m["id"], "filename": name, "size": m["size"], "url": "", "proxy_url": ""}
            | ({"description": m["alt"]} if m["alt"] else {})
            for m, name in zip(post["media"], post["filenames"], strict=True)
        ]
        bare: Document = {name: [] for name in ("mentions", "mention_roles", "embeds")}
        bare |= {"components": [], "edited_timestamp": None, "type": 0, "flags": 0, "tts": False}
        bare |= {"pinned": False, "mention_everyone": False, "attachments": files}
        known = {"id": post["id"], "content": post["text"], "author": author}
        channel = post["account"].rpartition("/")[2]
        return {**bare, **known, "channel_id": channel, "timestamp": post["created_at"]}

    @route("GET", "/channels/{guild}/{channel}/{id}")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))
