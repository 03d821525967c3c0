"""Why posts wait or failed, gathered by cause; what is fixed goes on, the oldest first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from posting import causes, lateness, undo
from posting.causes import Cause, Kind, NotFixed
from posting.compose import compose
from posting.models import Post, PostResult
from posting.results import LIMITED, TROUBLE
from posting.states import LATE, State
from tests.cast import Cast, Street, connected, only, written
from tests.workers.engine import turn
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from tokens.states import AccountState

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


def found(cast: Cast) -> list[Cause]:
    """What Alice's team is shown."""
    return causes.causes(cast.team, timezone.now())


def failed(post: Post, words: str = "No.") -> Post:
    """The network did not take it."""
    PostResult.objects.filter(post=post).update(state=State.FAILED, error="rejected", words=words)
    return post


def let_go(cast: Cast, key: str) -> int:
    """Release it now."""
    return causes.release(cast.team, key, timezone.now())


def test_posts_that_wait_for_one_thing_are_one_line(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    posts = [written(cast, f"Number {n}.", [account]) for n in range(3)]
    SocialAccount.objects.update(state=AccountState.RECONNECT)
    turn()
    (cause,) = found(cast)
    assert cause.words == f"3 posts wait for one thing: reconnect {account}."
    assert (cause.key, cause.fixed) == (f"reconnect:{account.pk}", False)
    assert cause.oldest == only(posts[0]).due_at
    assert cause.advice.url_name == "accounts"
    assert causes.causes(cast.other_team, timezone.now()) == []
    with pytest.raises(NotFixed, match="First reconnect"):
        let_go(cast, cause.key)
    SocialAccount.objects.update(state=AccountState.CONNECTED)
    assert found(cast)[0].fixed
    assert let_go(cast, cause.key) == 3
    assert found(cast) == []
    turn()
    assert list(reversed(street.texts())) == ["Number 0.", "Number 1.", "Number 2."]


def test_what_is_paused_goes_on_when_it_is_resumed(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    post = written(cast, "Wait.", [account])
    pause(account)
    turn()
    (cause,) = found(cast)
    assert cause.words == f"1 post waits for one thing: resume {account}."
    resume(account)
    assert let_go(cast, cause.key) == 1
    assert only(post).state == State.SCHEDULED


def test_the_same_words_at_the_same_account_are_one_cause(cast: Cast, street: Street) -> None:
    one, other = connected(street, cast.team, "x"), connected(street, cast.team, "mastodon")
    mine = [failed(written(cast, f"Number {n}.", [one])) for n in range(2)]
    failed(written(cast, "Other words.", [one]), "Never.")
    failed(written(cast, "Other account.", [other]))
    assert sorted(cause.count for cause in found(cast)) == [1, 1, 2]
    cause = next(cause for cause in found(cast) if cause.count == 2)
    assert cause.words == f"2 posts did not go out: {one} said “No”."
    assert let_go(cast, cause.key) == 2
    planned = [only(post).planned_at for post in mine]
    assert planned == sorted(planned, key=str)
    assert len(set(planned)) == 2
    assert sum(cause.count for cause in found(cast)) == 2


def test_only_the_result_of_that_account_is_tried_again(cast: Cast, street: Street) -> None:
    one, other = connected(street, cast.team, "x"), connected(street, cast.team, "mastodon")
    post = failed(written(cast, "Both.", [one, other]))
    key = next(cause.key for cause in found(cast) if cause.account == one)
    assert let_go(cast, key) == 1
    assert post.results.get(account=one).state == State.SCHEDULED
    assert post.results.get(account=other).state == State.FAILED


def test_what_is_late_waits_for_a_decision(cast: Cast, street: Street) -> None:
    accounts = [connected(street, cast.team, name) for name in ("x", "mastodon")]
    posts = [written(cast, "Late.", [account]) for account in accounts]
    lateness.judge(timezone.now() + timedelta(days=2))
    (cause,) = found(cast)
    assert (cause.kind, cause.count, cause.account) == (Kind.LATE, 2, None)
    assert let_go(cast, cause.key) == 2
    assert [only(post).state for post in posts] == [State.SCHEDULED] * 2


@pytest.mark.parametrize(("error", "kind"), [(TROUBLE, Kind.TROUBLE), (LIMITED, Kind.LIMITED)])
def test_what_a_network_keeps_waiting(cast: Cast, street: Street, error: str, kind: Kind) -> None:
    account = connected(street, cast.team, "x")
    post, at = written(cast, "Wait.", [account]), timezone.now()
    PostResult.objects.update(error=error, words="Wait.", due_at=at + HOUR)
    (cause,) = found(cast)
    assert cause.kind == kind
    if kind is Kind.TROUBLE:
        assert let_go(cast, cause.key) == 1
        assert only(post).due_at < at + HOUR
    else:
        with pytest.raises(NotFixed, match="by themselves"):
            let_go(cast, cause.key)


def test_what_may_be_out_is_for_a_person_alone(cast: Cast, street: Street) -> None:
    post = written(cast, "Perhaps.", [connected(street, cast.team, "x")])
    PostResult.objects.update(state=State.UNCONFIRMED)
    (cause,) = found(cast)
    assert cause.words.startswith("1 post may be out")
    with pytest.raises(NotFixed, match="Only you can tell"):
        let_go(cast, cause.key)
    assert only(post).state == State.UNCONFIRMED


def test_what_is_held_for_a_reason_of_tomorrow_is_shown_as_well(cast: Cast, street: Street) -> None:
    written(cast, "Held.", [connected(street, cast.team, "x")])
    PostResult.objects.update(state=State.HELD, held_for="approval")
    (cause,) = found(cast)
    assert cause.kind is Kind.OTHER
    assert causes.posts_of(cast.team, cause.key, timezone.now()).count() == 1


@pytest.mark.parametrize("key", ["", "late", "failed:x:y", "failed:1:nothing", "blub:1", "paused:"])
def test_a_key_that_nobody_gave_out_releases_nothing(cast: Cast, street: Street, key: str) -> None:
    failed(written(cast, "Failed.", [connected(street, cast.team, "x")]))
    assert let_go(cast, key) == 0


def test_what_was_deleted_or_failed_long_ago_is_no_cause(cast: Cast, street: Street) -> None:
    account, at = connected(street, cast.team, "x"), timezone.now()
    undo.delete(cast.team, failed(written(cast, "Deleted.", [account])).pk, at=at)
    old = failed(written(cast, "Old.", [account]))
    PostResult.objects.filter(post=old).update(due_at=at - timedelta(days=31))
    waiting = compose(
        team=cast.team,
        author=cast.alice,
        text="In time.",
        accounts=[account],
        at=at,
        due_at=at + HOUR,
    )
    assert only(waiting).state == State.SCHEDULED
    assert found(cast) == []


def test_two_questions_however_many_wait(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    for n in range(12):
        failed(written(cast, f"Number {n}.", [account]), f"Words {n}.")
    PostResult.objects.filter(words="Words 1.").update(state=State.HELD, held_for=LATE)
    with CaptureQueriesContext(connection) as asked:
        assert len(found(cast)) == 12
        assert [cause.words for cause in found(cast)]
    assert len(asked) == 4
