"""What the adapters send and how they compare is what the networks' own descriptions say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

import providers
from providers.kit.contract import Account, App, Grant, Message, Provider, Receipt, Refreshes
from providers.kit.errors import Duplicate, NetworkError, Unauthorized, Uncertain
from providers.kit.http import Wire
from sandbox.kit.server import Street
from tests.providers.files import picture, video
from tests.providers.loopback import Server, tell
from tests.providers.practice import Stage
from tests.providers.specs import definition, faults, openapi

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SAID = "Grüße & <b>bold</b> https://example.com/a?b=c #practice"


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


def sent(stage: Stage) -> list[dict[str, Any]]:
    """Connect, publish all there is and look; then what the twin was sent through the API."""
    stage.tell("reset", {})
    ada = stage.connect()
    message = stage.message(SAID)
    stage.provider.publish(message, ada.account)
    for n in range(6):
        stage.provider.publish(stage.message(f"Another {n}"), ada.account)
    stage.provider.find(message, ada.account)  # type: ignore[attr-defined]
    stage.provider.find(stage.message(), ada.account)  # type: ignore[attr-defined]
    assert stage.kind.limits.images
    pictures = stage.message(SAID + " 1", media=(picture(stage.kind.limits.images),) * 2)
    receipt = stage.provider.publish(pictures, ada.account)
    stage.provider.find(pictures, ada.account)  # type: ignore[attr-defined]
    rule, shown = stage.kind.limits.video, stage.kind.limits.links
    reply = stage.message(media=(video(rule),) if rule else (), reply_to=receipt)
    stage.provider.publish(replace(reply, link="https://b.com/" if shown else ""), ada.account)
    stage.provider.find(reply, ada.account)  # type: ignore[attr-defined]
    stage.provider.delete(receipt, ada.account)  # type: ignore[attr-defined]
    return [r for r in stage.requests() if r["purpose"] not in ("", "app", "token")]


# --- X: every request against the OpenAPI description -------------------------------------------
def checker(document: dict[str, Any], schema: Mapping[str, Any]) -> OAS30Validator:
    """A validator of one schema of an OpenAPI description."""
    resource = DRAFT202012.create_resource(document)
    anchored = json.loads(json.dumps(schema).replace('"#/', '"urn:api#/'))
    return OAS30Validator(anchored, registry=Registry().with_resource("urn:api", resource))


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation behind a request."""
    parts, paths = path.split("/"), document["paths"]
    for template, methods in sorted(paths.items(), key=lambda pair: pair[0] != path):
        names = template.split("/")
        same = len(names) == len(parts) and all(
            a == b or a.startswith("{") for a, b in zip(names, parts, strict=True)
        )
        if same and method.lower() in methods and (template == path or "{" in template):
            found: dict[str, Any] = methods[method.lower()]
            return found
    raise AssertionError(f"{method} {path} is not described")


