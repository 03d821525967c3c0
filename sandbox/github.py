"""The twin of GitHub: its token door, its API, two apps.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.4, 1.5, 14 and 21, and from
@octokit/openapi 23.0.2; posts are played by `sandbox.kit.forge`. `practice-client` is a GitHub App,
whose keys rotate, `practice-oauth-app` an OAuth App, whose keys never end. Not played: secondary
limits by themselves (order them as trouble), organisations.
"""

from __future__ import annotations

from math import ceil
from urllib.parse import urlencode

from sandbox.kit.forge import ForgeTwin, no
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
from sandbox.kit.oauth import Client, Why
from sandbox.kit.store import Document

APPS = {"practice-client": "Postrider", "practice-oauth-app": "Postrider (OAuth App)"}
VERSIONS = ("2022-11-28", "2026-03-10")
REFRESH_S = 15_897_600
REFUSALS = {
    "unauthorized": (401, "Bad credentials"),
    "forbidden": (403, "Sorry. Your account was suspended."),
    "weak_scope": (403, "Resource not accessible by integration"),
    "rejected": (422, "Validation Failed"),
    "misconfigured": (400, "The given API version is not supported."),
}
ERRORS = {
    "bad_client": ("incorrect_client_credentials", "The client_id and/or client_secret is wrong."),
    "bad_grant": ("bad_refresh_token", "The refresh token passed is incorrect or expired."),
    "bad_code": ("bad_verification_code", "The code passed is incorrect or expired."),
}


def said(why: str) -> Answer:
    """A refusal of the token door: with HTTP 200."""
    error, words = ERRORS.get(why, ("unsupported_grant_type", "The grant type is unknown."))
    return as_json({"error": error, "error_description": words, "error_uri": ""})


class GitHub(ForgeTwin):
    """GitHub: rotation that ends the old key at once, errors inside HTTP 200."""

    name = "github"
    label = "GitHub"
    colour = "#2b3137"
    hint = "App: practice-client, secret practice-secret. Repository: ada/practice"
    lifetime_s = 28_800
    rotates = True
    client_auth = ("body", "basic")
    scopes = ("public_repo", "repo", "gist", "write:discussion", "read:user")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, name, number_of(name)[:8])

    def client(self, client_id: str) -> Client | None:
        known = APPS.get(client_id)
        return Client(client_id, "practice-secret", known) if known else None

    def no(self, why: Why) -> Answer:
        return said(why)

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "invalid_grant" or (kind == "misconfigured" and scene.purpose == "token"):
            return said("bad_client" if kind == "misconfigured" else "bad_grant")
        if kind != "throttled":
            return no(*REFUSALS.get(kind, (500, "Server Error")))
        hints = {"limit": "5000", "remaining": "0", "reset": str(ceil(scene.reset_at))}
        hints |= {"used": "5000", "resource": "core"}
        answer = no(403, "API rate limit exceeded for user ID 1.")
        if scene.purpose == "token":
            answer = no(429, "Too many requests")
        return answer.with_headers(*((f"x-ratelimit-{k}", v) for k, v in hints.items()))

    # The dance

    def lasts(self, grant: Document) -> bool:
        return bool(grant["client_id"] == "practice-client")

    @route("GET", "/login/oauth/authorize")
    @route("POST", "/login/oauth/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/login/oauth/access_token", "token")
    def token(self, request: Request) -> Answer:
        try:
            answer = self.token_answer(request)
        except RefusalError as refused:
            by_code = request.fields().get("grant_type") == "authorization_code"
            spent = b"bad_refresh_token" in refused.answer.body
            answer = said("bad_code") if by_code and spent else refused.answer
        if request.headers.get("accept") != "application/json":
            kind = ("Content-Type", "application/x-www-form-urlencoded")
            told = Request("POST", "", 0, body=answer.body).json()
            return Answer(answer.status, urlencode(told).encode(), (kind,))
        return answer

    def issue(self, grant: Document, at: float) -> Document:
        whole = super().issue(grant, at)
        before, key = self.get("grant", grant["id"]) or grant, whole["access_token"]
        kept = {**before, "key": key}
        if "key" in before:
            self.store.drop(self.name, "access", before["key"])
        self.put("grant", grant["id"], {"alive": True, **kept}, grant["person"])
        if not self.lasts(grant):
            self.put("access", key, {**(self.get("access", key) or {}), "expires_at": None})
            return {**whole, "scope": whole["scope"].replace(" ", ","), "token_type": "bearer"}
        lives = {"expires_in": self.lifetime_s, "refresh_token_expires_in": REFRESH_S}
        return {**whole, **lives, "scope": "", "token_type": "bearer"}

    @route("DELETE", "/api/applications/{client}/token", "revoke")
    def revoke(self, request: Request) -> Answer:
        client = self.client(request.params["client"])
        if client is None or request.basic() != (client.id, client.secret):
            return no(404, "Not Found")
        token = str(request.json().get("access_token", ""))
        if self.get("access", token) is None:
            return no(404, "Not Found")
        self.revoke_token(token, client)
        return Answer(204)

    # The API

    def caller(self, request: Request, scope: str = "") -> Person:
        if not request.headers.get("user-agent"):
            raise RefusalError(no(403, "Request forbidden by administrative rules."))
        if request.headers.get("x-github-api-version") not in VERSIONS:
            raise RefusalError(no(*REFUSALS["misconfigured"]))
        return self.who(request, scope)

    @route("GET", "/api/user", "identity")
    def me(self, request: Request) -> Answer:
        person = self.caller(request)
        known = {"id": int(person.id), "login": person.handle, "name": person.display}
        page = {"html_url": f"{request.base}/{person.handle}"}
        picture = {"avatar_url": f"{request.base}/people/{person.name}.svg"}
        return as_json({**known, **page, **picture})
