"""One network on the practice street: connect to it, order trouble there, see what arrived."""

from __future__ import annotations

import json
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

import providers
from providers.kit.contract import (
    Account,
    App,
    Dance,
    Family,
    Finds,
    Grant,
    Identity,
    Message,
    NamesItself,
    Offer,
    Offers,
    Provider,
    Receipt,
    Refreshes,
    Registers,
    SignsInByForm,
    SignsInByOAuth,
    Way,
    blanks,
    practice_options,
    practice_values,
    ways,
)
from providers.kit.errors import Duplicate, NetworkError
from providers.kit.http import Patience, Wire
from providers.kit.oauth import new_verifier
from sandbox import TWINS
from tests.providers.files import needed
from tokens.vault import new_proof_key

BACK = "http://127.0.0.1:9/back"
"""Where the dance returns to; nothing listens there, the address itself is read."""
DOCUMENT = "http://127.0.0.1:9/document.json"
SHORT = Patience(connect=2.0, read=0.4, deadline=0.6)
LONG = Patience(connect=5.0, read=10.0, deadline=10.0)


@dataclass(frozen=True)
class Connection:
    """What is known once somebody has connected; `family`: how these tokens stay alive."""

    grant: Grant
    identity: Identity
    account: Account
    host: str
    family: Family
    app: App | None = None
    unseen: tuple[str, ...] = field(default=(), repr=False)


DESK = requests.Session()
"""One connection to the desk and the consent pages: opening one each time takes longer."""
DESK.trust_env = False


def swept(street: str) -> str:
    """A street on which nothing has happened yet."""
    DESK.post(f"{street}/_street/reset", json={}, timeout=5).raise_for_status()
    return street


class Play(NamedTuple):
    """A network in one of the ways to connect it, and what is typed where another thing leads to
    another kind of grant: each kind of grant must do it all."""

    name: str
    way: Way
    typed: tuple[tuple[str, str], ...] = ()


def plays(*abilities: type) -> list[Play]:
    """The networks that have all these abilities, in each of their ways."""
    able = [
        n for n in providers.names() if all(issubclass(providers.adapter(n), a) for a in abilities)
    ]
    return [play for n in able for way in ways(providers.adapter(n)) for play in _kinds(n, way)]


def _kinds(name: str, way: Way) -> list[Play]:
    """A way to connect, once for each kind of grant that it can lead to."""
    asked = blanks(providers.adapter(name), way)
    others = [((field.name, value),) for field in asked for value in field.others]
    return [Play(name, way), *(Play(name, way, typed) for typed in others)]


def called(play: Play) -> str:
    """The name of a play; the way is told where there are two."""
    by = [play.way] if len(ways(providers.adapter(play.name))) > 1 else []
    return "-by-".join([play.name, *by, *(value for _, value in play.typed)])


