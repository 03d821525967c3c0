"""Changing a post until it goes out: it is saved and only the new goes out, or nothing changed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.states import WhenLate
from posting import results
from posting.amend import Outrun, TooLate, reschedule
from posting.compose import CannotCompose, cancel, compose
from posting.lateness import Lateness
from posting.models import Post, PostResult
from posting.states import State
from tests.cast import Cast, Street, connected, edit, everywhere, only, samples, written
from tests.workers.engine import run, turn
from tokens.disconnect import pause
from tokens.models import SocialAccount
from workers.publish import deliver

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(seconds=10)
ROUNDS = 12


def change(post: Post, text: str) -> None:
    """Somebody who sees the post as it is now saves another text."""
    seen = Post.objects.get(pk=post.pk).version
    edit(post, seen=seen, at=timezone.now(), text=text)


def queued(post: Post) -> Post:
    """The dispatcher has rung for it."""
    PostResult.objects.filter(post=post).move([State.SCHEDULED], State.QUEUED)
    return post


def test_only_the_new_text_goes_out(cast: Cast, street: Street) -> None:
    accounts = everywhere(street, cast.team)
    post = written(cast, "With a tpyo.", accounts)
    queued(post)
    change(post, "Without a typo.")
    run(post)
    assert set(street.texts()) == {"Without a typo."}
    assert len(street.board()) == len(accounts)


def test_a_bell_that_was_rung_for_the_old_text_finds_nothing(cast: Cast, street: Street) -> None:
    post = queued(written(cast, "Old.", [connected(street, cast.team, "x")]))
    change(post, "New.")
    deliver(only(post).pk)
    assert street.board() == []
    assert run(post) == [State.POSTED]
    assert street.texts() == ["New."]


@pytest.mark.parametrize(
    "state", [State.POSTED, State.SENDING, State.UNCERTAIN, State.PROCESSING, State.UNCONFIRMED]
)
def test_when_some_of_it_is_out_nothing_changes_and_it_is_said_where(
    cast: Cast, street: Street, state: State
) -> None:
    account, waiting = everywhere(street, cast.team)[:2]
    post = written(cast, "As it was.", [account, waiting])
    PostResult.objects.filter(account=account).update(state=state)
    with pytest.raises(TooLate, match=account.handle) as told:
        change(post, "Too late.")
    assert waiting.label not in str(told.value).split("Nothing was changed")[0].replace(
        account.label, ""
    )
    post.refresh_from_db()
    assert (post.text, post.version) == ("As it was.", 1)


def test_what_was_ever_in_doubt_keeps_its_text(cast: Cast, street: Street) -> None:
    post = written(cast, "Perhaps out.", [connected(street, cast.team, "x")])
    PostResult.objects.filter(post=post).update(doubts=1)
    with pytest.raises(TooLate, match="may have arrived"):
        change(post, "Another.")


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.MISSED])
def test_what_ended_without_going_out_does_not_stand_in_the_way(
    cast: Cast, street: Street, state: State
) -> None:
    account, waiting = everywhere(street, cast.team)[:2]
    post = written(cast, "First.", [account, waiting])
    PostResult.objects.filter(account=account).update(state=state)
    change(post, "Second.")
    assert PostResult.objects.get(account=account).state == state
    PostResult.objects.filter(account=waiting).update(state=state)
    with pytest.raises(TooLate, match="Nothing of this post waits"):
        change(post, "Third.")


def test_of_two_people_who_change_it_the_second_is_told(cast: Cast, street: Street) -> None:
    post = written(cast, "Ours.", [connected(street, cast.team, "x")])
    at = timezone.now()
    edit(post, seen=1, at=at, text="Alice's.")
    with pytest.raises(Outrun):
        edit(post, seen=1, at=at, text="Bob's.")
    post.refresh_from_db()
    assert (post.text, post.version) == ("Alice's.", 2)


def test_a_change_that_no_network_would_take_is_refused(cast: Cast, street: Street) -> None:
    post = written(cast, "Short.", [connected(street, cast.team, "x")])
    yesterday = timezone.now() - timedelta(days=1)
    with pytest.raises(CannotCompose) as told:
        edit(post, seen=1, at=timezone.now(), text="a" * 300, due_at=yesterday)
    assert set(told.value.problems) == {"text", "when"}
    with pytest.raises(CannotCompose, match="Write something"):
        change(post, " \n")
    assert Post.objects.get(pk=post.pk).text == "Short."


def test_another_moment_moves_the_end_of_patience_as_well(cast: Cast, street: Street) -> None:
    post, at = written(cast, "Later.", [connected(street, cast.team, "x")]), timezone.now()
    late = Lateness(timedelta(minutes=15), WhenLate.SKIP)
    reschedule(post, at + timedelta(days=1), seen=1, at=at)
    edit(post, seen=2, at=at, late=late)
    result = only(post)
    assert result.due_at == result.planned_at == at + timedelta(days=1)
    assert result.late_at == result.due_at + late.after
    assert turn() == 0
    assert Post.objects.get(pk=post.pk).when_late == WhenLate.SKIP


def test_what_waits_for_its_account_can_be_changed(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    post = written(cast, "On hold.", [account])
    pause(account)
    turn()
    change(post, "Still on hold.")
    assert only(post).state == State.HELD


def test_a_new_text_is_a_new_post_to_the_network(cast: Cast, street: Street) -> None:
    """What it may remember of a refused request must not bring the old text back."""
    post = written(cast, "Refused.", [connected(street, cast.team, "mastodon")])
    street.trouble("mastodon", "throttled", seconds=60)
    turn()
    marker = only(post).marker
    assert only(post).first_sent_at is not None
    change(post, "Taken.")
    assert only(post).marker != marker
    assert only(post).first_sent_at is None


# --- races: whoever locks first wins, and the other one is told -----------------------------------
def elsewhere(act: Callable[[], Any]) -> Callable[[], Any]:
    """The same in another thread, which closes its own connection."""

    def acting() -> Any:
        try:
            return act()
        finally:
            connection.close()

    return acting


def until_somebody_waits() -> None:
    """Return when another connection waits for a lock of ours."""
    if connection.vendor != "postgresql":
        time.sleep(0.3)  # SQLite does not tell; whoever comes later then just does not wait
        return
    ends_at = time.monotonic() + 10
    while time.monotonic() < ends_at:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def one_inside_the_other(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """`second` begins while the transaction of `first` is open; what became of each."""
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        given = first()
        waiting = pool.submit(elsewhere(second))
        until_somebody_waits()
    return given, waiting.exception(10) or waiting.result(10)


def begin(post: Post) -> results.Delivery | None:
    """A worker's fence."""
    return results.begin(only(post).pk, timezone.now(), LEASE)


