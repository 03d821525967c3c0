"""Every delivery ends: from any state, its owner dead, it comes to an end or asks a person."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

import providers
from accounts.models import Notice
from accounts.states import WhenLate
from posting import results
from posting.compose import compose
from posting.lateness import Lateness
from posting.models import MOST_LOOKS, Attempt, Post, PostResult
from posting.states import ENDED, LATE, State
from providers.kit.contract import Finds
from tests.cast import Cast, Street, connected, only, talkers
from tests.workers.engine import run, turn
from tokens.disconnect import disconnect, pause
from tokens.models import SocialAccount
from tokens.refresh import mark_dead
from workers import reconcile, sweep
from workers.publish import deliver

pytestmark = pytest.mark.django_db(transaction=True)
MUTE = [
    name
    for name in talkers()
    if not providers.adapter(name).resend_window and not issubclass(providers.adapter(name), Finds)
]
STEP = timedelta(minutes=20)
LONG_AGO = timedelta(minutes=30)
PATIENCE = timedelta(hours=3)
CLOSELY, SELDOM = timedelta(hours=4), timedelta(hours=2)
BOUND = timedelta(hours=28)
ROUNDS = [STEP] * (CLOSELY // STEP) + [SELDOM] * ((BOUND - CLOSELY) // SELDOM)
"""How far the clock goes before each round: by little while a post is young."""
ENDS = ENDED | {State.HELD}
Circumstance = Callable[[Street, SocialAccount], object]


def nothing(street: Street, account: SocialAccount) -> None:
    """All is well but for the dead owner."""


def network_gone(street: Street, account: SocialAccount) -> None:
    """The site offers the network no longer."""
    SocialAccount.objects.filter(pk=account.pk).update(provider="gone")
    PostResult.objects.update(provider="gone")


def disconnected(street: Street, account: SocialAccount) -> None:
    """Its owner has disconnected the account for good."""
    disconnect(account, timezone.now())


def paused(street: Street, account: SocialAccount) -> None:
    """The account is paused and nobody resumes it."""
    pause(account)


def key_dead(street: Street, account: SocialAccount) -> None:
    """The network ended the grant."""
    assert account.token is not None
    mark_dead(account.token, account.token.version, "It has ended.")


def network_down(street: Street, account: SocialAccount) -> None:
    """Nobody answers, whatever is asked."""
    for on in ("publish", "find"):
        street.trouble(account.provider, "error", on=on, times=10_000)


def always_busy(street: Street, account: SocialAccount) -> None:
    """The network asks to wait, for ever."""
    for on in ("publish", "find"):
        street.trouble(account.provider, "throttled", on=on, times=10_000, seconds=1200)


CIRCUMSTANCES: tuple[Circumstance, ...] = (
    nothing, network_gone, disconnected, paused, key_dead, network_down, always_busy,
)  # fmt: skip


def owners_dead(at: datetime) -> dict[State, dict[str, Any]]:
    """How a row looks whose owner died in this state, half an hour ago; every state once."""
    ago = at - LONG_AGO
    return {
        State.HELD: {"held_for": "paused", "words": "Its account was paused."},
        State.SCHEDULED: {"due_at": ago},
        State.QUEUED: {"queued_at": ago},
        State.SENDING: {"lease_until": ago, "epoch": 1, "attempts": 1, "first_sent_at": ago},
        State.UNCERTAIN: {
            "lease_until": ago, "queued_at": ago, "due_at": ago, "epoch": 2, "attempts": 1,
            "doubts": 1, "looks": 1, "first_sent_at": ago,
        },
        State.PROCESSING: {"epoch": 1, "attempts": 1, "first_sent_at": ago},
    }  # fmt: skip


def planned(cast: Cast, account: SocialAccount, then: WhenLate) -> Post:
    """A post that may be three hours late."""
    return compose(
        team=cast.team,
        author=cast.alice,
        text=f"Where does this end? {then}",
        accounts=[account],
        at=timezone.now(),
        late=Lateness(PATIENCE, then),
    )


def a_round() -> None:
    """What beat, dispatcher and workers do, once."""
    sweep.sweep()
    turn()
    at = timezone.now()
    for pk, _ in PostResult.objects.ring_again(at, timedelta(seconds=15)):
        deliver(pk)


def test_every_state_that_is_no_end_is_among_the_cases() -> None:
    """A draft is its author's: nothing brings it on but its author."""
    assert set(owners_dead(timezone.now())) == set(State) - ENDED - {State.DRAFT}


def cases() -> Iterator[Any]:
    """Every state in all circumstances; each with one wish by turns, the others in `make model`."""
    wishes = list(WhenLate)
    pairs = itertools.product(owners_dead(timezone.now()), CIRCUMSTANCES)
    for turn_of, (state, circumstance) in enumerate(pairs):
        for number, then in enumerate(wishes):
            marks = () if number == turn_of % len(wishes) else (pytest.mark.long,)
            name = f"{state}-{circumstance.__name__}-{then}"
            yield pytest.param(state, circumstance, then, id=name, marks=marks)


