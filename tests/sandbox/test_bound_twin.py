"""Bluesky's twin as an authorization server: it takes proofs at their word and no other's."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.kit import curve

BACK = "http://127.0.0.1:8000/connect/done"
SCOPE = "atproto transition:generic"
CLIENT = f"http://localhost?redirect_uri={quote(BACK, safe='')}&scope={quote(SCOPE)}"
VERIFIER = "v" * 64


class App:
    """An app with a key, which remembers the nonce."""

    def __init__(self, visitor: Any) -> None:
        self.visitor = visitor
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.nonce = ""

    def proof(self, method: str, path: str, token: str = "", **other: Any) -> str:
        numbers = self.key.public_key().public_numbers()
        x, y = (encoded(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        claims: dict[str, Any] = {"jti": encoded(time.time_ns().to_bytes(8, "big")), "htm": method}
        claims |= {"htu": self.visitor.root + path, "iat": int(time.time()), "nonce": self.nonce}
        claims |= {"ath": encoded(hashlib.sha256(token.encode()).digest())} if token else {}
        jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y, **other.pop("jwk", {})}
        header = {"typ": "dpop+jwt", "jwk": jwk}
        return jwt.encode({**claims, **other}, self.key, algorithm="ES256", headers=header)

    def send(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        """One request with a proof; the nonce of the answer is kept."""
        proof = more.pop("proof", None) or self.proof(method, path, token)
        headers = {"DPoP": proof} | ({"Authorization": f"DPoP {token}"} if token else {})
        answer = self.visitor.call(method, path, headers=headers, **more)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer

    def post(self, name: str, **form: str) -> Any:
        """A call of the authorization server, once the nonce is known."""
        path = f"/bluesky/oauth/{name}"
        if not self.nonce:
            self.send("POST", path, data={})
        return self.send("POST", path, data={"client_id": CLIENT, **form})

    def push(self, **changed: str) -> Any:
        challenge = encoded(hashlib.sha256(VERIFIER.encode()).digest())
        asked = {"response_type": "code", "redirect_uri": BACK, "scope": SCOPE, "state": "st-1"}
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return self.post("par", **{**asked, **changed})

    def code(self, decision: str = "allow", **changed: str) -> dict[str, str]:
        """What comes back once somebody has pressed a button."""
        request_uri = self.push(**changed).json()["request_uri"]
        asked = {"client_id": CLIENT, "request_uri": request_uri}
        page = "/bluesky/oauth/authorize"
        assert self.visitor.get(page, params=asked).status_code == 200
        pressed = {**asked, "person": "ada", "decision": decision}
        answer = self.visitor.post(page, data=pressed)
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in back.items()}

    def tokens(self) -> dict[str, Any]:
        answer = self.redeem(self.code()["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def redeem(self, code: str, **changed: str) -> Any:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return self.post("token", **{**form, "code_verifier": VERIFIER, **changed})

    def renew(self, token: str) -> Any:
        return self.post("token", grant_type="refresh_token", refresh_token=token)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def app(visitor: Any) -> App:
    return App(visitor)


SESSION = "/bluesky/xrpc/com.atproto.server.getSession"


def test_the_way_from_a_handle_to_the_issuer_can_be_walked(visitor: Any) -> None:
    asked = {"handle": "ada.practice.test"}
    resolve = "/bluesky/xrpc/com.atproto.identity.resolveHandle"
    did = visitor.get(resolve, params=asked).json()["did"]
    [service] = visitor.get(f"/bluesky/plc/{did}").json()["service"]
    home = service["serviceEndpoint"].removeprefix(visitor.root)
    resource = visitor.get(f"{home}/.well-known/oauth-protected-resource").json()
    [issuer] = resource["authorization_servers"]
    known = visitor.get(f"{home}/.well-known/oauth-authorization-server").json()
    assert known["issuer"] == issuer == resource["resource"] == service["serviceEndpoint"]
    assert known["require_pushed_authorization_requests"] is True
    assert visitor.get(resolve, params={"handle": "nobody.test"}).status_code == 400
    assert visitor.get("/bluesky/plc/did:plc:nobody").status_code == 404


def test_the_whole_dance_ends_in_tokens_that_are_bound(app: App) -> None:
    pushed = app.push()
    assert (pushed.status_code, pushed.json()["expires_in"]) == (201, 299)
    back = app.code()
    assert (back["state"], back["iss"]) == ("st-1", f"{app.visitor.root}/bluesky")
    answer = app.redeem(back["code"])
    tokens = answer.json()
    assert (tokens["token_type"], tokens["scope"], tokens["expires_in"]) == ("DPoP", SCOPE, 3600)
    who = app.send("GET", SESSION, tokens["access_token"]).json()
    assert (who["did"], who["handle"]) == (tokens["sub"], "ada.practice.test")
    assert app.redeem(back["code"]).json()["error"] == "invalid_grant"
    denied = app.code("deny")
    assert (denied["error"], denied["iss"]) == ("access_denied", back["iss"])


def test_without_a_nonce_nothing_is_done_and_the_answer_names_one(app: App) -> None:
    tokens = app.tokens()
    app.nonce = "an-old-one"
    refused = app.renew(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "use_dpop_nonce")
    assert refused.headers["DPoP-Nonce"]
    assert app.renew(tokens["refresh_token"]).status_code == 200
    app.nonce = ""
    fresh = app.tokens()["access_token"]
    app.nonce = ""
    refused = app.send("GET", SESSION, fresh)
    assert refused.status_code == 401
    assert 'DPoP error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]
    assert app.send("GET", SESSION, fresh).status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        {"htm": "GET"},
        {"htu": "http://elsewhere.test/bluesky/oauth/par"},
        {"iat": 1_000},
        {"jti": ""},
        {"ath": "of-a-token"},
        {"jwk": {"d": "private"}},
        {"jwk": {"x": "AA"}},
    ],
)
def test_a_proof_for_anything_else_is_refused(app: App, other: dict[str, Any]) -> None:
    path = "/bluesky/oauth/par"
    app.push()
    refused = app.send("POST", path, proof=app.proof("POST", path, **other), data={})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_proof_is_good_once_and_by_its_own_key_only(app: App) -> None:
    path = "/bluesky/oauth/par"
    app.push()
    proof = app.proof("POST", path)
    assert app.send("POST", path, proof=proof, data={}).json()["error"] == "invalid_client_metadata"
    assert app.send("POST", path, proof=proof, data={}).json()["error"] == "invalid_dpop_proof"
    forged = f"{proof.rpartition('.')[0]}.{encoded(b'x' * 64)}"
    for strange in (forged, "no-jwt", "a.b.c"):
        refused = app.send("POST", path, proof=strange, data={})
        assert refused.json()["error"] == "invalid_dpop_proof"
    assert app.visitor.post(path, data={}).json()["error"] == "invalid_dpop_proof"


def test_another_key_opens_nothing(app: App, visitor: Any) -> None:
    thief = App(visitor)
    tokens = app.tokens()
    assert thief.renew(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    thief.nonce = app.nonce
    assert thief.send("GET", SESSION, tokens["access_token"]).status_code == 401
    assert visitor.get(SESSION, tokens["access_token"]).status_code == 400
    assert thief.redeem(app.code()["code"]).json()["error"] == "invalid_grant"
    assert app.renew(tokens["refresh_token"]).status_code == 200


def test_a_spent_refresh_token_ends_the_whole_session(app: App) -> None:
    first = app.tokens()
    second = app.renew(first["refresh_token"]).json()
    assert app.send("GET", SESSION, first["access_token"]).status_code == 401
    assert app.send("GET", SESSION, second["access_token"]).status_code == 200
    replayed = app.renew(first["refresh_token"])
    assert replayed.json()["error_description"] == "Refresh token replayed"
    assert app.send("GET", SESSION, second["access_token"]).status_code == 401
    assert app.renew(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_revoked_session_is_over(app: App, visitor: Any) -> None:
    tokens = app.tokens()
    assert app.post("revoke", token=tokens["refresh_token"]).status_code == 200
    assert app.send("GET", SESSION, tokens["access_token"]).status_code == 401
    assert app.renew(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert app.post("revoke", token="unknown").status_code == 200
    at_session = visitor.post("/bluesky/xrpc/com.atproto.server.refreshSession", "unknown")
    assert at_session.json()["error"] == "InvalidToken"


@pytest.mark.parametrize(
    "changed",
    [
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"scope": "transition:generic"},
        {"scope": "atproto transition:email"},
        {"redirect_uri": "https://elsewhere.test/"},
        {"login_hint": "nobody.test"},
        {"client_id": "http://elsewhere.test/client.json"},
    ],
)
def test_a_request_that_is_not_in_order_is_not_taken(app: App, changed: dict[str, str]) -> None:
    assert app.push(**changed).status_code == 400


def test_a_pushed_request_is_for_its_own_app_and_for_one_answer(app: App, visitor: Any) -> None:
    request_uri = app.push().json()["request_uri"]
    page, asked = "/bluesky/oauth/authorize", {"client_id": CLIENT, "request_uri": request_uri}
    assert visitor.get(page, params={**asked, "client_id": "https://a.test/x"}).status_code == 400
    shown = visitor.get(page, params=asked)
    assert "transition:generic" in shown.text
    assert visitor.post(page, data={**asked, "decision": "allow"}).status_code == 303
    assert visitor.get(page, params=asked).status_code == 400


def test_the_person_that_is_hinted_at_comes_first(app: App, visitor: Any) -> None:
    request_uri = app.push(login_hint="bo.practice.test").json()["request_uri"]
    asked = {"client_id": CLIENT, "request_uri": request_uri}
    page = visitor.get("/bluesky/oauth/authorize", params=asked).text
    assert page.index('value="bo"') < page.index('value="ada"')


@settings(max_examples=25)
@given(st.binary(max_size=200), st.integers(1, curve.N - 1), st.integers(0, 511))
def test_a_signature_holds_for_its_own_message_and_key_alone(
    message: bytes, secret: int, bit: int
) -> None:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    point = key.public_key().public_numbers()
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert curve.verifies(point.x, point.y, message, signature)
    assert not curve.verifies(point.x, point.y, message + b"!", signature)
    flipped = int.from_bytes(signature, "big") ^ 1 << bit
    assert not curve.verifies(point.x, point.y, message, flipped.to_bytes(64, "big"))
    assert not curve.verifies(point.x, curve.P - point.y, message, signature)


def test_numbers_that_are_no_signature_and_no_point_are_refused() -> None:
    fine = (1).to_bytes(32, "big") * 2
    for signature in (b"", bytes(64), curve.N.to_bytes(32, "big") * 2):
        assert not curve.verifies(*curve.G, b"", signature)
    for point in ((0, 0), (1, 1), (curve.P, 1)):
        assert not curve.verifies(*point, b"", fine)
    assert json.dumps(curve.add((*curve.G, 1), curve.INFINITY)) == json.dumps((*curve.G, 1))
