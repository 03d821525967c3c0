"""What the Graph APIs share: errors by number, usage in percent, short keys that are made lasting.

From `networks.md` of 2026-11-21, sections 4 to 7 and 21: an expired key is HTTP 400 with code 190;
a code is shown once; a lasting key is given for a short one, and renewed when it is a day old and
has not ended. Keys are taken from the header or the parameter `access_token`. Where the sheet gives
a number but no words, the words are this street's own; so is the refusal of too young a key.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from typing import Any, ClassVar

from sandbox.kit.network import Answer, Person, RefusalError, Request, Scene, as_json
from sandbox.kit.oauth import Client, OAuthTwin, Why
from sandbox.kit.store import Document

HOUR_S, DAY_S = 3600, 86_400
LASTING_S = 5_183_944
USED = "Matching code was not found or was already used"
PAGE = 25


def error(code: int, words: str, subcode: int = 0, status: int = 400, **more: Any) -> Answer:
    """A refusal of the API; the trace is of no use but is always there."""
    fault: Document = {"message": words, "type": "OAuthException", "code": code}
    fault |= {"error_subcode": subcode} if subcode else {}
    return as_json({"error": {**fault, **more, "fbtrace_id": secrets.token_urlsafe(8)}}, status)


def refused(code: int, words: str, subcode: int = 0, **more: Any) -> RefusalError:
    """The same, to be raised."""
    return RefusalError(error(code, words, subcode, **more))


def flat(words: str) -> Answer:
    """How the token endpoints of the younger APIs refuse a code."""
    return as_json({"error_type": "OAuthException", "code": 400, "error_message": words}, 400)


def moment(at: float) -> str:
    """A moment as these APIs write it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


REFUSALS: Mapping[str, Answer] = {
    "unauthorized": error(190, "Error validating access token: Session has expired.", 463),
    "invalid_grant": error(190, "Error validating access token: The session is invalid.", 460),
    "weak_scope": error(200, "(#200) Requires a permission that was not granted.", status=403),
    "rejected": error(100, "Invalid parameter"),
    "misconfigured": error(101, "Error validating application. Invalid application ID."),
    "error": error(2, "An unexpected error has occurred.", status=500, is_transient=True),
}


