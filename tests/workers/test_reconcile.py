"""A doubt is resolved by asking, a limited number of times, and ends with a person if need be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

import providers
from posting import results
from posting.compose import confirm
from posting.models import Attempt, PostResult
from posting.states import State
from providers.kit.contract import (
    Account,
    Limits,
    Message,
    Provider,
    Receipt,
    TextRule,
    Unit,
)
from providers.kit.errors import Uncertain
from tests.cast import Cast, Street, connected, only, samples, written
from tests.workers.engine import run, turn
from tokens.models import SocialAccount
from workers import reconcile
from workers.dispatch import ring_due
from workers.publish import deliver

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = samples()
ONCE_ONLY = [n for n in NAMES if not providers.adapter(n).resend_window]


class Silent(Provider):
    """A network whose answers get lost and which can neither be searched nor asked twice."""

    name = "silent"
    label = "Silent"
    limits = Limits(TextRule(100, Unit.GRAPHEMES))
    settle = timedelta(0)

    def publish(self, message: Message, account: Account) -> Receipt:
        """Nobody knows."""
        raise Uncertain("The answer got lost.")


@pytest.mark.parametrize("name", ONCE_ONLY)
def test_a_resend_needs_two_negative_looks_spaced_apart(
    cast: Cast, street: Street, name: str
) -> None:
    post = written(cast, "Look twice.", [connected(street, cast.team, name)])
    street.trouble(name, "drop_before")
    assert run(post) == [State.POSTED]
    tries = list(Attempt.objects.filter(result=only(post)))
    assert [(t.kind, t.outcome) for t in tries] == [
        ("publish", "uncertain"),
        ("look", "not seen"),
        ("look", "not seen"),
        ("publish", "posted"),
    ]
    assert tries[2].started_at - tries[1].started_at >= timedelta(seconds=1)
    assert len(street.board(name)) == 1


def test_a_duplicate_answer_after_a_doubt_is_looked_up_again(cast: Cast, street: Street) -> None:
    """The listing lagged behind twice, the resend met "duplicate": the post is there."""
    post = written(cast, "Twice? Never.", [connected(street, cast.team, "x")])
    street.trouble("x", "drop_after")
    turn()
    rows = post.results.all()
    assert rows.move([State.UNCERTAIN], State.SCHEDULED, due_at=timezone.now()) == 1
    assert run(post) == [State.POSTED]
    outcomes = Attempt.objects.filter(result=only(post)).values_list("outcome", flat=True)
    assert list(outcomes) == ["uncertain", "uncertain", "posted"]
    assert len(street.board("x")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_trouble_while_looking_is_waited_out(cast: Cast, street: Street, name: str) -> None:
    post = written(cast, "Be patient.", [connected(street, cast.team, name)])
    street.trouble(name, "drop_after")
    turn()
    asks_again = bool(providers.adapter(name).resend_window)
    on = "publish" if asks_again else "find"
    street.trouble(name, "error", on=on)
    street.trouble(name, "throttled", on=on, seconds=1)
    assert run(post, 40) == [State.POSTED]
    assert len(street.board(name)) == 1


def test_looks_without_an_answer_are_never_the_last_ones_of_a_day(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "MOST_LOOKS", 2)
    post = written(cast, "Anybody?", [connected(street, cast.team, "x")])
    street.trouble("x", "drop_after")
    street.trouble("x", "throttled", on="find", seconds=1, times=4)
    assert run(post, 40) == [State.POSTED]
    assert Attempt.objects.filter(kind="look", outcome="throttled").count() == 4
    assert len(street.board("x")) == 1


def test_after_a_day_without_an_answer_a_person_is_asked(cast: Cast, street: Street) -> None:
    post = written(cast, "Still nobody?", [connected(street, cast.team, "x")])
    street.trouble("x", "drop_after")
    street.trouble("x", "error", on="find", times=9)
    turn()
    PostResult.objects.filter(post=post).update(due_at=timezone.now())
    turn()
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    assert results.give_up(tomorrow) == 1
    assert only(post).state == State.UNCONFIRMED
    assert confirm(post, only(post).pk, there=True, at=timezone.now()) == 1
    assert only(post).state == State.POSTED


def test_a_network_that_can_neither_repeat_nor_look_asks_a_person(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(providers.ADAPTERS, "silent", Silent)
    account = connected(street, cast.team, "x")
    SocialAccount.objects.filter(pk=account.pk).update(provider="silent")
    account.refresh_from_db()
    assert run(written(cast, "Silence.", [account])) == [State.UNCONFIRMED]


def test_after_the_keys_hour_the_account_is_searched_instead(cast: Cast, street: Street) -> None:
    post = written(cast, "An hour later.", [connected(street, cast.team, "mastodon")])
    street.trouble("mastodon", "drop_after")
    turn()
    long_ago = timezone.now() - timedelta(hours=2)
    PostResult.objects.filter(post=post).update(first_sent_at=long_ago)
    before = len(street.requests_of("mastodon"))
    assert run(post) == [State.POSTED]
    asked = street.requests_of("mastodon")[before:]
    assert [r["method"] for r in asked] == ["GET"]


def test_a_refused_repeat_and_one_empty_list_are_not_the_end_of_a_doubt(
    cast: Cast, street: Street
) -> None:
    """It had arrived, but the list lags behind, and by the second look the key is forgotten."""
    post = written(cast, "Slow to show.", [connected(street, cast.team, "mastodon")])
    street.trouble("mastodon", "drop_after")
    turn()
    street.trouble("mastodon", "rejected")
    street.trouble("mastodon", "lagging", on="find")
    PostResult.objects.filter(post=post).update(due_at=timezone.now())
    turn()
    [row] = PostResult.objects.filter(post=post)
    assert (row.state, row.negatives) == (State.UNCERTAIN, 1)
    assert row.due_at > timezone.now()
    assert "looks once more" in Attempt.objects.filter(result=row).latest("pk").next_step
    long_ago = timezone.now() - timedelta(hours=2)
    PostResult.objects.filter(post=post).update(first_sent_at=long_ago)
    assert run(post) == [State.POSTED]
    assert len(street.board("mastodon")) == 1


def test_a_repeat_that_is_refused_twice_and_seen_nowhere_has_failed(
    cast: Cast, street: Street
) -> None:
    post = written(cast, "Never arrived.", [connected(street, cast.team, "mastodon")])
    street.trouble("mastodon", "drop_before")
    street.trouble("mastodon", "rejected", times=2)
    assert run(post) == [State.FAILED]
    looks = list(Attempt.objects.filter(result=only(post), kind="look"))
    assert [look.outcome for look in looks] == ["rejected", "rejected"]
    assert looks[1].started_at - looks[0].started_at >= timedelta(seconds=1)
    assert street.board("mastodon") == []


def test_a_network_that_is_gone_fails_the_post_in_plain_words(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    post = written(cast, "Where did it go?", [account])
    SocialAccount.objects.filter(pk=account.pk).update(provider="gone")
    PostResult.objects.filter(post=post).update(provider="gone")
    [(pk, name)] = PostResult.objects.queue_due(timezone.now())
    assert name == "gone"
    deliver(pk)
    assert only(post).state == State.FAILED
    assert "no longer offers" in only(post).words
    assert ring_due(timezone.now()) == 0
