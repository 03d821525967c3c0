"""No state of a delivery is without a way out, and none is reached by sending twice."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from pytest_django import Settings

from accounts.states import WhenLate
from posting.states import State
from providers.kit.errors import NetworkError
from tests.cast import Cast, Street
from tests.posting.explorer import (
    ANSWERS,
    MOST_ATTEMPTS,
    Explorer,
    Finding,
    Modelled,
    Mood,
    Recognising,
    World,
    explored,
)

FEWEST_WORLDS = 100


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "then"),
    [
        (Finding, WhenLate.HOLD),
        (Finding, WhenLate.SKIP),
        (Recognising, WhenLate.SKIP),
        (Modelled, WhenLate.HOLD),
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
    settings.MAX_ATTEMPTS = MOST_ATTEMPTS
    settings.BREAKER_AFTER = 10**6
    logging.disable(logging.CRITICAL)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    found = explored(cast, street, monkeypatch, kind, then)
    assert len(found.seen) > FEWEST_WORLDS
    assert_every_way_has_an_end(found)
    assert_what_is_late_goes_round_in_no_circle(found)
    reached = {world.state for world in found.seen}
    assert reached >= set(State) - {State.DRAFT, State.PROCESSING, State.UNCONFIRMED}
    assert (State.UNCONFIRMED in reached) or kind is not Modelled


def assert_every_way_has_an_end(found: Explorer) -> None:
    """From every world the house alone brings it to an end, or to a person who knows."""
    good = {world for world in found.seen if world.ended}
    growing = True
    while growing:
        more = {w for w in found.seen if w not in good and found.by_itself(late(w)) & good}
        more |= {w for w in found.seen if w not in good and found.by_itself(w) & good}
        growing = bool(more)
        good |= more
    assert set(found.seen) == good


def late(world: World) -> World:
    """The same, when its time is over."""
    return replace(world, late=True)


def assert_what_is_late_goes_round_in_no_circle(found: Explorer) -> None:
    """However unlucky: once a post is late, a bounded number of steps brings it to an end."""
    done: set[World] = set()

    def walk(world: World, way: tuple[World, ...]) -> None:
        assert world not in way, f"a circle: {[*way, world]}"
        if world in done or world.ended:
            return
        for after in found.by_itself(world):
            walk(after, (*way, world))
        done.add(world)

    for world in found.seen:
        if world.late:
            walk(world, ())


def test_the_explorer_would_see_a_blind_resend() -> None:
    """Its own rules can fail."""
    explorer = Explorer.__new__(Explorer)
    Modelled.mood = Mood(copies=2)
    with pytest.raises(AssertionError, match="twice"):
        explorer.judge(World(State.UNCERTAIN), World(State.POSTED, copies=2))
    with pytest.raises(AssertionError, match="not in the table"):
        explorer.judge(World(State.POSTED, copies=1), World(State.QUEUED, copies=1))
    with pytest.raises(AssertionError, match="said not to be"):
        explorer.judge(World(State.SENDING), World(State.FAILED, copies=1))


def test_a_network_error_of_each_kind_is_among_the_answers() -> None:
    """Not those of a repeat and of a post in several steps: they have stories of their own."""
    given = {getattr(says(), "outcome", "") for _, says in ANSWERS if says}
    every = {kind.outcome for kind in NetworkError.__subclasses__()}
    assert every - {"duplicate", "processing"} <= given