class GraphTwin(OAuthTwin):
    """A twin behind a Graph API."""

    lifetime_s = LASTING_S
    pkce_methods = ()
    client_auth = ("body",)
    usage: ClassVar[str] = ""
    """What the usage header calls this kind of business."""
    forbidden: ClassVar[Answer | None] = None
    """How it says that an account may not post."""

    def client(self, client_id: str) -> Client | None:
        known = Client(client_id, "practice-secret", "Postrider")
        return known if client_id == "practice-client" else None

    def no(self, why: Why) -> Answer:
        return REFUSALS["misconfigured"] if why == "bad_client" else flat(USED)

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "throttled":
            return self.throttled(scene)
        if kind == "forbidden" and self.forbidden:
            return self.forbidden
        return REFUSALS.get(kind, REFUSALS["error"])

    def throttled(self, scene: Scene) -> Answer:
        """Too many requests; how long it lasts is said in whole minutes."""
        minutes = max(1, ceil((scene.reset_at - scene.request.at) / 60))
        used: Document = {"type": self.usage, "call_count": 100, "total_cputime": 20}
        used |= {"total_time": 25, "estimated_time_to_regain_access": minutes}
        answer = error(4, "(#4) Application request limit reached", status=403)
        return answer.with_headers(
            ("X-App-Usage", json.dumps({"call_count": 28, "total_time": 25, "total_cputime": 25})),
            ("X-Business-Use-Case-Usage", json.dumps({"1": [used]})),
        )

    # The dance

    def consent(self, request: Request) -> Answer:
        """Scopes come with commas; nothing is known of PKCE."""
        query = {k: v for k, v in request.query.items() if "challenge" not in k}
        query["scope"] = query.get("scope", "").replace(",", " ")
        return super().consent(replace(request, query=query))

    def issue(self, grant: Document, at: float) -> Document:
        """A short key comes first."""
        return {"access_token": self.key(grant, at, HOUR_S)}

    def key(self, grant: Document, at: float, life_s: float | None, **more: Any) -> str:
        """A new key of a grant."""
        name = secrets.token_urlsafe(32)
        about: Document = {"grant": grant["id"], "person": grant["person"], "born_at": at}
        about |= {"scope": grant["scope"], "lasting": life_s != HOUR_S, **more}
        ends_at = None if life_s is None else at + life_s
        self.put("access", name, {**about, "expires_at": ends_at})
        return name

    def grant(self, person: Person, request: Request) -> Document:
        """A lasting key for somebody, without the dance."""
        short = super().grant(person, request)["access_token"]
        return self.lasting(self.behind(short, request.at), request.at)

    def lasting(self, grant: Document, at: float) -> Document:
        """A lasting key, as the exchange writes it."""
        told = {"access_token": self.key(grant, at, LASTING_S), "token_type": "bearer"}
        return {**told, "expires_in": LASTING_S}

    def behind(self, key: str, at: float) -> Document:
        """The living grant behind a living key."""
        shown = self.get("access", key)
        grant = self.get("grant", shown["grant"]) if shown else None
        ended = shown is None or (shown["expires_at"] or at + 1) <= at
        if grant is None or ended or not grant["alive"]:
            raise RefusalError(REFUSALS["unauthorized"])
        return grant

    def lengthen(self, request: Request, kind: str, name: str = "access_token") -> Answer:
        """A lasting key for a short one; `name`: what the parameter is called."""
        asked = everything(request)
        if asked.get("grant_type") != kind:
            raise refused(100, "Unsupported grant type")
        if not hmac.compare_digest(asked.get("client_secret", ""), "practice-secret"):
            raise RefusalError(error(1, "Error validating client secret."))
        return as_json(self.lasting(self.behind(asked.get(name, ""), request.at), request.at))

    def renew(self, request: Request, kind: str) -> Answer:
        """The next lasting key; the one before goes on until its own end."""
        if request.query.get("grant_type") != kind:
            raise refused(100, "Unsupported grant type")
        name = request.query.get("access_token", "")
        grant, shown = self.behind(name, request.at), self.get("access", name) or {}
        if not shown["lasting"] or shown["born_at"] + DAY_S > request.at:
            raise refused(100, "The access token is not a lasting one, or not a day old yet.")
        return as_json(self.lasting(grant, request.at))

    # The API

    def who(self, request: Request, scope: str = "") -> Person:
        key = everything(request).get("access_token") or request.bearer()
        headers = {**request.headers, "authorization": f"Bearer {key}"}
        return super().who(replace(request, headers=headers), scope)


def everything(request: Request) -> dict[str, str]:
    """The parameters of a request, in its address or its body."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        sent = {name: part.text for name, part in request.parts().items() if not part.filename}
    else:
        sent = {name: str(value) for name, value in request.fields().items()}
    return {**request.query, **sent}


def since(request: Request) -> float:
    """From when on a listing is wanted."""
    asked = request.query.get("since", "0")
    if not asked.isdigit():
        raise refused(100, "since must be a Unix moment")
    return float(asked)


def most(request: Request, largest: int = 100) -> int:
    """How many of a listing are wanted."""
    asked = request.query.get("limit", str(PAGE))
    if not asked.isdigit() or not 1 <= int(asked) <= largest:
        raise refused(100, f"limit must be from 1 to {largest}")
    return int(asked)


def only(known: Document, request: Request) -> Document:
    """What of a thing was asked for in `fields`; a field that it has not is refused."""
    wanted = re.sub(r"\{[^}]*\}", "", request.query.get("fields", "id")).split(",")
    for name in wanted:
        if name not in known:
            raise refused(100, f"(#100) Tried accessing nonexisting field ({name})")
    return {"id": known["id"], **{n: known[n] for n in wanted if known[n] not in (None, "")}}
