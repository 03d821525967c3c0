"""X's twin: the dance, single-use rotation, strict requests, duplicates, look-ups."""

from __future__ import annotations

import time
from typing import Any

import pytest

SCOPES = "tweet.read tweet.write users.read offline.access"
APP = ("practice-client", "practice-secret")
DEAD = {
    "error": "invalid_request",
    "error_description": "Value passed for the token was invalid.",
}


def dance(visitor: Any) -> tuple[str, str, str]:
    asked, verifier = visitor.asking("practice-client", SCOPES)
    back = visitor.consent("/x/i/oauth2/authorize", asked)
    assert back["state"] == "st-1"
    return back["code"], verifier, asked["redirect_uri"]


def redeem(visitor: Any, code: str, verifier: str, uri: str, app: Any = APP) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": uri}
    form["code_verifier"] = verifier
    return visitor.post("/x/2/oauth2/token", data=form, auth=app)


def refresh(visitor: Any, token: str, app: Any = APP) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return visitor.post("/x/2/oauth2/token", data=form, auth=app)


def say(visitor: Any, token: str, text: str = "hello", **more: Any) -> Any:
    return visitor.post("/x/2/tweets", token, json={"text": text, **more})


def test_the_dance_ends_with_a_token_that_knows_its_owner(visitor: Any) -> None:
    answer = redeem(visitor, *dance(visitor))
    assert answer.status_code == 200
    grant = answer.json()
    assert grant["token_type"] == "bearer"
    assert grant["expires_in"] == 7200
    assert grant["refresh_token"]
    me = visitor.get("/x/2/users/me", grant["access_token"]).json()["data"]
    assert me["username"] == "bo_practice"
    assert me["id"].isdigit()


def test_who_denies_sends_back_an_error_and_no_code(visitor: Any) -> None:
    asked, _ = visitor.asking("practice-client", SCOPES)
    back = visitor.consent("/x/i/oauth2/authorize", asked, decision="deny")
    assert back == {"error": "access_denied", "state": "st-1"}


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "somebody"},
        {"code_challenge": ""},
        {"response_type": "token"},
        {"state": "s" * 501},
        {"scope": "everything"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
def test_a_faulty_question_never_reaches_a_person(visitor: Any, change: dict[str, str]) -> None:
    asked, _ = visitor.asking("practice-client", SCOPES)
    assert visitor.get("/x/i/oauth2/authorize", params={**asked, **change}).status_code == 400


def test_a_wrong_verifier_spends_the_code(visitor: Any) -> None:
    code, verifier, uri = dance(visitor)
    assert redeem(visitor, code, "w" * 86, uri).json() == DEAD
    assert redeem(visitor, code, verifier, uri).status_code == 400


def test_a_code_works_once_and_only_for_its_redirect_uri(visitor: Any) -> None:
    code, verifier, uri = dance(visitor)
    assert redeem(visitor, code, verifier, uri + "/").status_code == 400
    code, verifier, uri = dance(visitor)
    assert redeem(visitor, code, verifier, uri).status_code == 200
    assert redeem(visitor, code, verifier, uri).json() == DEAD


def test_a_bad_secret_is_the_apps_fault_and_harms_no_grant(visitor: Any) -> None:
    token = visitor.grant("x")["refresh_token"]
    answer = refresh(visitor, token, ("practice-client", "wrong"))
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized_client"
    assert refresh(visitor, token).status_code == 200


def test_a_refresh_token_used_twice_kills_the_whole_family(visitor: Any) -> None:
    first = visitor.grant("x")
    second = refresh(visitor, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert visitor.get("/x/2/users/me", second["access_token"]).status_code == 200
    again = refresh(visitor, first["refresh_token"])
    assert (again.status_code, again.json()) == (400, DEAD)
    assert refresh(visitor, second["refresh_token"]).json() == DEAD
    assert visitor.get("/x/2/users/me", second["access_token"]).status_code == 401


def test_a_revoked_token_is_dead(visitor: Any) -> None:
    grant = visitor.grant("x")
    form = {"token": grant["access_token"]}
    assert visitor.post("/x/2/oauth2/revoke", data=form, auth=APP).status_code == 200
    assert visitor.get("/x/2/users/me", grant["access_token"]).status_code == 401


def test_a_post_has_a_page_and_stands_on_the_board(visitor: Any) -> None:
    grant = visitor.grant("x")
    answer = say(visitor, grant["access_token"], "Hello <b>street</b>")
    assert answer.status_code == 201
    assert answer.json()["data"]["text"] == "Hello <b>street</b>"
    [post] = visitor.board("x")
    assert post["id"] == answer.json()["data"]["id"]
    assert post["account"] == grant["external_id"]
    page = visitor.get(post["url"].removeprefix(visitor.root))
    assert page.status_code == 200
    assert "Hello &lt;b&gt;street&lt;/b&gt;" in page.text


def test_the_same_words_again_are_refused_without_an_id(visitor: Any) -> None:
    grant = visitor.grant("x")
    post_id = say(visitor, grant["access_token"]).json()["data"]["id"]
    again = say(visitor, grant["access_token"])
    assert again.status_code == 403
    assert again.json()["detail"] == "You are not allowed to create a Tweet with duplicate content."
    assert say(visitor, visitor.grant("x", "bo")["access_token"]).status_code == 201
    gone = visitor.delete(f"/x/2/tweets/{post_id}", grant["access_token"])
    assert gone.json() == {"data": {"deleted": True}}
    assert say(visitor, grant["access_token"]).status_code == 201


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * 280, True),
        ("a" * 281, False),
        ("あ" * 140, True),
        ("あ" * 141, False),
        ("👩‍👩‍👧‍👦" * 140, True),
        ("👩‍👩‍👧‍👦" * 141, False),
        ("a" * 256 + " https://example.org/" + "b" * 90, True),
        ("a" * 257 + " https://example.org/" + "b" * 90, False),
    ],
)
def test_280_is_counted_in_weights(visitor: Any, text: str, fits: bool) -> None:
    answer = say(visitor, visitor.grant("x")["access_token"], text)
    assert answer.status_code == (201 if fits else 400)
    if not fits:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"].endswith("/invalid-request")