def parameters(document: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """The query parameters of an operation, by name."""
    shared = document["components"]["parameters"]
    all_of_them = [
        shared[p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p for p in described["parameters"]
    ]
    return {p["name"]: p for p in all_of_them if p["in"] == "query"}


def as_sent(value: str, schema: Mapping[str, Any]) -> object:
    """A query value as its schema sees it."""
    match schema.get("type"):
        case "integer":
            return int(value)
        case "array":
            return value.split(",")
        case _:
            return value


def as_form(
    document: dict[str, Any], schema: Mapping[str, Any], parts: Mapping[str, Any]
) -> dict[str, object]:
    """A multipart form as its schema sees it; a file is some bytes."""
    whole = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    known = whole["properties"]
    return {
        name: "bytes" if "text" not in part else as_sent(part["text"], known.get(name, {}))
        for name, part in parts.items()
    }


def test_every_request_to_x_is_one_that_its_openapi_file_describes(street: str) -> None:
    document = openapi("x-api-v2.openapi.json")
    requests = sent(Stage("x", street))
    seen = {"publish", "find", "identity", "upload", "describe", "status", "delete"}
    assert {r["purpose"] for r in requests} == seen
    for request in requests:
        described = operation(document, request["method"], request["path"])
        if "requestBody" not in described:  # finalizing an upload takes an empty object
            assert request["body"] in ("", "{}")
        elif request["parts"]:
            schema = described["requestBody"]["content"]["multipart/form-data"]["schema"]
            checker(document, schema).validate(as_form(document, schema, request["parts"]))
        else:
            schema = described["requestBody"]["content"]["application/json"]["schema"]
            checker(document, schema).validate(json.loads(request["body"]))
        known = parameters(document, described) if request["query"] else {}
        for name, value in request["query"].items():
            schema = known[name]["schema"]
            checker(document, schema).validate(as_sent(value, schema))


# --- Bluesky: every record and request against the lexicons --------------------------------------
def test_every_request_to_bluesky_is_one_that_its_lexicons_describe(street: str) -> None:
    requests = sent(Stage("bluesky", street))
    assert {r["purpose"] for r in requests} == {"publish", "find", "upload", "delete"}
    for request in requests:
        name = request["path"].removeprefix("/xrpc/")
        described, home = definition(name, name)
        if request["purpose"] == "upload":
            assert described["input"]["encoding"] == "*/*"
            assert request["headers"]["content-type"] == "image/jpeg"
        elif request["body"]:
            body = json.loads(request["body"])
            assert faults(body, described["input"]["schema"], home) == []
        if request["purpose"] == "publish":
            kind = body["record"]["$type"]
            assert faults(body["record"], *definition(kind, kind)) == []
        if request["query"]:
            assert faults(request["query"], described["parameters"], home) == []


# --- looking for a post whose answer was lost ----------------------------------------------------
def adapter(name: str, server: Server | None = None) -> Provider:
    """An adapter with its default settings, but for the server it speaks to."""
    kind = providers.adapter(name)
    options = {s.name: s.default for s in kind.settings}
    if server is not None:
        options |= {s: server.url for s in options if s.endswith("_API_URL")}
    return kind(options, server.wire() if server else Wire())


def look(name: str, said: str, *bodies: object) -> tuple[Receipt | None, list[dict[str, str]]]:
    """Look for a message in these answers; also what was asked."""
    server = Server(tell(*bodies))
    account = Account("7", "@ada", server.url, "token")
    try:
        found = adapter(name, server).find(Message(said, "key", AT), account)  # type: ignore[attr-defined]
    finally:
        server.listener.close()
    lines = [urlsplit(request.split(b" ")[1].decode()).query for request in server.requests]
    return found, [dict(parse_qsl(line)) for line in lines]


def x_page(*posts: dict[str, Any], more: str = "") -> dict[str, Any]:
    meta = {"result_count": len(posts), **({"next_token": more} if more else {})}
    return {**({"data": list(posts)} if posts else {}), "meta": meta}


def x_post(said: str, *targets: str, number: int = 1) -> dict[str, Any]:
    entities = {"urls": [{"url": "https://t.co/a", "expanded_url": t} for t in targets]}
    return {"id": str(number), "text": said, **({"entities": entities} if targets else {})}


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("Hello", x_post("Hello"), True),
        ("a & b < c", x_post("a &amp; b &lt; c"), True),
        ("two\n\nlines", x_post("two lines"), True),
        ("e\u0301", x_post("é"), True),
        ("New: https://a.com/1", x_post("New: https://t.co/a", "https://a.com/1"), True),
        ("New: a.com", x_post("New: https://t.co/a", "http://a.com/"), True),
        ("New: https://a.com/1", x_post("New: https://t.co/a"), True),
        ("New: https://a.com/1", x_post("New: https://t.co/a", "https://a.com/2"), False),
        ("https://a.com/1", x_post("https://t.co/a", "https://b.com/1"), False),
        ("New: https://a.com/1", x_post("New:"), False),
        ("Hello", x_post("Hello!"), False),
        ("Hello", x_post("hello"), False),
    ],
)
def test_x_gives_a_post_back_with_other_links_and_it_is_still_known(
    ours: str, theirs: dict[str, Any], same: bool
) -> None:
    found, _ = look("x", ours, x_page(theirs))
    assert (found is not None) is same


