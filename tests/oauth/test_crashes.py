"""A process that renews a key is killed at every step; the key works, or its owner is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from providers.kit.errors import Unauthorized
from tokens import spool
from tokens.models import OAuthToken, SocialAccount
from tokens.refresh import Outcome, fresh, refresh
from tokens.states import AccountState

from .elsewhere import Answer, Launch
from .server import Authority
from .sight import (
    MINUTE,
    SECOND,
    assert_none_sent_twice,
    assert_unmarked,
    assert_waits_for_its_owner,
    ends,
    lease_runs_out,
    works,
)

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]

Crash = Callable[[str], None]
WAITING = "while it waits for the answer"
# A process that is to be killed while it waits must not lose its own patience before.
PATIENT = {"HTTP_READ_S": "20", "HTTP_DEADLINE_S": "20", "LEASE_S": "50"}


def recovered(elsewhere: Launch, token: OAuthToken, **env: str) -> Answer:
    """Another process saves what was left behind, then asks for a fresh key."""
    other = elsewhere(token, "--replay", **env)
    other.ready()
    other.go()
    [answer] = other.answers()
    return answer


@pytest.fixture
def crash(authority: Authority, token: OAuthToken, elsewhere: Launch, tmp_path: Path) -> Crash:
    """Another process begins to renew the key and is killed; then its lease runs out."""

    def crash(point: str) -> None:
        flag = tmp_path / "crash-once"
        flag.touch()
        victim = elsewhere(token, CRASH_AT=f"{point}:{flag}", **PATIENT)
        victim.ready()
        if point == WAITING:
            authority.mood("delay", ms=15_000)
        victim.go()
        if point == WAITING:
            authority.wait_for_refresh()
            victim.kill()
        assert victim.was_killed()
        lease_runs_out(token)

    return crash


@pytest.mark.parametrize(
    ("point", "arrived"),
    [("refresh_before_request", 0), (WAITING, 1), ("refresh_after_answer", 1)],
)
def test_a_crash_that_leaves_the_key_in_doubt_ends_with_its_owner(
    authority: Authority,
    account: SocialAccount,
    token: OAuthToken,
    elsewhere: Launch,
    crash: Crash,
    point: str,
    arrived: int,
) -> None:
    ends(token, timezone.now() + MINUTE)

    crash(point)

    assert recovered(elsewhere, token).version == 1
    assert works(authority, token)
    assert_unmarked(account)
    ends(token, timezone.now() - SECOND)
    answer = recovered(elsewhere, token)
    assert answer.error == Unauthorized.outcome
    assert_waits_for_its_owner(account, "got lost", "works only once", "connect the account again")
    assert answer.words == account.problem
    assert [each.granted for each in authority.refreshes()] == [True] * arrived
    assert_none_sent_twice(authority)


@pytest.mark.parametrize("point", ["refresh_after_spool", "refresh_after_commit"])
def test_a_crash_after_the_answer_was_spooled_loses_nothing(
    authority: Authority,
    account: SocialAccount,
    token: OAuthToken,
    elsewhere: Launch,
    crash: Crash,
    point: str,
) -> None:
    ends(token, timezone.now() - SECOND)

    crash(point)

    assert recovered(elsewhere, token) == Answer(2, "", "")
    assert works(authority, token)
    assert refresh(token, timezone.now()) is Outcome.REFRESHED
    assert works(authority, token)
    assert_unmarked(account)
    assert [each.granted for each in authority.refreshes()] == [True, True]
    assert_none_sent_twice(authority)


def test_a_spooled_answer_is_found_by_whoever_asks_first(
    authority: Authority, token: OAuthToken, crash: Crash
) -> None:
    ends(token, timezone.now() - SECOND)

    crash("refresh_after_spool")

    token.refresh_from_db()
    assert fresh(token, timezone.now()).version == 2
    assert works(authority, token)
    assert_none_sent_twice(authority)


def test_a_spooled_answer_outweighs_a_refusal_of_the_old_key(
    authority: Authority, account: SocialAccount, token: OAuthToken, crash: Crash
) -> None:
    ends(token, timezone.now() + MINUTE)

    crash("refresh_after_spool")

    token.refresh_from_db()
    assert fresh(token, timezone.now(), refused_version=1).version == 2
    assert works(authority, token)
    assert_unmarked(account)
    assert_none_sent_twice(authority)


def test_a_crash_before_the_intent_costs_nothing(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    ends(token, timezone.now() - SECOND)
    OAuthToken.objects.update(refresh_epoch=1, refresh_lease_until=timezone.now() - SECOND)
    token.refresh_from_db()

    assert fresh(token, timezone.now()).version == 2

    assert works(authority, token)
    assert_unmarked(account)
    assert_none_sent_twice(authority)


def test_a_pair_that_was_saved_too_late_still_tells_the_truth(
    authority: Authority,
    account: SocialAccount,
    token: OAuthToken,
    elsewhere: Launch,
    crash: Crash,
    tmp_path: Path,
) -> None:
    ends(token, timezone.now() - SECOND)
    crash("refresh_after_spool")
    answer = recovered(elsewhere, token, VAR_DIR=str(tmp_path / "another machine"))
    assert answer.error == Unauthorized.outcome
    assert_waits_for_its_owner(account, "got lost")

    spool.replay()

    account.refresh_from_db()
    if account.state == AccountState.CONNECTED:
        assert fresh(OAuthToken.objects.get(pk=token.pk), timezone.now()).version == 2
        assert works(authority, token)
        assert_unmarked(account)
    else:
        assert_waits_for_its_owner(account, "got lost")
    assert_none_sent_twice(authority)
