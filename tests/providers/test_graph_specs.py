"""What is sent to Graph APIs is what Meta's own descriptions name: paths, methods, parameters.

The files are `meta-codegen/*.json` (facebook-business-sdk-codegen, `api_specs/specs`) and
`threads-postman/threads-api.postman_collection.json` (fbsamples/threads_api).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from providers.kit.contract import Offers, Refreshes
from sandbox.kit.server import Street
from tests.providers.files import picture, video
from tests.providers.practice import Stage
from tests.providers.specs import spec

PAGING = {"fields", "limit", "after", "since"}
"""Parameters that every listing has, and that the descriptions leave out."""
POSTMAN = "threads-postman/threads-api.postman_collection.json"


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


def sent(stage: Stage) -> list[dict[str, Any]]:
    """Publish all there is, look, delete; then what the twin was sent."""
    stage.tell("reset", {})
    ada, provider, limits = stage.connect(), stage.provider, stage.kind.limits
    assert isinstance(provider, Refreshes)
    provider.refresh(grant=ada.grant, app=ada.app, host=ada.host)
    if isinstance(provider, Offers):
        provider.offers(ada.grant, ada.host)
    assert limits.images
    assert limits.video
    pictures = stage.message(media=tuple(picture(limits.images, n) for n in range(2)))
    one, film = (stage.message(media=(m,)) for m in (picture(limits.images), video(limits.video)))
    messages = [stage.message(), pictures, one, film]
    messages += [stage.message(link="https://example.com/a")] if limits.links else []
    receipts = [provider.publish(message, ada.account) for message in messages]
    for message in [stage.message(), film, *messages]:
        provider.find(message, ada.account)  # type: ignore[attr-defined]
    if limits.replies:
        answer = stage.message(reply_to=receipts[0])
        provider.publish(answer, ada.account)
        provider.find(stage.message(reply_to=receipts[0]), ada.account)  # type: ignore[attr-defined]
    provider.delete(receipts[0], ada.account)  # type: ignore[attr-defined]
    return [request for request in stage.requests() if request["purpose"]]


def parameters(request: dict[str, Any]) -> set[str]:
    """The names of everything that a request says."""
    form = {name for name, _ in parse_qsl(request["body"], keep_blank_values=True)}
    return {*request["query"], *form, *request["parts"]}


# --- pages and their pictures ---------------------------------------------------------------------
def described(owner: str) -> dict[tuple[str, str], set[str]]:
    """The parameters of every edge of a thing, by method and edge."""
    whole = json.loads(spec(f"meta-codegen/{owner}.json").read_text())
    return {
        (api["method"], (api.get("endpoint") or "").strip("/")): {p["name"] for p in api["params"]}
        for api in whole["apis"]
    }


EDGES = {
    "facebook": {
        "feed": "Page", "photos": "Page", "videos": "Page", "published_posts": "Page",
        "comments": "PagePost", "accounts": "User", "businesses": "User",
        "owned_pages": "Business", "client_pages": "Business",
    },
    "instagram": {"media": "IGUser", "media_publish": "IGUser"},
}  # fmt: skip
THINGS = {"facebook": "PagePost", "instagram": "IGMedia"}


@pytest.mark.parametrize("name", ["facebook", "instagram"])
def test_every_edge_and_parameter_is_described(street: str, name: str) -> None:
    checked = set()
    for request in sent(Stage(name, street)):
        edge = request["path"].rpartition("/")[2]
        edge = edge if edge in EDGES[name] else ""
        if request["purpose"] == "token" or (not edge and request["method"] != "DELETE"):
            continue
        owner = EDGES[name].get(edge, THINGS[name])
        known = described(owner)[request["method"], edge]
        allowed = known | {"source"} | (PAGING if request["method"] == "GET" else set())
        assert parameters(request) <= allowed, (edge, parameters(request) - allowed)
        checked.add(edge)
    assert checked == {*EDGES[name], ""}


# --- Threads --------------------------------------------------------------------------------------
def requests_in(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every request of a Postman collection."""
    for item in items:
        yield from requests_in(item["item"]) if "item" in item else [item["request"]]


def shape(path: str) -> str:
    """A path without what differs from call to call."""
    return re.sub(r"\{\{\w+\}\}|\d{3,}", "*", path.strip("/").removeprefix("v1.0/"))


def test_every_request_to_threads_is_one_of_the_collection(street: str) -> None:
    collection = json.loads(spec(POSTMAN).read_text())
    known: dict[tuple[str, str], set[str]] = {}
    for request in requests_in(collection["item"]):
        path = request["url"]["raw"].partition("?")[0].replace("{{api_host}}", "")
        names = {pair["key"] for pair in request["url"].get("query", [])}
        known.setdefault((request["method"], shape(path)), set()).update(names)
    anywhere = {"access_token", "since", "link_attachment", "reply_to_id"}
    found = sent(Stage("threads", street))
    for request in found:
        path = re.sub(r"^\*/(threads|threads_publish|replies)$", r"me/\1", shape(request["path"]))
        assert (request["method"], path) in known, path
        assert parameters(request) <= known[request["method"], path] | anywhere, path
    purposes = {request["purpose"] for request in found}
    assert purposes == {"token", "identity", "container", "status", "publish", "find", "delete"}