def test_a_look_at_x_reads_five_posts_and_more_only_where_there_are_more() -> None:
    others = [x_post(f"Other {n}", number=n + 10) for n in range(5)]
    found, asked = look("x", "Mine", x_page(*others[:4]))
    assert (found, len(asked)) == (None, 1)
    assert asked[0]["max_results"] == "5"
    assert asked[0]["start_time"] == "2026-11-21T09:58:00Z"

    found, asked = look("x", "Mine", x_page(*others, more="next"), x_page(x_post("Mine")))
    assert found == Receipt("1", "https://x.com/ada/status/1")
    assert (asked[1]["max_results"], asked[1]["pagination_token"]) == ("100", "next")

    found, asked = look("x", "Mine", x_page(*others), x_page(*others, x_post("Mine")))
    assert found is not None
    assert "pagination_token" not in asked[1]


def test_a_look_at_x_that_never_ends_is_a_doubt_and_not_a_no() -> None:
    pages = [x_page(x_post("Other"), more="next")] * 20
    with pytest.raises(Uncertain):
        look("x", "Mine", *pages)


def status(content: str, at: datetime = AT, number: int = 1) -> dict[str, Any]:
    url = f"https://social.example/@ada/{number}"
    return {"id": str(number), "url": url, "created_at": at.isoformat(), "content": content}


LINK = (
    '<a href="https://example.com/a/b"><span class="invisible">https://</span>'
    '<span class="ellipsis">example.com/</span><span class="invisible">a/b</span></a>'
)
MENTION = '<span class="h-card"><a href="https://b.example/@bo">@<span>bo</span></a></span>'


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("one\ntwo\n\nthree", status("<p>one<br>two</p><p>three</p>"), True),
        ('a & b <c> "d"', status("<p>a &amp; b &lt;c&gt; &quot;d&quot;</p>"), True),
        ("see https://example.com/a/b", status(f"<p>see {LINK}</p>"), True),
        ("hi @bo@b.example!", status(f"<p>hi {MENTION}!</p>"), True),
        ("Mine", status("<p>Mine</p>", AT - timedelta(hours=1)), False),
        ("Mine", status("<p>Mine too</p>"), False),
    ],
)
def test_mastodon_gives_a_post_back_as_html_and_it_is_still_known(
    ours: str, theirs: dict[str, Any], same: bool
) -> None:
    found, _ = look("mastodon", ours, [theirs])
    assert (found is not None) is same


def test_a_full_page_of_newer_posts_is_a_doubt_and_not_a_no() -> None:
    newer = [status("<p>Other</p>", AT + timedelta(minutes=n), n) for n in range(20)]
    with pytest.raises(Uncertain):
        look("mastodon", "Mine", newer)


# --- refusals -------------------------------------------------------------------------------------
def test_x_says_that_it_has_this_post_already(street: str) -> None:
    stage = Stage("x", street)
    stage.tell("reset", {})
    ada = stage.connect()
    stage.provider.publish(stage.message("Twice"), ada.account)
    with pytest.raises(Duplicate):
        stage.provider.publish(stage.message("Twice"), ada.account)


def test_bluesky_never_overwrites_a_post_that_stands(street: str) -> None:
    stage = Stage("bluesky", street)
    stage.tell("reset", {})
    ada = stage.connect()
    message = stage.message("The first words")
    stage.provider.publish(message, ada.account)
    with pytest.raises(Uncertain):
        stage.provider.publish(replace(message, text="Other words"), ada.account)
    assert [post["text"] for post in stage.board()] == ["The first words"]


def problem(code: str, title: str = "Forbidden", detail: str = "No.") -> dict[str, object]:
    kind = f"https://api.x.com/2/problems/{code}" if code else "about:blank"
    return {"title": title, "detail": detail, "type": kind}


