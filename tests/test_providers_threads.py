"""Every network plays threads, links, blanks, deleting and live limits against its twin."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

import providers
from providers.kit import media as fitting
from providers.kit import text
from providers.kit.content import Limits
from providers.kit.contract import (
    Deletes,
    Finds,
    Look,
    Message,
    Receipt,
    TellsLimits,
)
from providers.kit.errors import NetworkError, Rejected, Unauthorized, Unavailable, Uncertain
from sandbox.kit.server import Street
from tests.providers.files import picture
from tests.providers.plays import EVERY, limits, only
from tests.providers.practice import Connection, Stage, called, plays, refused, swept

REPLIES = [p for p in EVERY if limits(p).replies]
LINKS = [p for p in EVERY if limits(p).links]
CAPTIONS = [p for p in EVERY if limits(p).caption]
BLANKS = [p for p in EVERY if providers.adapter(p.name).post_fields]
DELETES, TELLS = plays(Deletes), plays(TellsLimits)
MARKS = [p for p in plays(Finds) if providers.adapter(p.name).look is Look.MARK]
PAGE = "https://example.com/a/page?of=mine#here"


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture(params=EVERY, ids=called)
def stage(request: pytest.FixtureRequest, street: str) -> Stage:
    return Stage.playing(request.param, swept(street))


@pytest.fixture
def ada(stage: Stage) -> Connection:
    return stage.connect()


def answer(stage: Stage, to: Receipt, root: Receipt) -> Message:
    """A new message that answers a post."""
    return stage.message(reply_to=to, root=root)


@only([p for p in REPLIES if limits(p).images])
def test_an_answer_carries_a_picture_where_that_is_offered(stage: Stage, ada: Connection) -> None:
    images = stage.kind.limits.images
    assert images
    first = stage.provider.publish(stage.message(), ada.account)
    message = replace(answer(stage, first, first), media=(picture(images),))
    if stage.kind.limits.bare_replies:
        with refused(Rejected, ada.unseen):
            stage.provider.publish(message, ada.account)
        return
    stage.provider.publish(message, ada.account)
    [post] = [p for p in stage.board() if p["text"] == message.text]
    assert len(post["media"]) == 1
    assert post["reply_to"]


# --- what a post must have, and what it is known by ----------------------------------------------
@only(BLANKS)
def test_only_what_is_needed_has_to_be_filled_in(stage: Stage, ada: Connection) -> None:
    message, needed = stage.message(), [f.name for f in stage.kind.post_fields if f.needed]
    if not needed:
        assert stage.provider.publish(replace(message, options={}), ada.account).external_id
    for name in needed:
        left_empty = replace(message, options={**message.options, name: " "})
        with refused(Rejected, ada.unseen):
            stage.provider.publish(left_empty, ada.account)


@only(MARKS)
def test_a_look_by_a_mark_tells_posts_with_the_same_words_apart(
    stage: Stage, ada: Connection
) -> None:
    assert isinstance(stage.provider, Finds)
    message = stage.message()
    receipt = stage.provider.publish(message, ada.account)
    assert stage.provider.find(message, ada.account) == receipt
    assert stage.provider.find(replace(message, key=str(uuid.uuid4())), ada.account) is None


# --- threads ------------------------------------------------------------------------------------
@only(REPLIES)
def test_a_thread_of_three_hangs_together(stage: Stage, ada: Connection) -> None:
    first = stage.provider.publish(stage.message(), ada.account)
    second = stage.provider.publish(answer(stage, first, first), ada.account)
    third = stage.provider.publish(answer(stage, second, first), ada.account)
    above = first if stage.kind.limits.flat_threads else second
    chain = {post["id"]: post["reply_to"] for post in stage.board()}
    assert chain == {
        first.external_id: "",
        second.external_id: first.external_id,
        third.external_id: above.external_id,
    }


@only(REPLIES)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_after", "garbage"])
def test_a_doubt_in_a_thread_ends_in_exactly_one_answer(
    stage: Stage, ada: Connection, kind: str
) -> None:
    first = stage.provider.publish(stage.message(), ada.account)
    message = answer(stage, first, first)
    stage.trouble(kind)
    with refused(Uncertain, ada.unseen):
        stage.provider.publish(message, ada.account)
    if not stage.kind.resend_window and not isinstance(stage.provider, Finds):
        pytest.skip(f"{stage.name} can neither repeat nor look")
    receipt = stage.resolve(message, ada.account)
    [post] = [p for p in stage.board() if p["text"] == message.text]
    assert (post["id"], post["reply_to"]) == (receipt.external_id, first.external_id)


@only([p for p in REPLIES if p in plays(Finds)])
def test_a_look_finds_an_answer_too(stage: Stage, ada: Connection) -> None:
    assert isinstance(stage.provider, Finds)
    first = stage.provider.publish(stage.message(), ada.account)
    message = answer(stage, first, first)
    assert stage.provider.find(message, ada.account) is None
    receipt = stage.provider.publish(message, ada.account)
    assert stage.provider.find(message, ada.account) == receipt


@only([p for p in REPLIES if p in DELETES])
def test_what_is_gone_cannot_be_answered(stage: Stage, ada: Connection) -> None:
    assert isinstance(stage.provider, Deletes)
    first = stage.provider.publish(stage.message(), ada.account)
    stage.provider.delete(first, ada.account)
    with refused(Rejected, ada.unseen):
        stage.provider.publish(answer(stage, first, first), ada.account)
    assert stage.board() == []


# --- links --------------------------------------------------------------------------------------
@only(LINKS)
def test_a_link_is_shown_apart_from_the_text(stage: Stage, ada: Connection) -> None:
    message = stage.message(link=PAGE)
    if stage.kind.limits.needs_media and not stage.kind.limits.links_beside_media:
        pytest.fail("links need a post that can carry one")
    receipt = stage.provider.publish(message, ada.account)
    [post] = stage.board()
    assert (post["id"], post["text"], post["link"]) == (receipt.external_id, message.text, PAGE)


@only([p for p in LINKS if limits(p).links_beside_media and limits(p).images])
def test_a_link_stands_beside_a_picture(stage: Stage, ada: Connection) -> None:
    assert stage.kind.limits.images
    message = stage.message(link=PAGE, media=(picture(stage.kind.limits.images),))
    stage.provider.publish(message, ada.account)
    [post] = stage.board()
    assert (post["link"], len(post["media"])) == (PAGE, 1)


@only([p for p in LINKS if p in plays(Finds)])
def test_a_look_finds_a_post_with_a_link(stage: Stage, ada: Connection) -> None:
    assert isinstance(stage.provider, Finds)
    message = stage.message(link=PAGE)
    receipt = stage.provider.publish(message, ada.account)
    assert stage.provider.find(message, ada.account) == receipt


@only(CAPTIONS)
def test_beside_media_another_length_counts(stage: Stage, ada: Connection) -> None:
    rules, label = stage.kind.limits, stage.kind.label
    assert rules.caption
    assert rules.images
    fits, media = "a" * rules.caption.limit, (picture(rules.images),)
    assert text.problems(fits, rules, label, beside_media=True) == ()
    stage.provider.publish(stage.message(fits, media=media), ada.account)
    assert text.problems(fits + "a", rules, label, beside_media=True)
    with refused(Rejected, ada.unseen):
        stage.provider.publish(stage.message(fits + "a", media=media), ada.account)
    assert len(stage.board()) == 1


# --- what must be there -------------------------------------------------------------------------
@only([p for p in EVERY if limits(p).needs_media])
def test_a_post_without_what_it_needs_is_refused(stage: Stage, ada: Connection) -> None:
    [complaint] = fitting.problems((), stage.kind.limits, stage.kind.label)
    assert "a post without one is not possible" in complaint
    with refused(Rejected, ada.unseen):
        stage.provider.publish(replace(stage.message(), media=()), ada.account)
    assert stage.board() == []


def test_every_blank_of_a_post_is_filled_on_the_street(stage: Stage) -> None:
    assert [f.name for f in stage.kind.post_fields if not f.practice] == []


# --- deleting -----------------------------------------------------------------------------------
@only(DELETES)
def test_a_deleted_post_is_gone_and_deleting_again_is_no_error(
    stage: Stage, ada: Connection
) -> None:
    assert isinstance(stage.provider, Deletes)
    kept = stage.provider.publish(stage.message(), ada.account)
    receipt = stage.provider.publish(stage.message(), ada.account)
    stage.provider.delete(receipt, ada.account)
    assert [post["id"] for post in stage.board()] == [kept.external_id]
    assert [post["id"] for post in stage.ask("board")["gone"]] == [receipt.external_id]
    stage.provider.delete(receipt, ada.account)
    assert [post["id"] for post in stage.board()] == [kept.external_id]


@only(DELETES)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after"])
def test_a_delete_that_got_lost_may_be_repeated(stage: Stage, ada: Connection, kind: str) -> None:
    assert isinstance(stage.provider, Deletes)
    receipt = stage.provider.publish(stage.message(), ada.account)
    stage.trouble(kind, on="delete")
    with refused(Unavailable, ada.unseen):
        stage.provider.delete(receipt, ada.account)
    stage.provider.delete(receipt, ada.account)
    assert stage.board() == []


@only(DELETES)
def test_a_dead_key_deletes_nothing(stage: Stage, ada: Connection) -> None:
    assert isinstance(stage.provider, Deletes)
    receipt = stage.provider.publish(stage.message(), ada.account)
    stage.tell("kill", {"network": stage.name, "person": "ada"})
    with refused(Unauthorized, ada.unseen):
        stage.provider.delete(receipt, ada.account)
    assert len(stage.board()) == 1


# --- live limits --------------------------------------------------------------------------------
@only(TELLS)
def test_the_limits_that_are_told_are_the_ones_that_count(stage: Stage, ada: Connection) -> None:
    assert isinstance(stage.provider, TellsLimits)
    told = stage.provider.limits_now(ada.account)
    assert isinstance(told, Limits)
    stage.provider.publish(stage.message("a" * told.text.limit), ada.account)
    with refused(Rejected, ada.unseen):
        stage.provider.publish(stage.message("a" * (told.text.limit + 1)), ada.account)


@only(TELLS)
@pytest.mark.parametrize("kind", ["drop_after", "error", "html", "garbage", "empty", "throttled"])
def test_limits_that_cannot_be_read_are_not_guessed(
    stage: Stage, ada: Connection, kind: str
) -> None:
    assert isinstance(stage.provider, TellsLimits)
    stage.trouble(kind, on="limits")
    with refused(NetworkError, ada.unseen) as caught:
        stage.provider.limits_now(ada.account)
    assert not isinstance(caught.value, Uncertain)
