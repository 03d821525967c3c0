"""The twin of Slack's Web API.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.4, 1.5, 17 and 21, and from
docs.slack.dev (image block, Slack file object, conversations.replies). Everybody here has a
workspace with two public channels. Refusals come with HTTP 200, as Slack sends them. A text above
40,000 characters is cut off. Not played: private channels, user tokens, incoming webhooks, rate
limits by themselves.
"""

from __future__ import annotations

import html
from typing import Any

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Client, OAuthTwin, Why
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document

PICTURES = Sort(("image/jpeg", "image/png", "image/gif"), 1_000_000_000)
CUT, SECTION, BLOCKS, ALT = 40_000, 3000, 50, 2000
REFUSALS = {
    "unauthorized": "token_expired",
    "forbidden": "is_archived",
    "weak_scope": "missing_scope",
    "rejected": "msg_too_long",
    "misconfigured": "invalid_client_id",
    "invalid_grant": "invalid_refresh_token",
}


def no(error: str, status: int = 200) -> Answer:
    """A refusal."""
    return as_json({"ok": False, "error": error}, status)


def refuse(error: str) -> RefusalError:
    """The same, to be raised."""
    return RefusalError(no(error))


class Slack(OAuthTwin):
    """Slack: rotation, channels, messages with metadata, files that blocks show."""

    name = "slack"
    label = "Slack"
    colour = "#611f69"
    hint = "App: practice-client, secret practice-secret. Everybody has two channels."
    lifetime_s = 43_200
    rotates = True
    scopes = ("chat:write", "chat:write.public", "channels:read", "channels:history", "files:write")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}-news", f"C{number_of(name)[:10]}")

    def accounts(self, person: Person) -> list[Person]:
        other = Person(person.name, person.display, f"{person.name}-random", f"{person.id}R")
        return [person, other]

    def client(self, client_id: str) -> Client | None:
        known = client_id == "practice-client"
        return Client(client_id, "practice-secret", "Postrider") if known else None

    def no(self, why: Why) -> Answer:
        known = {"bad_client": "bad_client_secret", "bad_grant": "invalid_refresh_token"}
        return no(known.get(why, "invalid_arguments"))

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "throttled":
            seconds = str(max(1, round(scene.reset_at - scene.request.at)))
            return no("ratelimited", 429).with_headers(("Retry-After", seconds))
        return no(REFUSALS[kind]) if kind in REFUSALS else no("internal_error", 500)

    # The dance; scopes are separated by commas

    def may_ask(self, client: Client | None, wanted: str) -> bool:
        return super().may_ask(client, wanted.replace(",", " "))

    def begin(self, person: str, client_id: str, scope: str, at: float) -> Document:
        return super().begin(person, client_id, scope.replace(",", " "), at)

    def lasts(self, grant: Document) -> bool:
        return True

    @route("GET", "/oauth/v2/authorize")
    @route("POST", "/oauth/v2/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/api/oauth.v2.access", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        whole = super().issue(grant, at)
        person = self.person(grant["person"])
        known = {"ok": True, "token_type": "bot", "bot_user_id": f"U{person.name}", "app_id": "A1"}
        known |= {"team": self.team(person), "enterprise": None, "expires_in": self.lifetime_s}
        scope = whole["scope"].replace(" ", ",")
        return {**whole, **known, "scope": scope, "authed_user": {"id": f"W{person.name}"}}

    def team(self, person: Person) -> Document:
        """The workspace of somebody."""
        return {"id": f"T{number_of(person.name)[:10]}", "name": person.display}

    @route("POST", "/api/auth.revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        self.who(request)
        self.revoke_token(request.bearer())
        return as_json({"ok": True, "revoked": True})

    @route("GET", "/api/auth.test", "identity")
    def test(self, request: Request) -> Answer:
        person = self.who(request)
        team, user = self.team(person), f"{person.name}-app"
        known = {"ok": True, "url": f"{request.base}/", "team": team["name"], "user": user}
        ids = {"team_id": team["id"], "user_id": f"U{person.name}", "bot_id": f"B{person.name}"}
        return as_json({**known, **ids})

    @route("GET", "/api/conversations.list", "identity")
    def channels(self, request: Request) -> Answer:
        person = self.who(request, "channels:read")
        every = self.accounts(person)
        place = int(request.query.get("cursor") or 0)
        found = [{"id": c.id, "name": c.handle, "is_archived": False} for c in every]
        more = str(place + 1) if place + 1 < len(every) else ""
        body = {"ok": True, "channels": found[place : place + 1]}  # the harder case: many pages
        return as_json({**body, "response_metadata": {"next_cursor": more}})

    # Files

    @route("POST", "/api/files.getUploadURLExternal", "upload")
    def ask(self, request: Request) -> Answer:
        person, asked = self.who(request, "files:write"), request.fields()
        if not asked.get("filename") or not str(asked.get("length", "")).isdigit():
            return no("invalid_arguments")
        name = f"F{self.store.next_number(self.name, request.at)}"
        self.shelf.begin(name, person.id, request.at, expected=int(asked["length"]))
        return as_json({"ok": True, "upload_url": f"{request.base}/up/{name}", "file_id": name})

    @route("POST", "/up/{id}", "upload")
    def take(self, request: Request) -> Answer:
        name, data = request.params["id"], request.body
        known = self.store.get(self.name, "media", name)
        if known is None or known["ends_at"] <= request.at or known["expected"] != len(data):
            return Answer(400, b"")
        self.shelf.put(name, known["owner"], data, request.at, expected=len(data), done=False)
        return Answer(200, f"OK - {len(data)}".encode())

    @route("POST", "/api/files.completeUploadExternal", "upload")
    def complete(self, request: Request) -> Answer:
        person, asked = self.who(request, "files:write"), request.fields().get("files", [])
        for one in asked:
            known = self.shelf.get(str(one.get("id")), person.id, request.at)
            if known is None or "sha256" not in known:
                return no("file_not_found")
            self.shelf.change(known["id"], done=True)
        return as_json({"ok": True, "files": [{"id": one["id"]} for one in asked]})

    # Messages

    def channel(self, request: Request, asked: Any, scope: str) -> tuple[Person, Person]:
        """Who speaks, and the channel that is meant."""
        person = self.who(request, scope)
        found = next((c for c in self.accounts(person) if c.id == str(asked)), None)
        if found is None:
            raise refuse("channel_not_found")
        return person, found

    @route("POST", "/api/chat.postMessage", "publish")
    def post(self, request: Request) -> Answer:
        asked = request.json()
        person, channel = self.channel(request, asked.get("channel"), "chat:write")
        blocks = asked.get("blocks", [])
        sections = [b["text"]["text"] for b in blocks if b.get("type") == "section"]
        text = "\n".join(sections) if blocks else str(asked.get("text", ""))
        if not text.strip() and not blocks:
            raise refuse("no_text")
        if len(blocks) > BLOCKS or any(len(words) > SECTION for words in sections):
            raise refuse("invalid_blocks")
        above = str(asked.get("thread_ts", ""))
        answered = self.board.post(self.name, above) if above else None
        if above and (answered is None or answered["account"] != channel.id):
            raise refuse("thread_not_found")
        media = [self.shown(person, b, request) for b in blocks if b.get("type") == "image"]
        number = str(self.store.next_number(self.name, request.at))
        ts, plain = f"{number[:-6]}.{number[-6:]}", html.unescape(text[:CUT])
        path = f"/archives/{channel.id}/p{number}"
        more = {"media": media, "reply_to": above, "metadata": asked.get("metadata")}
        post = self.receive(channel, ts, plain, path, request.at, raw=text[:CUT], **more)
        return as_json({"ok": True, "channel": channel.id, "ts": ts, "message": seen(post)})

    def shown(self, person: Person, block: Document, request: Request) -> Document:
        """The file that an image block shows."""
        known = self.shelf.get(str(block["slack_file"]["id"]), person.id, request.at)
        told = block.get("alt_text")
        good = known is not None and known.get("done") and isinstance(told, str)
        if known is None or not good or not 0 < len(str(told)) <= ALT:
            raise refuse("invalid_blocks")
        data = self.store.bytes_of(known["sha256"])
        if PICTURES.fault(sight(data), len(data)):
            raise refuse("invalid_blocks")
        return {**known, "alt": told}

    @route("GET", "/api/conversations.history", "find")
    @route("GET", "/api/conversations.replies", "find")
    def listing(self, request: Request) -> Answer:
        asked = request.query
        _, channel = self.channel(request, asked.get("channel"), "channels:history")
        thread, oldest = asked.get("ts", ""), float(asked.get("oldest", "0"))
        posts = self.board.of(self.name, channel.id)
        inside = [p for p in posts if thread in (p["reply_to"], p["id"] if thread else "")]
        recent = [seen(p) for p in inside if float(p["id"]) >= oldest]
        place, size = int(asked.get("cursor") or 0), int(asked.get("limit", "100"))
        more = place + size < len(recent)
        found = recent[place : place + size]
        cursor = {"next_cursor": str(place + size) if more else ""}
        body = {"ok": True, "messages": found, "has_more": more}
        return as_json({**body, "response_metadata": cursor})

    @route("POST", "/api/chat.delete", "delete")
    def delete(self, request: Request) -> Answer:
        asked = request.json()
        _, channel = self.channel(request, asked.get("channel"), "chat:write")
        post = self.board.post(self.name, str(asked.get("ts", "")))
        if post is None or post["account"] != channel.id:
            return no("message_not_found")
        self.board.take_down(self.name, post["id"])
        return as_json({"ok": True, "channel": channel.id, "ts": post["id"]})

    @route("GET", "/archives/{channel}/p{number}")
    def show(self, request: Request) -> Answer:
        number = request.params["number"]
        return page.permalink(self, self.board.post(self.name, f"{number[:-6]}.{number[-6:]}"))


def seen(post: Document) -> Document:
    """A message as the API shows it."""
    known = {"type": "message", "ts": post["id"], "text": post["raw"], "bot_id": "B1"}
    return {**known, "metadata": post["metadata"]} if post.get("metadata") else known
