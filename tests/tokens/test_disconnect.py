"""Disconnecting takes the keys away at once, tells the network when it can, and keeps history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

import providers
from accounts.models import Notice
from accounts.notify import dismiss
from posting.compose import try_again
from posting.models import Attempt, PostResult
from posting.states import LATE, State
from providers.kit.contract import Offers, Revokes
from tests.cast import Cast, Street, connected, only, reconnect, written
from tests.tokens.dance import danced
from tests.workers.engine import run, turn
from tokens.disconnect import disconnect, pause, resume, revoke_due
from tokens.models import OAuthToken, Revocation, SocialAccount
from tokens.refresh import mark_dead
from tokens.states import AccountState
from workers.notices import notices
from workers.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)
REVOKING = [
    name
    for name, kind in providers.ADAPTERS.items()
    if issubclass(kind, Revokes) and not issubclass(kind, Offers)  # whose grant serves one account
]


def revocations(street: Street, name: str) -> list[int]:
    return [int(r["status"]) for r in street.requests_of(name) if r["purpose"] == "revoke"]


@pytest.mark.parametrize("name", REVOKING)
def test_the_keys_leave_at_once_and_the_network_is_told(
    cast: Cast, street: Street, name: str
) -> None:
    account = danced(cast, street, name)
    assert disconnect(account, timezone.now())
    account.refresh_from_db()
    assert (account.state, account.token) == (AccountState.DISCONNECTED, None)
    assert not OAuthToken.objects.exists()
    assert not SocialAccount.objects.for_team(cast.team).exists()
    assert revoke_due(timezone.now())["revoked"] == 1
    assert not Revocation.objects.exists()
    assert all(200 <= status < 300 for status in revocations(street, name))
    assert revocations(street, name)
    assert not disconnect(account, timezone.now())


@pytest.mark.parametrize("name", REVOKING)
def test_a_network_that_is_down_is_told_later_and_at_last_given_up(
    cast: Cast, street: Street, name: str
) -> None:
    at = timezone.now()
    disconnect(danced(cast, street, name), at)
    street.trouble(name, "error", on="revoke", times=3)
    assert revoke_due(at)["waiting"] == 1
    assert revoke_due(at) == {"revoked": 0, "waiting": 0, "given_up": 0}
    assert revoke_due(at + timedelta(minutes=5))["waiting"] == 1
    assert revoke_due(at + timedelta(days=2))["given_up"] == 1
    assert not Revocation.objects.exists()


def test_a_disconnected_account_can_be_connected_by_another_team(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "x")
    disconnect(account, timezone.now())
    theirs = connected(street, cast.other_team, "x")
    assert theirs.external_id == account.external_id
    assert SocialAccount.objects.count() == 2


def test_posts_of_a_disconnected_account_are_held_with_the_reason_and_history_stays(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "x")
    run(written(cast, "Before.", [account]))
    later = written(cast, "After.", [account])
    disconnect(account, timezone.now())
    turn()
    held = only(later)
    assert (held.state, held.held_for) == (State.HELD, "disconnected")
    assert held.words
    assert Attempt.objects.count() == 1


def test_a_paused_account_holds_its_posts_and_resuming_lets_them_go(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "mastodon")
    post = written(cast, "Hold on.", [account])
    assert pause(account)
    assert not pause(account)
    turn()
    assert only(post).state == State.HELD
    assert street.board() == []
    assert resume(account)
    turn()
    assert run(post) == [State.POSTED]


def test_a_post_that_is_late_by_now_waits_for_a_person(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    post = written(cast, "Old news?", [account])
    pause(account)
    turn()
    long_ago = timezone.now() - timedelta(hours=3)
    PostResult.objects.filter(post=post).update(due_at=long_ago, late_at=long_ago)
    resume(account)
    turn()
    assert (only(post).state, only(post).held_for) == (State.HELD, LATE)
    assert only(post).can_try_again
    assert try_again(post, timezone.now()) == 1
    assert run(post) == [State.POSTED]


def test_a_dead_connection_is_told_once_with_the_posts_at_risk(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    written(cast, "In danger.", [account])
    assert account.token is not None
    mark_dead(account.token, 1, "The network said no.")
    at = timezone.now()
    assert notices(at) == 1
    assert notices(at) == 0
    notice = Notice.objects.get(team=cast.team)
    for words in ("In danger.", "The network said no.", account.handle):
        assert words in notice.words
    assert not dismiss(cast.other_team, notice.pk, at)
    assert dismiss(cast.team, notice.pk, at)
    reconnect(street, account)
    account.refresh_from_db()
    assert account.token is not None
    mark_dead(account.token, 1, "Again.")
    assert notices(at) == 1
    assert Notice.objects.for_team(cast.team).count() == 1
    reconnect(street, account)
    assert notices(at) == 0
    assert not Notice.objects.for_team(cast.team).exists()


def test_an_end_for_good_is_counted_down(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    assert account.token is not None
    at = timezone.now()
    OAuthToken.objects.update(can_refresh=False, expires_at=at + timedelta(days=20))
    told = [notices(at + timedelta(days=day)) for day in range(21)]
    assert [day for day, new in enumerate(told) if new] == [6, 13, 17, 19]


def test_the_sweep_does_all_of_it(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    written(cast, "Swept.", [account])
    disconnect(account, timezone.now())
    counts = sweep()
    assert (counts["held"], counts["revoked"]) == (1, 1)
