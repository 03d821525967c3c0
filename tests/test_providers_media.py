"""Every network plays pictures, videos and steps against its twin, as far as it offers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import requests

from providers.kit import media as fitting
from providers.kit import text
from providers.kit.content import InMemory, Kind, Media
from providers.kit.contract import Account, Finds, Message, Receipt
from providers.kit.errors import (
    NetworkError,
    Rejected,
    StillWorking,
    Throttled,
    Unavailable,
    Uncertain,
)
from sandbox.kit.network import BEFORE_A_POST
from sandbox.kit.server import Street
from tests.providers.files import grown, medium, picture, video
from tests.providers.plays import EVERY, PICTURES, SHOWN, VIDEOS, each_kind, only, unlike
from tests.providers.practice import SHORT, Connection, Stage, called, plays, refused, swept

MAKING = frozenset(BEFORE_A_POST) - {"status"}
"""What is made before a post is seen, and must not be made twice."""
SMALL_ENOUGH = 20_000_000
TROUBLES = ("drop_before", "drop_after", "error", "garbage")


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


def some(stage: Stage, kind: Kind, count: int = 2) -> tuple[Media, ...]:
    """Media of a kind that fit, no two alike, and no more than fit."""
    if kind is Kind.VIDEO:
        rule = stage.kind.limits.video
        assert rule is not None
        return tuple(video(rule, seed) for seed in range(min(count, rule.most)))
    images = stage.kind.limits.images
    assert images is not None
    return tuple(picture(images, seed) for seed in range(min(count, images.most)))


def carried(message: Message, stage: Stage) -> list[tuple[str, str]]:
    """What must stand on the board: the bytes of each medium and its description."""
    rule = stage.kind.limits.images
    told = rule is not None and rule.alt_limit is not None
    return [
        (sha256(m.read()).hexdigest(), m.alt if told and m.kind is Kind.IMAGE else "")
        for m in message.media
    ]


def shown(post: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands on the board: the bytes of each medium and its description."""
    return [(m["sha256"], m["alt"]) for m in post["media"]]


def the_post(stage: Stage, message: Message) -> dict[str, Any]:
    """The one post of this message, with everything it carries."""
    [post] = [p for p in stage.board() if p["text"] == message.text]
    assert shown(post) == carried(message, stage)
    return post


def through(stage: Stage, message: Message, account: Account) -> Receipt:
    """Publish as the engine does: again where the network is at work or was not reached."""
    for _ in range(12):
        try:
            return stage.provider.publish(message, account)
        except (StillWorking, Unavailable):
            continue
    raise AssertionError("the network is never ready")


def settled(stage: Stage, message: Message, account: Account, problem: NetworkError) -> Receipt:
    """What follows a problem in the middle of a publish."""
    if isinstance(problem, Uncertain):
        return stage.resolve(message, account)
    return through(stage, message, account)


def rehearsal(stage: Stage, ada: Connection, kind: Kind) -> list[str]:
    """The purposes of the requests of one publish, in order."""
    with stage.watched() as seen:
        stage.provider.publish(stage.message(media=some(stage, kind)), ada.account)
    return [purpose for purpose in seen if purpose]


# --- what arrives -------------------------------------------------------------------------------
@each_kind(SHOWN)
def test_media_arrive_byte_by_byte_with_their_descriptions(
    stage: Stage, ada: Connection, kind: Kind
) -> None:
    message = stage.message(media=some(stage, kind, 1))
    assert fitting.problems(message.media, stage.kind.limits, stage.kind.label) == ()
    receipt = stage.provider.publish(message, ada.account)
    assert the_post(stage, message)["id"] == receipt.external_id
    assert requests.get(receipt.url, timeout=5).ok


@only(PICTURES)
def test_every_type_of_picture_that_is_offered_is_taken(stage: Stage, ada: Connection) -> None:
    assert stage.kind.limits.images
    for mime in stage.kind.limits.images.types:
        message = stage.message(media=(picture(stage.kind.limits.images, mime=mime),))
        stage.provider.publish(message, ada.account)
        [medium_shown] = the_post(stage, message)["media"]
        assert medium_shown["mime"] == mime


@only(PICTURES)
def test_the_most_pictures_arrive_in_order_and_one_more_is_too_many(
    stage: Stage, ada: Connection
) -> None:
    rule = stage.kind.limits.images
    assert rule
    most = tuple(picture(rule, seed) for seed in range(rule.most))
    message = stage.message(media=most)
    stage.provider.publish(message, ada.account)
    the_post(stage, message)
    more = stage.message(media=(*most, picture(rule, rule.most)))
    [complaint] = fitting.problems(more.media, stage.kind.limits, stage.kind.label)
    assert f"({rule.most + 1} given)" in complaint
    with refused(Rejected, ada.unseen):
        stage.provider.publish(more, ada.account)
    assert len(stage.board()) == 1


