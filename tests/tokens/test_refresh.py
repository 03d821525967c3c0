"""Keys stay fresh: one refresher at a time, and what is lost is never burnt."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

import providers
from providers.kit.contract import Family
from providers.kit.errors import Unauthorized, Unavailable
from tests.cast import Cast, Street, connected, renewers
from tokens import spool
from tokens.models import OAuthToken, Renewal, SocialAccount
from tokens.refresh import Outcome, fresh, refresh
from tokens.states import AccountState, TokenState
from tokens.vault import seal, unseal
from workers.refresh import refresh_counts, refresh_tokens

pytestmark = pytest.mark.django_db(transaction=True)
REFRESHING = renewers()
ROTATING = [n for n in REFRESHING if providers.adapter(n).family is Family.ROTATING]


def token_of(account: SocialAccount) -> OAuthToken:
    return OAuthToken.objects.get(accounts=account)


def expire(token: OAuthToken) -> None:
    token.expires_at = token.refresh_at = timezone.now() - timedelta(minutes=1)
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
    assert after.refresh_at is not None
    assert after.refresh_at > timezone.now()
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


def token_calls(street: Street, name: str) -> int:
    return len([r for r in street.requests_of(name) if r["purpose"] == "token"])


@pytest.mark.parametrize("name", ROTATING)
def test_after_a_lost_answer_the_good_key_is_used_to_its_end_and_then_the_owner_is_asked(
    cast: Cast, street: Street, name: str
) -> None:
    account = connected(street, cast.team, name)
    token = token_of(account)
    street.trouble(name, "drop_after", on="token")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT
    doubtful = OAuthToken.objects.get(pk=token.pk)
    assert doubtful.refresh_at == doubtful.expires_at
    assert refresh(doubtful, timezone.now() + timedelta(minutes=30)) is Outcome.SKIPPED
    assert fresh(doubtful, timezone.now()).version == 1
    assert doubtful.expires_at is not None
    with pytest.raises(Unauthorized, match="got lost"):
        fresh(doubtful, doubtful.expires_at)
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT
    assert token_calls(street, name) == 1


@pytest.mark.parametrize("name", ROTATING)
def test_a_refused_key_in_doubt_asks_for_its_owner_at_once(
    cast: Cast, street: Street, name: str
) -> None:
    token = token_of(connected(street, cast.team, name))
    street.trouble(name, "drop_after", on="token")
    refresh(token, timezone.now())
    doubtful = OAuthToken.objects.get(pk=token.pk)
    with pytest.raises(Unauthorized, match="got lost"):
        fresh(doubtful, timezone.now(), refused_version=1)
    assert token_calls(street, name) == 1


@pytest.mark.parametrize("name", REFRESHING)
def test_a_crash_before_the_intent_costs_nothing(cast: Cast, street: Street, name: str) -> None:
    token = token_of(connected(street, cast.team, name))
    token.refresh_lease_until = timezone.now() - timedelta(seconds=1)
    token.save()
    assert refresh(token, timezone.now()) is Outcome.REFRESHED


@pytest.mark.parametrize("name", REFRESHING)
def test_an_answer_that_was_spooled_before_a_crash_is_saved(
    cast: Cast, street: Street, name: str
) -> None:
    token = token_of(connected(street, cast.team, name))
    lapsed = timezone.now() - timedelta(seconds=1)
    token.refresh_lease_until, token.refresh_sent_at, token.refresh_epoch = lapsed, lapsed, 1
    token.save()
    renewed = spool.Renewed(
        grant=str(token.pk),
        epoch=1,
        version=1,
        access_sealed=seal("new", f"token:{token.pk}:access"),
        refresh_sealed=seal("newer", f"token:{token.pk}:refresh"),
        scopes="",
        host=token.host,
        expires_at=None,
        refresh_at=None,
        renewed_at=timezone.now().isoformat(),
    )
    file = spool.keep(renewed)
    assert b"newer" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert spool.replay() == 1
    assert spool.replay() == 0
    after = OAuthToken.objects.get(pk=token.pk)
    assert (after.version, after.refresh_lease_until) == (2, None)
    assert unseal(after.refresh_sealed, f"token:{token.pk}:refresh") == "newer"
    assert spool.commit([renewed]) == {str(token.pk)}
    assert OAuthToken.objects.get(pk=token.pk).version == 2


def test_a_spooled_answer_of_a_lease_that_no_longer_counts_changes_nothing(
    cast: Cast, street: Street
) -> None:
    token = token_of(connected(street, cast.team, "x"))
    old = spool.Renewed(str(token.pk), 7, 1, "a", "b", "", "", None, None, "2026-01-01T00:00:00")
    spool.keep(old)
    assert spool.replay() == 0
    assert OAuthToken.objects.get(pk=token.pk).access_sealed == token.access_sealed


def test_a_key_whose_account_was_disconnected_meanwhile_is_no_longer_good(
    cast: Cast, street: Street
) -> None:
    token = token_of(connected(street, cast.team, "x"))
    expire(token)
    OAuthToken.objects.filter(pk=token.pk).delete()
    with pytest.raises(Unauthorized, match="disconnected"):
        fresh(token, timezone.now())


def test_every_renewal_has_a_line_without_secrets(cast: Cast, street: Street) -> None:
    token = token_of(connected(street, cast.team, "x"))
    refresh(token, timezone.now())
    street.trouble("x", "error", on="token")
    refresh(OAuthToken.objects.get(pk=token.pk), timezone.now())
    lines = list(Renewal.objects.filter(token_id=token.pk).order_by("epoch"))
    assert [line.outcome for line in lines] == [Outcome.REFRESHED, Outcome.TRANSIENT]
    assert all(line.ended_at and line.by for line in lines)


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


def test_the_task_renews_only_what_is_due_and_counts(cast: Cast, street: Street) -> None:
    token = token_of(connected(street, cast.team, "x"))
    assert refresh_tokens([str(token.pk)]) == {"still_good": 1}
    expire(token)
    assert refresh_tokens([str(token.pk)]) == {"refreshed": 1}
    assert refresh_counts([{"refreshed": 2}, {"dead": 1, "refreshed": 1}]) == {
        "due": 4,
        "refreshed": 3,
        "still_good": 0,
        "transient": 0,
        "dead": 1,
        "skipped": 0,
    }
    assert unseal(OAuthToken.objects.get(pk=token.pk).access_sealed, f"token:{token.pk}:access")
