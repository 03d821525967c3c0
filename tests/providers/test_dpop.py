"""Proofs hold what RFC 9449 asks for, and a server that wants a nonce gets it exactly once more."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from providers.kit import dpop
from providers.kit.errors import Misconfigured, NetworkError, Unavailable, Uncertain
from providers.kit.http import Reply, Wire
from tests.providers.loopback import Server, say
from tests.providers.practice import refused
from tokens.vault import new_proof_key

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
KEY = new_proof_key()
CHALLENGE = (400, {"DPoP-Nonce": "n-1"}, {"error": "use_dpop_nonce"})
AT_RESOURCE = (
    401,
    {"DPoP-Nonce": "n-1", "WWW-Authenticate": 'DPoP error="use_dpop_nonce", error_description="x"'},
    {"error": "other"},
)
DONE: tuple[int, dict[str, str], Any] = (200, {}, {"done": True})


def opened(proof: str, key: str = KEY) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a proof whose signature holds."""
    signer = jwt.PyJWK({**dpop.public_part(key)}, algorithm="ES256")
    claims = jwt.decode(proof, signer, algorithms=["ES256"], options={"verify_iat": False})
    return jwt.get_unverified_header(proof), claims


def wire_of(*answers: tuple[int, Mapping[str, str], Any] | None) -> Server:
    """A server that gives these answers in turn; None: it hangs up."""
    left = list(answers)

    def talk(connection: socket.socket, _: bytes) -> None:
        answer = left.pop(0)
        if answer is None:
            connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers, said = answer
        body = json.dumps(said).encode()
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return Server(talk)


def asked(server: Server, nonces: dpop.Nonces, *, token: str = "", safe: bool = False) -> Reply:
    """One proved call."""
    wire: Wire = server.wire()
    url = f"{server.url}/door?a=b"

    def send(headers: Mapping[str, str], hidden: tuple[str, ...]) -> Reply:
        return wire.call("POST", url, safe=safe, headers=headers, secrets=hidden)

    return dpop.prove("POST", url, KEY, send, access_token=token, nonces=nonces)


def proofs(server: Server) -> list[str]:
    """The proofs that arrived."""
    lines = [line for request in server.requests for line in request.split(b"\r\n")]
    return [line[6:].decode() for line in lines if line.lower().startswith(b"dpop: ")]


# --- what a proof holds ---------------------------------------------------------------------------
def test_a_proof_holds_what_the_rfc_asks_for() -> None:
    proof = dpop.proof("POST", "https://a.test/x/y?q=1#f", KEY, at=AT, nonce="n")
    header, claims = opened(proof)
    public = {name: json.loads(KEY)[name] for name in ("kty", "crv", "x", "y")}
    assert header == {"typ": "dpop+jwt", "alg": "ES256", "jwk": public}
    assert claims.pop("jti")
    assert claims == {
        "htm": "POST",
        "htu": "https://a.test/x/y",
        "iat": int(AT.timestamp()),
        "nonce": "n",
    }


def test_a_proof_beside_a_token_holds_its_hash() -> None:
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"  # RFC 9449, section 7.1
    _, claims = opened(dpop.proof("GET", "https://a.test/", KEY, at=AT, access_token=token))
    assert claims["ath"] == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    assert "nonce" not in claims


def test_a_key_is_named_as_the_rfc_names_it() -> None:
    known = {
        "kty": "EC",
        "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "d": "unused",
    }
    name = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # RFC 9449, section 6.1
    assert dpop.thumbprint(json.dumps(known)) == name


def test_every_proof_and_every_key_is_another() -> None:
    made = {dpop.proof("GET", "https://a.test/", KEY, at=AT) for _ in range(20)}
    assert len({opened(proof)[1]["jti"] for proof in made}) == 20
    assert len({new_proof_key() for _ in range(20)}) == 20


@pytest.mark.parametrize("key", ["", "{", "[]", '{"crv":"P-256"}', '{"crv":"P-256","d":"?"}'])
def test_a_key_that_is_none_is_our_own_fault(key: str) -> None:
    with pytest.raises(Misconfigured):
        dpop.proof("GET", "https://a.test/", key, at=AT)


