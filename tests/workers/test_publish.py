"""One delivery, whatever the network does: it ends, it says why, and it is out exactly once."""

from __future__ import annotations

from datetime import timedelta

import pytest

import providers
from posting import results
from posting.compose import cancel, try_again
from posting.models import Attempt, PostResult
from posting.states import State
from providers.kit.contract import Receipt
from tests.cast import (
    RENEWED,
    Cast,
    Street,
    connected,
    everywhere,
    only,
    reconnect,
    samples,
    written,
)
from tests.workers.engine import run, turn
from tokens.models import OAuthToken, SocialAccount
from tokens.states import AccountState
from workers import publish

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = samples()
REFRESHING = [name for name in NAMES if providers.adapter(name).family in RENEWED]
LAPSED = timedelta(seconds=-1)


def outcomes(result: PostResult) -> list[str]:
    return list(Attempt.objects.filter(result=result).values_list("outcome", flat=True))


def test_a_post_reaches_every_network_once(cast: Cast, street: Street) -> None:
    accounts = everywhere(street, cast.team)
    post = written(cast, "Good morning, street. https://example.org/a", accounts)
    assert run(post) == [State.POSTED] * len(accounts)
    assert len(street.board()) == len(accounts)
    for result in post.results.all():
        assert result.external_id
        assert result.external_url.startswith("http")
        assert outcomes(result) == ["posted"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "kind", ["drop_after", "drop_before", "error_after", "error", "garbage", "empty", "html"]
)
def test_a_lost_answer_is_looked_up_and_never_doubled(
    cast: Cast, street: Street, name: str, kind: str
) -> None:
    account = connected(street, cast.team, name)
    post = written(cast, f"Only once, after {kind}.", [account])
    street.trouble(name, kind)
    turn()
    assert only(post).state == State.UNCERTAIN
    assert run(post) == [State.POSTED]
    assert street.texts(name) == [f"Only once, after {kind}."]
    assert outcomes(only(post))[0] == "uncertain"
    assert only(post).external_url


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_is_too_slow_is_looked_up(cast: Cast, street: Street, name: str) -> None:
    account = connected(street, cast.team, name)
    post = written(cast, "Slow but sure.", [account])
    street.trouble(name, "slow_after", seconds=1.6)
    turn()
    assert only(post).state == State.UNCERTAIN
    assert run(post) == [State.POSTED]
    assert len(street.board(name)) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["throttled", "retry_after", "retry_after_date"])
def test_throttling_waits_and_uses_no_attempt(
    cast: Cast, street: Street, name: str, kind: str
) -> None:
    account = connected(street, cast.team, name)
    post = written(cast, "In good time.", [account])
    street.trouble(name, kind, seconds=2)
    turn()
    result = only(post)
    assert (result.state, result.attempts, result.error) == (State.SCHEDULED, 0, "throttled")
    assert SocialAccount.objects.get(pk=account.pk).blocked_until is not None
    assert run(post) == [State.POSTED]
    assert only(post).attempts == 1
    assert outcomes(only(post)) == ["throttled", "posted"]


@pytest.mark.parametrize("name", NAMES)
def test_a_closed_gate_holds_the_accounts_other_posts(
    cast: Cast, street: Street, name: str
) -> None:
    account = connected(street, cast.team, name)
    first = written(cast, "First.", [account])
    street.trouble(name, "retry_after", seconds=3)
    turn()
    second = written(cast, "Second.", [account])
    turn()
    assert street.texts(name) == []
    assert not Attempt.objects.filter(result__post=second).exists()
    assert run(first) == run(second) == [State.POSTED]


