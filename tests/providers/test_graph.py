"""Graph APIs: the error tables, keys that last, pages behind a person, containers in doubt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

import providers
from providers.kit import media as fitting
from providers.kit import text
from providers.kit.content import InMemory, Limits, TextRule, Unit
from providers.kit.contract import Account, Family, Grant, Message, Offers, Receipt, Refreshes, Way
from providers.kit.errors import (
    Duplicate,
    NetworkError,
    Rejected,
    StillWorking,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.graph import USAGE, Usage
from providers.kit.http import Reply
from providers.kit.rates import LONGEST, asked_wait, quotas
from sandbox.kit.server import Street
from tests.providers.files import picture, video
from tests.providers.loopback import Server, tell
from tests.providers.practice import Play, Stage

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LINKED = Play("instagram", Way.PAGE, (("login", "facebook"),))
OWN, THREADS, PAGES = (Play(n, Way.PAGE) for n in ("instagram", "threads", "facebook"))


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    with Street() as open_street:
        yield open_street


@pytest.fixture
def stages(street: Street) -> dict[Play, Stage]:
    requests.post(f"{street.url}/_street/reset", json={}, timeout=5).raise_for_status()
    return {play: Stage.playing(play, street.url) for play in (LINKED, OWN, THREADS, PAGES)}


def adapter(name: str, server: Server) -> Any:
    """An adapter with its default settings, but for the server it speaks to."""
    kind = providers.adapter(name)
    options = {s.name: s.practice or s.default for s in kind.settings}
    return kind(options, server.wire())


# --- refusals -----------------------------------------------------------------------------------
TABLE: tuple[tuple[str, int, int, int, str], ...] = (
    *[("facebook", 400, 190, sub, "unauthorized") for sub in (0, 458, 459, 460, 463, 467, 492)],
    *[(n, 400, 102, 0, "unauthorized") for n in ("facebook", "instagram", "threads")],
    *[("facebook", 403, code, 0, "unauthorized") for code in (10, 200, 299)],
    *[("facebook", 400, code, 0, "misconfigured") for code in (3, 101)],
    *[("threads", 403, code, 0, "throttled") for code in (4, 17, 32, 341, 613, 80002)],
    ("facebook", 400, 80001, 0, "throttled"),
    ("facebook", 400, 368, 0, "throttled"),
    ("facebook", 400, 368, 1390008, "throttled"),
    ("facebook", 400, 506, 0, "duplicate"),
    ("facebook", 400, 1, 1366051, "duplicate"),
    ("facebook", 400, 1, 1366046, "rejected"),
    *[("facebook", 400, 100, s, "rejected") for s in (0, 33, 1346003, 1404102, 1609005, 1500)],
    *[("facebook", 400, 1, sub, "unauthorized") for sub in (1404078, 1349125)],
    ("facebook", 403, 200, 4854002, "forbidden"),
    ("facebook", 400, 1609008, 0, "rejected"),
    *[("facebook", 400, code, 0, "uncertain") for code in (1, 2)],
    ("facebook", 503, 0, 0, "uncertain"),
    ("facebook", 400, 4711, 0, "unexpected"),
)


@pytest.mark.parametrize(("name", "status", "code", "subcode", "outcome"), TABLE)
def test_numbers_decide_and_not_the_status(
    name: str, status: int, code: int, subcode: int, outcome: str
) -> None:
    fault = {"message": "No.", "type": "OAuthException", "code": code, "error_subcode": subcode}
    server = Server(tell({"error": fault}, status=status))
    reply = server.wire().call("POST", server.url, safe=False)
    server.listener.close()
    found = adapter(name, server).refusal(reply)
    assert found.outcome == outcome
    assert found.words
    if code == 368:
        assert found.wait == timedelta(hours=3)


@pytest.mark.parametrize(
    ("subcode", "outcome"),
    [
        *[(n, "unavailable") for n in (2207001, 2207006, 2207008, 2207027)],
        *[(n, "unfetched") for n in (2207003, 2207020, 2207052)],
        *[(n, "rejected") for n in (2207004, 2207005, 2207009, 2207010, 2207026, 2207028)],
        *[(n, "rejected") for n in (36000, 36001, 36003, 36004)],
        *[(n, "throttled") for n in (2207042, 2207051)],
        (2207050, "forbidden"),
    ],
)
def test_containers_are_refused_by_numbers_of_their_own(subcode: int, outcome: str) -> None:
    fault = {"message": "No.", "code": 9, "error_subcode": subcode, "is_transient": False}
    server = Server(tell({"error": fault}, status=400))
    reply = server.wire().call("POST", server.url, safe=True)
    server.listener.close()
    assert adapter("instagram", server).refusal(reply, making=True).outcome == outcome


def test_transient_is_a_doubt_only_after_what_may_be_seen() -> None:
    body = {"error": {"message": "Later.", "code": 4711, "is_transient": True}}
    server = Server(tell(body, status=400))
    line, judge = server.wire(), adapter("threads", server)
    seen, unseen = (line.call("POST", server.url, safe=safe) for safe in (False, True))
    server.listener.close()
    assert isinstance(judge.refusal(seen), Uncertain)
    assert isinstance(judge.refusal(unseen), Unavailable)


@pytest.mark.parametrize(
    "words", ["Error validating client secret.", "Invalid application ID", "Invalid platform app"]
)
@pytest.mark.parametrize("shape", ["nested", "flat"])
def test_our_own_app_is_blamed_by_its_words(words: str, shape: str) -> None:
    nested = {"error": {"message": words, "code": 190}}
    body = nested if shape == "nested" else {"error_type": "OAuthException", "error_message": words}
    server = Server(tell(body, status=400))
    reply = server.wire().call("GET", server.url)
    server.listener.close()
    assert adapter("threads", server).token_refusal(reply).outcome == "misconfigured"


def test_a_read_that_is_refused_says_nothing_about_a_post() -> None:
    server = Server(tell({"error": {"message": "Nonexisting field", "code": 100}}, status=400))
    with pytest.raises(Unexpected):
        adapter("threads", server).identify(Grant("key"), "")
    server.listener.close()


# --- how much is used ---------------------------------------------------------------------------
def used(told: object) -> Reply:
    headers = {"X-Business-Use-Case-Usage": told if isinstance(told, str) else json.dumps(told)}
    return Reply(200, headers, b"{}", safe=True, received_at=AT)


def test_minutes_until_there_is_more_close_the_gate() -> None:
    lines = [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": n}
             for n in (3, 7)]  # fmt: skip
    reply = used({"17": lines})
    assert asked_wait(reply, USAGE) == timedelta(minutes=7)
    [quota] = quotas(reply, USAGE)
    assert (quota.remaining, quota.resets_at, quota.scope) == (
        0, AT + timedelta(minutes=7), "account",
    )  # fmt: skip


@pytest.mark.parametrize(
    "told",
    ["", "[1]", "{", {"17": {}}, {"17": [{"call_count": 99}]},
     {"17": [{"estimated_time_to_regain_access": 0}]},
     {"17": [{"estimated_time_to_regain_access": "soon"}]}],
)  # fmt: skip
def test_a_header_that_tells_no_wait_closes_nothing(told: object) -> None:
    assert quotas(used(told), USAGE) == ()


def test_no_wait_is_longer_than_a_day() -> None:
    [meter] = USAGE
    assert isinstance(meter, Usage)
    assert meter.wait(used({"1": [{"estimated_time_to_regain_access": 10**9}]})) == LONGEST


# --- keys ---------------------------------------------------------------------------------------
def older(street: Street, name: str, key: str, by: timedelta) -> None:
    """The key was given so long ago."""
    twin = street.twins[name]
    known = twin.get("access", key)
    assert known
    seconds = by.total_seconds()
    moved = {part: known[part] - seconds for part in ("born_at", "expires_at")}
    twin.put("access", key, {**known, **moved})


@pytest.mark.parametrize("play", [OWN, THREADS])
def test_a_lasting_key_is_renewed_from_a_day_old_until_its_end(
    street: Street, stages: dict[Play, Stage], play: Play
) -> None:
    stage = stages[play]
    ada, keeper = stage.connect(), stage.provider
    assert isinstance(keeper, Refreshes)
    assert ada.grant.lifetime == timedelta(hours=1)
    lasting = keeper.refresh(grant=ada.grant, app=ada.app, host=ada.host)
    assert lasting.lifetime == timedelta(seconds=5_183_944)
    assert not lasting.provisional
    with pytest.raises(Unexpected):  # too young; nobody is to blame
        keeper.refresh(grant=lasting, app=ada.app, host=ada.host)
    older(street, stage.name, lasting.access_token, timedelta(days=30))
    fresh = keeper.refresh(grant=lasting, app=ada.app, host=ada.host)
    assert fresh.access_token not in ("", lasting.access_token)
    older(street, stage.name, fresh.access_token, timedelta(days=61))
    with pytest.raises(Unauthorized):
        keeper.refresh(grant=fresh, app=ada.app, host=ada.host)


@pytest.mark.parametrize("play", [LINKED, PAGES])
def test_a_page_key_from_a_lasting_key_outlives_it(
    street: Street, stages: dict[Play, Stage], play: Play
) -> None:
    stage = stages[play]
    ada, keeper = stage.connect(), stage.provider
    assert isinstance(keeper, Refreshes)
    assert isinstance(keeper, Offers)
    assert ada.family is Family.NONE
    lasting = keeper.refresh(grant=ada.grant, app=ada.app, host=ada.host)
    offer = keeper.offers(lasting, ada.host)[0]
    older(street, stage.name, lasting.access_token, timedelta(days=61))
    page = replace(ada.account, access_token=offer.access_token)
    keeper.publish(stage.message(), page)
    with pytest.raises(Unauthorized):
        keeper.refresh(grant=lasting, app=ada.app, host=ada.host)
    older(street, stage.name, ada.grant.access_token, timedelta(days=61))
    with pytest.raises(Unauthorized):
        keeper.offers(ada.grant, ada.host)


def test_the_code_may_have_a_tail(stages: dict[Play, Stage]) -> None:
    stage = stages[THREADS]
    dance, back = stage.consent()
    tailed = {**back, "code": back["code"] + "#_"}
    grant = stage.provider.exchange(dance, tailed)  # type: ignore[attr-defined]
    assert grant.provisional


# --- whom a person speaks for -------------------------------------------------------------------
def handles(stage: Stage) -> list[str]:
    """Whom the first person may post as."""
    assert isinstance(stage.provider, Offers)
    ada = stage.connect()
    offers = stage.provider.offers(ada.grant, ada.host)
    keys = [offer.access_token for offer in offers]
    assert len(set(keys)) == len(keys)
    return [offer.identity.handle for offer in offers]


def test_pages_of_a_person_and_of_a_business_are_offered(stages: dict[Play, Stage]) -> None:
    assert handles(stages[PAGES]) == ["@ada.bakery", "@ada.garden", "@ada.works"]
    assert handles(stages[LINKED]) == ["@ada.practice", "@ada.works"]
    assert handles(stages[OWN]) == ["@ada.practice"]


def test_both_logins_know_the_same_account_by_the_same_id(stages: dict[Play, Stage]) -> None:
    own, linked = stages[OWN].connect(), stages[LINKED].connect()
    assert own.account.external_id == linked.account.external_id
    assert own.host != linked.host


def test_without_a_right_to_businesses_the_other_pages_are_offered(
    stages: dict[Play, Stage],
) -> None:
    stage = stages[PAGES]
    kind = type(stage.provider)
    scopes = tuple(s for s in kind.oauth.scopes if s != "business_management")  # type: ignore[attr-defined]
    narrow = type("Narrow", (kind,), {"oauth": replace(kind.oauth, scopes=scopes)})  # type: ignore[attr-defined]
    stage.provider = narrow(stage.options, stage.provider.wire)
    assert handles(stage) == ["@ada.bakery", "@ada.garden"]


def test_trouble_with_businesses_hides_no_page(stages: dict[Play, Stage]) -> None:
    stage = stages[PAGES]
    ada = stage.connect()
    for kind in ("error", "throttled", "unauthorized", "drop_after"):
        stage.trouble(kind, on="identity", after=1)
        with pytest.raises(NetworkError):
            stage.provider.offers(ada.grant, ada.host)  # type: ignore[attr-defined]


# --- containers ---------------------------------------------------------------------------------
def test_a_container_that_went_out_is_never_published_again(stages: dict[Play, Stage]) -> None:
    stage = stages[THREADS]
    ada, message = stage.connect(), stage.message()
    stage.trouble("drop_after")
    with pytest.raises(Uncertain):
        stage.provider.publish(message, ada.account)
    with stage.watched() as seen:
        receipt = stage.provider.publish(message, ada.account)  # nobody looked before
    assert "publish" not in seen
    assert [post["id"] for post in stage.board()] == [receipt.external_id]


def test_two_silent_posts_cannot_be_told_apart(stages: dict[Play, Stage]) -> None:
    stage = stages[OWN]
    ada = stage.connect()
    first, second = (replace(stage.message(), text="") for _ in range(2))
    stage.provider.publish(first, ada.account)
    stage.trouble("drop_after")
    with pytest.raises(Uncertain):
        stage.provider.publish(second, ada.account)
    with pytest.raises(Uncertain):
        stage.provider.find(second, ada.account)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("why", "error", "again"),
    [
        ("Error: media upload has failed with error code 2207026", Rejected, Rejected),
        ("Error: media upload has failed with error code 2207003", Unavailable, Unavailable),
        ("", Unavailable, Rejected),
    ],
)
def test_a_container_that_failed_is_made_anew_unless_its_content_is_to_blame(
    why: str, error: type[NetworkError], again: type[NetworkError]
) -> None:
    """Once; a file that could not be fetched is fetched again each time."""
    server = Server(tell({"id": "17", "status_code": "ERROR", "status": why}))
    saved = InMemory({"container": "17"})
    rule = providers.adapter("instagram").limits.images
    assert rule
    message = Message("Hi", "key", AT, media=(picture(rule),), saved=saved)
    account, maker = Account("7", "@ada", server.url, "token"), adapter("instagram", server)
    with pytest.raises(error):
        maker.publish(message, account)
    assert bool(saved.get("container")) is (error is Rejected)
    saved.keep("container", "17")
    with pytest.raises(again):
        maker.publish(message, account)
    server.listener.close()


def test_a_post_whose_address_is_not_known_yet_is_out(stages: dict[Play, Stage]) -> None:
    stage = stages[THREADS]
    ada, message = stage.connect(), stage.message()
    stage.trouble("error", on="find")
    with pytest.raises(StillWorking) as caught:
        stage.provider.publish(message, ada.account)
    assert caught.value.words.startswith("The post is out")
    assert isinstance(stage.provider.publish(message, ada.account), Receipt)
    assert len(stage.board()) == 1


def test_pictures_and_videos_together_are_counted_together() -> None:
    limits = providers.adapter("instagram").limits
    assert limits.images
    assert limits.video
    both = (
        *[picture(limits.images, n) for n in range(9)],
        video(limits.video),
        video(limits.video),
    )
    [complaint] = fitting.problems(both, limits, "Instagram")
    assert complaint == "Instagram: at most 10 pictures and videos (11 given)."


# --- pages --------------------------------------------------------------------------------------
def test_a_page_says_that_it_has_this_post_already(stages: dict[Play, Stage]) -> None:
    stage = stages[PAGES]
    ada = stage.connect()
    stage.provider.publish(stage.message("Twice"), ada.account)
    with pytest.raises(Duplicate):
        stage.provider.publish(stage.message("Twice"), ada.account)


def test_a_comment_carries_words_and_a_link_but_no_picture(stages: dict[Play, Stage]) -> None:
    stage = stages[PAGES]
    ada = stage.connect()
    above = stage.provider.publish(stage.message(), ada.account)
    stage.provider.publish(
        stage.message("See", link="https://example.com/a", reply_to=above), ada.account
    )
    assert stage.board()[0]["text"] == "See\nhttps://example.com/a"
    rule = stage.kind.limits.images
    assert rule
    with pytest.raises(Rejected, match="words only"):
        stage.provider.publish(stage.message(media=(picture(rule),), reply_to=above), ada.account)


# --- counting -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "length"), [("abc", 3), ("é", 1), ("日本", 2), ("🌄", 4), ("👩‍🚀", 11), ("1 a", 3)]
)
def test_an_emoji_is_as_long_as_its_bytes(said: str, length: int) -> None:
    rule = TextRule(10, Unit.EMOJI_BYTES)
    assert text.length(said, rule) == length
    assert bool(text.problems(said, Limits(rule), "Any")) is (length > 10)