@only(PICTURES)
def test_the_largest_picture_is_taken_and_one_more_byte_is_not(
    stage: Stage, ada: Connection
) -> None:
    rule = stage.kind.limits.images
    assert rule
    if rule.max_bytes > SMALL_ENOUGH:
        pytest.skip("too large to be played here")
    fits = stage.message(media=(grown(picture(rule), rule.max_bytes),))
    stage.provider.publish(fits, ada.account)
    the_post(stage, fits)
    over = stage.message(media=(grown(picture(rule), rule.max_bytes + 1),))
    [complaint] = fitting.problems(over.media, stage.kind.limits, stage.kind.label)
    assert "too large" in complaint
    with refused(Rejected, ada.unseen):
        stage.provider.publish(over, ada.account)
    assert len(stage.board()) == 1


@each_kind(SHOWN)
def test_a_type_that_is_not_offered_is_refused(stage: Stage, ada: Connection, kind: Kind) -> None:
    wrong = medium(kind, f"{kind}/x-unheard-of", b"neither a picture nor a video" * 10)
    message = stage.message(media=(wrong,))
    [complaint] = fitting.problems(message.media, stage.kind.limits, stage.kind.label)
    assert "a type that is not taken" in complaint
    with refused(Rejected, ada.unseen):
        stage.provider.publish(message, ada.account)
    assert stage.board() == []


@each_kind(SHOWN)
def test_beside_media_the_text_may_be_empty(stage: Stage, ada: Connection, kind: Kind) -> None:
    message = replace(stage.message(media=some(stage, kind, 1)), text="")
    limits, label = stage.kind.limits, stage.kind.label
    assert text.problems("", limits, label, beside_media=True) == ()
    receipt = stage.provider.publish(message, ada.account)
    assert the_post(stage, message)["id"] == receipt.external_id


@only([p for p in EVERY if p in PICTURES and p in VIDEOS])
def test_pictures_and_videos_go_together_only_where_they_may(stage: Stage, ada: Connection) -> None:
    both = (*some(stage, Kind.IMAGE, 1), *some(stage, Kind.VIDEO, 1))
    message, limits = stage.message(media=both), stage.kind.limits
    assert bool(fitting.problems(both, limits, stage.kind.label)) is not limits.mixed
    if limits.mixed:
        stage.provider.publish(message, ada.account)
        the_post(stage, message)
        return
    with refused(Rejected, ada.unseen):
        stage.provider.publish(message, ada.account)
    assert stage.board() == []


@each_kind([(p, kind) for p, kind in SHOWN if p in plays(Finds)])
def test_a_look_finds_a_post_with_media_and_no_other(
    stage: Stage, ada: Connection, kind: Kind
) -> None:
    assert isinstance(stage.provider, Finds)
    message = stage.message("With a picture: https://example.com/a", media=some(stage, kind))
    assert stage.provider.find(message, ada.account) is None
    stage.provider.publish(stage.message("Another"), ada.account)
    receipt = stage.provider.publish(message, ada.account)
    assert stage.provider.find(message, ada.account) == receipt
    silent = replace(stage.message(media=some(stage, kind, 1)), text="")
    stage.provider.publish(silent, ada.account)
    never_sent = replace(stage.message(media=some(stage, kind, 1)), text="")
    try:
        found = stage.provider.find(never_sent, ada.account)
    except Uncertain:
        return
    assert found is None


# --- steps --------------------------------------------------------------------------------------
@pytest.mark.parametrize("trouble", TROUBLES)
@each_kind([(p, k) for p, k in SHOWN])
def test_whichever_step_fails_the_end_is_one_post_and_nothing_kept_is_made_again(
    stage: Stage, ada: Connection, kind: Kind, trouble: str
) -> None:
    steps = rehearsal(stage, ada, kind)
    for place, purpose in enumerate(steps):
        message = stage.message(media=some(stage, kind))
        stage.trouble(trouble, on=purpose, after=steps[:place].count(purpose))
        with stage.watched() as seen:
            try:
                receipt = stage.provider.publish(message, ada.account)
            except NetworkError as problem:
                assert isinstance(problem, Uncertain) is (purpose == "publish")  # noqa: PT017
                if purpose == "publish" and not stage.settles:
                    assert len([p for p in stage.board() if p["text"] == message.text]) <= 1
                    continue
                receipt = settled(stage, message, ada.account, problem)
            else:
                assert (trouble, purpose in MAKING) == ("garbage", True)
        assert the_post(stage, message)["id"] == receipt.external_id
        allowed = Counter(steps) + Counter([purpose])
        assert [p for p in MAKING if Counter(seen)[p] > allowed[p]] == []


