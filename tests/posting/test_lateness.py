"""Lateness is a decision: on whatever way a post became late, it goes where its author said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

import providers
from accounts.models import Team
from accounts.states import WhenLate
from posting import lateness, results
from posting.amend import reschedule
from posting.compose import cancel, compose, send_all_late, try_again
from posting.lateness import Lateness
from posting.models import Attempt, Post, PostResult
from posting.states import LATE, State
from tests.cast import Cast, Street, connected, only
from tests.workers.engine import run, turn
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from workers.sweep import deliveries

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
RECOGNISING = [n for n in providers.names() if providers.adapter(n).resend_window]
AFTER = {
    WhenLate.HOLD: (State.HELD, LATE),
    WhenLate.SKIP: (State.MISSED, ""),
    WhenLate.NEXT_SLOT: (State.HELD, LATE),  # these accounts have no slots: a person is asked
}


def wished(cast: Cast, account: SocialAccount, then: WhenLate = WhenLate.HOLD) -> Post:
    """A post that may be an hour late."""
    return compose(
        team=cast.team,
        author=cast.alice,
        text=f"In an hour at the latest, else {then}.",
        accounts=[account],
        at=timezone.now(),
        late=Lateness(HOUR, then),
    )


def nobody_came(post: Post, account: SocialAccount, street: Street) -> None:
    """No dispatcher was there."""


def nobody_answered(post: Post, account: SocialAccount, street: Street) -> None:
    """It waits in a queue without workers."""
    assert PostResult.objects.queue_due(timezone.now())


def not_reached(post: Post, account: SocialAccount, street: Street) -> None:
    """The network was away; the next try is due in a while."""
    later = timezone.now() + 2 * HOUR
    PostResult.objects.filter(post=post).update(due_at=later, error="unavailable", attempts=1)


def throttled(post: Post, account: SocialAccount, street: Street) -> None:
    """The account was told to wait, and its wait ends when it is too late."""
    SocialAccount.objects.filter(pk=account.pk).update(blocked_until=timezone.now() + HOUR)
    turn()


def paused(post: Post, account: SocialAccount, street: Street) -> None:
    """Somebody paused the account and will resume it."""
    pause(account)
    turn()
    assert only(post).state == State.HELD


WAYS = [nobody_came, nobody_answered, not_reached, throttled, paused]


@pytest.mark.parametrize("then", WhenLate)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_on_every_way_what_is_late_goes_where_its_author_said(
    cast: Cast,
    street: Street,
    way: Callable[[Post, SocialAccount, Street], None],
    then: WhenLate,
) -> None:
    account = connected(street, cast.team, "mastodon")
    with time_machine.travel(timezone.now()) as clock:
        post = wished(cast, account, then)
        way(post, account, street)
        clock.shift(HOUR)
        resume(account)
        turn()
        turn()
    assert (only(post).state, only(post).held_for) == AFTER[then]
    assert only(post).words
    assert street.board() == []


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_is_not_yet_too_late_still_goes_out(
    cast: Cast, street: Street, way: Callable[[Post, SocialAccount, Street], None]
) -> None:
    account = connected(street, cast.team, "mastodon")
    with time_machine.travel(timezone.now()) as clock:
        post = wished(cast, account)
        way(post, account, street)
        clock.shift(HOUR - timedelta(minutes=1))
        resume(account)
        SocialAccount.objects.update(blocked_until=None)
        PostResult.objects.filter(post=post).update(due_at=timezone.now())
        turn()
        if way is nobody_answered:
            turn_queued(post)
    assert only(post).state == State.POSTED
    assert only(post).waited == ("paused" if way is paused else "time")


def turn_queued(post: Post) -> None:
    """A worker comes for what is in the queue already."""
    rows = PostResult.objects.filter(post=post)
    rows.move([State.QUEUED], State.SCHEDULED)
    turn()


def test_neither_the_queue_nor_the_fence_takes_what_is_late(cast: Cast, street: Street) -> None:
    """Even where nobody has judged yet."""
    account = connected(street, cast.team, "mastodon")
    waiting, queued = wished(cast, account), wished(cast, account)
    at = timezone.now()
    rows = PostResult.objects.filter(post=queued)
    rows.move([State.SCHEDULED], State.QUEUED, queued_at=at)
    late_at = only(waiting).late_at
    assert late_at is not None
    late_at = max(late_at, only(queued).late_at or late_at)
    assert PostResult.objects.queue_due(late_at) == []
    assert results.begin(only(queued).pk, late_at, timedelta(seconds=10)) is None
    assert not Attempt.objects.exists()
    assert len(PostResult.objects.queue_due(late_at - timedelta(minutes=1))) == 1
    assert results.begin(only(queued).pk, at, timedelta(seconds=10)) is not None


def test_what_is_held_for_its_account_is_skipped_in_time_too(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    skipped, asked = wished(cast, account, WhenLate.SKIP), wished(cast, account)
    pause(account)
    deliveries(timezone.now())
    assert {only(skipped).state, only(asked).state} == {State.HELD}
    deliveries(timezone.now() + HOUR)
    assert only(skipped).state == State.MISSED
    assert (only(asked).state, only(asked).held_for) == (State.HELD, "paused")


def test_what_was_ever_in_doubt_is_never_skipped_in_silence(cast: Cast, street: Street) -> None:
    post = wished(cast, connected(street, cast.team, "mastodon"), WhenLate.SKIP)
    PostResult.objects.filter(post=post).update(doubts=1)
    assert lateness.judge(timezone.now() + HOUR) == 1
    assert (only(post).state, only(post).held_for) == (State.HELD, LATE)


@pytest.mark.parametrize("name", RECOGNISING)
@pytest.mark.parametrize("arrived", [True, False])
def test_a_late_doubt_is_looked_for_and_not_sent_once_more(
    cast: Cast, street: Street, name: str, arrived: bool
) -> None:
    """Where a repeat would be harmless, it could still be what brings the post out."""
    post = wished(cast, connected(street, cast.team, name), WhenLate.SKIP)
    street.trouble(name, "drop_after" if arrived else "drop_before")
    turn()
    assert only(post).state == State.UNCERTAIN
    PostResult.objects.filter(post=post).update(late_at=timezone.now())
    run(post)
    expected = (State.POSTED, "") if arrived else (State.HELD, LATE)
    assert (only(post).state, only(post).held_for) == expected
    assert len(street.board(name)) == int(arrived)


def late(cast: Cast, street: Street) -> Post:
    """A post that waits for a decision."""
    post = wished(cast, connected(street, cast.team, "mastodon"))
    long_ago = timezone.now() - timedelta(days=2)
    PostResult.objects.filter(post=post).update(due_at=long_ago, late_at=long_ago + HOUR)
    assert lateness.judge(timezone.now()) == 1
    return post


def test_a_person_sends_what_is_late_and_its_patience_begins_anew(
    cast: Cast, street: Street
) -> None:
    post = late(cast, street)
    at = timezone.now()
    assert try_again(post, at) == 1
    assert only(post).late_at == at + HOUR
    assert only(post).due_at < at - timedelta(days=1)
    assert run(post) == [State.POSTED]


def test_a_person_gives_it_a_new_time(cast: Cast, street: Street) -> None:
    post, at = late(cast, street), timezone.now()
    reschedule(post, at + HOUR, seen=post.version, at=at)
    assert (only(post).state, only(post).held_for) == (State.SCHEDULED, "")
    assert only(post).late_at == at + 2 * HOUR


def test_a_person_skips_or_cancels_it(cast: Cast, street: Street) -> None:
    post = late(cast, street)
    assert lateness.skip(post.results.all()) == 1
    assert lateness.skip(post.results.all()) == 0
    assert only(post).state == State.MISSED
    assert try_again(post, timezone.now()) == 1
    assert cancel(post) == 1
    assert street.board() == []


def test_one_decision_for_all_that_is_late(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    posts = [wished(cast, account) for _ in range(3)]
    others = wished(cast, connected(street, cast.team, "x"))
    Post.objects.filter(pk=others.pk).update(team=cast.other_team)
    lateness.judge(timezone.now() + HOUR)
    due = [only(post).due_at for post in posts]
    assert send_all_late(cast.team, timezone.now()) == 3
    assert [only(post).due_at for post in posts] == due
    assert lateness.late_of(cast.team).count() == 0
    assert lateness.late_of(cast.other_team).count() == 1


def test_a_post_begins_with_its_teams_wish_and_a_team_with_the_sites(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.LATE_S = 120
    account = connected(street, cast.team, "mastodon")
    assert late_after(cast, account) == (timedelta(minutes=2), "hold")
    Team.objects.filter(pk=cast.team.pk).update(late_after=HOUR, when_late="skip")
    cast.team.refresh_from_db()
    assert late_after(cast, account) == (HOUR, "skip")


def late_after(cast: Cast, account: SocialAccount) -> tuple[timedelta, str]:
    at = timezone.now()
    post = compose(team=cast.team, author=cast.alice, text="Anything.", accounts=[account], at=at)
    moment: datetime | None = only(post).late_at
    assert moment is not None
    return moment - at, Post.objects.get(pk=post.pk).when_late