def test_a_property_nobody_knows_is_refused(visitor: Any) -> None:
    token = visitor.grant("x")["access_token"]
    assert say(visitor, token, idempotency_key="1").status_code == 400
    assert say(visitor, token, reply_settings="nobody").status_code == 400
    assert visitor.post("/x/2/tweets", token, data={"text": "form"}).status_code == 400
    assert visitor.board("x") == []


def test_the_listing_shows_short_urls_and_only_what_is_newer(visitor: Any) -> None:
    grant = visitor.grant("x")
    token, path = grant["access_token"], f"/x/2/users/{grant['external_id']}/tweets"
    assert visitor.get(path, token).json() == {"meta": {"result_count": 0}}
    first = say(visitor, token, "one").json()["data"]["id"]
    say(visitor, token, "see https://example.org/page.")
    fields = {"tweet.fields": "created_at", "since_id": first, "max_results": 5}
    [seen] = visitor.get(path, token, params=fields).json()["data"]
    assert seen["text"].startswith("see https://t.co/")
    assert "example.org" not in seen["text"]
    assert seen["created_at"].endswith("Z")
    newest_first = [p["text"] for p in visitor.get(path, token).json()["data"]]
    assert newest_first[1] == "one"
    assert visitor.get(path, token, params={"max_results": 4}).status_code == 400
    later = {"start_time": "2126-01-01T00:00:00Z"}
    assert "data" not in visitor.get(path, token, params=later).json()


def test_an_expired_token_is_refused_and_can_be_refreshed(visitor: Any) -> None:
    grant = visitor.grant("x")
    known = {"network": "x", "access_token": grant["access_token"]}
    assert visitor.post("/_street/expire", json=known).status_code == 200
    assert say(visitor, grant["access_token"]).status_code == 401
    fresh = refresh(visitor, grant["refresh_token"]).json()
    assert say(visitor, fresh["access_token"]).status_code == 201


def test_a_killed_grant_cannot_be_refreshed(visitor: Any) -> None:
    grant = visitor.grant("x")
    visitor.post("/_street/kill", json={"network": "x", "person": "ada"})
    assert refresh(visitor, grant["refresh_token"]).json() == DEAD
    assert say(visitor, grant["access_token"]).status_code == 401


def test_the_rate_limit_speaks_epoch_seconds(visitor: Any) -> None:
    visitor.trouble("x", "throttled", seconds=60)
    answer = say(visitor, visitor.grant("x")["access_token"])
    assert answer.status_code == 429
    assert answer.headers["x-rate-limit-remaining"] == "0"
    assert 55 < int(answer.headers["x-rate-limit-reset"]) - time.time() < 65