def test_a_fence_that_came_first_makes_the_change_too_late(cast: Cast, street: Street) -> None:
    post = queued(written(cast, "Old.", [connected(street, cast.team, "x")]))
    delivery, answer = one_inside_the_other(lambda: begin(post), lambda: change(post, "New."))
    assert delivery.message.text == "Old."
    assert isinstance(answer, TooLate)
    assert Post.objects.get(pk=post.pk).text == "Old."


def test_a_change_that_came_first_leaves_the_fence_nothing(cast: Cast, street: Street) -> None:
    post = queued(written(cast, "Old.", [connected(street, cast.team, "x")]))
    _, delivery = one_inside_the_other(lambda: change(post, "New."), lambda: begin(post))
    assert delivery is None
    delivery = begin(queued(post))
    assert delivery is not None
    assert delivery.message.text == "New."


def test_a_fence_that_came_first_cannot_be_cancelled(cast: Cast, street: Street) -> None:
    post = queued(written(cast, "Gone.", [connected(street, cast.team, "x")]))
    delivery, stopped = one_inside_the_other(lambda: begin(post), lambda: cancel(post))
    assert delivery is not None
    assert stopped == 0


def test_a_cancel_that_came_first_leaves_the_fence_nothing(cast: Cast, street: Street) -> None:
    post = queued(written(cast, "Stay.", [connected(street, cast.team, "x")]))
    stopped, delivery = one_inside_the_other(lambda: cancel(post), lambda: begin(post))
    assert (stopped, delivery) == (1, None)


def test_an_account_that_goes_does_not_hold_what_is_being_sent(cast: Cast, street: Street) -> None:
    """Held, it would be sent a second time once the account is back."""
    account = connected(street, cast.team, "x")
    post = queued(written(cast, "On its way.", [account]))
    pause(account)
    delivery, held = one_inside_the_other(lambda: begin(post), results.hold_unusable)
    assert (held, only(post).state) == (0, State.SENDING)
    assert delivery is not None


@pytest.mark.parametrize("name", samples()[:2])
def test_under_a_storm_of_changes_and_workers_what_was_saved_is_what_goes_out(
    cast: Cast, street: Street, name: str
) -> None:
    account = connected(street, cast.team, name)
    posts = [a_post(cast, account, f"old {n}") for n in range(ROUNDS)]
    saved: dict[int, bool] = {}
    barrier = threading.Barrier(2)

    def save(n: int) -> None:
        barrier.wait(10)
        time.sleep(0.002 * (n % 4))
        try:
            change(posts[n], f"new {n}")
        except TooLate:
            saved[n] = False
        else:
            saved[n] = True

    def send(n: int) -> None:
        barrier.wait(10)
        deliver(only(posts[n]).pk)

    with ThreadPoolExecutor(2) as pool:
        for n in range(ROUNDS):
            queued(posts[n])
            both = [pool.submit(elsewhere(partial(act, n))) for act in (save, send)]
            for done in both:
                done.result(30)
            run(posts[n])
    expected = {f"{'new' if saved[n] else 'old'} {n}" for n in range(ROUNDS)}
    assert set(street.texts(name)) == expected
    assert len(street.board(name)) == ROUNDS


def a_post(cast: Cast, account: SocialAccount, text: str) -> Post:
    at = timezone.now()
    return compose(
        team=cast.team, author=cast.alice, text=text, accounts=[account], at=at, key=uuid.uuid4()
    )
