"""Keys stay fresh: one refresher at a time, and what is lost is never burnt."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

import providers
from providers.kit.contract import Family, Refreshes
from providers.kit.errors import Unauthorized, Unavailable
from tests.cast import Cast, Street, connected
from tokens.models import OAuthToken, SocialAccount
from tokens.refresh import Outcome, fresh, refresh
from tokens.states import AccountState, TokenState
from tokens.vault import unseal
from workers.refresh import refresh_token

pytestmark = pytest.mark.django_db(transaction=True)
REFRESHING = [n for n in providers.names() if issubclass(providers.adapter(n), Refreshes)]
ROTATING = [n for n in REFRESHING if providers.adapter(n).family is Family.ROTATING]


def token_of(account: SocialAccount) -> OAuthToken:
    return OAuthToken.objects.get(accounts=account)


def expire(token: OAuthToken) -> None:
    token.expires_at = timezone.now() - timedelta(minutes=1)
    token.save()


@pytest.mark.parametrize("name", REFRESHING)
def test_a_refresh_keeps_the_new_pair(cast: Cast, street: Street, name: str) -> None:
    before = token_of(connected(street, cast.team, name))
    assert refresh(before, timezone.now()) is Outcome.REFRESHED
    after = OAuthToken.objects.get(pk=before.pk)
    assert after.version == 2
    assert after.access_sealed != before.access_sealed
    assert after.expires_at is not None
    assert before.expires_at is not None
    assert after.expires_at >= before.expires_at
    assert refresh(after, timezone.now()) is Outcome.REFRESHED


@pytest.mark.parametrize("name", REFRESHING)
def test_many_at_once_spend_one_refresh(cast: Cast, street: Street, name: str) -> None:
    token = token_of(connected(street, cast.team, name))
    expire(token)
    versions: list[int] = []

    def ask() -> None:
        try:
            versions.append(fresh(OAuthToken.objects.get(pk=token.pk), timezone.now()).version)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == [2] * 6
    asked = [r for r in street.requests_of(name) if r["purpose"] == "token"]
    assert len(asked) == 1


@pytest.mark.parametrize("name", REFRESHING)
@pytest.mark.parametrize("kind", ["error", "no_token", "throttled", "html", "misconfigured"])
def test_trouble_at_the_network_never_kills_a_connection(
    cast: Cast, street: Street, name: str, kind: str
) -> None:
    token = token_of(connected(street, cast.team, name))
    street.trouble(name, kind, on="token")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT
    after = OAuthToken.objects.get(pk=token.pk)
    assert (after.state, after.version) == (TokenState.GOOD, 1)
    assert after.access_sealed == token.access_sealed
    assert after.refresh_after is not None
    assert after.refresh_after > timezone.now()
    assert fresh(after, timezone.now()).version == 1


@pytest.mark.parametrize("name", REFRESHING)
def test_a_dead_grant_marks_its_accounts(cast: Cast, street: Street, name: str) -> None:
    account = connected(street, cast.team, name)
    street.tell("kill", network=name, person="ada")
    assert refresh(token_of(account), timezone.now()) is Outcome.DEAD
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT
    assert account.problem
    with pytest.raises(Unauthorized):
        fresh(token_of(account), timezone.now())


@pytest.mark.parametrize("name", ROTATING)
def test_a_lost_answer_leaves_the_good_key_alone_until_it_expires(
    cast: Cast, street: Street, name: str
) -> None:
    token = token_of(connected(street, cast.team, name))
    street.trouble(name, "drop_after", on="token")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT
    later = timezone.now() + timedelta(minutes=30)
    doubtful = OAuthToken.objects.get(pk=token.pk)
    assert refresh(doubtful, later) is Outcome.SKIPPED
    assert fresh(doubtful, timezone.now()).version == 1
    asked = [r for r in street.requests_of(name) if r["purpose"] == "token"]
    assert len(asked) == 1


@pytest.mark.parametrize("name", [n for n in REFRESHING if n not in ROTATING])
def test_a_lost_answer_is_repeated_where_that_is_harmless(
    cast: Cast, street: Street, name: str
) -> None:
    token = token_of(connected(street, cast.team, name))
    street.trouble(name, "drop_after", on="token")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT
    assert refresh(OAuthToken.objects.get(pk=token.pk), timezone.now()) is Outcome.REFRESHED


def test_a_key_without_renewal_is_used_until_it_is_refused(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    token = token_of(account)
    assert fresh(token, timezone.now()).pk == token.pk
    with pytest.raises(Unauthorized):
        fresh(token, timezone.now(), refused_version=token.version)
    assert SocialAccount.objects.get(pk=account.pk).state == AccountState.RECONNECT


@pytest.mark.parametrize("name", REFRESHING)
def test_while_somebody_else_refreshes_an_expired_key_is_waited_for(
    cast: Cast, street: Street, name: str
) -> None:
    token = token_of(connected(street, cast.team, name))
    token.refresh_lease_until = timezone.now() + timedelta(seconds=0.3)
    expire(token)
    with pytest.raises(Unavailable):
        fresh(token, timezone.now())


def test_the_task_renews_only_what_is_due(cast: Cast, street: Street) -> None:
    token = token_of(connected(street, cast.team, "x"))
    assert refresh_token(str(token.pk)) == Outcome.STILL_GOOD
    expire(token)
    assert refresh_token(str(token.pk)) == Outcome.REFRESHED
    assert unseal(OAuthToken.objects.get(pk=token.pk).access_sealed, f"token:{token.pk}:access")
