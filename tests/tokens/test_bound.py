"""Keys that are bound to a key of ours: posting with them, renewing them and ending them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from providers.kit import dpop
from providers.kit.contract import Family, Provider
from providers.kit.errors import Unauthorized
from sandbox.kit.server import Street as StreetServer
from tests.cast import Cast, Street, written
from tests.tokens.bound import NAME, calls, shown, signed_in, token_of
from tests.workers.engine import run
from tokens import networks
from tokens.disconnect import disconnect, revoke_due
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.refresh import Outcome, fresh, refresh
from tokens.states import AccountState
from tokens.vault import unseal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(cast: Cast, street: Street) -> SocialAccount:
    return signed_in(cast, street)


# --- posting and renewing -------------------------------------------------------------------------
def test_a_post_goes_out_with_a_proof(cast: Cast, street: Street, account: SocialAccount) -> None:
    assert run(written(cast, "Bound to a key.", [account])) == ["posted"]
    assert street.texts(NAME) == ["Bound to a key."]
    [sent] = [r for r in street.requests_of(NAME) if r["purpose"] == "publish"]
    assert sent["headers"]["authorization"].startswith("DPoP ")
    assert sent["headers"]["dpop"]


def test_a_key_that_has_ended_is_renewed_once_and_the_post_goes_out(
    cast: Cast, street: Street, account: SocialAccount
) -> None:
    grant = token_of(account)
    opened = unseal(grant.access_sealed, f"token:{grant.pk}:access")
    street.tell("expire", network=NAME, access_token=opened)
    assert run(written(cast, "Renewed on the way.", [account])) == ["posted"]
    after = token_of(account)
    assert (after.version, after.proof_sealed) == (2, grant.proof_sealed)
    assert len(shown(street)) == 1


def test_renewing_rotates_and_keeps_key_and_family(
    cast: Cast, street: Street, account: SocialAccount
) -> None:
    before = token_of(account)
    for _ in range(3):
        assert refresh(token_of(account), timezone.now()) is Outcome.REFRESHED
    after = token_of(account)
    assert (after.version, after.family) == (4, Family.ROTATING)
    assert (after.proof_sealed, after.scopes) == (before.proof_sealed, before.scopes)
    assert len(set(shown(street))) == 3
    assert run(written(cast, "Three keys later.", [account])) == ["posted"]


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_after_a_lost_answer_the_spent_key_is_never_shown_again(
    cast: Cast, street: Street, street_server: StreetServer, account: SocialAccount, kind: str
) -> None:
    token = token_of(account)
    street.trouble(NAME, kind, on="token")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT
    doubtful = OAuthToken.objects.get(pk=token.pk)
    assert refresh(doubtful, timezone.now() + timedelta(minutes=5)) is Outcome.SKIPPED
    assert doubtful.expires_at is not None
    with pytest.raises(Unauthorized, match="got lost"):
        fresh(doubtful, doubtful.expires_at)
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT
    assert len(shown(street)) == 1
    [grant] = street_server.store.owned(NAME, "grant", "ada")
    assert grant["alive"]
    street.tell("reset")
    assert signed_in(cast, street).pk == account.pk


def test_a_lost_challenge_is_a_doubt_like_any_other(
    cast: Cast, street: Street, account: SocialAccount
) -> None:
    dpop.NONCES.forget()
    street.trouble(NAME, "drop_after", on="token")
    assert refresh(token_of(account), timezone.now()) is Outcome.TRANSIENT
    assert refresh(token_of(account), timezone.now()) is Outcome.SKIPPED
    assert len(shown(street)) == 1


@pytest.mark.parametrize("kind", ["error", "drop_before", "drop_after", "garbage", "html"])
@pytest.mark.parametrize("step", [0, 1])
def test_trouble_before_the_key_is_shown_leaves_no_doubt(
    cast: Cast, street: Street, account: SocialAccount, kind: str, step: int
) -> None:
    if step:
        street.trouble(NAME, "slow", on="app", times=step, seconds=0)
    street.trouble(NAME, kind, on="app")
    assert refresh(token_of(account), timezone.now()) is Outcome.TRANSIENT
    left = token_of(account)
    assert (left.state, left.version, left.refresh_sent_at) == ("good", 1, None)
    assert shown(street) == []
    later = timezone.now() + timedelta(minutes=2)
    assert refresh(left, later) is Outcome.REFRESHED


def test_a_session_that_the_server_has_ended_asks_for_its_owner(
    cast: Cast, street: Street, account: SocialAccount
) -> None:
    street.tell("kill", network=NAME, person="ada")
    assert refresh(token_of(account), timezone.now()) is Outcome.DEAD
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT


def test_a_server_that_does_not_know_our_app_marks_no_account(
    cast: Cast, street: Street, account: SocialAccount
) -> None:
    street.trouble(NAME, "misconfigured", on="token")
    assert refresh(token_of(account), timezone.now()) is Outcome.TRANSIENT
    account.refresh_from_db()
    assert account.state == AccountState.CONNECTED


# --- ending ---------------------------------------------------------------------------------------
def test_disconnecting_ends_the_session_there_with_a_proof(
    cast: Cast, street: Street, street_server: StreetServer, account: SocialAccount
) -> None:
    assert disconnect(account, timezone.now())
    assert not OAuthToken.objects.exists()
    assert revoke_due(timezone.now())["revoked"] == 1
    assert calls(street, "/oauth/revoke") == [200]
    [grant] = street_server.store.owned(NAME, "grant", "ada")
    assert not grant["alive"]


def test_a_site_that_has_moved_says_so_and_marks_no_account(
    cast: Cast, street: Street, settings: Settings, account: SocialAccount
) -> None:
    settings.PUBLIC_URL = "http://post.example.org"
    assert refresh(token_of(account), timezone.now()) is Outcome.TRANSIENT
    left = token_of(account)
    assert "PUBLIC_URL" in left.problem
    assert (left.state, left.refresh_sent_at) == ("good", None)
    assert shown(street) == []


def test_a_network_of_this_kind_says_it_in_its_class() -> None:
    assert Provider.binds_tokens is False
    networks.forget()
    assert network(NAME).binds_tokens is True