class Stage:
    """An adapter in front of its twin, connected in one of its ways."""

    def __init__(self, name: str, street_url: str, way: Way | None = None) -> None:
        self.name = name
        self.street = street_url
        self.kind = providers.adapter(name)
        self.way = way or ways(self.kind)[-1]
        self.options = practice_options(self.kind, street_url)
        self.values = practice_values(self.kind, street_url)
        self.provider = self.with_patience(LONG)

    @classmethod
    def playing(cls, play: Play, street_url: str) -> Stage:
        """The stage for one play."""
        stage = cls(play.name, street_url, play.way)
        stage.values |= dict(play.typed)
        return stage

    def with_patience(self, patience: Patience) -> Provider:
        """The same adapter with another patience."""
        wire = Wire(trusted=frozenset({self.street}), patience=patience)
        return self.kind(self.options, wire)

    # Connecting

    def connect(self) -> Connection:
        """Somebody connects: by the dance, or by what they type."""
        if self.way is Way.FORM:
            assert isinstance(self.provider, SignsInByForm)
            grant, identity = self.provider.sign_in(self.values)
            return self.connected(grant, identity, self.provider.host(self.values))
        assert isinstance(self.provider, SignsInByOAuth)
        dance, back = self.consent()
        grant = self.provider.exchange(dance, back)
        offer, used = self.offer(grant, dance.host), (back["code"], dance.verifier)
        return self.connected(
            grant, offer.identity, dance.host, dance.app, *used, key=offer.access_token
        )

    def offer(self, grant: Grant, host: str) -> Offer:
        """The first of the accounts that a grant speaks for."""
        if isinstance(self.provider, Offers):
            return self.provider.offers(grant, host)[0]
        assert isinstance(self.provider, SignsInByOAuth)
        return Offer(self.provider.identify(grant, host))

    def host_and_app(self) -> tuple[str, App]:
        """Our app at this network, registered if need be."""
        assert isinstance(self.provider, SignsInByOAuth)
        host = self.provider.host(self.values)
        app = self.provider.app(host)
        if isinstance(self.provider, NamesItself):
            app = self.provider.client(DOCUMENT, BACK)
            assert app is not None
        if app is None:
            assert isinstance(self.provider, Registers)
            app = self.provider.register(host, BACK)
        return host, app

    def consent(self) -> tuple[Dance, dict[str, str]]:
        """Say yes on the network's own page; returns the dance and the query that came back."""
        assert isinstance(self.provider, SignsInByOAuth)
        host, app = self.host_and_app()
        state, hint = uuid.uuid4().hex, self.provider.hint(self.values)
        dance = Dance(app, host, BACK, state, new_verifier(), new_proof_key(), hint)
        departure = self.provider.depart(dance)
        url = departure.url
        page = DESK.get(url, timeout=5)
        assert page.status_code == 200, page.text
        form = Form.on(page.text)
        answer = DESK.post(
            urljoin(url, form.action), data=form.values, timeout=5, allow_redirects=False
        )
        back = answer.headers["Location"]
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        assert back.startswith(BACK)
        assert query["state"] == state
        return replace(dance, memory=departure.memory), query

    def key(self, grant: Grant, host: str) -> str:
        """The key of the first account behind a grant: its own, or the grant's."""
        own = isinstance(self.provider, Offers) and self.offer(grant, host).access_token
        return own or grant.access_token

    def connected(
        self,
        grant: Grant,
        identity: Identity,
        host: str,
        app: App | None = None,
        *more: str,
        key: str = "",
    ) -> Connection:
        """Everything about a new connection, and every secret it has brought."""
        typed = [self.values[f.name] for f in self.kind.fields if f.secret]
        kept = [self.options[s.name] for s in self.kind.settings if s.secret]
        ours = [app.client_secret] if app else []
        if grant.proof_key:
            ours += [grant.proof_key, json.loads(grant.proof_key)["d"]]
        secrets = [grant.access_token, grant.refresh_token, key, *ours, *typed, *kept, *more]
        account = Account(
            identity.external_id,
            identity.handle,
            grant.host or host,
            key or grant.access_token,
            grant.proof_key,
        )
        unseen = tuple(secret for secret in secrets if secret)
        family = grant.family or self.kind.family
        return Connection(grant, identity, account, host, family, app, unseen)

    # Publishing

    def message(self, text: str = "", **more: Any) -> Message:
        """A new message, with whatever a post for this network must have."""
        banned = dict.fromkeys(map(ord, self.kind.limits.text.banned))
        said = (text or f"Hello from {uuid.uuid4()}").translate(banned)
        key = str(uuid.uuid4())
        options = {f.name: f.practice.replace("{key}", key) for f in self.kind.post_fields}
        options |= more.pop("options", {})
        media = more.pop("media", None) or needed(self.kind.limits)
        at = more.pop("at", None) or datetime.now(UTC)
        return Message(said, key, at, media=media, options=options, **more)

    @property
    def settles(self) -> bool:
        """Whether a doubt can be settled at all; else it stays for a person to decide."""
        return bool(self.kind.resend_window) or isinstance(self.provider, Finds)

    def resolve(self, message: Message, account: Account) -> Receipt:
        """What the engine does after a doubt: repeat where that is harmless, else look first."""
        if self.kind.resend_window:
            return self.repeat(message, account)
        assert isinstance(self.provider, Finds)
        return self.provider.find(message, account) or self.provider.publish(message, account)

    def repeat(self, message: Message, account: Account) -> Receipt:
        """Send it again; a network that names the original has answered as well."""
        try:
            return self.provider.publish(message, account)
        except Duplicate as known:
            if not known.external_id:
                raise
            return Receipt(known.external_id, known.url)

    # The street's desk

    def trouble(
        self, kind: str, on: str = "publish", times: int = 1, seconds: float = 2.0, after: int = 0
    ) -> None:
        """Order trouble for requests of a purpose, once so many others have passed."""
        if kind in TWINS[self.name].unplayed:
            pytest.skip(f"{self.name} does not know the trouble {kind}")
        order = {"kind": kind, "on": on, "times": times, "seconds": seconds, "after": after}
        self.tell("trouble", {"network": self.name, **order})

    def board(self) -> list[dict[str, Any]]:
        """The posts that stand at the network."""
        posts: list[dict[str, Any]] = self.ask("board")["posts"]
        return posts

    def standing(self, message: Message, *, within: float = 3.0) -> int:
        """How many posts of this message stand there; waits for one that is still under way."""
        ends_at = time.monotonic() + within
        while True:
            count = len([post for post in self.board() if post["text"] == message.text])
            if count or time.monotonic() > ends_at:
                return count
            time.sleep(0.05)

    def requests(self) -> list[dict[str, Any]]:
        """What was really sent to the network."""
        sent: list[dict[str, Any]] = self.ask("requests")["requests"]
        return sent

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Collects the purposes of the requests made within the block, in order."""
        seen: list[str] = []
        before = max((r["number"] for r in self.requests()), default=0)
        yield seen
        seen += [r["purpose"] for r in self.requests() if r["number"] > before]

    def tell(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One order at the desk."""
        answer = DESK.post(f"{self.street}/_street/{path}", json=body, timeout=5)
        assert answer.ok, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ask(self, path: str) -> dict[str, Any]:
        """One question at the desk."""
        query = {"network": self.name}
        answer = DESK.get(f"{self.street}/_street/{path}", params=query, timeout=5)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told


