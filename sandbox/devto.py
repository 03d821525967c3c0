"""The twin of dev.to (Forem).

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3, 1.5 and 18 (FO: the
server's own source); the longest text is that of its model (800 kilobytes). Not played: front
matter, organisations, series, rate limits by themselves (order them as trouble).
"""

from __future__ import annotations

import re

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    Twin,
    as_json,
    iso,
    number_of,
    route,
)
from sandbox.kit.store import Document

KIND = "application/vnd.forem.api-v1+json"
LONGEST_TITLE, LONGEST_BODY, MOST_TAGS = 128, 800 * 1024, 4
TITLE_S = 300
REFUSALS = {
    "unauthorized": (401, "unauthorized"),
    "invalid_grant": (401, "unauthorized"),
    "forbidden": (403, "Your account has been suspended"),
    "rejected": (422, "Title can't be blank"),
    "throttled": (429, "Retry later"),
}


def no(status: int, words: str) -> Answer:
    """A refusal."""
    return as_json({"error": words, "status": status}, status)


def bad(words: str) -> RefusalError:
    """A refusal of an article."""
    return RefusalError(no(422, words))


class Devto(Twin):
    """dev.to: API keys, articles, three guards against doing it twice."""

    name = "devto"
    label = "dev.to"
    colour = "#3b49df"
    hint = "API key: practice-key-of-ada (or bo)"
    unplayed = frozenset({"misconfigured"})

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}_practice", number_of(name)[:8])

    def dialect(self, kind: str, scene: Scene) -> Answer:
        answer = no(*REFUSALS.get(kind, (500, "Internal Server Error")))
        if kind != "throttled":
            return answer
        seconds = max(1, round(scene.reset_at - scene.request.at))
        return answer.with_headers(("Retry-After", str(seconds)))

    def grant(self, person: Person, request: Request) -> Document:
        key = f"practice-key-of-{person.name}"
        self.put("grant", key, {"id": key, "person": person.name, "alive": True}, person.name)
        return {"access_token": key}

    def who(self, request: Request) -> Person:
        """Whose key this is."""
        if not request.headers.get("user-agent"):
            raise RefusalError(no(403, "Forbidden Bots"))
        key = request.headers.get("api-key", "")
        person = next((p for p in self.people() if key == f"practice-key-of-{p.name}"), None)
        known = self.get("grant", key) or {"alive": True}
        if person is None or not known["alive"] or request.headers.get("accept") != KIND:
            raise RefusalError(self.dialect("unauthorized", Scene(request)))
        if "id" not in known:
            self.grant(person, request)
        return person

    @route("GET", "/api/users/me", "token")
    def me(self, request: Request) -> Answer:
        person = self.who(request)
        picture = f"{request.base}/people/{person.name}.svg"
        known = {"type_of": "user", "id": int(person.id), "username": person.handle}
        return as_json({**known, "name": person.display, "profile_image": picture})

    @route("POST", "/api/articles", "publish")
    def create(self, request: Request) -> Answer:
        person, asked = self.who(request), request.json().get("article", {})
        title, body = str(asked.get("title") or ""), str(asked.get("body_markdown") or "")
        self.accept(person, asked, title, body, request.at)
        number = self.store.next_number(self.name, request.at)
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80] + f"-{number % 46_656:x}"
        path = f"/{person.handle}/{slug}"
        more = {"title": title, "canonical": asked.get("canonical_url") or "", "slug": slug}
        post = self.receive(person, str(number), body, path, request.at, **more)
        self.put("slug", f"{person.handle}/{slug}", {"id": str(number)})
        return as_json(self.shown(post, request), 201)

    def accept(self, person: Person, asked: Document, title: str, body: str, at: float) -> None:
        """Refuse an article that the server would not take."""
        if not title.strip():
            raise bad("Title can't be blank")
        if len(title) > LONGEST_TITLE:
            raise bad("Title is too long (maximum is 128 characters)")
        if len(body.encode()) > LONGEST_BODY:
            raise bad("Body markdown is too long.")
        if len(asked.get("tags", [])) > MOST_TAGS:
            raise bad("Tag list exceed the maximum of 4 tags")
        mine = self.board.of(self.name, person.id)
        if any(p["title"] == title and p["text"] == body for p in mine):
            raise bad("Body markdown has already been taken")
        if any(p["title"] == title and p["received_at"] > at - TITLE_S for p in mine):
            raise bad("Title has already been used in the last five minutes")
        taken = {p.get("canonical") for p in self.store.newest("post", self.name)} - {""}
        if asked.get("canonical_url") in taken:
            raise bad("Canonical url has already been taken")

    def shown(self, post: Document, request: Request) -> Document:
        """An article as the API shows it after a change."""
        known = {"type_of": "article", "id": int(post["id"]), "title": post["title"]}
        known |= {"slug": post["slug"], "path": post["path"], "url": request.base + post["path"]}
        known |= {"canonical_url": post["canonical"] or request.base + post["path"]}
        return {**known, "published_at": iso(post["received_at"])}

    @route("GET", "/api/articles/me/all", "find")
    def mine(self, request: Request) -> Answer:
        person, asked = self.who(request), request.query
        size, number = int(asked.get("per_page", "30")), int(asked.get("page", "1"))
        every = self.board.of(self.name, person.id)[(number - 1) * size : number * size]
        more = [{"published": True, "body_markdown": post["text"]} for post in every]
        shown = [self.shown(post, request) for post in every]
        return as_json([{**one, **body} for one, body in zip(shown, more, strict=True)])

    @route("PUT", "/api/articles/{id}", "delete")
    def update(self, request: Request) -> Answer:
        person, asked = self.who(request), request.json().get("article", {})
        post = self.board.post(self.name, request.params["id"])
        if post is None or post["account"] != person.id:
            return no(404, "not found")
        if asked != {"published": False}:
            raise bad("The twin plays nothing but taking back.")
        self.board.take_down(self.name, post["id"])
        return as_json({**self.shown(post, request), "published_at": None})

    @route("GET", "/{handle}/{slug}")
    def show(self, request: Request) -> Answer:
        named = f"{request.params['handle']}/{request.params['slug']}"
        known = self.get("slug", named) or {"id": ""}
        return page.permalink(self, self.board.post(self.name, known["id"]))
