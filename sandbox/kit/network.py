"""What a twin is: a class with routes, which turns one request into one answer."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, urlencode

from sandbox.kit.board import BARE, Board
from sandbox.kit.shelf import Part, Shelf, multipart, shown
from sandbox.kit.store import Document, Store

BEFORE_A_POST = ("upload", "describe", "container", "status")
"""What comes before a post is seen: bytes go up, alt texts, a post that nobody sees yet, and the
question whether all of it is ready."""
PURPOSES = (
    *("publish", "token", "identity", "find", "delete", "revoke", "app", "limits"),
    *BEFORE_A_POST,
)
"""What a route can be for; trouble is ordered by these. `publish` is only what makes a post seen.
A page for people has no purpose."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a twin sees it; header names are lower case, `base` is the twin's address."""

    method: str
    path: str
    at: float
    base: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_json(self) -> bool:
        """Whether the sender calls the body JSON."""
        return self.headers.get("content-type", "").startswith("application/json")

    def form(self) -> dict[str, str]:
        """The form-encoded body; of a repeated field the last value."""
        text = self.body.decode("utf-8", "replace")
        return {k: v[-1] for k, v in parse_qs(text, keep_blank_values=True).items()}

    def json(self) -> dict[str, Any]:
        """The JSON object in the body; anything else reads as empty."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def fields(self) -> dict[str, Any]:
        """The fields of the body, whether sent as JSON or as a form."""
        return self.json() if self.is_json else dict(self.form())

    def parts(self) -> dict[str, Part]:
        """The parts of a multipart form by name; {} if the body is none."""
        return multipart(self.headers.get("content-type", ""), self.body)

    def bearer(self) -> str:
        """The token of the Authorization header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def basic(self) -> tuple[str, str] | None:
        """Name and secret of Basic authentication."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = b64decode(value).decode().partition(":")
        except (NotBase64, UnicodeDecodeError):
            return None
        return name, secret


@dataclass(frozen=True, slots=True)
class Scene:
    """In which situation a network refuses; `reset_at` is when it will no longer be too fast."""

    request: Request
    purpose: str = ""
    reset_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer on the wire."""

    status: int
    body: bytes = b""
    headers: Headers = ()

    def with_headers(self, *headers: tuple[str, str]) -> Answer:
        """The same answer with more headers."""
        return replace(self, headers=self.headers + headers)

    def without_hints(self) -> Answer:
        """The same answer with nothing but its content type in the headers."""
        kept = tuple(h for h in self.headers if h[0].lower() == "content-type")
        return replace(self, headers=kept)


class RefusalError(Exception):
    """A twin says no: the answer to send is inside."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def as_json(value: Any, status: int = 200, kind: str = "application/json") -> Answer:
    """An answer with a JSON body."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", kind),))


def as_page(html: str, status: int = 200) -> Answer:
    """An answer with an HTML page that loads nothing but the street's style sheet."""
    policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
    kind = ("Content-Type", "text/html; charset=utf-8")
    return Answer(status, html.encode(), (kind, ("Content-Security-Policy", policy)))


def redirect(to: str, **query: str) -> Answer:
    """Send the browser on."""
    if query:
        to = f"{to}{'&' if '?' in to else '?'}{urlencode(query)}"
    return Answer(303, b"", (("Location", to),))


def iso(at: float) -> str:
    """A moment as the networks write it: UTC, milliseconds, Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has an account on a twin."""

    name: str
    display: str
    handle: str
    id: str


def number_of(name: str) -> str:
    """A number that follows from a name, for twins whose ids are numbers."""
    return str(int(sha256(name.encode()).hexdigest()[:12], 16))


