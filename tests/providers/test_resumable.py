"""Videos by a session: the discovery document, doubts, sessions that are gone, late refusals."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from providers.kit import text
from providers.kit.contract import Account, Deletes, Finds, Message, Receipt
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, Wire
from providers.kit.reasons import refusal
from sandbox.kit.server import Street
from tests.providers.files import video
from tests.providers.loopback import Server, say
from tests.providers.practice import Stage, swept
from tests.providers.specs import spec

DISCOVERY = "youtube-v3.discovery.json"
INSIDE = "discovery_cache/documents/youtube.v3.json"


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture
def stage(street: str) -> Stage:
    return Stage("youtube", swept(street))


def discovery() -> dict[str, Any]:
    """Google's description: out of its own package, else from the folder of descriptions."""
    package = importlib.util.find_spec("googleapiclient")
    inside = Path(package.origin).with_name("") / INSIDE if package and package.origin else None
    path = inside if inside and inside.exists() else spec(DISCOVERY)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def method(document: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The method behind a request; uploads have an address of their own."""
    path = request["path"].lstrip("/")
    for resource in document["resources"].values():
        for one in resource["methods"].values():
            protocols = one.get("mediaUpload", {}).get("protocols", {})
            uploads = {p["path"].lstrip("/") for p in protocols.values()}
            if one["httpMethod"] == request["method"] and path in {one["path"], *uploads}:
                found: dict[str, Any] = one
                return found
    raise AssertionError(f"{request['method']} {path} is not described")


def faults(document: dict[str, Any], name: str, value: dict[str, Any]) -> list[str]:
    """The fields of a body that its schema does not know."""
    known = document["schemas"][name]["properties"]
    found = [f"{name}.{field}" for field in value if field not in known]
    for field, inner in value.items():
        if isinstance(inner, dict) and "$ref" in known.get(field, {}):
            found += faults(document, known[field]["$ref"], inner)
    return found


def test_every_request_is_one_that_the_discovery_document_describes(stage: Stage) -> None:
    document = discovery()
    ada, message = stage.connect(), stage.message()
    receipt = stage.provider.publish(message, ada.account)
    look(stage, replace(message, saved=stage.message().saved), ada.account)
    assert isinstance(stage.provider, Deletes)
    stage.provider.delete(receipt, ada.account)
    seen = [r for r in stage.requests() if r["purpose"] not in ("", "token")]
    assert {r["purpose"] for r in seen} >= {"identity", "container", "status", "find", "delete"}
    for request in seen:
        if request["method"] == "PUT":  # a session is described by Google's pages alone
            continue
        described = method(document, request)
        known = {*described["parameters"], *document["parameters"], "uploadType"}
        assert set(request["query"]) <= known
        required = {n for n, p in described["parameters"].items() if p.get("required")}
        assert required <= set(request["query"])
        if request["body"]:
            asked = described["request"]["$ref"]
            assert faults(document, asked, json.loads(request["body"])) == []


def look(stage: Stage, message: Message, account: Account) -> Receipt | None:
    assert isinstance(stage.provider, Finds)
    return stage.provider.find(message, account)


def whole(stage: Stage, message: Message, account: Account) -> Receipt:
    """Publish until the network is done."""
    for _ in range(30):
        try:
            return stage.provider.publish(message, account)
        except (StillWorking, Unavailable):
            continue
    raise AssertionError("it never ends")


# --- pieces ---------------------------------------------------------------------------------------
def test_a_long_video_goes_up_in_even_pieces(stage: Stage) -> None:
    ada, rule = stage.connect(), stage.kind.limits.video
    assert rule
    message = stage.message(media=(video(rule, size=5 * 1024 * 1024 + 7),))
    stage.provider.publish(message, ada.account)
    spans = [r["headers"]["content-range"] for r in stage.requests() if r["method"] == "PUT"]
    assert len(spans) == 6
    assert spans[0].startswith("bytes 0-1048575/")
    assert spans[-1] == "bytes 5242880-5242886/5242887"


def test_a_session_elsewhere_is_not_followed(stage: Stage) -> None:
    ada = stage.connect()
    far = Server(say(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"id":1}\n'))
    here = b"HTTP/1.1 200 OK\r\nLocation: %s/session\r\nContent-Length: 0\r\n\r\n"
    near = Server(say(here % far.url.encode()))
    options = {**stage.options, "YOUTUBE_API_URL": near.url}
    wire = Wire(trusted=frozenset({near.url, far.url}))
    with pytest.raises(Unexpected):
        stage.kind(options, wire).publish(stage.message(), ada.account)
    assert (near.connections, far.connections) == (1, 0)
    near.listener.close()
    far.listener.close()


def test_signs_that_are_not_taken_are_said_before_anything_is_sent(stage: Stage) -> None:
    limits, label = stage.kind.limits, stage.kind.label
    [complaint] = text.problems("a < b > c", limits, label, beside_media=True)
    assert complaint == "YouTube: < and > cannot stand in a text there."
    assert text.problems("a, b and c", limits, label, beside_media=True) == ()


# --- doubts ---------------------------------------------------------------------------------------
def test_a_session_that_is_gone_leaves_the_list_of_uploads(stage: Stage) -> None:
    ada, message = stage.connect(), stage.message()
    stage.trouble("drop_after")
    with pytest.raises(Uncertain):
        stage.provider.publish(message, ada.account)
    stage.tell("end_media", {"network": stage.name})
    found = look(stage, message, ada.account)
    assert found
    assert [post["id"] for post in stage.board()] == [found.external_id]
    assert look(stage, stage.message(), ada.account) is None


def test_a_video_without_a_description_cannot_be_told_from_another(stage: Stage) -> None:
    ada = stage.connect()
    stage.provider.publish(replace(stage.message(), text=""), ada.account)
    with pytest.raises(Uncertain, match="title"):
        look(stage, replace(stage.message(), text=""), ada.account)


def test_too_many_newer_videos_leave_a_doubt(stage: Stage) -> None:
    ada = stage.connect()
    for _ in range(10):
        stage.provider.publish(stage.message(), ada.account)
    with pytest.raises(Uncertain, match="too many"):
        look(stage, stage.message(), ada.account)


# --- what is said late ----------------------------------------------------------------------------
def test_a_file_that_is_no_video_is_refused_after_the_upload(stage: Stage) -> None:
    ada, message = stage.connect(), stage.message()
    [good] = message.media
    wrong = stage.message(media=(replace(good, mime="video/mp4", open=nonsense(good.size)),))
    with pytest.raises(Rejected, match="invalidFile"):
        stage.provider.publish(wrong, ada.account)


def nonsense(size: int) -> Any:
    """A file of zeros."""
    return lambda: BytesIO(bytes(size))


def test_a_video_that_is_processed_for_ever_is_left_to_the_network(stage: Stage) -> None:
    ada = stage.connect()
    stage.tell("slow_media", {"network": stage.name, "polls": 1000})
    message = stage.message()
    receipt = whole(stage, message, ada.account)
    assert [post["id"] for post in stage.board()] == [receipt.external_id]


@pytest.mark.parametrize("kind", ["throttled", "error", "garbage", "misconfigured"])
def test_trouble_while_it_is_processed_is_no_failure(stage: Stage, kind: str) -> None:
    ada, message = stage.connect(), stage.message()
    stage.trouble(kind, on="status")
    with pytest.raises(StillWorking):
        stage.provider.publish(message, ada.account)
    receipt = stage.provider.publish(message, ada.account)
    assert [post["id"] for post in stage.board()] == [receipt.external_id]


# --- reasons --------------------------------------------------------------------------------------
def said(status: int, reason: str, *, safe: bool = False, **headers: str) -> Reply:
    body = {"error": {"code": status, "message": "No.", "errors": [{"reason": reason}]}}
    at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    return Reply(status, headers, json.dumps(body).encode(), safe=safe, received_at=at)


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "authError", Unauthorized),
        (403, "insufficientPermissions", Unauthorized),
        (403, "quotaExceeded", Throttled),
        (429, "rateLimitExceeded", Throttled),
        (400, "uploadLimitExceeded", Throttled),
        (403, "accessNotConfigured", Misconfigured),
        (403, "channelSuspended", Forbidden),
        (403, "forbidden", Forbidden),
        (403, "forbiddenPrivacySetting", Rejected),
        (400, "invalidTitle", Rejected),
        (503, "backendError", Uncertain),
        (418, "", Unexpected),
    ],
)
def test_each_reason_has_its_error(status: int, reason: str, kind: type[Exception]) -> None:
    assert type(refusal(said(status, reason), "YouTube", None)) is kind


def test_quota_comes_back_at_midnight_in_california() -> None:
    day = refusal(said(403, "quotaExceeded"), "YouTube", None)
    own = refusal(said(400, "uploadLimitExceeded"), "YouTube", None)
    soon = refusal(said(403, "rateLimitExceeded"), "YouTube", None)
    assert isinstance(day, Throttled)
    assert isinstance(own, Throttled)
    assert isinstance(soon, Throttled)
    assert day.wait == timedelta(hours=22)  # 10:00 UTC is 2:00 in California
    assert own.wait == timedelta(days=1)
    assert soon.wait is None
