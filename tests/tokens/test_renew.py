"""Renewing because somebody asks: one result for each, and a code for whatever went wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

import providers
from providers.kit.contract import Family
from tests.cast import Cast, Street, connected, renewers
from tokens import networks
from tokens.codes import RETRYABLE, Code
from tokens.models import OAuthToken, Renewal, SocialAccount
from tokens.problems import Problem
from tokens.refresh import DOUBTFUL, Outcome
from tokens.renew import Renewed, renew_account, renew_accounts, renew_all
from tokens.states import AccountState, TokenState

pytestmark = pytest.mark.django_db(transaction=True)
REFRESHING = renewers()
ROTATING = next(n for n in REFRESHING if providers.adapter(n).family is Family.ROTATING)
GRACE = next(n for n in REFRESHING if providers.adapter(n).family is Family.GRACE)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lamp(cast: Cast, street: Street) -> SocialAccount:
    """An account of Alice's team whose grant rotates."""
    return connected(street, cast.team, ROTATING)


def grant(account: SocialAccount, **fields: Any) -> OAuthToken:
    """The grant of an account, after these were written into it."""
    rows = OAuthToken.objects.filter(accounts=account)
    if fields:
        rows.update(**fields)
    return rows.get()


def renewed(cast: Cast, account: SocialAccount, after: timedelta = timedelta(0)) -> Renewed:
    """Alice's team renews it."""
    return renew_account(account.pk, team=cast.team, at=timezone.now() + after)


def problem(cast: Cast, account: SocialAccount, after: timedelta = timedelta(0)) -> Problem:
    """Why it could not be renewed."""
    with pytest.raises(Problem) as caught:
        renewed(cast, account, after)
    assert caught.value.correlation_id
    return caught.value


def asked(street: Street, name: str = ROTATING) -> int:
    """How often a network was asked for a key."""
    return len([r for r in street.requests_of(name) if r["purpose"] == "token"])


# --- one ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", REFRESHING)
def test_one_key_is_renewed(cast: Cast, street: Street, name: str) -> None:
    account = connected(street, cast.team, name)
    end = renewed(cast, account)
    token = grant(account)
    assert (token.version, asked(street, name)) == (2, 1)
    assert end == Renewed(account.pk, Outcome.REFRESHED, None, token.expires_at)


