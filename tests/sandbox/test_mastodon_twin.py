"""Mastodon's twin: apps that register, the Idempotency-Key, five hundred characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

SCOPES = "read:accounts read:statuses write:statuses"
BACK = "http://127.0.0.1:8000/connect/done"


def register(visitor: Any) -> dict[str, Any]:
    form = {"client_name": "Postrider", "redirect_uris": BACK, "scopes": SCOPES}
    return dict(visitor.post("/mastodon/api/v1/apps", data=form).json())


def dance(visitor: Any, app: dict[str, Any]) -> Any:
    asked, verifier = visitor.asking(app["client_id"], SCOPES)
    code = visitor.consent("/mastodon/oauth/authorize", asked)["code"]
    form = {part: app[part] for part in ("client_id", "client_secret")}
    form |= {"grant_type": "authorization_code", "redirect_uri": BACK, "scope": SCOPES}
    form |= {"code": code, "code_verifier": verifier}
    return visitor.post("/mastodon/oauth/token", data=form)


def say(visitor: Any, token: str, text: str = "hello", key: str = "", **more: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"status": text, **more}
    return visitor.post("/mastodon/api/v1/statuses", token, data=body, headers=headers)


def test_an_app_registers_and_its_people_get_tokens_that_never_expire(visitor: Any) -> None:
    grant = dance(visitor, register(visitor)).json()
    assert grant["token_type"] == "Bearer"
    assert "expires_in" not in grant
    assert "refresh_token" not in grant
    path = "/mastodon/api/v1/accounts/verify_credentials"
    assert visitor.get(path, grant["access_token"]).json()["username"] == "bo"


def test_an_app_may_have_a_token_of_its_own_but_nobody_to_post_as(visitor: Any) -> None:
    app = register(visitor)
    form = {"grant_type": "client_credentials", "scope": "follow"}
    auth = (app["client_id"], app["client_secret"])
    refused = visitor.post("/mastodon/oauth/token", data=form, auth=auth)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    form["scope"] = "read:accounts"
    token = visitor.post("/mastodon/oauth/token", data=form, auth=auth).json()["access_token"]
    assert say(visitor, token).status_code == 401


def test_an_app_that_is_gone_is_an_invalid_client(visitor: Any) -> None:
    form = {"grant_type": "authorization_code", "client_id": "gone", "client_secret": "x"}
    answer = visitor.post("/mastodon/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "change", [{"scope": "write:media"}, {"redirect_uri": BACK + "/other"}, {"client_id": "x"}]
)
def test_an_app_may_only_ask_for_what_it_registered(visitor: Any, change: Any) -> None:
    asked, _ = visitor.asking(register(visitor)["client_id"], SCOPES)
    answer = visitor.get("/mastodon/oauth/authorize", params={**asked, **change})
    assert answer.status_code == 400


def test_an_app_cannot_revoke_the_token_of_another(visitor: Any) -> None:
    first, second = register(visitor), register(visitor)
    token = dance(visitor, first).json()["access_token"]
    for app, status in ((second, 403), (first, 200)):
        form = {part: app[part] for part in ("client_id", "client_secret")}
        answer = visitor.post("/mastodon/oauth/revoke", data={**form, "token": token})
        assert answer.status_code == status
    assert say(visitor, token).json() == {"error": "The access token is invalid"}


def test_the_same_key_brings_back_the_same_status(visitor: Any) -> None:
    ada, bo = visitor.grant("mastodon"), visitor.grant("mastodon", "bo")
    first = say(visitor, ada["access_token"], key="k1")
    again = say(visitor, ada["access_token"], key="k1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert say(visitor, ada["access_token"], key="k2").json()["id"] != first.json()["id"]
    assert say(visitor, bo["access_token"], key="k1").json()["id"] != first.json()["id"]
    assert [p["key"] for p in visitor.board("mastodon")] == ["k1", "k2", "k1"]


def test_a_status_can_be_read_listed_and_deleted(visitor: Any) -> None:
    grant = visitor.grant("mastodon")
    token = grant["access_token"]
    status = say(visitor, token, "a < b", visibility="unlisted").json()
    assert status["content"] == "<p>a &lt; b</p>"
    path = f"/mastodon/api/v1/statuses/{status['id']}"
    assert visitor.get(path, token).json() == status
    assert visitor.get(f"{path}/source", token).json()["text"] == "a < b"
    listing = f"/mastodon/api/v1/accounts/{grant['external_id']}/statuses"
    assert visitor.get(listing, token, params={"limit": 20}).json() == [status]
    assert visitor.get(listing, token, params={"since_id": status["id"]}).json() == []
    assert visitor.get(status["url"].removeprefix(visitor.root)).status_code == 200
    assert visitor.delete(path, token).json()["text"] == "a < b"
    assert visitor.get(path, token).json() == {"error": "Record not found"}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("e\u0301" * 500, True),
        ("a" * 501, False),
        ("a" * 476 + " https://example.org/" + "b" * 90, True),
        ("a" * 477 + " https://example.org/" + "b" * 90, False),
        (" ", False),
    ],
)
def test_500_are_counted_as_people_see_them(visitor: Any, text: str, fits: bool) -> None:
    answer = say(visitor, visitor.grant("mastodon")["access_token"], text)
    assert answer.status_code == (200 if fits else 422)


def test_the_limits_can_be_read(visitor: Any) -> None:
    limits = visitor.get("/mastodon/api/v2/instance").json()["configuration"]["statuses"]
    assert limits["max_characters"] == 500
    assert limits["characters_reserved_per_url"] == 23


def test_the_rate_limit_speaks_iso_8601(visitor: Any) -> None:
    visitor.trouble("mastodon", "throttled", seconds=60)
    answer = say(visitor, visitor.grant("mastodon")["access_token"])
    assert answer.status_code == 429
    left = datetime.fromisoformat(answer.headers["X-RateLimit-Reset"]) - datetime.now(UTC)
    assert timedelta(seconds=55) < left < timedelta(seconds=65)
    assert "Retry-After" not in answer.headers
