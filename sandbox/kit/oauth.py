"""The authorization-code dance from the network's side: consent page, codes, tokens, rotation.

RFC 6749 (codes, tokens, errors) and RFC 7636 (PKCE). What a network says when it refuses is the
twin's own: see `OAuthTwin.no`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    Twin,
    as_json,
    as_page,
    redirect,
)
from sandbox.kit.store import Document

Why = Literal["bad_client", "bad_grant", "bad_request", "bad_scope"]


@dataclass(frozen=True, slots=True)
class Client:
    """An app that is known here. No redirect URIs: any will do, as long as it stays the same."""

    id: str
    secret: str = field(repr=False)
    name: str
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class OAuthTwin(Twin):
    """A twin whose people are connected by the dance."""

    code_s: ClassVar[int] = 600
    rotates: ClassVar[bool] = False
    reuses: ClassVar[bool] = False
    """Whether a refresh token may be used again and again, and stays the same."""
    pkce_required: ClassVar[bool] = False
    pkce_methods: ClassVar[tuple[str, ...]] = ("S256",)
    client_auth: ClassVar[tuple[str, ...]] = ("basic", "body")
    app_grants: ClassVar[bool] = False
    """Whether an app may have a token of its own (client_credentials)."""
    scopes: ClassVar[tuple[str, ...]] = ()

    def client(self, client_id: str) -> Client | None:
        """The app of this id."""
        raise NotImplementedError(f"{type(self).__name__}.client")

    def no(self, why: Why) -> Answer:
        """What the token endpoint says when it refuses."""
        raise NotImplementedError(f"{type(self).__name__}.no")

    # Consent

    def consent(self, request: Request) -> Answer:
        """The page that asks (GET), and what follows from the button pressed on it (POST)."""
        asked = request.query if request.method == "GET" else request.form()
        client = self.client(asked.get("client_id", ""))
        fault = self.fault(client, asked)
        if client is None or fault:
            return as_page(page.notice("This request cannot be granted", fault), 400)
        if request.method == "GET":
            return as_page(page.consent(self, client.name, self.people(), asked))
        back, state = asked["redirect_uri"], asked.get("state", "")
        if asked.get("decision") != "allow":
            return redirect(back, error="access_denied", state=state)
        return redirect(back, code=self.new_code(asked, request.at), state=state)

    def fault(self, client: Client | None, asked: Mapping[str, str]) -> str:
        """What is wrong with an authorization request; "" if it may be shown to a person."""
        back = asked.get("redirect_uri", "")
        method = asked.get("code_challenge_method", "")
        checks = (
            (client is not None, "No app has this client_id."),
            (asked.get("response_type") == "code", "response_type must be code."),
            (urlsplit(back).scheme in ("http", "https"), "redirect_uri must be an absolute URL."),
            (self.is_registered(client, back), "redirect_uri is not one the app registered."),
            (bool(asked.get("code_challenge")) or not self.pkce_required, "PKCE is mandatory."),
            (not asked.get("code_challenge") or method in self.pkce_methods, "Wrong PKCE method."),
            (len(asked.get("state", "")) <= 500, "state is longer than 500 characters."),
            (self.may_ask(client, asked.get("scope", "")), "invalid_scope"),
        )
        return next((words for fine, words in checks if not fine), "")

    def is_registered(self, client: Client | None, back: str) -> bool:
        """Whether the app may send people back to this address."""
        return client is None or not client.redirect_uris or back in client.redirect_uris

    def may_ask(self, client: Client | None, wanted: str) -> bool:
        """Whether the app may ask for these scopes."""
        known = " ".join((client.scopes if client else ()) or self.scopes)
        return all(covers(known, scope) for scope in wanted.split())

    def new_code(self, asked: Mapping[str, str], at: float) -> str:
        """A code for what was consented to; its short life begins with the consent."""
        code = secrets.token_urlsafe(24)
        kept = ("client_id", "redirect_uri", "scope", "code_challenge", "code_challenge_method")
        body = {part: asked.get(part, "") for part in kept}
        person = self.person(asked.get("person", "ada")).name
        self.put("code", code, {**body, "person": person, "expires_at": at + self.code_s})
        return code

    # Tokens

    def token_answer(self, request: Request) -> Answer:
        """The token endpoint."""
        form = request.fields()
        client = self.checked_client(request, form)
        match form.get("grant_type"):
            case "authorization_code":
                return as_json(self.redeem(form, client, request.at))
            case "refresh_token" if self.reuses:
                return as_json(self.reissue(str(form.get("refresh_token", "")), client, request.at))
            case "refresh_token" if self.rotates:
                return as_json(self.rotate(str(form.get("refresh_token", "")), client, request.at))
            case "client_credentials" if self.app_grants:
                return self.app_token(client, str(form.get("scope", "read")), request.at)
            case _:
                return self.no("bad_request")

    def app_token(self, client: Client, scope: str, at: float) -> Answer:
        """A token of the app's own, which speaks for nobody."""
        if not self.may_ask(client, scope):
            return self.no("bad_scope")
        return as_json(self.begin("", client.id, scope, at))

    def checked_client(self, request: Request, form: Mapping[str, Any]) -> Client:
        """The app that speaks, once its secret is checked."""
        name, secret = "", ""
        if "body" in self.client_auth:
            name, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        if "basic" in self.client_auth:
            name, secret = request.basic() or (name, secret)
        client = self.client(name)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise RefusalError(self.no("bad_client"))
        return client

    def redeem(self, form: Mapping[str, Any], client: Client, at: float) -> Document:
        """Tokens for a code, once; a code that was shown with a wrong verifier is spent too."""
        name = str(form.get("code", ""))
        code = self.get("code", name)
        self.store.drop(self.name, "code", name)
        if code is None or code["expires_at"] < at or code["client_id"] != client.id:
            raise RefusalError(self.no("bad_grant"))
        if code["redirect_uri"] != form.get("redirect_uri"):
            raise RefusalError(self.no("bad_grant"))
        if code["code_challenge"] and not proves(str(form.get("code_verifier", "")), code):
            raise RefusalError(self.no("bad_grant"))
        return self.begin(code["person"], client.id, code["scope"], at)

    def begin(self, person: str, client_id: str, scope: str, at: float) -> Document:
        """A new grant with its first tokens."""
        grant = {"id": secrets.token_hex(12), "person": person, "client_id": client_id}
        grant |= {"scope": scope or "read"}
        self.put("grant", grant["id"], {**grant, "alive": True}, person)
        return self.with_lasting_key(self.issue(grant, at), grant)

    def issue(self, grant: Document, at: float) -> Document:
        """The next tokens of a grant, as the token endpoint writes them."""
        access = secrets.token_urlsafe(32)
        ends_at = None if self.lifetime_s is None else at + self.lifetime_s
        token = {"grant": grant["id"], "person": grant["person"], "scope": grant["scope"]}
        self.put("access", access, {**token, "expires_at": ends_at})
        answer = {"access_token": access, "scope": grant["scope"]}
        if self.rotates and self.lasts(grant):
            answer["refresh_token"] = secrets.token_urlsafe(32)
            self.put("refresh", answer["refresh_token"], {"grant": grant["id"], "used": False})
        return answer

    def rotate(self, refresh_token: str, client: Client, at: float) -> Document:
        """The next tokens for a refresh token that was not used before; a second use kills all."""
        token = self.get("refresh", refresh_token)
        grant = self.get("grant", token["grant"]) if token else None
        if token is None or grant is None or grant["client_id"] != client.id:
            raise RefusalError(self.no("bad_grant"))
        if token["used"] or not grant["alive"]:
            self.put("grant", grant["id"], {**grant, "alive": False}, grant["person"])
            raise RefusalError(self.no("bad_grant"))
        self.put("refresh", refresh_token, {**token, "used": True})
        return self.issue(grant, at)

    def lasts(self, grant: Document) -> bool:
        """Whether a grant comes with a refresh token."""
        return "offline.access" in grant["scope"].split()

    def reissue(self, refresh_token: str, client: Client, at: float) -> Document:
        """The next access token for a refresh token that stays the same; the answer repeats it."""
        token = self.get("refresh", refresh_token)
        grant = self.get("grant", token["grant"]) if token else None
        if grant is None or grant["client_id"] != client.id or not grant["alive"]:
            raise RefusalError(self.no("bad_grant"))
        return {**self.issue(grant, at), "refresh_token": refresh_token}

    def with_lasting_key(self, answer: Document, grant: Document) -> Document:
        """The first answer of a grant, with the refresh token that it keeps (`reuses`)."""
        if not self.reuses or not self.lasts(grant):
            return answer
        lasting = secrets.token_urlsafe(32)
        self.put("refresh", lasting, {"grant": grant["id"], "used": False})
        return {**answer, "refresh_token": lasting}

    def revoke_token(self, token: str, client: Client | None = None) -> bool:
        """End the grant behind a token; False if it belongs to another app."""
        found = self.get("access", token) or self.get("refresh", token)
        grant = self.get("grant", found["grant"]) if found else None
        if grant and client and grant["client_id"] != client.id:
            return False
        if grant:
            self.put("grant", grant["id"], {**grant, "alive": False}, grant["person"])
        return True

    def who(self, request: Request, scope: str = "") -> Person:
        """Whose token this is; refuses one that is expired, dead, an app's own or too weak."""
        token = self.get("access", request.bearer())
        grant = self.get("grant", token["grant"]) if token else None
        ended = token is None or (token["expires_at"] or request.at + 1) <= request.at
        if token is None or grant is None or ended or not grant["alive"] or not token["person"]:
            raise RefusalError(self.dialect("unauthorized", Scene(request)))
        if scope and not covers(token["scope"], scope):
            raise RefusalError(self.dialect("weak_scope", Scene(request)))
        return self.person(token["person"])

    def grant(self, person: Person, request: Request) -> Document:
        """Tokens for somebody, without the dance."""
        return self.begin(person.name, "practice-client", " ".join(self.scopes), request.at)


def covers(granted: str, scope: str) -> bool:
    """Whether the granted scopes contain this one; `write` contains `write:statuses`."""
    have = granted.split()
    return scope in have or scope.partition(":")[0] in have


def proves(verifier: str, code: Mapping[str, str]) -> bool:
    """Whether a PKCE verifier belongs to the challenge of a code (RFC 7636, section 4.6)."""
    if not 43 <= len(verifier) <= 128:
        return False
    if code["code_challenge_method"] == "plain":
        return verifier == code["code_challenge"]
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == code["code_challenge"]
