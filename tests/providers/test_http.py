"""The one HTTP client keeps its promises, shown on real sockets of this machine."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kit.errors import NetworkError, Unavailable, Uncertain, Unexpected
from providers.kit.http import (
    MAX_BODY_BYTES,
    Patience,
    Reply,
    Wire,
    base_url,
    correlation,
    listening,
    redact,
)
from providers.kit.sockets import is_public
from tests.providers.loopback import Server, Talk, say

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SHORT = Patience(connect=1.0, read=0.5, deadline=0.8)


@pytest.fixture
def serving() -> Iterator[Callable[[Talk], Server]]:
    servers: list[Server] = []

    def serve(talk: Talk) -> Server:
        servers.append(Server(talk))
        return servers[-1]

    yield serve
    for server in servers:
        server.listener.close()


Serving = Callable[[Talk], Server]


def drip(connection: socket.socket, _: bytes) -> None:
    """One byte at a time, for ever: no read time-out would ever end this."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def drip_until_closed(connection: socket.socket, _: bytes) -> None:
    """As `drip`, but without a length: the end of the connection is the end of the body."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def hang_up(connection: socket.socket, _: bytes) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def sleep(connection: socket.socket, _: bytes) -> None:
    time.sleep(2)


# --- where we may call --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://192.168.1.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0/",
    ],
)
def test_a_private_address_is_never_called(url: str) -> None:
    with pytest.raises(Unexpected, match="not public"):
        Wire(patience=SHORT).call("GET", url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("224.0.0.1", False),
        ("100.64.0.1", False),
        ("fd00::1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://example.com/", "https://", "http://[", "not a url", ""]
)
def test_only_https_addresses_are_called(url: str) -> None:
    with pytest.raises(Unexpected):
        Wire(patience=SHORT).call("GET", url)


def test_a_server_with_a_certificate_nobody_vouches_for_was_never_told_anything(
    serving: Serving,
) -> None:
    server = serving(say(b"this is no TLS"))
    secure = server.url.replace("http:", "https:")
    with pytest.raises(NetworkError) as caught:
        Wire(trusted=frozenset({secure}), patience=SHORT).call("POST", secure)
    assert isinstance(caught.value, (Unavailable, Uncertain))
    assert not any(b"POST" in request for request in server.requests)


def test_a_redirect_is_an_answer_and_is_not_followed(serving: Serving) -> None:
    goal = serving(say(OK))
    answer = f"HTTP/1.1 302 Found\r\nLocation: {goal.url}/x\r\nContent-Length: 0\r\n\r\n"
    server = serving(say(answer.encode()))
    assert server.wire().call("GET", server.url).status == 302
    assert goal.requests == []


# --- when we stop waiting -----------------------------------------------------------------------
@pytest.mark.parametrize("talk", [drip, drip_until_closed])
def test_a_dripping_server_is_cut_off_at_the_deadline(serving: Serving, talk: Talk) -> None:
    server = serving(talk)
    begun_at = time.monotonic()
    with pytest.raises(Uncertain):
        server.wire().call("POST", server.url)
    assert time.monotonic() - begun_at < 2


@pytest.mark.parametrize("talk", [sleep, hang_up, drip])
def test_a_lost_answer_leaves_a_doubt_only_where_a_repeat_would_do_harm(
    serving: Serving, talk: Talk
) -> None:
    server = serving(talk)
    with pytest.raises(Uncertain):
        server.wire().call("POST", server.url)
    with pytest.raises(Unavailable):
        server.wire().call("POST", server.url, safe=True)
    with pytest.raises(Unavailable):
        server.wire().call("GET", server.url)


def test_a_closed_door_was_certainly_not_entered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Unavailable) as caught:
        Wire(trusted=frozenset({url}), patience=SHORT).call("POST", url)
    assert not caught.value.timed_out


@pytest.mark.parametrize(
    ("talk", "timed_out"),
    [(sleep, True), (drip, True), (drip_until_closed, True), (hang_up, False)],
)
@pytest.mark.parametrize("safe", [True, False])
def test_a_network_that_is_slow_is_told_apart_from_one_that_hangs_up(
    serving: Serving, talk: Talk, timed_out: bool, safe: bool
) -> None:
    server = serving(talk)
    with pytest.raises(NetworkError) as caught:
        server.wire().call("POST", server.url, safe=safe)
    assert caught.value.timed_out is timed_out


def test_a_body_that_is_too_large_is_not_read_to_its_end(serving: Serving) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    server = serving(say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    with pytest.raises(Uncertain):
        server.wire(Patience(1, 5, 5)).call("POST", server.url)


# --- what we send -------------------------------------------------------------------------------
def test_a_connection_is_used_again(serving: Serving) -> None:
    server = serving(say(OK))
    wire = server.wire()
    for _ in range(5):
        assert wire.call("GET", server.url).ok
    assert (len(server.requests), server.connections) == (5, 1)


def test_a_connection_that_went_stale_is_replaced(serving: Serving) -> None:
    def once(connection: socket.socket, _: bytes) -> None:
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)

    server = serving(once)
    wire = server.wire()
    for _ in range(3):
        assert wire.call("POST", server.url).ok
        time.sleep(0.05)


def test_one_accounts_cookie_is_not_sent_for_another(serving: Serving) -> None:
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: who=ada; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    server = serving(say(cookie))
    wire = server.wire()
    wire.call("GET", server.url, bearer="token-of-ada")
    wire.call("GET", server.url, bearer="token-of-bo")
    assert b"cookie" not in server.requests[1].lower()


def test_a_call_without_a_body_names_no_content_type(serving: Serving) -> None:
    server = serving(say(OK))
    server.wire().call("POST", server.url, bearer="token")
    assert b"content-type" not in server.requests[0].lower()


def test_the_correlation_id_travels_along(serving: Serving) -> None:
    server = serving(say(OK))
    token = correlation.set("attempt-7")
    try:
        server.wire().call("GET", server.url)
    finally:
        correlation.reset(token)
    assert b"x-request-id: attempt-7" in server.requests[0].lower()


def test_whoever_listens_hears_every_answer_and_every_loss(serving: Serving) -> None:
    well, dead = serving(say(OK)), serving(hang_up)
    with listening() as heard:
        well.wire().call("GET", well.url, params={"a": "b"})
        with pytest.raises(Uncertain) as caught:
            dead.wire().call("POST", dead.url)
    well.wire().call("GET", well.url)
    first, second = heard
    assert isinstance(first, Reply)
    assert (first.status, first.url) == (200, f"{well.url}/?a=b")
    assert second is caught.value


# --- what we say --------------------------------------------------------------------------------
def test_a_network_that_echoes_our_secrets_does_not_make_us_tell_them(serving: Serving) -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        told = json.dumps({"message": request.decode()}).encode()
        head = b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(told)
        connection.sendall(head + told)

    server = serving(echo)
    secret, token, code = 'se"cret/+value', "bearer-token-1", "code-of-the-dance"
    form = {"client_secret": secret, "code": code, "note": token}
    reply = server.wire().call("POST", server.url, form=form, bearer=token)
    basic = server.wire().call("POST", server.url, basic=("us", secret), form={"a": secret})
    encoded = base64.b64encode(f"us:{secret}".encode()).decode()
    for answer in (reply, basic):
        said = answer.said("message") + answer.words + str(answer.unreadable()) + repr(answer)
        for hidden in (secret, json.dumps(secret)[1:-1], "se%22cret", token, code, encoded):
            assert hidden not in said, hidden


@given(st.text(min_size=4).filter(lambda s: s not in "[redacted]"), st.text(), st.text())
def test_a_secret_is_redacted_wherever_it_stands(secret: str, before: str, after: str) -> None:
    said = redact(f"{before}{secret}{after}", (secret,))
    assert "\x00" not in said
    said.encode()
    if secret not in f"{before}[redacted]{after}":
        assert secret not in said


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"[1]", b'"x"', b"{", b"\x00\xff", b"[" * 100_000, b"9" * 5000],
)
def test_an_answer_of_any_shape_is_readable_or_an_error(body: bytes) -> None:
    for safe, expected in ((True, Unexpected), (False, Uncertain)):
        reply = Reply(200, {}, body, safe, NOW)
        with pytest.raises(expected):
            reply.json()
        assert reply.maybe_json() == {}
        assert reply.said("message")


def test_an_html_page_is_named_by_its_title() -> None:
    page = b"<html><title> Bad Gateway </title><body>secret</body></html>"
    reply = Reply(502, {}, page, safe=True, received_at=NOW)
    assert reply.words == "an HTML page (Bad Gateway)"


# --- addresses that people type -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("example.org", "https://example.org"),
        (" https://Example.org/ ", "https://example.org"),
        ("http://127.0.0.1:8100/house", "http://127.0.0.1:8100/house"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("https://[::1]:8100", "https://[::1]:8100"),
        ("localhost:8100", "https://localhost:8100"),
    ],
)
def test_an_address_is_understood_as_people_type_it(typed: str, meant: str) -> None:
    assert base_url(typed, "Server") == meant


@pytest.mark.parametrize(
    "typed",
    ["", "nonsense", "a b", "ftp://example.org", "https://me:pw@example.org", "https://",
     "example.org?x", "example.org#x", "https://[", "https://example.org:port", "..", "-"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_a_sentence_that_names_the_blank(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^Server: please type"):
        base_url(typed, "Server")


@given(st.text(max_size=60))
def test_no_typed_text_is_too_strange(typed: str) -> None:
    with suppress(ValueError):
        assert base_url(typed, "Server").startswith(("http://", "https://"))
