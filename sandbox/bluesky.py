"""The twin of a Bluesky PDS: app-password sessions, OAuth, records under keys of our choice.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 13 (13a, Publish,
Limits, Error table) and 21, and from the lexicons that its section 1.1 names; OAuth is played by
`sandbox.kit.atproto_oauth`, records and blobs by `sandbox.kit.records`. Not played: rate limits by
themselves (order them as trouble).
"""

from __future__ import annotations

import hashlib
import secrets

from sandbox.kit import page
from sandbox.kit.atproto import (
    POST,
    base32,
    did_document,
    error,
    jwt,
    refuse,
    throttled,
)
from sandbox.kit.atproto_oauth import bound_token
from sandbox.kit.network import Answer, Person, Request, Scene, as_json, route
from sandbox.kit.records import RecordsTwin
from sandbox.kit.store import Document

PASSWORD = "prac-tice-pass-word"
LIVES = {"access": ("com.atproto.appPass", 7200), "refresh": ("com.atproto.refresh", 90 * 86400)}
"""Scope and seconds of the two tokens of a session."""
GRACE_S = 7200


REFUSALS = {
    "bad_login": (401, "AuthenticationRequired", "Invalid identifier or password"),
    "invalid_grant": (400, "ExpiredToken", "Token has been revoked"),
    "unauthorized": (400, "ExpiredToken", "Token has expired"),
    "forbidden": (401, "AccountTakedown", "Account has been taken down"),
    "rejected": (400, "InvalidRequest", "Record/text must not be longer than 300 graphemes"),
    "misconfigured": (400, "invalid_client", "Practice trouble."),
    "error": (500, "InternalServerError", "Practice trouble."),
}


