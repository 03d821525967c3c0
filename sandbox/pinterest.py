"""The twin of Pinterest (API v5).

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 11 and 21, and from
Pinterest's OpenAPI description 5.23.0 that its section 1.1 names. Neither says how a dead refresh
token or a wrong app is answered: bodies and words are this twin's own there. Not played: videos,
pictures in base64, sections, advertising, trial access (order it as trouble).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

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
from sandbox.kit.shelf import Shelf, Sort, sight
from sandbox.kit.store import Document

LONGEST = {"title": 100, "description": 800, "link": 2048, "alt_text": 500}
KEYS = {"board_id", "media_source", "board_section_id", "dominant_color", "parent_pin_id", *LONGEST}
PICTURES = Sort(("image/jpeg", "image/png"), 64 * 1024 * 1024)
BOARDS = ("Practice Board", "Ideas")
REFRESH_LIVES_S = 5_184_000

REFUSALS = {
    "unauthorized": (401, 2, "Authentication failed."),
    "forbidden": (403, 29, "You are not permitted to access that resource."),
    "weak_scope": (403, 29, "Your token is missing a scope."),
    "rejected": (400, 1, "Invalid parameters: the image could not be fetched."),
    "misconfigured": (403, 29, "Your application consumer type is not supported: trial access."),
    "throttled": (429, 8, "You have exceeded your rate limit. Try again later."),
}


def error(status: int, code: int, words: str) -> Answer:
    """A refusal of the API."""
    return as_json({"code": code, "message": words}, status)


def invalid(words: str) -> RefusalError:
    """The pin is not acceptable."""
    return RefusalError(error(400, 1, f"Invalid parameters: {words}"))


class Pinterest(OAuthTwin):
    """Pinterest: rotating refresh tokens, commas between scopes, pictures by address."""

    name = "pinterest"
    label = "Pinterest"
    colour = "#bd081c"
    hint = "App: practice-client, secret practice-secret. Everybody has a Practice Board."
    lifetime_s = 2_592_000
    rotates = True
    hints = False
    pkce_methods = ()
    client_auth = ("basic",)
    scopes: ClassVar[tuple[str, ...]] = (
        *("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read"),
    )

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}practice", number_of(name))

    def client(self, client_id: str) -> Client | None:
        if client_id != "practice-client":
            return None
        return Client(client_id, "practice-secret", "Postrider")

    def lasts(self, grant: Document) -> bool:
        return True

    def no(self, why: Why) -> Answer:
        if why == "bad_client":
            return error(401, 2, "Authentication failed.")
        return error(400, 1, "The authorization code or refresh token is not valid.")

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if scene.purpose == "token" and kind in ("misconfigured", "invalid_grant"):
            return self.no("bad_client" if kind == "misconfigured" else "bad_grant")
        return error(*REFUSALS.get(kind, (500, 12, "Practice trouble.")))

    # The dance

    @route("GET", "/oauth/")
    @route("POST", "/oauth/")
    def authorize(self, request: Request) -> Answer:
        scope = request.query.get("scope", "").replace(",", " ")
        return self.consent(replace(request, query={**request.query, "scope": scope}))

    @route("POST", "/v5/oauth/token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        answer = {**super().issue(grant, at), "token_type": "bearer", "expires_in": self.lifetime_s}
        answer["scope"] = answer["scope"].replace(" ", ",")
        answer["response_type"] = "authorization_code"
        answer["refresh_token_expires_in"] = REFRESH_LIVES_S
        return {**answer, "refresh_token_expires_at": int(at) + REFRESH_LIVES_S}

    def rotate(self, refresh_token: str, client: Client, at: float) -> Document:
        fresh = super().rotate(refresh_token, client, at)
        return {**fresh, "response_type": "refresh_token"}

    # The API

    @route("GET", "/v5/user_account", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request, "user_accounts:read")
        known = {"id": person.id, "username": person.handle, "account_type": "BUSINESS"}
        picture = f"{request.base}/people/{person.name}.svg"
        return as_json({**known, "business_name": person.display, "profile_image": picture})

    @route("GET", "/v5/boards", "identity")
    def list_boards(self, request: Request) -> Answer:
        person = self.who(request, "boards:read")
        found = [{"id": k, "name": v, "privacy": "PUBLIC"} for k, v in boards(person).items()]
        return as_json({"items": found, "bookmark": None})

    @route("POST", "/v5/pins", "publish")
    def create(self, request: Request) -> Answer:
        person = self.who(request, "pins:write")
        pin = accepted(request.json())
        if pin["board_id"] not in boards(person):
            return error(404, 40, "Board not found.")
        number = str(self.store.next_number(self.name, request.at))
        media = [
            self.shelf.put(f"{number}-{place}", person.id, data, request.at, alt=pin["alt_text"])
            for place, data in enumerate(pictures(pin["media_source"], self.shelf))
        ]
        more = {"title": pin["title"], "link": pin["link"], "board": pin["board_id"]}
        path = f"/pin/{number}/"
        post = self.receive(
            person, number, pin["description"], path, request.at, media=media, **more
        )
        return as_json(shown(post), 201)

    @route("GET", "/v5/boards/{id}/pins", "find")
    def list_pins(self, request: Request) -> Answer:
        person = self.who(request, "pins:read")
        if request.params["id"] not in boards(person):
            return error(404, 40, "Board not found.")
        size, mark = request.query.get("page_size", "25"), request.query.get("bookmark", "0")
        if not size.isdigit() or not 1 <= int(size) <= 250:
            raise invalid("page_size is not between 1 and 250")
        first = int(mark) if mark.isdigit() else 0
        mine = self.board.of(self.name, person.id)
        pins = [shown(p) for p in mine if p["board"] == request.params["id"]]
        more = str(first + int(size)) if len(pins) > first + int(size) else None
        return as_json({"items": pins[first : first + int(size)], "bookmark": more})

    @route("DELETE", "/v5/pins/{id}", "delete")
    def delete(self, request: Request) -> Answer:
        person = self.who(request, "pins:write")
        pin = self.board.post(self.name, request.params["id"])
        if pin is None or pin["account"] != person.id:
            return error(404, 50, "Pin not found.")
        self.board.take_down(self.name, pin["id"])
        return Answer(204)

    @route("GET", "/pin/{id}/")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))


def boards(person: Person) -> dict[str, str]:
    """The boards of somebody, by number."""
    return {number_of(f"{person.name} {board}"): board for board in BOARDS}


def accepted(body: Document) -> Document:
    """The pin of a request, once its words are found to be in order."""
    if extra := sorted(set(body) - KEYS):
        raise invalid(f"{', '.join(extra)} is not known")
    pin = {name: body.get(name) or "" for name in LONGEST}
    for name, most in LONGEST.items():
        if not isinstance(pin[name], str) or len(pin[name]) > most:
            raise invalid(f"{name} is longer than {most}")
    source = body.get("media_source")
    if not isinstance(source, dict):
        raise invalid("media_source is missing")
    return {**pin, "board_id": str(body.get("board_id", "")), "media_source": source}


def pictures(source: Document, shelf: Shelf) -> list[bytes]:
    """The files behind the addresses of a pin."""
    match source.get("source_type"):
        case "image_url":
            urls = [source.get("url")]
        case "multiple_image_urls" if 2 <= len(source.get("items", ())) <= 5:
            urls = [item.get("url") for item in source["items"]]
        case _:
            raise invalid("media_source is not one of its kinds, or has not 2 to 5 items")
    files = [shelf.fetch(str(url)) for url in urls]
    if any(PICTURES.fault(sight(data), len(data)) for data in files):
        raise invalid("an image could not be fetched or is of the wrong type")
    return files


def shown(post: Document) -> Document:
    """A pin as the API shows it."""
    many = len(post["media"]) > 1
    media: Document = {"media_type": "multiple_images" if many else "image"}
    words = {"title": post["title"], "description": post["text"], "link": post["link"] or None}
    about = {"id": post["id"], "created_at": post["created_at"].removesuffix("Z")}
    alt = post["media"][0]["alt"] or None
    return {**about, **words, "board_id": post["board"], "alt_text": alt, "media": media}