@pytest.mark.parametrize(("state", "circumstance", "then"), cases())
def test_it_ends_or_asks_a_person(
    cast: Cast, street: Street, state: State, circumstance: Circumstance, then: WhenLate
) -> None:
    account = connected(street, cast.team, "x")
    with time_machine.travel(timezone.now()) as clock:
        started = timezone.now()
        post = planned(cast, account, then)
        PostResult.objects.update(state=state, **owners_dead(started)[state])
        circumstance(street, account)
        for step in ROUNDS:
            clock.shift(step)
            a_round()
            if only(post).state in ENDS:
                break
        a_round()
    result = only(post)
    assert result.state in ENDS, result
    assert result.words or result.state == State.POSTED
    if result.state == State.HELD:
        assert result.held_for
        told = Notice.objects.filter(team=cast.team, read_at__isnull=True)
        assert any(notice.path for notice in told)
    if result.state == State.UNCONFIRMED:
        assert Notice.objects.get(team=cast.team, key__startswith="check:").asks
    assert len(street.board("x")) <= 1


def test_a_skipped_post_of_a_paused_account_does_not_wait_for_ever(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "x")
    with time_machine.travel(timezone.now()) as clock:
        post = planned(cast, account, WhenLate.SKIP)
        pause(account)
        a_round()
        assert only(post).state == State.HELD
        clock.shift(PATIENCE)
        a_round()
    assert only(post).state == State.MISSED


def test_a_look_that_kills_every_worker_ends_with_a_person(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    with time_machine.travel(timezone.now()) as clock:
        post = planned(cast, account, WhenLate.HOLD)
        PostResult.objects.update(
            state=State.UNCERTAIN, **owners_dead(timezone.now())[State.UNCERTAIN]
        )
        killed = 0
        while only(post).state == State.UNCERTAIN:
            clock.shift(STEP)
            at = timezone.now()
            for pk, _ in PostResult.objects.look_due(at, timedelta(seconds=15)):
                killed += results.begin_look(pk, at, timedelta(seconds=10)) is not None
            sweep.sweep()
            assert killed <= MOST_LOOKS
    assert only(post).state == State.UNCONFIRMED
    assert only(post).words
    open_tries = Attempt.objects.filter(result__post=post, ended_at__isnull=True)
    assert open_tries.count() <= 1


def test_a_send_that_kills_every_worker_ends_as_not_posted(cast: Cast, street: Street) -> None:
    """Each time the network is asked, and each time it is certain that nothing arrived."""
    account = connected(street, cast.team, "x")
    with time_machine.travel(timezone.now()) as clock:
        post = planned(cast, account, WhenLate.HOLD)
        PostResult.objects.update(late_at=timezone.now() + timedelta(days=30))
        for _ in range(200):
            clock.shift(STEP)
            at = timezone.now()
            for pk, _name in PostResult.objects.queue_due(at):
                results.begin(pk, at, timedelta(seconds=10))
            for pk, _name in PostResult.objects.look_due(at, timedelta(seconds=15)):
                reconcile.look(pk)
            sweep.sweep()
            if only(post).state in ENDED:
                break
    assert only(post).state == State.FAILED
    assert only(post).attempts <= 8


def test_a_part_of_the_sweep_that_breaks_off_does_not_stop_the_others(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(at: datetime) -> dict[str, int]:
        raise RuntimeError("out of order")

    monkeypatch.setattr(sweep, "PARTS", (broken, *sweep.PARTS))
    post = planned(cast, connected(street, cast.team, "x"), WhenLate.HOLD)
    PostResult.objects.update(late_at=timezone.now())
    assert sweep.sweep()["late"] == 1
    assert only(post).held_for == LATE


@pytest.mark.parametrize("name", MUTE)
def test_what_can_be_neither_repeated_nor_looked_for_is_asked_of_a_person(
    cast: Cast, street: Street, name: str
) -> None:
    """Nobody sends it again, and the clock says nothing about it."""
    post = planned(cast, connected(street, cast.team, name), WhenLate.HOLD)
    street.trouble(name, "drop_after")
    assert run(post) == [State.UNCONFIRMED]
    assert len(street.board(name)) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_look_that_is_refused_says_nothing_about_the_post(
    cast: Cast, street: Street, arrived: bool
) -> None:
    """It is looked for again; a refusal to search is no refusal of the post."""
    post = planned(cast, connected(street, cast.team, "x"), WhenLate.HOLD)
    street.trouble("x", "drop_after" if arrived else "drop_before")
    street.trouble("x", "rejected", on="find")
    turn()
    assert run(post) == [State.POSTED]
    assert len(street.board("x")) == 1


def test_a_repeat_that_is_refused_is_looked_for_before_it_is_called_failed(
    cast: Cast, street: Street
) -> None:
    """Its first attempt is out; the instance has changed its mind since."""
    post = planned(cast, connected(street, cast.team, "mastodon"), WhenLate.HOLD)
    street.trouble("mastodon", "drop_after")
    turn()
    street.trouble("mastodon", "rejected")
    assert run(post) == [State.POSTED]
    assert len(street.board("mastodon")) == 1
