"""Posts that failed are told to the team: one notice a cause, until nothing of it is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notice
from accounts.notify import dismiss
from posting import causes, undo
from posting.compose import compose, try_again
from posting.models import Post, PostResult
from posting.states import State
from tests.cast import Cast, Street, connected, written
from tests.workers.engine import run
from tokens.models import SocialAccount
from workers.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)


def refused(cast: Cast, street: Street, account: SocialAccount, many: int = 1) -> list[Post]:
    """So many posts that the network does not accept."""
    street.trouble(account.provider, "rejected", times=many)
    posts = [written(cast, f"Number {n}.", [account]) for n in range(many)]
    assert all(run(post) == [State.FAILED] for post in posts)
    return posts


def notices(cast: Cast) -> list[Notice]:
    """What the team has not read yet of posts that failed."""
    return list(Notice.objects.for_team(cast.team).filter(key__startswith="failed:"))


def test_however_many_fail_for_one_reason_the_team_is_told_once(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    first, second, third = refused(cast, street, account, 3)
    sweep()
    sweep()
    [told] = notices(cast)
    assert told.words.startswith(f"3 posts did not go out: {account} said “Validation failed")
    assert told.asks
    assert told.path == reverse("causes")
    assert Notice.objects.count() == 1
    undo.delete(cast.team, first.pk, at=timezone.now())
    sweep()
    [told] = notices(cast)
    assert told.words.startswith("2 posts did not go out")
    for post in (second, third):
        try_again(post, timezone.now())
        assert run(post) == [State.POSTED]
    sweep()
    assert notices(cast) == []


def test_other_words_and_other_accounts_are_other_notices(cast: Cast, street: Street) -> None:
    one, other = connected(street, cast.team, "mastodon"), connected(street, cast.team, "x")
    refused(cast, street, one, 2)
    refused(cast, street, other)
    street.trouble("mastodon", "forbidden")
    assert run(written(cast, "Not you.", [one])) == [State.FAILED]
    sweep()
    assert len(notices(cast)) == 3
    assert len({told.words for told in notices(cast)}) == 3


def test_what_was_dismissed_comes_back_only_when_more_fails(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    posts = refused(cast, street, account, 2)
    sweep()
    posts += refused(cast, street, account)
    sweep()
    [told] = notices(cast)
    assert told.words.startswith("3 posts")
    assert dismiss(cast.team, told.pk, timezone.now())
    undo.delete(cast.team, posts[-1].pk, at=timezone.now())
    sweep()
    assert notices(cast) == [], "nothing new has failed"
    refused(cast, street, account)
    sweep()
    [told] = notices(cast)
    assert told.words.startswith("3 posts")


def test_what_fails_again_after_another_try_is_told_again(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    [post] = refused(cast, street, account)
    sweep()
    street.trouble("mastodon", "rejected")
    try_again(post, timezone.now())
    sweep()
    assert notices(cast) == []
    assert run(post) == [State.FAILED]
    sweep()
    assert len(notices(cast)) == 1


def test_after_a_month_it_goes_by_itself(cast: Cast, street: Street) -> None:
    refused(cast, street, connected(street, cast.team, "mastodon"))
    sweep()
    assert len(notices(cast)) == 1
    with time_machine.travel(timezone.now() + causes.SHOWN + timedelta(hours=1)):
        sweep()
    assert notices(cast) == []


def test_every_team_hears_of_its_own(cast: Cast, street: Street) -> None:
    account = connected(street, cast.other_team, "mastodon")
    post = compose(
        team=cast.other_team,
        author=cast.charlie,
        text="Mine.",
        accounts=[account],
        at=timezone.now(),
    )
    PostResult.objects.filter(post=post).update(state=State.FAILED, error="rejected", words="No.")
    sweep()
    assert notices(cast) == []
    [told] = Notice.objects.for_team(cast.other_team)
    assert told.words.startswith(f"1 post did not go out: {account} said “No”.")