def test_whoever_renews_it_already_is_not_disturbed(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    token = grant(lamp, refresh_lease_until=timezone.now() + MINUTE)
    assert renewed(cast, lamp) == Renewed(lamp.pk, Outcome.SKIPPED, None, token.expires_at)
    assert asked(street) == 0


def test_an_account_of_somebody_else_is_as_unknown_as_one_that_never_was(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    said = set()
    for pk in (lamp.pk, 1_000_000):
        with pytest.raises(Problem) as caught:
            renew_account(pk, team=cast.other_team, at=timezone.now())
        assert caught.value.code is Code.ACCOUNT_NOT_FOUND
        said.add(caught.value.words.replace(str(pk), "…"))
    assert len(said) == 1
    assert asked(street) == 0


PAST = timezone.now() - MINUTE


@pytest.mark.parametrize(
    ("token", "account", "code"),
    [
        ({}, {"state": AccountState.DISCONNECTED}, Code.ACCOUNT_NOT_FOUND),
        ({}, {"provider": "gone"}, Code.INVALID_PROVIDER),
        ({}, {"token": None, "state": AccountState.RECONNECT}, Code.NO_ACCESS_TOKEN),
        ({}, {"key_sealed": "t1.own"}, Code.NO_REFRESH_TOKEN),
        ({"can_refresh": False}, {}, Code.NO_REFRESH_TOKEN),
        ({"can_refresh": False, "expires_at": None}, {}, Code.NO_REFRESH_TOKEN),
        ({"can_refresh": False, "expires_at": PAST}, {}, Code.TOKEN_EXPIRED),
        ({"state": TokenState.DEAD}, {}, Code.TOKEN_EXPIRED),
        ({"refresh_sealed": "k9.AAAA"}, {}, Code.DECRYPTION_ERROR),
        ({"access_sealed": "t1.AAAA"}, {}, Code.DECRYPTION_ERROR),
        ({"refresh_sent_at": PAST, "refresh_lease_until": PAST}, {}, Code.TOKEN_REFRESH_ERROR),
    ],
)
def test_what_cannot_be_renewed_says_why_and_nothing_is_sent(
    token: dict[str, Any],
    account: dict[str, Any],
    code: Code,
    cast: Cast,
    street: Street,
    lamp: SocialAccount,
) -> None:
    grant(lamp, **token)
    SocialAccount.objects.filter(pk=lamp.pk).update(**account)
    no = problem(cast, lamp)
    assert (no.code, no.retryable) == (code, False)
    named = "" if code is Code.ACCOUNT_NOT_FOUND else account.get("provider", ROTATING)
    assert no.provider == named
    assert asked(street) == 0


def test_a_site_that_lost_its_app_says_so(
    cast: Cast, street: Street, lamp: SocialAccount, settings: Settings
) -> None:
    settings.PROVIDER_OPTIONS = {}
    networks.forget()
    assert problem(cast, lamp).code is Code.PROVIDER_NOT_CONFIGURED
    assert asked(street) == 0


def test_a_dead_grant_is_told_once_as_refused_and_then_as_ended(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    street.tell("kill", network=ROTATING, person="ada")
    no = problem(cast, lamp)
    assert (no.code, no.retryable) == (Code.TOKEN_REFRESH_ERROR, False)
    assert "has to be connected again" in no.words
    assert problem(cast, lamp).code is Code.TOKEN_EXPIRED
    assert asked(street) == 1


def test_a_lost_answer_of_a_key_that_works_once_is_not_to_be_tried_again(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    street.trouble(ROTATING, "drop_after", on="token")
    for _ in range(2):
        no = problem(cast, lamp)
        assert (no.code, no.retryable) == (Code.TOKEN_REFRESH_ERROR, False)
        assert DOUBTFUL in no.words
        assert "until the network says otherwise" in no.words, "some end both keys at once"
    assert asked(street) == 1


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        (ROTATING, "error", Code.API_ERROR),
        (ROTATING, "html", Code.API_ERROR),
        (ROTATING, "throttled", Code.RATE_LIMIT_ERROR),
        (ROTATING, "misconfigured", Code.PROVIDER_NOT_CONFIGURED),
        (GRACE, "drop_before", Code.NETWORK_ERROR),
        (GRACE, "slow", Code.TIMEOUT_ERROR),
    ],
)
def test_trouble_at_the_network_has_a_code_of_its_own(
    name: str, kind: str, code: Code, cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, name)
    street.trouble(name, kind, on="token")
    no = problem(cast, account)
    assert (no.code, no.retryable, no.provider) == (code, code in RETRYABLE, name)
    assert no.wait is not None
    assert no.wait > timedelta(0)
    assert grant(account).version == 1


def test_a_network_that_asked_us_to_wait_is_not_asked_before(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    street.trouble(ROTATING, "throttled", on="token")
    first = problem(cast, lamp)
    assert problem(cast, lamp).code is Code.RATE_LIMIT_ERROR
    assert asked(street) == 1
    assert first.wait is not None
    assert renewed(cast, lamp, after=first.wait + MINUTE).outcome is Outcome.REFRESHED


def test_a_key_that_has_ended_is_not_said_to_stay(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    street.trouble(ROTATING, "error", on="token", times=2)
    assert "the present key stays" in problem(cast, lamp).words
    grant(lamp, expires_at=PAST)
    assert "tried again by itself" in problem(cast, lamp).words


# --- many -----------------------------------------------------------------------------------------
def test_many_get_one_result_each_in_the_order_asked(
    cast: Cast, street: Street, lamp: SocialAccount, settings: Settings
) -> None:
    settings.HTTP_READ_S = settings.HTTP_DEADLINE_S = 20  # a slow machine loses no answer here
    dead, theirs = (connected(street, cast.team, ROTATING, who) for who in ("bo", "cy"))
    SocialAccount.objects.filter(pk=theirs.pk).update(team=cast.other_team)
    other = connected(street, cast.team, GRACE)
    street.tell("kill", network=ROTATING, person="bo")
    order = [dead.pk, 1_000_000, other.pk, theirs.pk, lamp.pk, other.pk]
    ends = renew_accounts(order, team=cast.team, at=timezone.now())
    assert [end.account for end in ends] == order
    assert [end.problem and end.problem.code for end in ends] == [
        Code.TOKEN_REFRESH_ERROR,
        Code.ACCOUNT_NOT_FOUND,
        None,
        Code.ACCOUNT_NOT_FOUND,
        None,
        None,
    ]
    good = [end.outcome for end in ends if not end.problem]
    assert good == [Outcome.REFRESHED] * 3
    assert (asked(street, ROTATING), asked(street, GRACE)) == (2, 1)


def test_two_accounts_behind_one_grant_share_one_renewal(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    other = SocialAccount.objects.create(
        team=cast.team, token=lamp.token, provider=ROTATING, external_id="2", handle="second"
    )
    ends = renew_accounts([lamp.pk, other.pk], team=cast.team, at=timezone.now())
    assert [end.outcome for end in ends] == [Outcome.REFRESHED] * 2
    assert asked(street) == 1


def test_one_that_breaks_does_not_break_the_others(
    cast: Cast, street: Street, lamp: SocialAccount, caplog: pytest.LogCaptureFixture
) -> None:
    other = connected(street, cast.team, ROTATING, "bo")
    grant(lamp, family="nonsense")
    ends = renew_accounts([lamp.pk, other.pk], team=cast.team, at=timezone.now())
    codes = [end.problem and end.problem.code for end in ends]
    assert codes == [Code.UNKNOWN_ERROR, None]
    assert (ends[1].outcome, asked(street)) == (Outcome.REFRESHED, 1)
    assert "nonsense" in caplog.text
    assert ends[0].problem
    assert "nonsense" not in ends[0].problem.words


def test_nothing_asked_is_nothing_done(cast: Cast, street: Street) -> None:
    assert renew_accounts([], team=cast.team, at=timezone.now()) == []
    assert not Renewal.objects.exists()


# --- all that are due -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({}, False),
        ({"refresh_at": PAST}, True),
        ({"expires_at": PAST}, True),
        ({"refresh_at": PAST, "state": TokenState.DEAD}, False),
        ({"refresh_at": PAST, "can_refresh": False}, False),
        ({"refresh_at": PAST, "refresh_lease_until": timezone.now() + timedelta(days=1)}, False),
    ],
)
def test_all_that_are_due_are_renewed_and_no_others(
    change: dict[str, Any], due: bool, cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    grant(lamp, **change)
    foreign = connected(street, cast.other_team, ROTATING, "bo")
    grant(foreign, refresh_at=PAST)
    ends = renew_all(cast.team, timezone.now())
    assert [end.account for end in ends] == [lamp.pk] * due
    assert asked(street) == due
    assert grant(foreign).version == 1


def test_an_account_of_a_network_that_is_gone_is_not_due(
    cast: Cast, street: Street, lamp: SocialAccount
) -> None:
    grant(lamp, refresh_at=PAST)
    SocialAccount.objects.filter(pk=lamp.pk).update(provider="gone")
    assert renew_all(cast.team, timezone.now()) == []


def test_more_than_fit_at_once_are_all_asked(
    cast: Cast, street: Street, lamp: SocialAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.renew.AT_ONCE", 2)
    more = [connected(street, cast.team, ROTATING, who) for who in ("bo", "cy", "di")]
    pks = [account.pk for account in (lamp, *more)]
    ends = renew_accounts(pks, team=cast.team, at=timezone.now())
    assert {end.outcome for end in ends} == {Outcome.REFRESHED}
    assert asked(street) == 4
