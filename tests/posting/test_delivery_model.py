"""No state of a delivery is without a way out, and none is reached by sending twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

import pytest
from pytest_django import Settings

from accounts.states import WhenLate
from posting.states import State
from providers.kit.errors import NetworkError
from tests.cast import Cast, Street
from tests.posting.chained import Thread, chained, in_order
from tests.posting.explorer import Walk, explored
from tests.posting.worlds import (
    ANSWERS,
    MOST_ATTEMPTS,
    STEPS,
    Finding,
    Modelled,
    Mood,
    Recognising,
    Stepping,
    SteppingRecognising,
    World,
    judge,
    late,
)

FEWEST_WORLDS = 100
LONG = pytest.mark.long  # make model walks these too


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "then"),
    [
        pytest.param(Finding, WhenLate.SKIP, marks=LONG),
        pytest.param(Recognising, WhenLate.SKIP, marks=LONG),
        (Modelled, WhenLate.HOLD),
        pytest.param(Stepping, WhenLate.HOLD, marks=LONG),
        pytest.param(SteppingRecognising, WhenLate.SKIP, marks=LONG),
    ],
)
def test_no_way_leads_out_twice_and_every_way_has_an_end(
    cast: Cast,
    street: Street,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    kind: type[Modelled],
    then: WhenLate,
) -> None:
    quietly(settings, request)
    found = explored(cast, street, monkeypatch, kind, then)
    assert len(found.seen) > FEWEST_WORLDS
    assert_every_way_has_an_end(found, late)
    assert_what_is_late_goes_round_in_no_circle(found, lambda world: world.late)
    reached = {world.state for world in found.seen}
    assert reached >= set(State) - {State.DRAFT, State.UNCONFIRMED}
    assert (State.UNCONFIRMED in reached) or kind is not Modelled
    assert (max(world.kept for world in found.seen) == len(STEPS)) is issubclass(kind, Stepping)


@pytest.mark.django_db
@LONG
@pytest.mark.parametrize("then", WhenLate)
def test_a_thread_goes_out_in_order_and_every_way_of_it_has_an_end(
    cast: Cast,
    street: Street,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    then: WhenLate,
) -> None:
    quietly(settings, request)
    found = chained(cast, street, monkeypatch, then)
    assert len(found.seen) > FEWEST_WORLDS
    assert_every_way_has_an_end(found, lambda t: replace(t, first=late(t.first)))
    assert_what_is_late_goes_round_in_no_circle(
        found, lambda t: t.first.late and t.first.state != State.POSTED
    )
    reached = {thread.second.state for thread in found.seen}
    assert reached >= set(State) - {State.DRAFT}
    unanswerable = Thread(World(State.POSTED, copies=1), World(State.CANCELLED))
    ends = {(t.first.state, t.first.receipt, t.second.state) for t in found.seen}
    assert (unanswerable.first.state, False, unanswerable.second.state) in ends


def quietly(settings: Settings, request: pytest.FixtureRequest) -> None:
    """Few tries, no breakers, an hour for a network at work; and nothing of it in the log."""
    settings.MAX_ATTEMPTS = MOST_ATTEMPTS
    settings.BREAKER_AFTER = 10**6
    settings.PROCESSING_ENDS_S = 3600
    logging.disable(logging.CRITICAL)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))


class Ends(Protocol):
    """A place that can be an end."""

    @property
    def ended(self) -> bool:
        """Whether it is one."""


Some = TypeVar("Some", bound=Ends)


def assert_every_way_has_an_end(found: Walk[Some], too_late: Callable[[Some], Some]) -> None:
    """From every world the house alone brings it to an end, or to a person who knows."""
    good = {world for world in found.seen if world.ended}
    growing = True
    while growing:
        rest = [world for world in found.seen if world not in good]
        more = {w for w in rest if (found.by_itself(too_late(w)) | found.by_itself(w)) & good}
        growing = bool(more)
        good |= more
    assert set(found.seen) == good


def assert_what_is_late_goes_round_in_no_circle(
    found: Walk[Some], is_late: Callable[[Some], bool]
) -> None:
    """However unlucky: once a post is late, a bounded number of steps brings it to an end."""
    done: set[Some] = set()

    def walk(world: Some, way: tuple[Some, ...]) -> None:
        assert world not in way, f"a circle: {[*way, world]}"
        if world in done or world.ended:
            return
        for after in found.by_itself(world):
            walk(after, (*way, world))
        done.add(world)

    for world in found.seen:
        if is_late(world):
            walk(world, ())


def test_the_explorer_would_see_a_blind_resend() -> None:
    """Its own rules can fail."""
    mood = Mood()
    with pytest.raises(AssertionError, match="twice"):
        judge(World(State.UNCERTAIN), World(State.POSTED, copies=2), mood)
    with pytest.raises(AssertionError, match="not in the table"):
        judge(World(State.POSTED, copies=1), World(State.QUEUED, copies=1), mood)
    with pytest.raises(AssertionError, match="said not to be"):
        judge(World(State.SENDING), World(State.FAILED, copies=1), mood)
    with pytest.raises(AssertionError, match="uploaded again"):
        judge(World(State.QUEUED, kept=1), World(State.SENDING, kept=1), Mood(uploads=1))
    with pytest.raises(AssertionError, match="said to wait"):
        judge(World(State.SENDING), World(State.SCHEDULED, kept=2), mood)


def test_the_explorer_would_see_a_part_without_its_root() -> None:
    """Its own rules can fail."""
    before = Thread()
    with pytest.raises(AssertionError, match="out of order"):
        in_order(before, Thread(World(State.SENDING), World(State.SCHEDULED)))
    with pytest.raises(AssertionError, match="nobody knows what"):
        in_order(before, Thread(World(State.POSTED, copies=1), World(State.QUEUED)))


def test_a_network_error_of_each_kind_is_among_the_answers() -> None:
    """Not that of a repeat: it has stories of its own."""
    given = {getattr(answer.says(), "outcome", "") for answer in ANSWERS if answer.says}
    every = {kind.outcome for kind in NetworkError.__subclasses__()}
    assert every - {"duplicate"} <= given
