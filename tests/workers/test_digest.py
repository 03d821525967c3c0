"""After an outage a team is told once: how many posts waited, and what became of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notice
from accounts.notify import dismiss
from accounts.states import WhenLate
from posting import lateness
from posting.compose import compose, confirm, send_all_late, try_again
from posting.lateness import Lateness
from posting.models import Post, PostResult
from posting.states import State
from tests.cast import Cast, Street, connected, only
from tests.workers.engine import turn
from tokens.disconnect import disconnect, pause, resume
from tokens.models import SocialAccount
from workers.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


def planned(cast: Cast, account: SocialAccount, patience: timedelta, many: int) -> list[Post]:
    """So many posts that are due now."""
    return [
        compose(
            team=cast.team,
            author=cast.alice,
            text=f"{patience} {n}",
            accounts=[account],
            at=timezone.now(),
            late=Lateness(patience, WhenLate.HOLD),
        )
        for n in range(many)
    ]


def notices(cast: Cast) -> list[Notice]:
    """What the team has not read yet of late posts."""
    return list(Notice.objects.for_team(cast.team).filter(key__startswith="late:"))


def test_one_digest_for_all_that_waited_and_it_goes_with_the_decision(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "mastodon")
    with time_machine.travel(timezone.now()) as clock:
        planned(cast, account, timedelta(days=1), 4)
        asking = planned(cast, account, HOUR, 3)
        pause(account)
        sweep()
        clock.shift(2 * HOUR)
        sweep()
        assert notices(cast) == []
        resume(account)
        turn()
        for _ in range(3):
            sweep()
        [told] = notices(cast)
        assert told.words == (
            f"While {account} was paused, 7 posts waited:"
            " 4 have gone out late, 3 wait for your decision."
        )
        assert told.path == reverse("late-posts")
        assert sorted(street.texts()) == [f"1 day, 0:00:00 {n}" for n in range(4)]
        lateness.skip(asking[0].results.all())
        sweep()
        [told] = notices(cast)
        assert "2 wait for your decision, 1 was skipped" in told.words
        assert send_all_late(cast.team, timezone.now()) == 2
        turn()
        sweep()
        assert notices(cast) == []
        assert len(street.board()) == 6


def test_what_only_tells_stays_until_it_is_read_and_is_not_told_again(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "mastodon")
    with time_machine.travel(timezone.now()) as clock:
        planned(cast, account, timedelta(days=1), 2)
        clock.shift(HOUR)
        turn()
        sweep()
        sweep()
        [told] = notices(cast)
        assert told.words == (
            f"2 posts on {account} could not go out in time: 2 have gone out late."
        )
        assert dismiss(cast.team, told.pk, timezone.now())
        sweep()
        assert notices(cast) == []


def test_what_goes_out_in_time_is_not_spoken_of(cast: Cast, street: Street) -> None:
    planned(cast, connected(street, cast.team, "mastodon"), HOUR, 2)
    turn()
    sweep()
    assert notices(cast) == []


def test_the_second_time_a_post_is_late_is_told_again(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    with time_machine.travel(timezone.now()) as clock:
        [post] = planned(cast, account, HOUR, 1)
        for _ in range(2):
            clock.shift(HOUR)
            sweep()
            assert len(notices(cast)) == 1
            assert try_again(post, timezone.now()) == 1
            sweep()
            assert notices(cast) == []


def test_every_team_hears_of_its_own(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    planned(cast, account, HOUR, 1)
    PostResult.objects.update(late_at=timezone.now())
    sweep()
    assert not Notice.objects.for_team(cast.other_team).exists()
    assert len(notices(cast)) == 1


def test_posts_of_a_disconnected_account_are_told_until_they_are_cancelled(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "mastodon")
    [first, second] = planned(cast, account, HOUR, 2)
    disconnect(account, timezone.now())
    sweep()
    [told] = Notice.objects.for_team(cast.team)
    assert "2 posts wait for" in told.words
    assert "disconnected" in told.words
    first.results.all().move([State.HELD], State.CANCELLED)
    sweep()
    [told] = Notice.objects.for_team(cast.team)
    assert "1 post waits for" in told.words
    second.results.all().move([State.HELD], State.CANCELLED)
    sweep()
    assert not Notice.objects.for_team(cast.team).exists()


def test_a_post_that_only_a_person_can_find_is_told_until_they_have_looked(
    cast: Cast, street: Street
) -> None:
    [post] = planned(cast, connected(street, cast.team, "mastodon"), HOUR, 1)
    PostResult.objects.update(state=State.UNCONFIRMED)
    sweep()
    sweep()
    [told] = Notice.objects.for_team(cast.team)
    assert told.asks
    assert told.path == reverse("post", args=[post.pk])
    confirm(post, only(post).pk, there=True, at=timezone.now())
    sweep()
    assert not Notice.objects.for_team(cast.team).exists()
