"""The street as a whole: found by file name, survives being killed, shows what it received."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import TWINS
from sandbox.kit.network import PURPOSES
from sandbox.kit.server import Street

HOME = Path(__file__).resolve().parents[2]


def open_street(state: Path) -> tuple[subprocess.Popen[str], str]:
    """A street in a process of its own, and where it is."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--state", str(state)]
    process = subprocess.Popen(command, cwd=HOME, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().rsplit(" ", 1)[1].strip()


def test_every_file_is_a_house_and_every_route_has_a_purpose_or_a_page() -> None:
    assert {"x", "mastodon", "bluesky"} <= set(TWINS)
    for twin in TWINS.values():
        assert {r.purpose for r in twin.routes} <= {*PURPOSES, ""}
        assert "publish" in {r.purpose for r in twin.routes}


def test_a_killed_street_still_knows_its_posts_tokens_and_keys(tmp_path: Path, visit: Any) -> None:
    process, url = open_street(tmp_path / "street.sqlite")
    visitor = visit(url)
    grant = visitor.grant("mastodon")
    token, key = grant["access_token"], {"Idempotency-Key": "k1"}
    path, body = "/mastodon/api/v1/statuses", {"status": "hello"}
    first = visitor.post(path, token, data=body, headers=key).json()
    spent = visitor.grant("x")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": spent}
    app = ("practice-client", "practice-secret")
    assert visitor.post("/x/2/oauth2/token", data=form, auth=app).status_code == 200
    process.kill()
    process.wait()

    process, url = open_street(tmp_path / "street.sqlite")
    visitor = visit(url)
    again = visitor.post(path, token, data=body, headers=key).json()
    assert again["id"] == first["id"]
    assert len(visitor.board()) == 1
    assert visitor.post("/x/2/oauth2/token", data=form, auth=app).status_code == 400
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == os.EX_OK


def test_reset_forgets_posts_tokens_and_trouble_but_not_the_apps(visitor: Any) -> None:
    app = visitor.post("/mastodon/api/v1/apps", data={"client_name": "P", "redirect_uris": "a"})
    token = visitor.grant("x")["access_token"]
    visitor.post("/x/2/tweets", token, json={"text": "hello"})
    visitor.trouble("x", "error")
    visitor.post("/_street/reset")
    assert visitor.board() == []
    assert visitor.get("/_street/trouble").json() == {"pending": [], "fired": {}}
    assert visitor.get("/x/2/users/me", token).status_code == 401
    form = {"grant_type": "client_credentials", "scope": "read"}
    auth = (app.json()["client_id"], app.json()["client_secret"])
    assert visitor.post("/mastodon/oauth/token", data=form, auth=auth).status_code == 200


def test_what_was_sent_can_be_read(visitor: Any) -> None:
    token = visitor.grant("mastodon")["access_token"]
    visitor.post("/mastodon/api/v1/statuses", token, data={"status": "hello"})
    [seen] = visitor.get("/_street/requests?network=mastodon").json()["requests"]
    assert (seen["method"], seen["path"], seen["status"]) == ("POST", "/api/v1/statuses", 200)
    assert seen["purpose"] == "publish"
    assert seen["body"] == "status=hello"
    assert seen["headers"]["authorization"] == f"Bearer {token}"
    assert visitor.get("/_street/requests?network=x").json() == {"requests": []}


def test_anybody_can_move_in(visitor: Any) -> None:
    one, two = visitor.grant("x", "cleo"), visitor.grant("x", "cleo")
    assert one["external_id"] == two["external_id"]
    assert one["handle"] == "cleo_practice"
    assert visitor.grant("x", "dan")["external_id"] != one["external_id"]


def test_the_page_shows_houses_letters_and_works_without_scripts(visitor: Any) -> None:
    token = visitor.grant("x")["access_token"]
    visitor.post("/x/2/tweets", token, json={"text": "<script>alert(1)</script>"})
    page = visitor.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    assert "style=" not in page.text
    for words in ("Mastodon", "Bluesky", "Ada Practice", "@bo.practice.test", "prac-tice-pass"):
        assert words in page.text
    for path in set(re.findall(r'(?:href|src)="(/[^"]*)"', page.text)):
        assert visitor.get(path).status_code == 200, path
    order = visitor.post("/_street/trouble", data={"network": "x", "kind": "drop_after"})
    assert (order.status_code, order.headers["Location"]) == (303, "/")
    visitor.trouble("x", "garbage", on="token", times=2)
    page = visitor.get("/")
    assert "<li>lose the answer</li><li>garbage (token) × 2</li>" in page.text


def test_a_button_ends_the_keys_of_everybody_in_a_house(visitor: Any) -> None:
    keys = [visitor.grant("x", name)["access_token"] for name in ("ada", "bo")]
    elsewhere = visitor.grant("mastodon")["access_token"]
    answer = visitor.post("/_street/kill", data={"network": "x"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    told = [visitor.get("/x/2/users/me", key).status_code for key in keys]
    assert told == [401, 401]
    alive = visitor.get("/mastodon/api/v1/accounts/verify_credentials", elsewhere)
    assert alive.status_code == 200


def test_an_unknown_address_is_a_404(visitor: Any) -> None:
    for path in ("/x/2/nothing", "/myspace/", "/_street/nothing", "/x/a/status/1"):
        assert visitor.get(path).status_code == 404
    assert visitor.post("/_street/grant", json={"network": "myspace"}).status_code == 400


def test_one_key_at_the_same_moment_makes_one_post(visitor: Any, visit: Any) -> None:
    token = visitor.grant("mastodon")["access_token"]
    headers = {"Idempotency-Key": "same"}

    def say() -> None:
        visit(visitor.root).post(
            "/mastodon/api/v1/statuses", token, data={"status": "hello"}, headers=headers
        )

    threads = [threading.Thread(target=say) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(visitor.board("mastodon")) == 1


def test_a_stopped_street_hangs_up_on_everybody(visit: Any) -> None:
    with Street() as street:
        visitor = visit(street.url)
        assert visitor.get("/_street/board").status_code == 200
    with pytest.raises(requests.ConnectionError):
        visitor.get("/_street/board")
