"""Servers that lie about who they are are not believed; our app proves who it is."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from providers.bluesky import Bluesky
from providers.kit import dpop
from providers.kit.contract import App, Dance, Departure, Family, Grant, Identity
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Throttled,
    Unauthorized,
    Unavailable,
    Unexpected,
)
from providers.kit.identities import Registry, is_identity
from tests.providers.loopback import Server
from tests.providers.practice import BACK, refused
from tokens.vault import new_proof_key

ADA, EVE = "did:plc:" + "a" * 24, "did:plc:" + "e" * 24
HANDLE = "ada.practice.test"
LOOPBACK, PUBLIC = App("http://localhost?x=y"), App("https://post.test/oauth/app.json")
CLIENT_KEY = new_proof_key()
TOKENS = {
    "access_token": "access-secret",
    "refresh_token": "refresh-secret",
    "token_type": "DPoP",
    "scope": "atproto transition:generic",
    "expires_in": 3600,
    "sub": ADA,
}


class House:
    """A server of this protocol that says what a test wants: path → (status, body)."""

    def __init__(self) -> None:
        self.server = Server(self.talk)
        self.url = self.server.url
        self.said: dict[str, tuple[int, Any]] = {
            "/xrpc/com.atproto.identity.resolveHandle": (200, {"did": ADA}),
            f"/plc/{ADA}": (200, document(ADA, self.url)),
            "/.well-known/oauth-protected-resource": (
                200,
                {"resource": self.url, "authorization_servers": [self.url]},
            ),
            "/.well-known/oauth-authorization-server": (200, self.issuer()),
            "/par": (201, {"request_uri": "urn:x"}),
            "/token": (200, TOKENS),
            "/revoke": (200, {}),
        }

    def issuer(self, **other: Any) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "pushed_authorization_request_endpoint": f"{self.url}/par",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "dpop_signing_alg_values_supported": ["ES256"],
            **other,
        }

    def talk(self, connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ")[1].decode().partition("?")[0]
        status, said = self.said.get(path, (404, {"error": "NotFound"}))
        body = json.dumps(said).encode()
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    def paths(self) -> list[str]:
        return [r.split(b" ")[1].decode().partition("?")[0] for r in self.server.requests]

    def form(self, path: str) -> dict[str, str]:
        """The last form that was sent there."""
        sent = [r for r in self.server.requests if r.startswith(f"POST {path} ".encode())]
        body = sent[-1].partition(b"\r\n\r\n")[2].decode()
        return {name: values[0] for name, values in parse_qs(body).items()}


def document(did: str, home: str) -> dict[str, Any]:
    return {"id": did, "service": [{"id": "#atproto_pds", "serviceEndpoint": home}]}


@pytest.fixture
def house() -> House:
    return House()


def adapter(house: House, key: str = "") -> Bluesky:
    options = {s.name: s.default for s in Bluesky.settings}
    options |= {"BLUESKY_HOST": house.url, "BLUESKY_PLC_URL": f"{house.url}/plc"}
    return Bluesky({**options, "BLUESKY_CLIENT_KEY": key}, house.server.wire())


def dance(house: House, hint: str = HANDLE, app: App = LOOPBACK) -> Dance:
    return Dance(app, house.url, BACK, "st-1", "v" * 64, new_proof_key(), hint)


def departed(house: House, hint: str = HANDLE) -> tuple[Dance, Departure]:
    begun = dance(house, hint)
    departure = adapter(house).depart(begun)
    return replace(begun, memory=departure.memory), departure


def back(house: House) -> dict[str, str]:
    return {"code": "cod-secret", "state": "st-1", "iss": house.url}


# --- who somebody is ------------------------------------------------------------------------------
def test_a_request_is_pushed_and_only_its_name_goes_by_browser(house: House) -> None:
    begun, departure = departed(house)
    assert departure.url == (
        f"{house.url}/authorize?client_id=http%3A%2F%2Flocalhost%3Fx%3Dy&request_uri=urn%3Ax"
    )
    form = house.form("/par")
    assert form["login_hint"] == HANDLE
    assert (form["code_challenge_method"], form["state"]) == ("S256", "st-1")
    assert begun.verifier not in json.dumps(form) + departure.url + departure.memory
    grant = adapter(house).exchange(begun, back(house))
    assert (grant.host, grant.family) == (house.url, Family.ROTATING)
    assert grant.proof_key == begun.proof_key
    assert "/revoke" not in house.paths()


@pytest.mark.parametrize(
    ("path", "lie"),
    [
        ("protected", {"resource": "https://elsewhere.test"}),
        ("protected", {"authorization_servers": []}),
        ("protected", {"authorization_servers": ["https://a.test", "https://b.test"]}),
        ("protected", {"authorization_servers": "https://a.test"}),
        ("protected", {"authorization_servers": ["http://169.254.169.254"]}),
        ("authorization", {"issuer": "https://elsewhere.test"}),
        ("authorization", {"dpop_signing_alg_values_supported": ["RS256"]}),
        ("authorization", {"dpop_signing_alg_values_supported": None}),
        ("authorization", {"authorization_endpoint": "javascript:alert(1)"}),
        ("authorization", {"authorization_endpoint": "http://elsewhere.test/"}),
        ("authorization", {"pushed_authorization_request_endpoint": None}),
        ("authorization", {"token_endpoint": "https://user@elsewhere.test/"}),
        ("authorization", {"revocation_endpoint": "http://[::1"}),
    ],
)
def test_a_server_that_contradicts_itself_is_not_signed_in_at(
    house: House, path: str, lie: dict[str, Any]
) -> None:
    names = {"protected": "oauth-protected-resource", "authorization": "oauth-authorization-server"}
    status, said = house.said[f"/.well-known/{names[path]}"]
    house.said[f"/.well-known/{names[path]}"] = (status, {**said, **lie})
    with pytest.raises(Unexpected):
        departed(house)
    assert "/par" not in house.paths()


@pytest.mark.parametrize("said", [document(EVE, "x"), {"id": ADA}, {}, document(ADA, "")])
def test_a_directory_that_names_no_home_ends_the_way(house: House, said: dict[str, Any]) -> None:
    house.said[f"/plc/{ADA}"] = (200, said)
    with pytest.raises(Unexpected):
        departed(house)


@pytest.mark.parametrize(
    ("status", "kind"), [(429, Unavailable), (503, Unavailable), (404, Unexpected)]
)
def test_trouble_on_the_way_is_told_from_a_no(house: House, status: int, kind: type) -> None:
    house.said[f"/plc/{ADA}"] = (status, {})
    with pytest.raises(kind):
        departed(house)


def test_a_server_before_many_homes_is_asked_itself(house: House) -> None:
    del house.said["/.well-known/oauth-protected-resource"]
    begun, _ = departed(house, house.url)
    assert "login_hint" not in house.form("/par")
    house.said["/.well-known/oauth-protected-resource"] = (
        200,
        {"resource": house.url, "authorization_servers": [house.url]},
    )
    assert adapter(house).exchange(begun, back(house)).host == house.url


def test_an_account_that_lives_elsewhere_is_not_believed(house: House) -> None:
    other = House()
    begun, _ = departed(house, house.url)
    house.said[f"/plc/{ADA}"] = (200, document(ADA, other.url))
    provider = adapter(house)
    provider.wire.trusted |= {other.url}
    with refused(Unexpected, ("access-secret", "refresh-secret", "cod-secret")) as caught:
        provider.exchange(begun, back(house))
    assert "lives elsewhere" in caught.value.words
    assert house.form("/revoke")["token"] == "refresh-secret"


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        ({"sub": EVE}, Unexpected),
        ({"sub": None}, Unexpected),
        ({"token_type": "Bearer"}, Unexpected),
        ({"scope": "transition:generic"}, Forbidden),
        ({"access_token": ""}, Unavailable),
    ],
)
def test_tokens_for_anything_else_are_not_kept(
    house: House, lie: dict[str, Any], kind: type[NetworkError]
) -> None:
    begun, _ = departed(house)
    house.said["/token"] = (200, {**TOKENS, **lie})
    hidden = ("access-secret", "refresh-secret", "cod-secret", begun.verifier, begun.proof_key)
    with refused(kind, hidden):
        adapter(house).exchange(begun, back(house))
    assert ("/revoke" in house.paths()) == bool(lie.get("access_token", "x"))


def test_a_name_of_the_right_shape_is_an_identity() -> None:
    for typed in (ADA, "did:web:a.test", "did:web:localhost%3A80", HANDLE, "A.Practice.Test"):
        assert is_identity(typed)
    for typed in ("ada", "did:plc:short", "did:web:a.test/x", "https://a.test", "a b.test", ""):
        assert not is_identity(typed)


def test_a_did_of_the_web_is_looked_up_there_with_tls(house: House) -> None:
    registry = Registry(house.server.wire(), house.url, f"{house.url}/plc")
    with pytest.raises(NetworkError):
        registry.home("did:web:localhost%3A1")
    assert house.paths() == []


# --- afterwards -----------------------------------------------------------------------------------
def grant_of(house: House) -> Grant:
    return Grant("access-1", "refresh-1", host=house.url, proof_key=new_proof_key())


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "invalid_grant", Unauthorized),
        (400, "invalid_client", Misconfigured),
        (401, "invalid_client", Misconfigured),
        (400, "invalid_client_metadata", Misconfigured),
        (400, "invalid_dpop_proof", Misconfigured),
        (400, "use_dpop_nonce", Unavailable),
        (429, "slow_down", Throttled),
        (503, "server_error", Unavailable),
        (400, "invalid_request", Unexpected),
    ],
)
def test_each_refusal_of_a_renewal_has_its_name(
    house: House, status: int, error: str, kind: type[NetworkError]
) -> None:
    house.said["/token"] = (status, {"error": error, "error_description": "refresh-1 is no good"})
    grant = grant_of(house)
    with refused(kind, ("access-1", "refresh-1", grant.proof_key)) as caught:
        adapter(house).refresh(grant=grant, app=LOOPBACK, host="")
    assert type(caught.value) is kind


def test_a_renewed_grant_names_its_key_and_family(house: House) -> None:
    grant = grant_of(house)
    fresh = adapter(house).refresh(grant=grant, app=LOOPBACK, host="")
    assert (fresh.proof_key, fresh.family) == (grant.proof_key, Family.ROTATING)
    assert fresh.host == house.url
    assert house.form("/token")["refresh_token"] == "refresh-1"


def test_without_a_refresh_token_or_an_address_of_ours_nothing_is_sent(house: House) -> None:
    with pytest.raises(Unauthorized):
        adapter(house).refresh(
            grant=replace(grant_of(house), refresh_token=""), app=LOOPBACK, host=""
        )
    with pytest.raises(Misconfigured):
        adapter(house).refresh(grant=grant_of(house), app=None, host="")
    assert "/token" not in house.paths()


def test_a_server_that_ends_nothing_is_not_asked_to(house: House) -> None:
    house.said["/.well-known/oauth-authorization-server"] = (
        200,
        {name: value for name, value in house.issuer().items() if "revocation" not in name},
    )
    adapter(house).revoke(grant=grant_of(house), app=LOOPBACK, host="")
    assert "/revoke" not in house.paths()


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, "invalid_token", Unauthorized),
        (401, "invalid_dpop_proof", Misconfigured),
        (403, "InsufficientScope", Unauthorized),
        (403, "ScopeMissingError", Unauthorized),
    ],
)
def test_each_refusal_at_the_home_has_its_name(
    house: House, status: int, error: str, kind: type[NetworkError]
) -> None:
    house.said["/xrpc/com.atproto.server.getSession"] = (status, {"error": error, "message": "no"})
    with refused(kind, ("access-1",)):
        adapter(house).identify(grant_of(house), "")
    house.said["/xrpc/com.atproto.server.getSession"] = (200, {"did": ADA, "handle": HANDLE})
    assert adapter(house).identify(grant_of(house), "") == Identity(
        ADA, f"@{HANDLE}", url=f"https://bsky.app/profile/{HANDLE}"
    )


# --- our app --------------------------------------------------------------------------------------
def test_a_site_with_a_key_proves_who_it_is_with_a_fresh_assertion_each_time(house: House) -> None:
    provider = adapter(house, CLIENT_KEY)
    asked = []
    for _ in range(2):
        provider.refresh(grant=grant_of(house), app=PUBLIC, host="")
        asked.append(house.form("/token"))
    said = provider.client_metadata(PUBLIC, BACK)
    [public] = said["jwks"]["keys"]
    assert said["token_endpoint_auth_method"] == "private_key_jwt"
    assert "d" not in public
    assert json.loads(CLIENT_KEY)["d"] not in json.dumps(said)
    proved = [
        jwt.decode(
            form["client_assertion"],
            jwt.PyJWK(public),
            algorithms=["ES256"],
            audience=house.url,
        )
        for form in asked
    ]
    assert {claims["iss"] for claims in proved} == {PUBLIC.client_id}
    assert {claims["sub"] for claims in proved} == {PUBLIC.client_id}
    assert all(claims["exp"] - claims["iat"] <= 60 for claims in proved)
    assert len({claims["jti"] for claims in proved}) == 2
    header = jwt.get_unverified_header(asked[0]["client_assertion"])
    assert header["kid"] == public["kid"] == dpop.thumbprint(CLIENT_KEY)


def test_a_site_on_loopback_has_no_document_and_so_no_key(house: House) -> None:
    provider = adapter(house, CLIENT_KEY)
    app = provider.client("http://127.0.0.1:8000/oauth/x.json", BACK)
    assert app is not None
    provider.refresh(grant=grant_of(house), app=app, host="")
    assert "client_assertion" not in house.form("/token")
    assert provider.client("http://post.test/oauth/x.json", "http://post.test/back") is None
    assert provider.client(PUBLIC.client_id, "https://post.test/back") == PUBLIC


def test_a_key_that_is_none_is_named_as_the_fault_of_this_site(house: House) -> None:
    provider = adapter(house, "not a key")
    with refused(Misconfigured, ("not a key",)):
        provider.refresh(grant=grant_of(house), app=PUBLIC, host="")
    with refused(Misconfigured, ("not a key",)):
        provider.client_metadata(PUBLIC, BACK)
    assert "/token" not in house.paths()
