"""The adapters of the towns: several accounts behind one grant, short keys, keys that renew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from providers.kit.contract import (
    Account,
    App,
    Dance,
    Family,
    Grant,
    Identity,
    Limits,
    Message,
    Offer,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import Forbidden, NetworkError, Throttled, Unauthorized, Unexpected
from providers.kit.http import Reply, text_in
from providers.kit.oauth import OAuth, OAuthProvider


def settings_of(name: str) -> tuple[Setting, ...]:
    """The settings of a town, which are all needed."""
    return (
        Setting(f"{name}_URL", "Where it is.", needed=True, practice=f"{{street}}/{name.lower()}"),
        Setting(f"{name}_CLIENT_ID", "Our app.", needed=True, practice="practice-client"),
        Setting(
            f"{name}_CLIENT_SECRET", "Its secret.", needed=True, secret=True,
            practice="practice-secret",
        ),
    )  # fmt: skip


class Town(OAuthProvider):
    """What all towns share: the dance, one account for each grant, posts, the end."""

    name = "town"
    label = "Town"
    colour = "#7a4a9e"
    limits: ClassVar[Limits] = Limits(TextRule(280, Unit.CODE_POINTS))
    oauth: ClassVar[OAuth] = OAuth(scopes=("post",))

    def at(self, path: str) -> str:
        """An address of this town."""
        return self.options[f"{self.name.upper()}_URL"] + path

    def authorize_endpoint(self, host: str) -> str:
        """Where people say yes."""
        return self.at("/authorize")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens become tokens."""
        return self.at("/token")

    def identify(self, grant: Grant, host: str) -> Identity:
        """The person behind a grant."""
        data = self.asked("GET", "/me", grant.access_token).json()
        return Identity(text_in(data, "id"), text_in(data, "handle"), text_in(data, "name"))

    def publish(self, message: Message, account: Account) -> Receipt:
        """One post in the name of the account."""
        body = {"text": message.text, "as": account.external_id}
        reply = self.asked("POST", "/posts", account.access_token, json=body)
        number = text_in(reply.json(), "id")
        return Receipt(number, self.at(f"/posts/{number}"))

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """End the grant."""
        self.revoke_token(self.at("/revoke"), {"token": grant.access_token}, app or App(""))

    def asked(
        self, method: str, path: str, key: str, json: Mapping[str, str] | None = None
    ) -> Reply:
        """A request with a key; what is refused is raised."""
        reply = self.wire.call(method, self.at(path), bearer=key, json=json)
        if not reply.ok:
            raise _refusal(reply)
        return reply


class Lodge(Town):
    """A key that is short at first, and a lasting one that renews itself."""

    name = "lodge"
    label = "Lodge"
    family = Family.SELF_RENEWING
    settings = settings_of("LODGE")

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """The code brings a short-lived key."""
        return replace(super().exchange(dance, params), provisional=True)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """Exchange a short key, renew a lasting one; both can be repeated without harm."""
        ours = app or App("")
        form = {"key": grant.access_token, "client_id": ours.client_id}
        form["client_secret"] = ours.client_secret
        path = "/lengthen" if grant.provisional else "/renew"
        reply = self.wire.call("POST", self.at(path), form=form)
        if not reply.ok:
            raise self.token_refusal(reply)
        return self.read_grant(reply)


class Fair(Lodge):
    """The same, for stalls with keys of their own."""

    name = "fair"
    label = "Fair"
    settings = settings_of("FAIR")

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """The stalls of the person, each with its key."""
        stalls = self.asked("GET", "/stalls", grant.access_token).json()["stalls"]
        return [Offer(Identity(s["id"], f"@{s['id']}", s["name"]), s["key"]) for s in stalls]


class Plaza(Fair):
    """The same, but the lasting key ends one day."""

    name = "plaza"
    label = "Plaza"
    family = Family.NONE
    settings = settings_of("PLAZA")

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """Only a short key is exchanged."""
        if not grant.provisional:
            raise Unauthorized("This key is not renewed.")
        return super().refresh(grant=grant, app=app, host=host)


class Guild(Town):
    """Stalls without keys of their own, and a refresh token that stays the same."""

    name = "guild"
    label = "Guild"
    family = Family.REUSABLE
    settings = settings_of("GUILD")

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """The standard refresh."""
        return self.refresh_grant(grant, app or App(""), host)

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """The stalls of the person; all of them speak by the grant."""
        stalls = self.asked("GET", "/stalls", grant.access_token).json()["stalls"]
        return [Offer(Identity(s["id"], f"@{s['id']}", s["name"])) for s in stalls]


class Inn(Town):
    """A refresh token that rotates, with some grace for a repeat."""

    name = "inn"
    label = "Inn"
    family = Family.GRACE
    settings = settings_of("INN")

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """The standard refresh."""
        return self.refresh_grant(grant, app or App(""), host)


def _refusal(reply: Reply) -> NetworkError:
    words = f"The town said {reply.said('error')}."
    if reply.status == 401:
        return Unauthorized(words, status=401)
    if reply.status == 403:
        return Forbidden(words, status=403)
    if reply.status == 429:
        return Throttled(words, status=429)
    return reply.troubled() if reply.status >= 500 else Unexpected(words, status=reply.status)


TOWNS: tuple[type[Town], ...] = (Fair, Plaza, Lodge, Guild, Inn)
