"""Every line of the networks' error tables is one of the seven errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.kit.contract import Message
from providers.kit.errors import NetworkError, Unauthorized, Uncertain
from sandbox.kit.server import Street
from tests.providers.answers import account, adapter
from tests.providers.loopback import Server, tell
from tests.providers.practice import Stage, called, plays, refused, swept

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


def stage(name: str, street: str) -> Stage:
    """A network on a street that was swept."""
    return Stage(name, swept(street))


def bot(words: str, code: int = 400) -> dict[str, object]:
    return {"ok": False, "error_code": code, "description": words}


def chat(code: int) -> dict[str, object]:
    return {"code": code, "message": "No."}


def web(error: str) -> dict[str, object]:
    return {"ok": False, "error": error}


TABLES: tuple[tuple[str, int, dict[str, object], str], ...] = (
    ("telegram", 401, bot("Unauthorized", 401), "unauthorized"),
    ("telegram", 404, bot("Not Found", 404), "unauthorized"),
    ("telegram", 403, bot("Forbidden: bot was kicked from the channel chat", 403), "unauthorized"),
    ("telegram", 400, bot("Bad Request: need administrator rights"), "unauthorized"),
    ("telegram", 400, bot("Bad Request: chat not found"), "forbidden"),
    ("telegram", 400, bot("Bad Request: can't parse entities"), "rejected"),
    ("telegram", 400, bot("Bad Request: PHOTO_INVALID_DIMENSIONS"), "rejected"),
    ("telegram", 429, {**bot("Too Many Requests", 429)}, "throttled"),
    ("telegram", 502, {}, "uncertain"),
    ("telegram", 200, {}, "uncertain"),
    ("discord", 401, chat(0), "unauthorized"),
    ("discord", 403, chat(50001), "unauthorized"),
    ("discord", 403, chat(50013), "unauthorized"),
    ("discord", 404, chat(10003), "forbidden"),
    ("discord", 404, chat(10004), "forbidden"),
    ("discord_webhook", 404, chat(10015), "unauthorized"),
    ("discord", 400, chat(50006), "rejected"),
    ("discord", 400, chat(50035), "rejected"),
    ("discord", 413, chat(40005), "rejected"),
    ("discord", 400, chat(240000), "rejected"),
    ("discord", 403, chat(200000), "rejected"),
    ("discord", 403, chat(20028), "throttled"),
    ("discord", 429, {"retry_after": 0.65}, "throttled"),
    ("discord", 503, {}, "uncertain"),
    ("slack", 200, web("token_expired"), "unauthorized"),
    ("slack", 200, web("invalid_auth"), "unauthorized"),
    ("slack", 200, web("missing_scope"), "unauthorized"),
    ("slack", 200, web("not_in_channel"), "forbidden"),
    ("slack", 200, web("restricted_action_read_only_channel"), "forbidden"),
    ("slack", 200, web("msg_too_long"), "rejected"),
    ("slack", 200, web("ratelimited"), "throttled"),
    ("slack", 200, web("team_added_to_org"), "unavailable"),
    ("slack", 200, web("fatal_error"), "uncertain"),
    ("slack", 200, web("a_new_one"), "unexpected"),
    ("slack", 200, {}, "uncertain"),
    ("devto", 401, {"error": "unauthorized"}, "unauthorized"),
    ("devto", 403, {"error": "suspended"}, "forbidden"),
    ("devto", 422, {"error": "Tag list exceed the maximum of 4 tags"}, "rejected"),
    ("devto", 422, {"error": "Canonical url has already been taken"}, "duplicate"),
    ("devto", 429, {"error": "Retry later"}, "throttled"),
    ("devto", 500, {}, "uncertain"),
    ("github", 401, {"message": "Bad credentials"}, "unauthorized"),
    ("github", 403, {"message": "You have exceeded a secondary rate limit."}, "throttled"),
    ("github", 403, {"message": "Resource not accessible by integration"}, "unauthorized"),
    ("github", 403, {"message": "Must have admin rights"}, "unauthorized"),
    ("github", 403, {"message": "Sorry. Your account was suspended."}, "forbidden"),
    ("github", 404, {"message": "Not Found"}, "forbidden"),
    ("github", 410, {"message": "Issues are disabled for this repo"}, "forbidden"),
    ("github", 422, {"message": "Validation Failed"}, "rejected"),
    ("github", 451, {"message": "Blocked"}, "forbidden"),
    ("github", 502, {}, "uncertain"),
)


@pytest.mark.parametrize(("name", "code", "body", "outcome"), TABLES)
def test_every_line_of_the_error_tables(
    name: str, code: int, body: dict[str, object], outcome: str
) -> None:
    options = {"title": "T", "repository": "ada/practice", "kind": "issue"}
    message = Message("Hi", "key", AT, options=options)
    message.saved.keep("site", "https://practice.slack.example/")
    server = Server(tell(body, status=code))
    with pytest.raises(NetworkError) as caught:
        adapter(name, server).publish(message, account(name))
    server.listener.close()
    assert caught.value.outcome == outcome
    assert caught.value.words
    assert "token-of-ada" not in f"{caught.value.words}{vars(caught.value)}"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("access_token_invalid", "unauthorized"),
        ("scope_not_authorized", "unauthorized"),
        ("rate_limit_exceeded", "throttled"),
        ("spam_risk_too_many_posts", "throttled"),
        ("spam_risk_user_banned_from_posting", "forbidden"),
        ("unaudited_client_can_only_post_to_private_accounts", "misconfigured"),
        ("url_ownership_unverified", "misconfigured"),
        ("privacy_level_option_mismatch", "rejected"),
        ("internal_error", "uncertain"),
    ],
)
def test_every_code_of_a_network_that_gives_tickets(street: str, code: str, outcome: str) -> None:
    message = stage("tiktok", street).message()
    message.saved.keep("creator", '{"privacy_level_options": ["PUBLIC_TO_EVERYONE"]}')
    server = Server(tell({"data": {}, "error": {"code": code, "message": "No."}}))
    with pytest.raises(NetworkError) as caught:
        adapter("tiktok", server).publish(message, account("tiktok"))
    server.listener.close()
    assert caught.value.outcome == outcome


def test_the_token_door_of_a_chat_leaves_a_doubt_where_the_key_may_be_spent(street: str) -> None:
    there = stage("slack", street)
    ada = there.connect()
    for error, kind in (("fatal_error", Uncertain), ("invalid_grant", Unauthorized)):
        server = Server(tell(web(error)))
        keeper: Any = adapter("slack", server)
        with refused(kind, ada.unseen):
            keeper.refresh(grant=ada.grant, app=ada.app, host="")
        server.listener.close()


def test_every_network_here_is_played_by_the_contract_suite() -> None:
    names = {called(play).partition("-by-")[0] for play in plays()}
    assert {name for name, *_ in TABLES} | {"tiktok"} <= names