def use(stage: Stage, ada: Connection, on: str) -> object:
    """Make a request of this purpose, or skip where the network has none."""
    match on, stage.provider:
        case "publish", Provider():
            return stage.provider.publish(stage.message(), ada.account)
        case "find", Finds() as finder:
            return finder.find(stage.message(), ada.account)
        case "identity", SignsInByOAuth() as dancer:
            return dancer.identify(ada.grant, ada.host)
        case "token", Refreshes() as keeper:
            return keeper.refresh(grant=ada.grant, app=ada.app, host=ada.host)
        case "token", _:
            return stage.connect()
    pytest.skip(f"{stage.name} has no request for {on}")


@contextmanager
def refused(
    kind: type[NetworkError] | tuple[type[NetworkError], ...], unseen: tuple[str, ...]
) -> Iterator[pytest.ExceptionInfo[NetworkError]]:
    """The block ends in an error of this kind, which gives away none of the `unseen` values."""
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    trace = "".join(traceback.format_exception(error))
    told = f"{error.words} {error} {error!r} {error.network_code} {vars(error)} {trace}"
    assert error.words.strip()
    assert [secret for secret in unseen if secret in told] == []


class Form(HTMLParser):
    """The one form of a page, filled in as a browser would that only presses the first button."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.values: dict[str, str] = {}
        self.pressed = False

    @classmethod
    def on(cls, page: str) -> Form:
        """The form on this page."""
        form = cls()
        form.feed(page)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take over what a browser would send."""
        found = {name: value or "" for name, value in attrs}
        name, value = found.get("name", ""), found.get("value", "")
        match tag, found.get("type", ""):
            case "form", _:
                self.action = found.get("action", "")
            case "input", "radio" | "checkbox" if "checked" not in found:
                pass
            case "button", "button" | "reset":
                pass
            case ("button", _) | ("input", "submit"):
                if name and not self.pressed:
                    self.values[name] = value
                self.pressed = True
            case ("input", _) if name:
                self.values[name] = value
