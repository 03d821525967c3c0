"""Reddit's own ways: errors inside 200, the User-Agent, seconds left, pictures that lag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from providers.kit.contract import Family, Finds, Message, Refreshes
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from providers.kit.http import Reply
from providers.kit.oauth import OAuthProvider
from providers.kit.rates import Meter
from providers.kit.things import inner_error
from sandbox.kit.server import Street
from tests.providers.files import picture
from tests.providers.practice import Stage, swept

LINK = "https://example.com/a"


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture
def stage(street: str) -> Stage:
    return Stage("reddit", swept(street))


def answer(body: str, **headers: str) -> Reply:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Reply(200, headers, body.encode(), safe=False, received_at=at)


def pictured(stage: Stage, count: int = 1) -> Message:
    rule = stage.kind.limits.images
    assert rule
    return stage.message(media=tuple(picture(rule, seed) for seed in range(count)))


# --- errors inside 200 ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ('["RATELIMIT","try again in 9 minutes.","ratelimit"]', Throttled),
        ('["ALREADY_SUB","that link has already been submitted","url"]', Duplicate),
        ('["TOO_LONG","this is too long (max: 300)","title"]', Rejected),
        ('["SUBREDDIT_NOEXIST","that subreddit doesn\'t exist","sr"]', Rejected),
        ('["SUBREDDIT_NOTALLOWED","you are not allowed to post there","sr"]', Forbidden),
        ('["USER_REQUIRED","please log in",null]', Unauthorized),
        ('["SOMETHING_NEW"]', Rejected),
    ],
)
def test_an_error_inside_200_has_its_name(errors: str, kind: type[NetworkError]) -> None:
    problem = inner_error(answer(f'{{"json":{{"errors":[{errors}]}}}}'))
    assert type(problem) is kind
    assert problem.words


@pytest.mark.parametrize(
    ("more", "words", "wait"),
    [
        (',"ratelimit":529.1', "try again in 9 minutes.", timedelta(seconds=529.1)),
        ("", "try again in 9 minutes.", timedelta(minutes=9)),
        ("", "try again in 1 hour.", timedelta(hours=1)),
        ("", "try again in 40 seconds.", timedelta(seconds=40)),
        ("", "try again later.", None),
    ],
)
def test_too_fast_says_how_long_in_numbers_or_words(
    more: str, words: str, wait: timedelta | None
) -> None:
    body = f'{{"json":{{"errors":[["RATELIMIT","{words}","ratelimit"]]{more}}}}}'
    problem = inner_error(answer(body))
    assert isinstance(problem, Throttled)
    assert problem.wait == wait


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"json":[]}', '{"json":{"errors":[]}}'])
def test_no_error_inside_is_none(body: str) -> None:
    assert inner_error(answer(body)) is None


def test_the_reset_is_read_as_seconds_that_are_left() -> None:
    meter = Meter("X-Ratelimit-Remaining", "X-Ratelimit-Reset", clock="left", scope="app")
    told = answer("{}", **{"X-Ratelimit-Remaining": "98.5", "X-Ratelimit-Reset": "120"})
    quota = meter.read(told)
    assert quota
    assert (quota.remaining, quota.resets_at - told.received_at) == (98, timedelta(seconds=120))
    assert meter.wait(answer("{}", **{"X-Ratelimit-Reset": "soon"})) is None


# --- the User-Agent -------------------------------------------------------------------------------
def test_every_request_names_the_app(stage: Stage) -> None:
    ada = stage.connect()
    receipt = stage.provider.publish(pictured(stage, 2), ada.account)
    stage.provider.delete(receipt, ada.account)  # type: ignore[attr-defined]
    assert isinstance(stage.provider, Refreshes)
    stage.provider.refresh(grant=ada.grant, app=ada.app, host=ada.host)
    stage.provider.revoke(grant=ada.grant, app=ada.app, host=ada.host)  # type: ignore[attr-defined]
    seen = [r for r in stage.requests() if r["purpose"] and "uploaded-media" not in r["path"]]
    agents = {r["headers"]["user-agent"] for r in seen}
    assert agents == {stage.options["REDDIT_USER_AGENT"]}


def test_a_blocked_agent_is_the_operators_business(stage: Stage) -> None:
    ada = stage.connect()
    stage.options = {**stage.options, "REDDIT_USER_AGENT": "python-requests/2.0"}
    stage.provider = stage.kind(stage.options, stage.provider.wire)
    with pytest.raises(Misconfigured, match="REDDIT_USER_AGENT"):
        stage.provider.publish(stage.message(), ada.account)
    with pytest.raises(Misconfigured):
        stage.provider.refresh(grant=ada.grant, app=ada.app, host=ada.host)  # type: ignore[attr-defined]


# --- links and pictures ---------------------------------------------------------------------------
def test_the_same_link_again_is_a_duplicate_and_the_look_finds_it(stage: Stage) -> None:
    ada = stage.connect()
    message = stage.message(link=LINK)
    receipt = stage.provider.publish(message, ada.account)
    with pytest.raises(Duplicate):
        stage.provider.publish(message, ada.account)
    assert isinstance(stage.provider, Finds)
    assert stage.provider.find(message, ada.account) == receipt


def test_a_picture_that_was_taken_is_never_sent_again_however_late_it_appears(stage: Stage) -> None:
    ada = stage.connect()
    message = pictured(stage)
    for kind in ("error", "garbage", "throttled"):
        stage.trouble(kind, on="find")
        with pytest.raises(StillWorking):
            stage.provider.publish(message, ada.account)
    stage.trouble("unauthorized", on="find")
    with pytest.raises(Unauthorized):
        stage.provider.publish(message, ada.account)
    receipt = stage.provider.publish(message, ada.account)
    assert [post["id"] for post in stage.board()] == [receipt.external_id]


def test_another_picture_under_the_same_title_leaves_a_doubt(stage: Stage) -> None:
    ada = stage.connect()
    stage.provider.publish(replace(pictured(stage), text=""), ada.account)
    other = replace(pictured(stage), text="")
    stage.trouble("drop_before")
    with pytest.raises(Uncertain):
        stage.provider.publish(other, ada.account)
    assert isinstance(stage.provider, Finds)
    with pytest.raises(Uncertain, match="title"):
        stage.provider.find(other, ada.account)


@pytest.mark.parametrize("options", [{}, {"subreddit": "practice"}, {"title": "A title"}])
def test_a_post_needs_a_subreddit_and_a_title(stage: Stage, options: dict[str, str]) -> None:
    ada = stage.connect()
    with pytest.raises(Rejected, match="subreddit and a title"):
        stage.provider.publish(replace(stage.message(), options=options), ada.account)


@pytest.mark.parametrize("written", ["r/practice", "/r/practice/", "u_ada_practice"])
def test_a_subreddit_may_be_written_as_people_do(stage: Stage, written: str) -> None:
    ada = stage.connect()
    options = {"subreddit": written, "title": "A title"}
    message = replace(stage.message(), options=options)
    receipt = stage.provider.publish(message, ada.account)
    assert isinstance(stage.provider, Finds)
    assert stage.provider.find(message, ada.account) == receipt


# --- tokens ---------------------------------------------------------------------------------------
def test_without_asking_for_it_there_is_no_refresh_token(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(stage.provider, OAuthProvider)
    assert stage.connect().grant.refresh_token
    monkeypatch.setattr(stage.provider, "oauth", replace(stage.provider.oauth, extra={}))
    ada = stage.connect()
    assert (ada.grant.refresh_token, ada.family) == ("", Family.REUSABLE)
    with pytest.raises(Unauthorized):
        stage.provider.refresh(grant=ada.grant, app=ada.app, host=ada.host)  # type: ignore[attr-defined]


def test_an_upload_that_is_refused_for_good_is_tried_anew_only_once(stage: Stage) -> None:
    ada = stage.connect()
    message = pictured(stage, 2)
    stage.trouble("throttled")
    with pytest.raises(Throttled):
        stage.provider.publish(message, ada.account)
    stage.tell("end_media", {"network": stage.name})
    with pytest.raises(Unavailable):
        stage.provider.publish(message, ada.account)
    stage.trouble("throttled")
    with pytest.raises(Throttled):
        stage.provider.publish(message, ada.account)
    stage.tell("end_media", {"network": stage.name})
    with pytest.raises(Rejected):
        stage.provider.publish(message, ada.account)
