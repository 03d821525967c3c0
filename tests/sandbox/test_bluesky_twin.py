"""Bluesky's twin: sessions with a grace, records under our own keys, ExpiredToken as HTTP 400."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

RKEY = "3l6oveex3ii2l"
LOGIN = {"identifier": "ada.practice.test", "password": "prac-tice-pass-word"}


def xrpc(name: str) -> str:
    return f"/bluesky/xrpc/com.atproto.{name}"


def sign_in(visitor: Any) -> dict[str, Any]:
    return dict(visitor.post(xrpc("server.createSession"), json=LOGIN).json())


def refresh(visitor: Any, token: str, **more: Any) -> Any:
    return visitor.post(xrpc("server.refreshSession"), token, **more)


def record(text: str = "hello", **more: Any) -> dict[str, Any]:
    made = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-21T10:00:00.000Z"}
    return {**made, **more}


def put(visitor: Any, session: dict[str, Any], post: dict[str, Any], **more: Any) -> Any:
    body = {"repo": session["did"], "collection": "app.bsky.feed.post", "rkey": RKEY}
    body |= {"record": post, **more}
    return visitor.post(xrpc("repo.putRecord"), session["accessJwt"], json=body)


def test_a_session_names_the_account_and_its_home(visitor: Any) -> None:
    session = sign_in(visitor)
    assert session["handle"] == "ada.practice.test"
    assert session["did"].startswith("did:plc:")
    [home] = session["didDoc"]["service"]
    assert (home["id"], home["serviceEndpoint"]) == ("#atproto_pds", f"{visitor.root}/bluesky")
    middle = session["accessJwt"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert claims["exp"] - claims["iat"] == 7200
    profile = "/bluesky/xrpc/app.bsky.actor.getProfile"
    shown = visitor.get(profile, session["accessJwt"], params={"actor": session["did"]}).json()
    assert shown["displayName"] == "Ada Practice"
    assert visitor.get(xrpc("server.getSession"), session["accessJwt"]).json()["active"] is True


def test_a_wrong_password_opens_nothing(visitor: Any) -> None:
    answer = visitor.post(xrpc("server.createSession"), json={**LOGIN, "password": "guess"})
    assert answer.status_code == 401
    assert answer.json()["error"] == "AuthenticationRequired"


def test_a_refresh_may_have_no_body(visitor: Any) -> None:
    session = sign_in(visitor)
    assert refresh(visitor, session["refreshJwt"], json={}).status_code == 400
    assert refresh(visitor, session["refreshJwt"]).status_code == 200
    assert refresh(visitor, session["accessJwt"]).json()["error"] == "InvalidToken"


def test_a_lost_refresh_can_be_repeated_for_two_hours(visitor: Any, street: Any) -> None:
    session = sign_in(visitor)
    first = refresh(visitor, session["refreshJwt"]).json()
    again = refresh(visitor, session["refreshJwt"]).json()
    assert first["refreshJwt"] == again["refreshJwt"] != session["refreshJwt"]
    spent = street.store.get("bluesky", "refresh", session["refreshJwt"])
    spent["rotated_at"] -= 7201
    street.store.put("bluesky", "refresh", session["refreshJwt"], spent)
    late = refresh(visitor, session["refreshJwt"])
    assert (late.status_code, late.json()["error"]) == (400, "ExpiredToken")
    assert refresh(visitor, first["refreshJwt"]).status_code == 200


def test_an_ended_session_cannot_be_refreshed(visitor: Any) -> None:
    session = sign_in(visitor)
    visitor.post(xrpc("server.deleteSession"), session["refreshJwt"])
    answer = refresh(visitor, session["refreshJwt"])
    assert answer.json() == {"error": "ExpiredToken", "message": "Token has been revoked"}


def test_an_expired_access_token_is_http_400(visitor: Any) -> None:
    session = sign_in(visitor)
    known = {"network": "bluesky", "access_token": session["accessJwt"]}
    visitor.post("/_street/expire", json=known)
    answer = put(visitor, session, record())
    assert (answer.status_code, answer.json()["error"]) == (400, "ExpiredToken")
    session |= refresh(visitor, session["refreshJwt"]).json()
    assert put(visitor, session, record()).status_code == 200


def test_the_same_record_again_changes_nothing(visitor: Any) -> None:
    session = sign_in(visitor)
    first = put(visitor, session, record(), swapRecord=None)
    again = put(visitor, session, record(), swapRecord=None)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "commit" in first.json()
    assert "commit" not in again.json()
    assert first.json()["uri"] == again.json()["uri"]
    assert first.json()["cid"] == again.json()["cid"]
    [post] = visitor.board("bluesky")
    assert (post["key"], post["id"]) == (RKEY, first.json()["uri"])
    assert visitor.get(post["url"].removeprefix(visitor.root)).status_code == 200


def test_another_record_under_the_same_key_needs_leave_to_replace(visitor: Any) -> None:
    session = sign_in(visitor)
    put(visitor, session, record())
    refused = put(visitor, session, record("other"), swapRecord=None)
    assert (refused.status_code, refused.json()["error"]) == (400, "InvalidSwap")
    assert put(visitor, session, record("other")).status_code == 200
    assert [p["text"] for p in visitor.board("bluesky")] == ["other"]


def test_a_record_can_be_found_listed_and_deleted(visitor: Any) -> None:
    session = sign_in(visitor)
    made = put(visitor, session, record()).json()
    where = {"repo": session["did"], "collection": "app.bsky.feed.post"}
    one = visitor.get(xrpc("repo.getRecord"), params={**where, "rkey": RKEY}).json()
    assert (one["cid"], one["value"]) == (made["cid"], record())
    more = {**where, "record": record("second")}
    visitor.post(xrpc("repo.createRecord"), session["accessJwt"], json=more)
    listed = visitor.get(xrpc("repo.listRecords"), params=where).json()["records"]
    assert [r["value"]["text"] for r in listed] == ["second", "hello"]
    for _ in range(2):
        gone = {**where, "rkey": RKEY}
        answer = visitor.post(xrpc("repo.deleteRecord"), session["accessJwt"], json=gone)
        assert answer.status_code == 200
    missing = visitor.get(xrpc("repo.getRecord"), params={**where, "rkey": RKEY})
    assert (missing.status_code, missing.json()["error"]) == (400, "RecordNotFound")


@pytest.mark.parametrize(
    "post",
    [
        record("a" * 301),
        record("👩‍👩‍👧‍👦" * 121),
        record(createdAt="yesterday"),
        record(langs=["a", "b", "c", "d"]),
        record(facets=[{"index": {"byteStart": 0, "byteEnd": 6}, "features": []}]),
        {"$type": "app.bsky.feed.like"},
    ],
)
def test_a_record_outside_the_lexicon_is_refused(visitor: Any, post: dict[str, Any]) -> None:
    answer = put(visitor, sign_in(visitor), post)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")


def test_300_are_counted_as_people_see_them(visitor: Any) -> None:
    assert put(visitor, sign_in(visitor), record("e\u0301" * 300)).status_code == 200


def test_a_key_that_is_no_tid_and_a_strange_repo_are_refused(visitor: Any) -> None:
    session = sign_in(visitor)
    assert put(visitor, session, record(), rkey="my-own-key").status_code == 400
    bo = visitor.grant("bluesky", "bo")["external_id"]
    assert put(visitor, session, record(), repo=bo).status_code == 400


def test_the_rate_limit_speaks_both_dialects(visitor: Any) -> None:
    visitor.trouble("bluesky", "throttled", seconds=60)
    answer = put(visitor, sign_in(visitor), record())
    assert (answer.status_code, answer.json()["error"]) == (429, "RateLimitExceeded")
    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["RateLimit-Remaining"] == "0"
