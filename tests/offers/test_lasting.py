"""Short keys become lasting ones, and keys of every family go on working long after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.cast import Cast, Street, written
from tests.offers.conftest import Visit
from tests.workers.engine import run, turn
from tokens.choose import settle
from tokens.models import OAuthToken
from tokens.problems import Problem
from tokens.refresh import Outcome, refresh
from tokens.standing import Health, standing
from tokens.states import AccountState
from tokens.vault import unseal
from workers.refresh import refresh_tokens

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def due(token: OAuthToken, *, ends_in: timedelta) -> None:
    """Beat will find it due, and its access token ends then."""
    now = timezone.now()
    OAuthToken.objects.filter(pk=token.pk).update(
        refresh_at=now - timedelta(seconds=1), expires_at=now + ends_in
    )


def beat() -> dict[str, int]:
    """What the job renews of all that is due."""
    keys = OAuthToken.objects.due(timezone.now()).values_list("pk", flat=True)
    counts: dict[str, int] = refresh_tokens([str(key) for key in keys])
    return counts


def grant() -> OAuthToken:
    return OAuthToken.objects.get()


def lifetime(token: OAuthToken) -> timedelta:
    assert token.expires_at is not None
    return token.expires_at - timezone.now()


def key_of(token: OAuthToken) -> str:
    return unseal(token.access_sealed, f"token:{token.pk}:access")


# --- short at first -------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["lodge", "fair"])
def test_a_short_key_is_exchanged_while_connecting(
    name: str, request: pytest.FixtureRequest
) -> None:
    visit: Visit = request.getfixturevalue(name)
    visit.settled()
    token = grant()
    assert (token.provisional, token.can_refresh, token.version) == (False, True, 2)
    assert lifetime(token) > 59 * DAY
    assert token.refresh_at is not None
    assert token.refresh_at - timezone.now() > 29 * DAY


def test_a_lost_exchange_connects_all_the_same_and_is_made_up_for(
    cast: Cast, street: Street, lodge: Visit
) -> None:
    granted = lodge.granted()
    street.trouble("lodge", "drop_after", on="token")
    [account] = settle(granted, timezone.now()).accounts
    token = grant()
    assert (token.provisional, token.can_refresh) == (True, True)
    assert account.state == AccountState.CONNECTED
    assert run(written(cast, "By the short key.", [account])) == ["posted"]
    due(token, ends_in=HOUR)
    assert beat() == {"refreshed": 1}
    assert grant().provisional is False
    assert lifetime(grant()) > 59 * DAY
    lodge.town.age(timedelta(hours=2))
    assert run(written(cast, "By the lasting one.", [account])) == ["posted"]


def test_a_crash_before_the_exchange_is_made_up_for_within_minutes(lodge: Visit) -> None:
    token = lodge.granted().token
    assert not OAuthToken.objects.due(timezone.now()).exists()
    assert OAuthToken.objects.due(timezone.now() + timedelta(minutes=2)).exists()
    assert refresh(token, timezone.now()) is Outcome.REFRESHED
    assert grant().provisional is False


def test_a_refused_exchange_connects_nothing(street: Street, lodge: Visit) -> None:
    granted = lodge.granted()
    street.trouble("lodge", "invalid_grant", on="token")
    with pytest.raises(Problem) as caught:
        settle(granted, timezone.now())
    assert (caught.value.code, caught.value.retryable) == ("OAUTH_CALLBACK_ERROR", False)
    assert not OAuthToken.objects.exists()


@pytest.mark.parametrize("kind", ["drop_after", "error", "throttled"])
def test_keys_of_stalls_are_never_derived_from_a_short_key(
    street: Street, fair: Visit, kind: str
) -> None:
    granted = fair.granted()
    street.trouble("fair", kind, on="token")
    with pytest.raises(Problem, match="Nothing was connected; try again") as caught:
        settle(granted, timezone.now())
    assert caught.value.retryable
    assert not OAuthToken.objects.exists()
    assert not [r for r in street.requests_of("fair") if r["path"] == "/stalls"]
    assert len(fair.settled().offered) == 3


# --- every family ---------------------------------------------------------------------------------
def test_a_key_that_renews_itself_goes_on_and_on(cast: Cast, street: Street, lodge: Visit) -> None:
    [account] = lodge.settled().accounts
    for _ in range(3):
        lodge.town.age(40 * DAY)
        due(grant(), ends_in=20 * DAY)
        before = key_of(grant())
        assert beat() == {"refreshed": 1}
        assert key_of(grant()) != before
        assert lifetime(grant()) > 59 * DAY
    assert run(written(cast, "Half a year later.", [account])) == ["posted"]


def test_a_key_that_is_too_young_stays_good(cast: Cast, street: Street, lodge: Visit) -> None:
    [account] = lodge.settled().accounts
    assert refresh(grant(), timezone.now()) is Outcome.TRANSIENT
    assert "too_young" in grant().problem
    account.refresh_from_db()
    assert account.state == AccountState.CONNECTED
    assert run(written(cast, "Young and good.", [account])) == ["posted"]


def test_a_key_that_ended_cannot_renew_itself(cast: Cast, street: Street, lodge: Visit) -> None:
    [account] = lodge.settled().accounts
    post = written(cast, "Later.", [account])
    lodge.town.age(61 * DAY)
    due(grant(), ends_in=-DAY)
    assert beat() == {"dead": 1}
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT
    assert run(post) == ["held"]
    [again] = lodge.settled().accounts
    assert (again.pk, again.state) == (account.pk, AccountState.CONNECTED)
    turn()
    assert run(post) == ["posted"]


def test_a_reusable_refresh_token_is_kept_and_serves_all_siblings(
    cast: Cast, street: Street, guild: Visit
) -> None:
    accounts = guild.chosen(guild.settled(), "Lamps", "Letters").accounts
    shown = unseal(grant().refresh_sealed, f"token:{grant().pk}:refresh")
    for _ in range(2):
        guild.town.age(2 * HOUR)
        due(grant(), ends_in=-HOUR)
        assert beat() == {"refreshed": 1}
        assert unseal(grant().refresh_sealed, f"token:{grant().pk}:refresh") == shown
    assert run(written(cast, "Both of us.", list(accounts))) == ["posted", "posted"]


def test_a_lost_answer_of_a_graceful_network_is_asked_for_again(
    cast: Cast, street: Street, inn: Visit
) -> None:
    [account] = inn.settled().accounts
    inn.town.age(2 * HOUR)
    due(grant(), ends_in=-HOUR)
    street.trouble("inn", "drop_after", on="token")
    assert beat() == {"transient": 1}
    due(grant(), ends_in=-HOUR)
    assert beat() == {"refreshed": 1}
    assert run(written(cast, "Nothing was lost.", [account])) == ["posted"]


# --- a grant that ends while keys of their own go on ----------------------------------------------
def test_keys_of_their_own_outlive_the_end_of_their_grant(
    cast: Cast, street: Street, plaza: Visit
) -> None:
    [lamps] = plaza.chosen(plaza.settled(), "Lamps").accounts
    assert (grant().can_refresh, grant().refresh_at) == (False, None)
    plaza.town.age(61 * DAY)
    due(grant(), ends_in=-DAY)
    assert beat() == {}
    assert standing(plaza.account("Lamps"), timezone.now()).word is Health.CONNECTED
    assert run(written(cast, "Nobody told the stall.", [lamps])) == ["posted"]
