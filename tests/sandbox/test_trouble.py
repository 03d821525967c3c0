"""Trouble on request: what is done, what is answered, and that it ends when it should."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

NETWORKS = ("x", "mastodon", "bluesky")


def publish(visitor: Any, network: str, text: str = "hello") -> Any:
    """One post on a network, in its own way."""
    grant = visitor.grant(network)
    token = grant["access_token"]
    if network == "x":
        return visitor.post("/x/2/tweets", token, json={"text": text})
    if network == "mastodon":
        return visitor.post("/mastodon/api/v1/statuses", token, json={"status": text})
    record = {"$type": "app.bsky.feed.post", "text": text}
    record["createdAt"] = "2026-11-21T10:00:00.000Z"
    body = {"repo": grant["external_id"], "collection": record["$type"], "record": record}
    body["rkey"] = "3l6oveex3ii2l"
    return visitor.post("/bluesky/xrpc/com.atproto.repo.putRecord", token, json=body)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("unauthorized", {401, 400}),
        ("forbidden", {403, 401}),
        ("throttled", {429}),
        ("retry_after", {429}),
        ("retry_after_date", {429}),
        ("error", {500}),
        ("html", {502}),
        ("rejected", {400, 422}),
        ("misconfigured", {403, 401, 400}),
    ],
)
def test_what_is_refused_is_not_done_and_the_next_one_is(
    visitor: Any, network: str, kind: str, statuses: set[int]
) -> None:
    visitor.trouble(network, kind)
    assert publish(visitor, network).status_code in statuses
    assert visitor.board() == []
    assert publish(visitor, network).ok
    assert len(visitor.board(network)) == 1


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("kind", "arrives"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_line_leaves_the_caller_in_doubt(
    visitor: Any, network: str, kind: str, arrives: int
) -> None:
    visitor.trouble(network, kind)
    with pytest.raises(requests.ConnectionError):
        publish(visitor, network)
    assert len(visitor.board(network)) == arrives


@pytest.mark.parametrize("network", NETWORKS)
def test_it_can_be_done_and_answered_badly(visitor: Any, network: str) -> None:
    for number, kind in enumerate(("error_after", "garbage", "empty"), start=1):
        visitor.post("/_street/reset")
        visitor.trouble(network, kind)
        answer = publish(visitor, network, f"post {number}")
        assert len(visitor.board(network)) == 1
        if kind == "error_after":
            assert answer.status_code == 502
        else:
            assert answer.ok
            with pytest.raises(requests.JSONDecodeError):
                answer.json()


def test_a_list_can_lag_behind_what_stands_there(visitor: Any) -> None:
    person = visitor.grant("mastodon")
    assert publish(visitor, "mastodon").ok
    visitor.trouble("mastodon", "lagging", on="find")
    path = f"/mastodon/api/v1/accounts/{person['external_id']}/statuses"
    seen = [len(visitor.get(path, person["access_token"]).json()) for _ in range(2)]
    assert seen == [0, 1]


@pytest.mark.parametrize("kind", ["slow", "slow_after"])
def test_a_slow_answer_comes_in_the_end(visitor: Any, kind: str) -> None:
    visitor.trouble("x", kind, seconds=0.3)
    started = time.monotonic()
    assert publish(visitor, "x").status_code == 201
    assert time.monotonic() - started >= 0.3


def test_the_two_ways_to_say_when(visitor: Any) -> None:
    visitor.trouble("x", "retry_after", seconds=7.2)
    answer = publish(visitor, "x")
    assert answer.headers["Retry-After"] == "8"
    assert "x-rate-limit-reset" not in answer.headers
    visitor.trouble("x", "retry_after_date", seconds=60)
    moment = parsedate_to_datetime(publish(visitor, "x").headers["Retry-After"])
    assert 55 < moment.timestamp() - time.time() < 65


def test_trouble_meets_only_its_purpose_and_its_network(visitor: Any) -> None:
    visitor.trouble("x", "error", on="identity")
    assert publish(visitor, "x").ok
    assert publish(visitor, "mastodon").ok
    token = visitor.grant("x")["access_token"]
    assert visitor.get("/x/2/users/me", token).status_code == 500
    assert visitor.get("/x/2/users/me", token).status_code == 200


def test_trouble_at_the_token_endpoint(visitor: Any) -> None:
    token = visitor.grant("x")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}

    def ask() -> Any:
        return visitor.post(
            "/x/2/oauth2/token", data=form, auth=("practice-client", "practice-secret")
        )

    for kind, status in (("invalid_grant", 400), ("misconfigured", 401), ("no_token", 200)):
        visitor.trouble("x", kind, on="token")
        answer = ask()
        assert answer.status_code == status
        assert "access_token" not in answer.json()
    assert ask().status_code == 200


def test_a_lost_token_answer_costs_the_grant(visitor: Any) -> None:
    token = visitor.grant("x")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    app = ("practice-client", "practice-secret")
    visitor.trouble("x", "drop_after", on="token")
    with pytest.raises(requests.ConnectionError):
        visitor.post("/x/2/oauth2/token", data=form, auth=app)
    assert visitor.post("/x/2/oauth2/token", data=form, auth=app).status_code == 400


def test_orders_can_be_counted_read_and_cancelled(visitor: Any) -> None:
    visitor.trouble("x", "error", times=3, on="any")
    publish(visitor, "x")
    report = visitor.get("/_street/trouble").json()
    assert report["pending"][0]["times"] == 2
    assert report["fired"] == {"x": {"error": 1}}
    visitor.trouble("mastodon", "html")
    visitor.delete("/_street/trouble", params={"network": "x"})
    pending = visitor.get("/_street/trouble").json()["pending"]
    assert [t["network"] for t in pending] == ["mastodon"]
    visitor.delete("/_street/trouble")
    assert visitor.get("/_street/trouble").json()["pending"] == []


@pytest.mark.parametrize(
    "order",
    [{"network": "myspace"}, {"kind": "meteor"}, {"on": "sunday"}, {"times": "many"}],
)
def test_an_order_nobody_understands_is_refused(visitor: Any, order: dict[str, str]) -> None:
    whole = {"network": "x", "kind": "error", **order}
    assert visitor.post("/_street/trouble", json=whole).status_code == 400