class Ending(InMemory):
    """The lease ends at one `keep`, just before or just after what it keeps was written."""

    def __init__(self, ends_at: int, *, written: bool) -> None:
        super().__init__()
        self.left, self.written = ends_at, written

    def keep(self, name: str, value: str) -> None:
        """Write it, unless the lease ends here."""
        self.left -= 1
        if self.left != 0 or self.written:
            super().keep(name, value)
        if self.left == 0:
            raise Unavailable("The lease has ended.")


@pytest.mark.parametrize("written", [True, False])
@each_kind(SHOWN)
def test_whoever_dies_between_two_steps_is_followed_by_one_who_goes_on(
    stage: Stage, ada: Connection, kind: Kind, written: bool
) -> None:
    steps = Counter(rehearsal(stage, ada, kind))
    for ends_at in range(1, 60):
        saved = Ending(ends_at, written=written)
        message = stage.message(media=some(stage, kind), saved=saved)
        with stage.watched() as seen:
            try:
                stage.provider.publish(message, ada.account)
            except Unavailable as problem:
                assert problem.words == "The lease has ended."  # noqa: PT017 (it may not come)
                receipt = through(stage, message, ada.account)
            else:
                break
        assert the_post(stage, message)["id"] == receipt.external_id
        again = sum((Counter(p for p in seen if p in MAKING) - steps).values())
        assert again <= (0 if written else 1)
    assert saved.left > 0, "there are more than 60 steps"


@each_kind(SHOWN)
def test_a_network_that_takes_its_time_is_asked_again_and_nothing_is_sent_twice(
    stage: Stage, ada: Connection, kind: Kind
) -> None:
    made = Counter(rehearsal(stage, ada, kind))
    stage.tell("slow_media", {"network": stage.name, "polls": 2})
    message, waits = stage.message(media=some(stage, kind, 1)), 0
    with stage.watched() as seen:
        while waits < 10:
            try:
                stage.provider.publish(message, ada.account)
            except StillWorking as problem:
                waits += 1 if problem.wait else 100
            else:
                break
    the_post(stage, message)
    assert waits < 10
    asked = Counter(seen)
    assert bool(waits) == ("status" in asked or asked["publish"] > 1 or asked["find"] > 1)
    assert [p for p in MAKING if Counter(seen)[p] > made[p]] == []


@each_kind(SHOWN)
def test_uploads_that_have_ended_are_made_anew(stage: Stage, ada: Connection, kind: Kind) -> None:
    two_days_ago = datetime.now(UTC) - timedelta(days=2)
    message = stage.message(media=some(stage, kind), at=two_days_ago)
    made = [p for p in rehearsal(stage, ada, kind) if p in ("publish", *MAKING)]
    stage.trouble("throttled", on=made[-1], after=made.count(made[-1]) - 1)
    with refused(Throttled, ada.unseen):
        stage.provider.publish(message, ada.account)
    stage.tell("end_media", {"network": stage.name})
    receipt = through(stage, message, ada.account)
    assert the_post(stage, message)["id"] == receipt.external_id


@each_kind([(play, kind) for kind in Kind for play in unlike([p for p, k in SHOWN if k is kind])])
def test_a_step_that_takes_too_long_may_be_taken_again(
    stage: Stage, ada: Connection, kind: Kind
) -> None:
    steps = rehearsal(stage, ada, kind)
    for purpose in dict.fromkeys(p for p in steps if p != "publish"):
        message = stage.message(media=some(stage, kind))
        stage.trouble("slow", on=purpose, seconds=2.5)
        with refused((Unavailable, StillWorking), ada.unseen):
            stage.with_patience(SHORT).publish(message, ada.account)
        through(stage, message, ada.account)
        the_post(stage, message)


@each_kind(SHOWN)
def test_a_key_that_ends_in_the_middle_is_said_to_have_ended(
    stage: Stage, ada: Connection, kind: Kind
) -> None:
    for purpose in dict.fromkeys(rehearsal(stage, ada, kind)):
        stage.trouble("unauthorized", on=purpose)
        message = stage.message(media=some(stage, kind))
        with refused(NetworkError, ada.unseen) as caught:
            stage.provider.publish(message, ada.account)
        assert caught.value.outcome == "unauthorized"
        through(stage, message, ada.account)
        the_post(stage, message)


@each_kind(SHOWN)
def test_no_key_travels_in_the_address_of_an_upload(
    stage: Stage, ada: Connection, kind: Kind
) -> None:
    stage.provider.publish(stage.message(media=some(stage, kind)), ada.account)
    places = [f"{r['query']}" for r in stage.requests() if r["purpose"]]
    if not stage.kind.key_in_address:
        places += [r["path"] for r in stage.requests() if r["purpose"]]
    assert places
    assert [p for p in places for secret in ada.unseen if secret in p] == []
