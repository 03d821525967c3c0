"""What goes to Pinterest and what its twin answers is what Pinterest's OpenAPI file describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests

from providers.kit.contract import Deletes, Finds, Refreshes
from providers.kit.errors import Misconfigured, Rejected, Unauthorized
from providers.kit.oauth import OAuthProvider
from sandbox.kit.server import Street
from tests.providers.files import picture
from tests.providers.practice import Stage, swept
from tests.providers.specs import openapi
from tests.providers.test_wire import as_sent, checker, operation, parameters

SPEC = "pinterest-v5.openapi.json"


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture
def stage(street: str) -> Stage:
    return Stage("pinterest", swept(street))


def played(stage: Stage) -> list[dict[str, Any]]:
    """Connect, pin, look, delete, renew; then what the twin was sent through the API."""
    ada = stage.connect()
    rule = stage.kind.limits.images
    assert rule
    assert isinstance(stage.provider, Finds)
    for count in (1, 5):
        media = tuple(picture(rule, seed) for seed in range(count))
        message = stage.message("Grüße & <b>", media=media, link="https://example.com/a")
        receipt = stage.provider.publish(message, ada.account)
        stage.provider.find(message, ada.account)
    assert isinstance(stage.provider, Deletes)
    stage.provider.delete(receipt, ada.account)
    assert isinstance(stage.provider, Refreshes)
    stage.provider.refresh(grant=ada.grant, app=ada.app, host=ada.host)
    return [r for r in stage.requests() if r["purpose"]]


def test_every_request_is_one_that_the_openapi_file_describes(stage: Stage) -> None:
    document = openapi(SPEC)
    seen = played(stage)
    assert {r["purpose"] for r in seen} == {"token", "identity", "publish", "find", "delete"}
    for request in seen:
        described = operation(document, request["method"], request["path"].removeprefix("/v5"))
        if "requestBody" in described:
            [(kind, content)] = described["requestBody"]["content"].items()
            form = kind == "application/x-www-form-urlencoded"
            body = dict(parse_qsl(request["body"])) if form else json.loads(request["body"])
            checker(document, content["schema"]).validate(body)
        known = parameters(document, described) if request["query"] else {}
        for name, value in request["query"].items():
            checker(document, known[name]["schema"]).validate(as_sent(value, known[name]["schema"]))


def test_the_twin_answers_as_the_openapi_file_describes(stage: Stage) -> None:
    document = openapi(SPEC)
    ada = stage.connect()
    message = stage.message()
    stage.provider.publish(message, ada.account)
    board = message.saved.get("board")
    for path in ("/user_account", "/boards", f"/boards/{board}/pins"):
        answer = requests.get(
            f"{stage.street}/pinterest/v5{path}",
            headers={"Authorization": f"Bearer {ada.grant.access_token}"},
            timeout=5,
        )
        described = operation(document, "GET", path)["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        checker(document, schema).validate(answer.json())


def test_a_board_is_named_by_its_name_or_its_number(stage: Stage) -> None:
    ada = stage.connect()
    message = stage.message()
    stage.provider.publish(message, ada.account)
    number = message.saved.get("board")
    same = replace(stage.message(), options={"board": number})
    stage.provider.publish(same, ada.account)
    assert [post["board"] for post in stage.board()] == [number, number]


@pytest.mark.parametrize("board", ["Nowhere", "", "12345678901"])
def test_a_board_that_is_not_there_is_said_to_the_author(stage: Stage, board: str) -> None:
    ada = stage.connect()
    with pytest.raises(Rejected, match=r"[Bb]oard"):
        stage.provider.publish(replace(stage.message(), options={"board": board}), ada.account)
    assert stage.board() == []


def test_different_descriptions_of_several_pictures_all_arrive(stage: Stage) -> None:
    ada, rule = stage.connect(), stage.kind.limits.images
    assert rule
    media = tuple(picture(rule, seed, alt=words) for seed, words in enumerate(("A hill", "A cat")))
    stage.provider.publish(stage.message(media=media), ada.account)
    [pin] = stage.board()
    assert [shown["alt"] for shown in pin["media"]] == ["A hill\nA cat"] * 2


def test_an_app_on_trial_is_the_operators_business(stage: Stage) -> None:
    ada = stage.connect()
    stage.trouble("misconfigured")
    with pytest.raises(Misconfigured, match="trial"):
        stage.provider.publish(stage.message(), ada.account)


def test_a_missing_scope_needs_the_owner(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(stage.provider, OAuthProvider)
    few = replace(stage.provider.oauth, scopes=("boards:read", "pins:read", "user_accounts:read"))
    monkeypatch.setattr(stage.provider, "oauth", few)
    ada = stage.connect()
    with pytest.raises(Unauthorized, match="scope"):
        stage.provider.publish(stage.message(), ada.account)


def test_an_older_app_asks_for_refresh_tokens_that_go_on(stage: Stage) -> None:
    stage.options = {**stage.options, "PINTEREST_CONTINUOUS_REFRESH": "true"}
    stage.provider = stage.kind(stage.options, stage.provider.wire)
    stage.connect()
    [asked] = [r["body"] for r in stage.requests() if r["purpose"] == "token"]
    assert dict(parse_qsl(asked))["continuous_refresh"] == "true"