Handler = Callable[[Any, Request], Answer]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path of a twin, what it is for, and who answers."""

    method: str
    pattern: re.Pattern[str]
    purpose: str
    handler: str


def route(method: str, path: str, purpose: str = "") -> Callable[[H], H]:
    """Mark a method of a twin as the answer to `method path`; `{id}` in it is a parameter."""
    pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))

    def mark(handler: H) -> H:
        mine = Route(method, pattern, purpose, handler.__name__)
        vars(handler).setdefault("routes", []).append(mine)
        return handler

    return mark


class Twin:
    """A fake network. Subclass it in `sandbox/<name>.py`; all else follows from the class."""

    name: ClassVar[str]
    label: ClassVar[str]
    colour: ClassVar[str]
    hint: ClassVar[str] = ""
    """What a visitor needs to sign in here, if it is more than a click."""
    lifetime_s: ClassVar[int | None] = None
    """How long an access token lives; None: for ever."""

    hints: ClassVar[bool] = True
    """Whether it says how long to wait when it is asked too fast."""
    unplayed: ClassVar[frozenset[str]] = frozenset()
    """Kinds of trouble that this network does not know (a bot's API has no app to be wrong)."""

    routes: ClassVar[tuple[Route, ...]] = ()

    def __init_subclass__(cls) -> None:
        found = [r for base in cls.__mro__ for h in vars(base).values() for r in routes_of(h)]
        cls.routes = tuple(sorted(found, key=lambda r: r.pattern.groups))  # the exact ones first

    def __init__(self, store: Store, board: Board) -> None:
        self.store = store
        self.board = board
        self.shelf = Shelf(store, self.name)
        for name in ("ada", "bo"):
            self.person(name)

    def find_route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Who answers `method path`, with the parameters in the path."""
        for mine in self.routes:
            if mine.method == method and (match := mine.pattern.fullmatch(path)):
                return mine, match.groupdict()
        return None

    # People

    def describe(self, name: str, display: str) -> Person:
        """What somebody of this name is called here."""
        raise NotImplementedError(f"{type(self).__name__}.describe")

    def person(self, name: str) -> Person:
        """Somebody by first name, who moves in if not known yet."""
        if known := self.get("person", name):
            return Person(**known)
        someone = self.describe(name, f"{name.capitalize()} Practice")
        body = {part: getattr(someone, part) for part in Person.__slots__}
        self.put("person", name, body)
        for mark in (someone.id, someone.handle):
            self.put("alias", mark, {"name": name})
        return someone

    def people(self) -> list[Person]:
        """Everybody here, in order of arrival."""
        return [Person(**p) for p in reversed(self.store.newest("person", self.name))]

    def person_by(self, mark: str) -> Person | None:
        """Somebody by id or handle."""
        alias = self.get("alias", mark)
        return self.person(alias["name"]) if alias else None

    @route("GET", "/people/{name}.svg")
    def portrait(self, request: Request) -> Answer:
        """Somebody's picture: the initial."""
        initial = escape(request.params["name"][:1].upper())
        picture = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44"><text x="22" y="31" '
            f'text-anchor="middle" font-family="sans-serif" font-size="24" fill="#5b4a33">{initial}'
            "</text></svg>"
        )
        return Answer(200, picture.encode(), (("Content-Type", "image/svg+xml"),))

    # Documents of this network

    def put(self, kind: str, key: str, body: Document, owner: str = "") -> None:
        """Remember a document."""
        self.store.put(self.name, kind, key, body, owner)

    def get(self, kind: str, key: str) -> Document | None:
        """A remembered document."""
        return self.store.get(self.name, kind, key)

    def receive(
        self, person: Person, post_id: str, text: str, path: str, at: float, **more: Any
    ) -> Document:
        """Put a post on the board; `path` is where its page is.

        `media`: what `self.shelf` gave for its pictures and videos. `reply_to`: the id of the post
        that it answers. `link`: the page that it shows apart from its text.
        """
        more["media"] = [shown(one) for one in more.get("media", ())]
        post: Document = {
            "id": post_id,
            "text": text,
            "account": person.id,
            "handle": person.handle,
        }
        post |= {"path": path, "key": "", "created_at": iso(at), "received_at": at}
        post |= {**BARE, **more}
        self.board.pin(self.name, post)
        return post

    # What every twin must be able to say

    def dialect(self, kind: str, scene: Scene) -> Answer:
        """How this network says unauthorized, forbidden, throttled, rejected and so on."""
        raise NotImplementedError(f"{type(self).__name__}.dialect")

    def grant(self, person: Person, request: Request) -> Document:
        """Tokens for somebody, without the dance."""
        raise NotImplementedError(f"{type(self).__name__}.grant")

    def accounts(self, person: Person) -> list[Person]:
        """Whom a grant of somebody speaks for: that person, and whatever the person runs."""
        return [person]

    def speaks_for(self, person: Person, tokens: Document, request: Request) -> list[Document]:
        """The accounts of a grant, the first first; `access_token` where one has its own."""
        return [{"external_id": a.id, "handle": a.handle} for a in self.accounts(person)]

    def purpose(self, route: Route, request: Request) -> str:
        """What a request is for, where one path serves several purposes."""
        return route.purpose

    def expire(self, access_token: str, at: float) -> bool:
        """Let an access token be expired from now on; False if it is not known."""
        token = self.get("access", access_token)
        if token is None:
            return False
        self.put("access", access_token, {**token, "expires_at": at})
        return True

    def kill(self, person: Person) -> int:
        """Let every grant of somebody be dead; says how many there were."""
        alive = [g for g in self.store.owned(self.name, "grant", person.name) if g["alive"]]
        for grant in alive:
            self.put("grant", grant["id"], {**grant, "alive": False}, person.name)
        return len(alive)


def routes_of(thing: object) -> Iterator[Route]:
    """The routes that `route` left on a method."""
    yield from getattr(thing, "routes", ()) if callable(thing) else ()
