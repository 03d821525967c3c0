"""OAuth of the AT Protocol from the server's side: pushed requests, bound and single-use tokens.

From `networks.md` of 2026-11-21, section 13b, RFC 9126 (PAR), RFC 9449 (DPoP) and RFC 9207 (iss).
Not played: the documents behind https client ids and the assertions of confidential clients.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from sandbox.kit import page
from sandbox.kit.atproto import did_document, refuse
from sandbox.kit.board import Board
from sandbox.kit.dpop import Nonces, ProofError, check
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Twin,
    as_json,
    as_page,
    redirect,
    route,
)
from sandbox.kit.oauth import Client, proves
from sandbox.kit.store import Document, Store

PUSH_S = 299
CODE_S = 60
ACCESS_S = 3600
REFRESH_S = 14 * 86400  # of a public client
ASKED = ("client_id", "redirect_uri", "scope", "state", "code_challenge", "login_hint")
SAID = {
    "misconfigured": (400, "invalid_client", "Practice trouble."),
    "invalid_grant": (400, "invalid_grant", "Invalid refresh token"),
    "rejected": (400, "invalid_request", "Practice trouble."),
    "error": (500, "server_error", "Practice trouble."),
}


class BoundTwin(Twin):
    """A server that holds accounts and signs their people in for apps it has never seen."""

    scopes: ClassVar[tuple[str, ...]] = ("atproto", "transition:generic")

    def __init__(self, store: Store, board: Board) -> None:
        super().__init__(store, board)
        self.nonces = Nonces()

    # Who we are

    @route("GET", "/.well-known/oauth-protected-resource", "app")
    def about_resource(self, request: Request) -> Answer:
        return as_json({"resource": request.base, "authorization_servers": [request.base]})

    @route("GET", "/.well-known/oauth-authorization-server", "app")
    def about_issuer(self, request: Request) -> Answer:
        ways = {
            "authorization": "authorize",
            "token": "token",
            "revocation": "revoke",
            "pushed_authorization_request": "par",
        }
        endpoints = {f"{k}_endpoint": f"{request.base}/oauth/{v}" for k, v in ways.items()}
        return as_json(
            {
                "issuer": request.base,
                **endpoints,
                "scopes_supported": list(self.scopes),
                "code_challenge_methods_supported": ["S256"],
                "dpop_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
                "require_pushed_authorization_requests": True,
                "authorization_response_iss_parameter_supported": True,
                "client_id_metadata_document_supported": True,
            }
        )

    @route("GET", "/xrpc/com.atproto.identity.resolveHandle", "app")
    def resolve_handle(self, request: Request) -> Answer:
        person = self.person_by(request.query.get("handle", ""))
        if person is None:
            raise refuse(400, "InvalidRequest", "Unable to resolve handle")
        return as_json({"did": person.id})

    @route("GET", "/plc/{did}", "app")
    def directory(self, request: Request) -> Answer:
        person = self.person_by(request.params["did"])
        if person is None:
            return as_json({"message": f"DID not registered: {request.params['did']}"}, 404)
        home = request.base
        return as_json(did_document(person, home))

    # Proofs

    def proved(self, request: Request, access_token: str = "") -> str:
        """The thumbprint of the key behind a request; refuses, and says which nonce it wants."""
        try:
            thumbprint, name = check(request, self.nonces, access_token)
        except ProofError as problem:
            code = "use_dpop_nonce" if problem.wants_nonce else "invalid_dpop_proof"
            status = 401 if access_token else 400
            raise self.refuse(request, status, code, problem.words) from None
        if self.get("jti", name):
            raise self.refuse(request, 400, "invalid_dpop_proof", "DPoP proof was used before")
        self.put("jti", name, {"at": request.at})
        return thumbprint

    def refuse(self, request: Request, status: int, code: str, words: str) -> RefusalError:
        """A refusal in the words of OAuth; at a resource the header says it too."""
        return RefusalError(self.refusal(request, status, code, words))

    def refusal(self, request: Request, status: int, code: str, words: str) -> Answer:
        """The same, to be returned."""
        answer = as_json({"error": code, "error_description": words, "message": words}, status)
        if status == 401:
            said = f'DPoP error="{code}", error_description="{words}"'
            answer = answer.with_headers(("WWW-Authenticate", said))
        return self.with_nonce(answer, request)

    def with_nonce(self, answer: Answer, request: Request) -> Answer:
        """The same answer with the nonce that the next proof must hold."""
        return answer.with_headers(("DPoP-Nonce", self.nonces.at(request.at)))

    def bound_dialect(self, kind: str, request: Request) -> Answer | None:
        """What is said at the doors of OAuth and of bound tokens; None where others speak."""
        if request.path.startswith("/oauth/"):
            return self.refusal(request, *SAID.get(kind, SAID["error"]))
        if kind == "unauthorized" and bound_token(request):
            return self.refusal(request, 401, "invalid_token", "Token expired")
        return None

    # The dance

    @route("POST", "/oauth/par", "app")
    def push(self, request: Request) -> Answer:
        thumbprint, form = self.proved(request), request.form()
        client = self.client(request, form)
        if fault := self.fault(client, form):
            raise self.refuse(request, 400, "invalid_request", fault)
        name = f"urn:ietf:params:oauth:request_uri:req-{secrets.token_hex(16)}"
        asked = {part: form.get(part, "") for part in ASKED}
        ends_at = request.at + PUSH_S
        self.put("push", name, {**asked, "jkt": thumbprint, "expires_at": ends_at})
        return self.with_nonce(as_json({"request_uri": name, "expires_in": PUSH_S}, 201), request)

    def client(self, request: Request, form: Mapping[str, str]) -> Client:
        """The app that speaks: what its id says, which on loopback is everything."""
        name = form.get("client_id", "")
        parts = urlsplit(name)
        if parts.scheme == "https" and parts.hostname:
            return Client(name, "", parts.hostname)
        if parts.scheme != "http" or parts.netloc != "localhost" or parts.path not in ("", "/"):
            raise self.refuse(request, 400, "invalid_client_metadata", f"Invalid client ID {name}")
        said = parse_qs(parts.query)
        places = tuple(said.get("redirect_uri", ["http://127.0.0.1/"]))
        scopes = tuple(" ".join(said.get("scope", ["atproto"])).split())
        return Client(name, "", "An app on this machine", places, scopes)

    def fault(self, client: Client, form: Mapping[str, str]) -> str:
        """What is wrong with a pushed request; "" if people may be asked."""
        hint, wanted = form.get("login_hint", ""), form.get("scope", "").split()
        back = form.get("redirect_uri", "")
        checks = (
            (form.get("response_type") == "code", "response_type must be code"),
            (form.get("code_challenge_method") == "S256", "code_challenge_method must be S256"),
            (bool(form.get("code_challenge")), "Use of PKCE is required"),
            ("atproto" in wanted, 'The "atproto" scope is required'),
            (not client.scopes or set(wanted) <= set(client.scopes), "Scope is not declared"),
            (same_place(back, client.redirect_uris), f"Invalid redirect_uri {back}"),
            (not hint or self.person_by(hint) is not None, f"Invalid login_hint {hint}"),
        )
        return next((words for fine, words in checks if not fine), "")

    @route("GET", "/oauth/authorize")
    @route("POST", "/oauth/authorize")
    def authorize(self, request: Request) -> Answer:
        """The page that asks (GET), and what follows from the button pressed on it (POST)."""
        asked = request.query if request.method == "GET" else request.form()
        name = asked.get("request_uri", "")
        pushed = self.get("push", name)
        mine = pushed is not None and pushed["client_id"] == asked.get("client_id")
        if pushed is None or not mine or pushed["expires_at"] < request.at:
            return as_page(page.notice("This request cannot be granted", "Unknown request."), 400)
        if request.method == "GET":
            app = self.client(request, pushed).name
            first = self.person_by(pushed["login_hint"])
            people = sorted(self.people(), key=lambda person: person != first)
            return as_page(page.consent(self, app, people, {**asked, "scope": pushed["scope"]}))
        self.store.drop(self.name, "push", name)
        known = {"state": pushed["state"], "iss": request.base}
        if asked.get("decision") != "allow":
            return redirect(pushed["redirect_uri"], error="access_denied", **known)
        code, person = f"cod-{secrets.token_hex(32)}", self.person(asked.get("person", "ada"))
        ends_at = request.at + CODE_S
        self.put("code", code, {**pushed, "person": person.name, "expires_at": ends_at})
        return redirect(pushed["redirect_uri"], code=code, **known)

    # Tokens

    @route("POST", "/oauth/token", "token")
    def token(self, request: Request) -> Answer:
        thumbprint, form = self.proved(request), request.form()
        client = self.client(request, form)
        if form.get("grant_type") == "refresh_token":
            return self.rotate(request, form, client, thumbprint)
        code = self.get("code", form.get("code", ""))
        self.store.drop(self.name, "code", form.get("code", ""))
        good = (
            code is not None
            and code["expires_at"] >= request.at
            and code["client_id"] == client.id
            and code["redirect_uri"] == form.get("redirect_uri")
            and code["jkt"] == thumbprint
            and proves(form.get("code_verifier", ""), {**code, "code_challenge_method": "S256"})
        )
        if code is None or not good:
            raise self.refuse(request, 400, "invalid_grant", "Invalid code")
        return self.issue(request, self.begin(code, client.id, thumbprint))

    def begin(self, code: Document, client_id: str, thumbprint: str) -> Document:
        """A new session."""
        grant = {"id": secrets.token_hex(12), "person": code["person"], "alive": True}
        grant |= {"client_id": client_id, "scope": code["scope"], "jkt": thumbprint}
        self.put("grant", grant["id"], grant, code["person"])
        return grant

    def rotate(
        self, request: Request, form: Mapping[str, str], client: Client, thumbprint: str
    ) -> Answer:
        """The next tokens, once; whoever shows a spent token ends the whole session."""
        name = form.get("refresh_token", "")
        token = self.get("refresh", name)
        grant = self.get("grant", token["grant"]) if token else None
        if token is None or grant is None or not grant["alive"] or "jkt" not in grant:
            raise self.refuse(request, 400, "invalid_grant", "Invalid refresh token")
        if grant["client_id"] != client.id or grant["jkt"] != thumbprint:
            raise self.refuse(request, 400, "invalid_grant", "Token was issued to another client")
        if token["used"]:
            self.put("grant", grant["id"], {**grant, "alive": False}, grant["person"])
            raise self.refuse(request, 400, "invalid_grant", "Refresh token replayed")
        if token["expires_at"] <= request.at:
            raise self.refuse(request, 400, "invalid_grant", "Refresh token expired")
        self.put("refresh", name, {**token, "used": True})
        return self.issue(request, grant)

    def issue(self, request: Request, grant: Document) -> Answer:
        """The next tokens of a session; only one access token of it is good at a time."""
        access, refresh = f"tok-{secrets.token_hex(32)}", f"ref-{secrets.token_hex(32)}"
        known = {"grant": grant["id"], "person": grant["person"]}
        self.put("grant", grant["id"], {**grant, "access": access}, grant["person"])
        self.put("access", access, {**known, "expires_at": request.at + ACCESS_S})
        ends_at = request.at + REFRESH_S
        self.put("refresh", refresh, {**known, "used": False, "expires_at": ends_at})
        answer = {"access_token": access, "token_type": "DPoP", "refresh_token": refresh}
        answer |= {"scope": grant["scope"], "sub": self.person(grant["person"]).id}
        return self.with_nonce(as_json({**answer, "expires_in": ACCESS_S}), request)

    @route("POST", "/oauth/revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        self.proved(request)
        form = request.form()
        client, name = self.client(request, form), form.get("token", "")
        found = self.get("refresh", name) or self.get("access", name)
        grant = self.get("grant", found["grant"]) if found else None
        if grant and grant.get("client_id") == client.id:
            self.put("grant", grant["id"], {**grant, "alive": False}, grant["person"])
        return self.with_nonce(as_json({}), request)

    # At the resource

    def holder(self, request: Request, token: str) -> Person:
        """Whose bound token this is, proved by the key that it is bound to."""
        thumbprint = self.proved(request, token)
        found = self.get("access", token)
        grant = self.get("grant", found["grant"]) if found else None
        if found is None or grant is None or not grant["alive"] or grant.get("access") != token:
            raise self.refuse(request, 401, "invalid_token", "Invalid token")
        if grant.get("jkt") != thumbprint:
            raise self.refuse(request, 401, "invalid_token", "Invalid DPoP key binding")
        if found["expires_at"] <= request.at:
            raise self.refuse(request, 401, "invalid_token", "Token expired")
        return self.person(found["person"])


def bound_token(request: Request) -> str:
    """The token of `Authorization: DPoP`; "" for any other."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "dpop" else ""


def same_place(back: str, registered: tuple[str, ...]) -> bool:
    """Whether an app may send people back there; on loopback the port is free (RFC 8252)."""
    parts = urlsplit(back)
    if not registered:
        return parts.scheme == "https"
    places = {(p.scheme, p.hostname, p.path) for p in map(urlsplit, registered)}
    return (parts.scheme, parts.hostname, parts.path) in places