# --- nonces ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("challenge", [CHALLENGE, AT_RESOURCE])
def test_a_challenge_is_answered_once_with_the_nonce(challenge: Any) -> None:
    server, nonces = wire_of(challenge, DONE), dpop.Nonces()
    assert asked(server, nonces, token="secret-token").json() == {"done": True}
    first, second = (opened(proof)[1] for proof in proofs(server))
    assert "nonce" not in first
    assert second["nonce"] == "n-1"
    assert first["jti"] != second["jti"]
    assert [b"DPoP secret-token" in request for request in server.requests] == [True, True]


def test_a_server_that_asks_again_and_again_has_certainly_done_nothing() -> None:
    server = wire_of(CHALLENGE, CHALLENGE, DONE)
    with pytest.raises(Unavailable):
        asked(server, dpop.Nonces())
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"DPoP-Nonce": "n-1"}, {"error": "invalid_grant"}),
        (401, {"WWW-Authenticate": 'DPoP error="invalid_token"'}, {"error": "invalid_token"}),
        (401, {"WWW-Authenticate": 'Bearer error="x", DPoP algs="ES256"'}, {}),
        (500, {}, {"error": "use_dpop_nonce"}),
        (200, {}, {"error": "use_dpop_nonce"}),
    ],
)
def test_nothing_else_is_ever_repeated(answer: Any) -> None:
    server = wire_of(answer, DONE)
    assert asked(server, dpop.Nonces()).status == answer[0]
    assert len(server.requests) == 1


def test_the_newest_nonce_is_used_at_once_and_only_where_it_came_from() -> None:
    nonces = dpop.Nonces()
    here, there = wire_of((200, {"DPoP-Nonce": "n-2"}, {}), DONE), wire_of(DONE)
    for server in (here, here, there):
        asked(server, nonces)
    assert [opened(p)[1].get("nonce") for p in proofs(here) + proofs(there)] == [None, "n-2", None]


@pytest.mark.parametrize(("safe", "meaning"), [(False, Uncertain), (True, Unavailable)])
def test_a_lost_answer_to_the_repeat_means_what_it_always_means(
    safe: bool, meaning: type[NetworkError]
) -> None:
    server = wire_of(CHALLENGE, None)
    with pytest.raises(NetworkError) as caught:
        asked(server, dpop.Nonces(), safe=safe)
    assert type(caught.value) is meaning
    assert len(server.requests) == 2


def test_many_threads_share_what_one_has_learnt() -> None:
    nonces = dpop.Nonces()
    reply = Reply(200, {"DPoP-Nonce": "n-3"}, b"", safe=True, received_at=AT)
    learners = [
        threading.Thread(target=nonces.learn, args=(f"https://{n % 4}.test/x", reply))
        for n in range(16)
    ]
    for one in learners:
        one.start()
    for one in learners:
        one.join()
    assert {nonces.of(f"https://{n}.test/another") for n in range(4)} == {"n-3"}
    nonces.forget()
    assert nonces.of("https://1.test/") == ""


# --- what is never shown --------------------------------------------------------------------------
def test_a_server_that_repeats_the_proof_makes_nobody_show_it() -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        head = b"HTTP/1.1 500 Said\r\nContent-Length: %d\r\n\r\n" % len(request)
        connection.sendall(head + request)

    server = Server(echo)
    reply = asked(server, dpop.Nonces(), token="secret-token")
    [proof] = proofs(server)
    secrets = (proof, "secret-token", json.loads(KEY)["d"])
    assert [secret for secret in secrets if secret in reply.words + reply.said("x")] == []
    with refused(NetworkError, secrets):
        raise reply.unreadable()


def test_a_refusal_without_a_body_is_no_challenge() -> None:
    server = Server(say(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"))
    assert asked(server, dpop.Nonces()).status == 401
    assert len(server.requests) == 1
