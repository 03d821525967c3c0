"""The twins that these stories are played with: people who run stalls, and keys of every kind.

They imitate no one network. A short-lived key can be exchanged for a lasting one again and again;
a lasting one renews itself, but only when it is at least a day old and never after its end (so
do Instagram and Threads: Meta's documents on long-lived tokens, as of 2026-11-21).
"""

from __future__ import annotations

import secrets
from datetime import timedelta

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
from sandbox.kit.store import Document

HOUR_S, DAY_S = 3600, 86_400
LONG_S = 60 * DAY_S
STALLS = ("Lamps", "Letters", "Ribbons")
REFUSALS = {
    "unauthorized": (401, "invalid_token"),
    "weak_scope": (403, "weak_scope"),
    "forbidden": (403, "forbidden"),
    "throttled": (429, "slow_down"),
    "rejected": (400, "rejected"),
    "invalid_grant": (400, "invalid_grant"),
    "misconfigured": (401, "invalid_client"),
}


class Town(OAuthTwin):
    """One town: a person speaks for itself, or for the stalls that it runs."""

    colour = "#7a4a9e"
    lifetime_s = HOUR_S
    client_auth = ("body",)
    scopes = ("post",)

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, name, number_of(name))

    def client(self, client_id: str) -> Client | None:
        known = client_id == "practice-client"
        return Client(client_id, "practice-secret", "Postrider") if known else None

    def no(self, why: Why) -> Answer:
        return as_json({"error": "invalid_client" if why == "bad_client" else "invalid_grant"}, 400)

    def dialect(self, kind: str, scene: Scene) -> Answer:
        status, error = REFUSALS.get(kind, (500, "trouble"))
        return as_json({"error": error}, status)

    # What a story arranges

    def runs(self, *stalls: str, person: str = "ada") -> None:
        """From now on the person runs these stalls and no others."""
        self.put("stalls", person, {"names": list(stalls)})

    def stalls(self, person: str) -> list[str]:
        """The stalls that a person runs."""
        known = self.get("stalls", person)
        return list(known["names"]) if known else list(STALLS)

    def age(self, by: timedelta) -> None:
        """Every key is so much older."""
        for key in self.store.newest("access", self.name):
            ends = key["expires_at"] and key["expires_at"] - by.total_seconds()
            born = key["born_at"] - by.total_seconds()
            self.put("access", key["key"], {**key, "born_at": born, "expires_at": ends})

    def change_locks(self, stall: str = "") -> int:
        """The keys of a stall, or of everybody, are no longer accepted; says how many."""
        keys = [k for k in self.store.newest("access", self.name) if stall in ("", k["stall"])]
        for key in keys:
            self.store.drop(self.name, "access", key["key"])
        return len(keys)

    # The wire

    @route("GET", "/authorize")
    @route("POST", "/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        return {"access_token": self.key(grant, at, HOUR_S), "expires_in": HOUR_S}

    def key(self, grant: Document, at: float, life_s: float | None, stall: str = "") -> str:
        """A new key of a grant, for everything or for one stall."""
        key = secrets.token_urlsafe(32)
        body = {"key": key, "grant": grant["id"], "person": grant["person"], "stall": stall}
        body |= {"scope": grant["scope"], "born_at": at, "lasting": life_s == LONG_S}
        self.put("access", key, {**body, "expires_at": at + life_s if life_s else None})
        return key

    @route("POST", "/lengthen", "token")
    def lengthen(self, request: Request) -> Answer:
        """A lasting key for a living short one; the short one stays good until its own end."""
        return self.longer(request, born_before=request.at)

    @route("POST", "/renew", "token")
    def renew(self, request: Request) -> Answer:
        """A lasting key for a lasting one that is at least a day old."""
        if not (self.get("access", request.form().get("key", "")) or {}).get("lasting"):
            return self.no("bad_grant")
        return self.longer(request, born_before=request.at - DAY_S)

    def longer(self, request: Request, *, born_before: float) -> Answer:
        """The next lasting key of the grant behind the key that is shown."""
        self.checked_client(request, request.form())
        shown = self.get("access", request.form().get("key", ""))
        grant = self.get("grant", shown["grant"]) if shown else None
        if shown is None or grant is None or not grant["alive"]:
            return self.no("bad_grant")
        if shown["expires_at"] <= request.at:
            return self.no("bad_grant")
        if shown["born_at"] > born_before:
            return as_json({"error": "too_young"}, 400)
        return as_json({"access_token": self.key(grant, request.at, LONG_S), "expires_in": LONG_S})

    @route("GET", "/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request)
        return as_json({"id": person.id, "name": person.display, "handle": person.handle})

    @route("GET", "/stalls", "identity")
    def listing(self, request: Request) -> Answer:
        """The stalls of a person, each with a key that lasts as long as the one that is shown."""
        person = self.who(request)
        shown = self.get("access", request.bearer())
        grant = self.get("grant", shown["grant"]) if shown else None
        if shown is None or grant is None:
            raise RefusalError(self.dialect("unauthorized", Scene(request)))
        life = None if shown["lasting"] else shown["expires_at"] - request.at
        return as_json(
            {
                "stalls": [
                    {
                        "id": name.lower(),
                        "name": name,
                        "key": self.key(grant, request.at, life, name),
                    }
                    for name in self.stalls(person.name)
                ]
            }
        )

    @route("POST", "/posts", "publish")
    def post(self, request: Request) -> Answer:
        """A post by a person, or in the name of a stall that the key may speak for."""
        person, body = self.who(request), request.json()
        shown = self.get("access", request.bearer()) or {}
        mine = [name.lower() for name in self.stalls(person.name)]
        own = shown.get("stall", "").lower()
        if body["as"] not in ([own] if own else [person.id, *mine]):
            return self.dialect("forbidden", Scene(request))
        number = str(self.store.next_number(self.name, request.at))
        author = Person(body["as"], body["as"], body["as"], body["as"])
        self.receive(author, number, body["text"], f"/posts/{number}", request.at)
        return as_json({"id": number})

    @route("POST", "/revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        self.revoke_token(request.form().get("token", ""))
        return as_json({})


class Fair(Town):
    """Stalls with keys of their own, behind a key that is short at first and renews itself."""

    name = "fair"
    label = "Fair"


class Plaza(Town):
    """The same, but the lasting key is never renewed."""

    name = "plaza"
    label = "Plaza"


class Lodge(Town):
    """One account, behind a key that is short at first and renews itself."""

    name = "lodge"
    label = "Lodge"


class Guild(Town):
    """Stalls without keys of their own, behind a refresh token that may be used again and again."""

    name = "guild"
    label = "Guild"
    rotates = True

    def issue(self, grant: Document, at: float) -> Document:
        return {**super().issue(grant, at), "refresh_token": self.standing_token(grant)}

    def standing_token(self, grant: Document) -> str:
        """The one refresh token of a grant."""
        token = f"refresh-{grant['id']}"
        self.put("refresh", token, {"grant": grant["id"], "used": False})
        return token

    def rotate(self, refresh_token: str, client: Client, at: float) -> Document:
        token = self.get("refresh", refresh_token)
        grant = self.get("grant", token["grant"]) if token else None
        if grant is None or not grant["alive"]:
            raise RefusalError(self.no("bad_grant"))
        return self.issue(grant, at)


class Inn(Town):
    """One account; the refresh token rotates, and a repeat within two hours gives the same pair."""

    name = "inn"
    label = "Inn"
    rotates = True
    grace_s = 2 * HOUR_S

    def issue(self, grant: Document, at: float) -> Document:
        token = secrets.token_urlsafe(32)
        self.put("refresh", token, {"grant": grant["id"]})
        return {**super().issue(grant, at), "refresh_token": token}

    def rotate(self, refresh_token: str, client: Client, at: float) -> Document:
        token = self.get("refresh", refresh_token)
        grant = self.get("grant", token["grant"]) if token else None
        if token is None or grant is None or not grant["alive"]:
            raise RefusalError(self.no("bad_grant"))
        if "next" not in token:
            token |= {"next": self.issue(grant, at), "used_at": at}
            self.put("refresh", refresh_token, token)
        if at - token["used_at"] > self.grace_s:
            raise RefusalError(self.no("bad_grant"))
        return dict(token["next"])


TOWNS: tuple[type[Town], ...] = (Fair, Plaza, Lodge, Guild, Inn)