LOCKED = "To protect our users, this account is temporarily locked."
OLD: dict[str, object] = {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}
REFUSALS: tuple[tuple[str, int, dict[str, object], str], ...] = (
    ("x", 401, problem("unsupported-authentication"), "unauthorized"),
    ("x", 402, problem("", "CreditsDepleted"), "misconfigured"),
    ("x", 403, problem("", "CreditsDepleted"), "misconfigured"),
    ("x", 403, problem("client-forbidden"), "misconfigured"),
    ("x", 403, problem("client-not-enrolled"), "misconfigured"),
    ("x", 403, problem("oauth1-permissions"), "misconfigured"),
    ("x", 403, problem("usage-capped"), "misconfigured"),
    ("x", 403, problem("user-suspended"), "forbidden"),
    ("x", 403, problem("", detail=LOCKED), "forbidden"),
    ("x", 403, problem("", detail="You posted duplicate content."), "duplicate"),
    ("x", 403, problem("not-authorized-for-resource"), "rejected"),
    ("x", 400, problem("invalid-request"), "rejected"),
    ("x", 404, problem("resource-not-found"), "rejected"),
    ("x", 413, {}, "rejected"),
    ("x", 429, OLD, "throttled"),
    ("x", 302, {}, "unexpected"),
    ("x", 503, {}, "uncertain"),
    ("mastodon", 401, {"error": "The access token was revoked"}, "unauthorized"),
    ("mastodon", 401, {"error": "invalid_client"}, "misconfigured"),
    ("mastodon", 403, {"error": "This action is outside the authorized scopes"}, "unauthorized"),
    ("mastodon", 403, {"error": "Your login is currently disabled"}, "forbidden"),
    ("mastodon", 404, {"error": "Record not found"}, "rejected"),
    ("mastodon", 400, {"error": "Status is too long"}, "rejected"),
    ("mastodon", 422, {"error": "media have not finished processing"}, "unavailable"),
    ("mastodon", 422, {"error": "Text character limit of 500 exceeded"}, "rejected"),
    ("mastodon", 413, {}, "rejected"),
    ("mastodon", 502, {}, "uncertain"),
    ("bluesky", 400, {"error": "ExpiredToken"}, "unauthorized"),
    ("bluesky", 400, {"error": "InvalidToken"}, "unauthorized"),
    ("bluesky", 401, {"error": "AuthMissing"}, "unauthorized"),
    ("bluesky", 401, {"error": "AccountTakedown"}, "forbidden"),
    ("bluesky", 400, {"error": "AccountDeactivated"}, "forbidden"),
    ("bluesky", 400, {"error": "RepoDeactivated"}, "forbidden"),
    ("bluesky", 400, {"error": "InvalidRequest", "message": "too long"}, "rejected"),
    ("bluesky", 400, {"error": "InvalidSwap"}, "uncertain"),
    ("bluesky", 413, {"error": "BlobTooLarge"}, "rejected"),
    ("bluesky", 403, {"error": "InsufficientScope"}, "unauthorized"),
    ("bluesky", 429, {"error": "RateLimitExceeded"}, "throttled"),
    ("bluesky", 400, {"error": "UpstreamFailure"}, "uncertain"),
    ("bluesky", 502, {"error": "NotEnoughResources"}, "uncertain"),
)


@pytest.mark.parametrize(("name", "code", "body", "outcome"), REFUSALS)
def test_every_line_of_the_error_tables(
    name: str, code: int, body: dict[str, object], outcome: str
) -> None:
    server = Server(tell(body, status=code))
    account = Account("did:plc:ada", "@ada", server.url, "token")
    with pytest.raises(NetworkError) as caught:
        adapter(name, server).publish(Message("Hi", "key", AT), account)
    server.listener.close()
    assert caught.value.outcome == outcome
    assert caught.value.words


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
def test_x_has_two_words_for_a_dead_grant(error: str) -> None:
    body = {"error": error, "error_description": "Value passed for the token was invalid."}
    server = Server(tell(body, status=400))
    keeper = adapter("x", server)
    assert isinstance(keeper, Refreshes)
    with pytest.raises(Unauthorized):
        keeper.refresh(grant=Grant("access", "refresh"), app=App("client", "secret"), host="")
    server.listener.close()


# --- instances as people type them ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mastodon.social", "https://mastodon.social"),
        ("https://mastodon.social/", "https://mastodon.social"),
        ("@me@mastodon.social", "https://mastodon.social"),
        ("me@mastodon.social", "https://mastodon.social"),
        ("https://mastodon.social/@me", "https://mastodon.social"),
        ("http://127.0.0.1:8100/mastodon", "http://127.0.0.1:8100/mastodon"),
    ],
)
def test_an_instance_is_understood_as_people_type_it(typed: str, meant: str) -> None:
    assert adapter("mastodon").host({"instance": typed}) == meant


@pytest.mark.parametrize("typed", ["", "my instance", "@me", "https://"])
def test_what_is_no_instance_is_refused_by_name(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^Instance: "):
        adapter("mastodon").host({"instance": typed})