class Bluesky(RecordsTwin):
    """Bluesky: sessions with a grace of two hours, bound sessions with none, chosen keys."""

    name = "bluesky"
    label = "Bluesky"
    colour = "#0a7aff"
    hint = f"App password: {PASSWORD}"
    lifetime_s = 7200

    def describe(self, name: str, display: str) -> Person:
        did = "did:plc:" + base32(hashlib.sha256(name.encode()).digest())[:24]
        return Person(name, display, f"{name}.practice.test", did)

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "throttled":
            return throttled(scene.reset_at, scene.reset_at - scene.request.at)
        if (said := self.bound_dialect(kind, scene.request)) is not None:
            return said
        if kind == "invalid_grant" and scene.request.path.endswith("createSession"):
            kind = "bad_login"
        return error(*REFUSALS.get(kind, REFUSALS["error"]))

    # Sessions

    @route("GET", "/xrpc/com.atproto.server.describeServer", "app")
    def describe_server(self, request: Request) -> Answer:
        domain = request.base.partition("://")[2].partition("/")[0].partition(":")[0]
        return as_json({"did": f"did:web:{domain}", "availableUserDomains": [".practice.test"]})

    @route("POST", "/xrpc/com.atproto.server.createSession", "token")
    def create_session(self, request: Request) -> Answer:
        asked = request.json()
        person = self.person_by(str(asked.get("identifier", "")))
        if person is None or asked.get("password") != PASSWORD:
            raise refuse(401, "AuthenticationRequired", "Invalid identifier or password")
        return as_json({**self.grant(person, request), **self.about(person, request)})

    @route("POST", "/xrpc/com.atproto.server.refreshSession", "token")
    def refresh_session(self, request: Request) -> Answer:
        if request.body or "content-type" in request.headers:
            raise refuse(
                400, "InvalidRequest", "A request body was provided when none was expected"
            )
        token, grant = self.session(request)
        rotated_at = token.get("rotated_at")
        if rotated_at is not None and rotated_at + GRACE_S < request.at:
            raise refuse(400, "ExpiredToken", "Token has been revoked")
        successor = token.get("next") or self.mint("refresh", grant, request.at)
        if rotated_at is None:
            spent = {**token, "next": successor, "rotated_at": request.at}
            self.put("refresh", request.bearer(), spent)
        person = self.person(grant["person"])
        tokens = {"accessJwt": self.mint("access", grant, request.at), "refreshJwt": successor}
        return as_json({**tokens, **self.about(person, request)})

    @route("POST", "/xrpc/com.atproto.server.deleteSession", "revoke")
    def delete_session(self, request: Request) -> Answer:
        _, grant = self.session(request)
        self.put("grant", grant["id"], {**grant, "alive": False}, grant["person"])
        return as_json({})

    @route("GET", "/xrpc/com.atproto.server.getSession", "identity")
    def get_session(self, request: Request) -> Answer:
        return as_json(self.about(self.who(request), request))

    @route("GET", "/xrpc/app.bsky.actor.getProfile", "identity")
    def get_profile(self, request: Request) -> Answer:
        self.who(request)
        person = self.person_by(request.query.get("actor", ""))
        if person is None:
            raise refuse(400, "InvalidRequest", "Profile not found")
        known = {"did": person.id, "handle": person.handle, "displayName": person.display}
        return as_json({**known, "avatar": f"{request.base}/people/{person.name}.svg"})

    def about(self, person: Person, request: Request) -> Document:
        """Who a session is for, and where this account lives."""
        known = {"did": person.id, "handle": person.handle, "email": f"{person.name}@practice.test"}
        return {**known, "didDoc": did_document(person, request.base), "active": True}

    def grant(self, person: Person, request: Request) -> Document:
        name = secrets.token_hex(12)
        grant = {"id": name, "person": person.name, "alive": True}
        self.put("grant", name, grant, person.name)
        tokens = {"accessJwt": self.mint("access", grant, request.at)}
        return {**tokens, "refreshJwt": self.mint("refresh", grant, request.at)}

    def mint(self, kind: str, grant: Document, at: float) -> str:
        """A fresh access or refresh token of a session."""
        scope, life_s = LIVES[kind]
        person, ends_at = self.person(grant["person"]), int(at) + life_s
        times = {"iat": int(at), "exp": ends_at, "jti": secrets.token_urlsafe(24)}
        token = jwt({"scope": scope, "sub": person.id, "aud": "did:web:practice.test", **times})
        body = {"grant": grant["id"], "person": person.name, "expires_at": ends_at}
        self.put(kind, token, body)
        return token

    def session(self, request: Request) -> tuple[Document, Document]:
        """The refresh token in the request and its session, if they still live."""
        token = self.get("refresh", request.bearer())
        grant = self.get("grant", token["grant"]) if token else None
        if token is None or grant is None or "jkt" in grant:
            raise refuse(400, "InvalidToken", "Token could not be verified")
        if token["expires_at"] <= request.at:
            raise refuse(400, "ExpiredToken", "Token has expired")
        if not grant["alive"]:
            raise refuse(400, "ExpiredToken", "Token has been revoked")
        return token, grant

    def who(self, request: Request) -> Person:
        """Whose access token this is."""
        if token_of_key := bound_token(request):
            return self.holder(request, token_of_key)
        if not request.bearer():
            raise refuse(401, "AuthMissing", "Authentication Required")
        token = self.get("access", request.bearer())
        grant = self.get("grant", token["grant"]) if token else None
        if token is None or grant is None or "jkt" in grant:
            raise refuse(400, "InvalidToken", "Token could not be verified")
        if token["expires_at"] <= request.at or not grant["alive"]:
            raise refuse(400, "ExpiredToken", "Token has expired")
        return self.person(token["person"])

    # Pages

    @route("GET", "/profile/{actor}/post/{rkey}")
    def show(self, request: Request) -> Answer:
        person = self.person_by(request.params["actor"])
        uri = f"at://{person.id}/{POST}/{request.params['rkey']}" if person else ""
        return page.permalink(self, self.board.post(self.name, uri))
