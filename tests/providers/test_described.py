"""What adapters send is what the networks' own descriptions say, where these are at hand.

The OpenAPI files of GitHub (npm `@octokit/openapi`, `generated/api.github.com.json`, kept as
`github-rest.openapi.json`) and of Discord (discord/discord-api-spec, `specs/openapi.json`, kept as
`discord-v10.openapi.json`); the GraphQL schema of npm `@octokit/graphql-schema`; the signatures of
the PyPI packages `python-telegram-bot` and `slack-sdk`. Without them a test is skipped.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from providers.kit import forge_posts
from sandbox.kit.server import Street
from tests.providers.files import picture
from tests.providers.practice import Stage
from tests.providers.specs import openapi, spec


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


def played(name: str, street: str, **options: str) -> list[dict[str, Any]]:
    """Connect, post all there is, look and delete; then every request, with the answer's status."""
    requests.post(f"{street}/_street/reset", json={}, timeout=5).raise_for_status()
    stage = Stage(name, street)
    ada: Any = stage.connect()
    provider: Any = stage.provider
    message = stage.message("Grüße & <b>", options=options)
    receipt = provider.publish(message, ada.account)
    if stage.kind.limits.replies and options.get("kind", "issue") == "issue":
        answer = stage.message(reply_to=receipt, root=receipt, options=options)
        provider.delete(provider.publish(answer, ada.account), ada.account)
        if hasattr(provider, "find"):
            provider.find(answer, ada.account)
    if rule := stage.kind.limits.images:
        provider.publish(stage.message(media=(picture(rule), picture(rule, 1))), ada.account)
        provider.publish(stage.message(media=(picture(rule),)), ada.account)
    if hasattr(provider, "find"):
        assert provider.find(message, ada.account) == receipt
    provider.delete(receipt, ada.account)
    if ada.app:
        provider.revoke(grant=ada.grant, app=ada.app, host=ada.host)
    return [r for r in stage.requests() if r["purpose"] not in ("", "app")]


def validated(document: dict[str, Any], schema: Mapping[str, Any], value: object) -> None:
    """Raises where `value` is not what a schema of an OpenAPI file wants."""
    resource = DRAFT202012.create_resource(document)
    anchored = json.loads(json.dumps(schema).replace('"#/', '"urn:api#/'))
    registry: Any = Registry().with_resource("urn:api", resource)
    OAS31Validator(anchored, registry=registry).validate(value)


def described(document: dict[str, Any], method: str, path: str) -> tuple[dict[str, Any], Any]:
    """The operation behind a request, and what all operations of its path share."""
    for template, found in sorted(document["paths"].items(), key=lambda pair: pair[0].count("{")):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in found:
            return found[method.lower()], found.get("parameters", [])
    raise AssertionError(f"{method} {path} is not described")


def named(document: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter, or what it refers to."""
    if "$ref" not in parameter:
        return parameter
    found: dict[str, Any] = document["components"]["parameters"][parameter["$ref"].split("/")[-1]]
    return found


def as_sent(value: str, schema: Mapping[str, Any]) -> object:
    """A query value as its schema sees it."""
    if schema.get("type") == "boolean":
        return value == "true"
    return int(value) if schema.get("type") == "integer" else value


def check(document: dict[str, Any], request: dict[str, Any], path: str) -> None:
    """One request: is there such an operation, are its query and body what it wants?"""
    operation, shared = described(document, request["method"], path)
    known = {
        p["name"]: p
        for p in (named(document, p) for p in [*shared, *operation.get("parameters", [])])
        if p["in"] == "query"
    }
    for name, value in request["query"].items():
        schema = known[name]["schema"]
        validated(document, schema, as_sent(value, schema))
    body = request["parts"]["payload_json"]["text"] if request["parts"] else request["body"]
    if body:
        kinds = operation["requestBody"]["content"]
        validated(document, kinds["application/json"]["schema"], json.loads(body))


@pytest.mark.parametrize("kind", ["issue", "release", "gist"])
def test_every_request_to_github_is_one_that_its_openapi_file_describes(
    street: str, kind: str
) -> None:
    document = openapi("github-rest.openapi.json")
    seen = [r for r in played("github", street, kind=kind) if r["path"].startswith("/api/")]
    for request in seen:
        path = request["path"].removeprefix("/api")
        if path != "/graphql":
            assert request["headers"]["x-github-api-version"] == "2022-11-28"
            check(document, request, path)
    wanted = {"publish", "find", "identity", "delete", "revoke"}
    assert {r["purpose"] for r in seen} >= wanted


@pytest.mark.parametrize("name", ["discord", "discord_webhook"])
def test_every_request_to_discord_is_one_that_its_openapi_file_describes(
    street: str, name: str
) -> None:
    document = openapi("discord-v10.openapi.json")
    seen = played(name, street)
    for request in seen:
        check(document, request, request["path"].removeprefix("/api/v10"))
    assert {r["purpose"] for r in seen} >= {"publish", "token", "delete"}


def test_every_graphql_request_fits_the_schema_of_github() -> None:
    graphql = pytest.importorskip("graphql")
    schema = graphql.build_schema(
        spec("github.schema.graphql").read_text(), assume_valid=True, assume_valid_sdl=True
    )
    texts = [v for v in vars(forge_posts).values() if isinstance(v, str) and "{" in v]
    texts = [text for text in texts if text.startswith(("query", "mutation"))]
    assert len(texts) == 5
    for text in texts:
        assert graphql.validate(schema, graphql.parse(text)) == []


def package(name: str) -> Any:
    """A package that is no part of this project; skips the test where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed")


def test_every_request_to_telegram_has_arguments_that_a_known_client_has(street: str) -> None:
    telegram = package("telegram")
    known = {
        name.replace("_", "").lower(): set(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(telegram.Bot, inspect.isfunction)
        if not name.startswith("_")
    }
    seen = played("telegram", street)
    for request in seen:
        method = request["path"].rpartition("/")[2].lower()
        fields = {n for n, part in request["parts"].items() if "text" in part}
        sent = fields or set(json.loads(request["body"] or "{}")) | set(request["query"])
        assert sent <= known[method], method
    assert "url" in inspect.signature(telegram.LinkPreviewOptions).parameters
    methods = {r["path"].rpartition("/")[2] for r in seen}
    assert {"sendMessage", "sendPhoto", "sendMediaGroup", "deleteMessage"} <= methods


def test_every_request_to_slack_has_arguments_that_its_own_client_has(street: str) -> None:
    client = package("slack_sdk.web.client").WebClient
    seen = [r for r in played("slack", street) if r["path"].startswith("/api/")]
    for request in seen:
        method = request["path"].rpartition("/")[2]
        if method == "oauth.v2.access":
            continue
        known = set(inspect.signature(getattr(client, method.replace(".", "_"))).parameters)
        body = request["body"]
        is_json = request["headers"].get("content-type", "").startswith("application/json")
        pairs = dict(p.split("=", 1) for p in body.split("&")) if body and not is_json else {}
        sent = set(json.loads(body)) if is_json else set(pairs) | set(request["query"])
        assert sent <= known, method
    wanted = {"chat.postMessage", "conversations.replies", "files.completeUploadExternal"}
    assert {r["path"].rpartition("/")[2] for r in seen} >= wanted