@pytest.mark.parametrize("name", NAMES)
def test_rejected_content_fails_with_the_networks_words(
    cast: Cast, street: Street, name: str
) -> None:
    post = written(cast, "Not like this.", [connected(street, cast.team, name)])
    street.trouble(name, "rejected")
    assert run(post) == [State.FAILED]
    result = only(post)
    assert result.words
    assert result.error == "rejected"
    assert try_again(post, result.due_at) == 1
    assert run(post) == [State.POSTED]
    assert outcomes(only(post)) == ["rejected", "posted"]
    assert try_again(post, result.due_at) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_forbidden_account_fails_and_is_not_asked_to_reconnect(
    cast: Cast, street: Street, name: str
) -> None:
    account = connected(street, cast.team, name)
    post = written(cast, "From nowhere.", [account])
    street.trouble(name, "forbidden")
    assert run(post) == [State.FAILED]
    assert only(post).error == "forbidden"
    assert SocialAccount.objects.get(pk=account.pk).state == "connected"


@pytest.mark.parametrize("name", REFRESHING)
def test_an_expired_key_is_renewed_once_and_the_post_goes_out(
    cast: Cast, street: Street, name: str
) -> None:
    account = connected(street, cast.team, name)
    post = written(cast, "With a new key.", [account])
    street.trouble(name, "unauthorized")
    assert run(post) == [State.POSTED]
    assert OAuthToken.objects.get(accounts=account).version == 2
    assert outcomes(only(post)) == ["posted"]


@pytest.mark.parametrize("name", NAMES)
def test_a_dead_grant_holds_the_post_until_its_owner_connects_again(
    cast: Cast, street: Street, name: str
) -> None:
    account = connected(street, cast.team, name)
    post = written(cast, "I will wait.", [account])
    street.trouble(name, "unauthorized", times=2)
    street.trouble(name, "invalid_grant", on="token")
    turn()
    result = only(post)
    assert (result.state, result.held_for, result.attempts) == (State.HELD, "reconnect", 0)
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT
    assert street.board(name) == []
    turn()
    assert only(post).state == State.HELD
    street.tell("reset")
    reconnect(street, account)
    turn()
    assert run(post) == [State.POSTED]
    assert street.texts(name) == ["I will wait."]


def test_a_post_is_not_sent_twice_by_two_workers(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, NAMES[0])
    post = written(cast, "Me first.", [account])
    turn()
    publish.deliver(only(post).pk)
    assert len(street.board()) == 1
    assert Attempt.objects.filter(result__post=post).count() == 1


def test_a_cancelled_post_never_goes_out(cast: Cast, street: Street) -> None:
    post = written(cast, "Better not.", [connected(street, cast.team, name) for name in NAMES])
    assert cancel(post) == len(NAMES)
    assert turn() == 0
    assert street.board() == []
    assert cancel(post) == 0


def test_a_worker_that_died_while_sending_leaves_a_doubt_not_a_resend(
    cast: Cast, street: Street
) -> None:
    post = written(cast, "Still here?", [connected(street, cast.team, name) for name in NAMES])
    for result in post.results.all():
        PostResult.objects.filter(pk=result.pk).move([State.SCHEDULED], State.QUEUED)
        assert PostResult.objects.fence(result.pk, post.due_at, lease=LAPSED) is not None
    turn()
    states = set(post.results.values_list("state", flat=True))
    assert states == {State.UNCERTAIN}
    assert run(post) == [State.POSTED] * len(NAMES)
    assert len(street.board()) == len(NAMES)


def test_an_owner_who_wakes_up_late_writes_nothing(cast: Cast, street: Street) -> None:
    post = written(cast, "Too late.", [connected(street, cast.team, NAMES[0])])
    PostResult.objects.filter(post=post).move([State.SCHEDULED], State.QUEUED)
    sleeper = results.begin(only(post).pk, post.due_at, LAPSED)
    assert sleeper is not None
    turn()
    assert not results.posted(sleeper, Receipt("1", "https://example.org"), post.due_at)
    assert only(post).state == State.UNCERTAIN
    late = Attempt.objects.get(pk=sleeper.attempt.pk)
    assert late.outcome == "posted"
    assert "taken this over" in late.next_step
