"""Alice connects an account through the server's own pages, and every way it can fail."""

from __future__ import annotations

import pytest
from django.utils import timezone

from providers.kit import contract
from providers.kit.oauth import new_verifier
from tokens.connect import app_for, redirect_uri
from tokens.disconnect import disconnect, revoke_due
from tokens.models import Handshake, OAuthToken, SocialAccount
from tokens.networks import network
from tokens.problems import Problem
from tokens.refresh import Outcome, refresh
from tokens.vault import seal, unseal

from .adapter import Oidc
from .conftest import Dance
from .server import Authority
from .sight import assert_silent, assert_unmarked, keys_of, works
from .visitor import Visitor

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]


def test_alice_connects_through_the_servers_own_pages(authority: Authority, dance: Dance) -> None:
    ada = Visitor("ada")

    account = dance.end(dance.back(ada))

    assert ada.seen == ["login", "consent"]
    assert (account.external_id, account.handle) == ("ada", "ada")
    assert account.token is not None
    assert account.token.can_refresh
    assert account.token.expires_at is not None
    assert works(authority, account.token)
    [exchange] = authority.token_requests()
    assert (exchange.grant_type, exchange.granted) == ("authorization_code", True)


def test_whoever_says_no_connects_nothing(authority: Authority, dance: Dance) -> None:
    back = dance.back(Visitor("ada", says_yes=False))

    with pytest.raises(Problem) as refusal:
        dance.end(back)

    assert refusal.value.code == "OAUTH_CANCELLED"
    assert authority.token_requests() == []
    assert not OAuthToken.objects.exists()


def test_the_server_insists_on_a_challenge(dance: Dance) -> None:
    bare = dance.url().replace("code_challenge=", "forgotten=")

    back = Visitor("ada").walk(bare, redirect_uri())

    assert back["error"] == "invalid_request"
    with pytest.raises(Problem):
        dance.end(back)


def test_a_code_with_the_wrong_verifier_connects_nothing(
    authority: Authority, dance: Dance
) -> None:
    back = dance.back(Visitor("ada"))
    wrong, hello = new_verifier(), Handshake.objects.get()
    Handshake.objects.update(verifier_sealed=seal(wrong, f"handshake:{hello.pk}:verifier"))

    with pytest.raises(Problem) as refusal:
        dance.end(back)

    assert refusal.value.code == "OAUTH_CALLBACK_ERROR"
    hidden = (wrong, back["code"], back["state"], authority.client_secret)
    assert_silent(f"{refusal.value.words} {refusal.value!r}", *hidden)
    assert [each.error for each in authority.token_requests()] == ["invalid_grant"]
    assert not OAuthToken.objects.exists()


def test_a_code_that_somebody_has_used_already_connects_nothing(
    authority: Authority, dance: Dance
) -> None:
    back, hello = dance.back(Visitor("ada")), Handshake.objects.get()
    verifier = unseal(hello.verifier_sealed, f"handshake:{hello.pk}:verifier")
    oidc = network(Oidc.name)
    assert isinstance(oidc, Oidc)
    app = app_for(oidc, "")
    assert app is not None
    taken = contract.Dance(app, "", redirect_uri(), state="", verifier=verifier)
    stolen = oidc.exchange(taken, {"code": back["code"]})

    with pytest.raises(Problem) as refusal:
        dance.end(back)

    assert refusal.value.code == "OAUTH_CALLBACK_ERROR"
    hidden = (verifier, back["code"], stolen.access_token, stolen.refresh_token)
    assert_silent(f"{refusal.value.words} {refusal.value!r}", *hidden)
    assert not SocialAccount.objects.exists()
    assert not authority.accepts(stolen.access_token)


def test_the_same_way_back_taken_twice_never_reaches_the_server(
    authority: Authority, dance: Dance
) -> None:
    back = dance.back(Visitor("ada"))
    account = dance.end(back)

    with pytest.raises(Problem) as refusal:
        dance.end(back)

    assert refusal.value.code == "INVALID_STATE"
    assert len(authority.token_requests()) == 1
    assert_unmarked(account)


def test_after_disconnecting_the_server_knows_no_key_of_ours(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    access, _ = keys_of(token)

    assert disconnect(account, timezone.now())

    assert revoke_due(timezone.now())["revoked"] == 1
    assert not authority.accepts(access)
    assert not OAuthToken.objects.exists()


def test_disconnecting_in_doubt_ends_the_pair_that_got_lost_too(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    access, _ = keys_of(token)
    authority.mood("drop")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT

    assert disconnect(SocialAccount.objects.get(pk=account.pk), timezone.now())

    assert authority.accepts(access)
    assert revoke_due(timezone.now())["revoked"] == 1
    assert not authority.accepts(access)
