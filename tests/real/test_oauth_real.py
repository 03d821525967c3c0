"""Alice signs in at a real AT Protocol server: consent, proofs, nonces, single-use keys, an end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from providers.bluesky import Bluesky
from providers.kit import dpop
from providers.kit.contract import Account, App, Dance, Grant, Message
from providers.kit.errors import NetworkError, Unauthorized, Uncertain
from tests.cast import Cast, written
from tests.tokens.dance import SESSION, finished
from tests.workers.engine import run
from tokens import connect, networks
from tokens.disconnect import disconnect, revoke_due
from tokens.models import OAuthToken, SocialAccount
from tokens.problems import Problem
from tokens.refresh import Outcome, fresh, refresh
from tokens.speak import publish
from tokens.states import AccountState
from tokens.vault import new_proof_key, unseal

from .lossy import Loss, Lossy, Passage
from .pds import Pds, Person, claims_of
from .site import ADDRESS
from .visitor import Visitor

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]
NAME = "bluesky"


@pytest.fixture
def front(pds: Pds, settings: Settings) -> Iterator[Lossy]:
    """The way to the server, from an engine that is set up for it and knows no nonce yet."""
    options = {setting.name: setting.default for setting in Bluesky.settings}
    options |= {"BLUESKY_HOST": pds.url, "BLUESKY_PLC_URL": pds.plc}
    settings.PROVIDER_OPTIONS = {NAME: options}
    settings.TRUSTED_ORIGINS = [pds.url, pds.plc]
    settings.HTTP_READ_S = settings.HTTP_DEADLINE_S = 20
    settings.LEASE_S = 60
    networks.forget()
    dpop.NONCES.forget()
    pds.front.passages.clear()
    yield pds.front
    networks.forget()


@pytest.fixture
def account(cast: Cast, front: Lossy, alice: Person) -> SocialAccount:
    """Alice's account, connected at her server."""
    account = signed_in(cast, alice)
    front.passages.clear()
    return account


def begun(cast: Cast, hint: str) -> str:
    """Alice types a handle or a server; where her browser is sent."""
    who: Any = {"user": cast.alice, "team": cast.team, "session": SESSION, "at": timezone.now()}
    return connect.begin(NAME, {"account": hint}, **who)


def signed_in(cast: Cast, alice: Person, hint: str = "") -> SocialAccount:
    return finished(cast, Visitor(begun(cast, hint or alice.handle)).allow(alice))


def outcome(passages: list[Passage]) -> list[tuple[int | None, str]]:
    return [(passage.status, passage.error) for passage in passages]


def renewals(front: Lossy) -> list[Passage]:
    """The requests in which a refresh token was shown."""
    return [p for p in front.calls("/oauth/token") if "grant_type=refresh_token" in p.sent]


def opened(account: SocialAccount) -> tuple[Grant, Account, App]:
    """The grant behind an account, and what an adapter needs to act with it."""
    token = OAuthToken.objects.get(accounts=account)
    grant = Grant(
        unseal(token.access_sealed, f"token:{token.pk}:access"),
        unseal(token.refresh_sealed, f"token:{token.pk}:refresh"),
        host=token.host,
        proof_key=unseal(token.proof_sealed, f"token:{token.pk}:proof"),
    )
    who = Account(account.external_id, account.handle, grant.host, grant.access_token)
    app = connect.app_for(adapter(), token.host)
    assert app is not None
    return grant, replace(who, proof_key=grant.proof_key), app


def adapter() -> Bluesky:
    found = networks.network(NAME)
    assert isinstance(found, Bluesky)
    return found


# --- connecting -----------------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["handle", "did", "server"])
def test_alice_connects_at_her_server_and_posts(
    cast: Cast, front: Lossy, pds: Pds, alice: Person, where: str
) -> None:
    hint = {"handle": alice.handle, "did": alice.did, "server": pds.url}[where]
    account = signed_in(cast, alice, hint)

    assert (account.external_id, account.handle) == (alice.did, f"@{alice.handle}")
    assert account.token is not None
    assert (account.token.host, account.token.family) == (pds.url, "rotating")
    assert account.token.scopes.split() == ["atproto", "transition:generic"]
    pushed = front.calls("/oauth/par")
    assert outcome(pushed) == [(400, "use_dpop_nonce"), (201, "")]
    assert outcome(front.calls("/oauth/token")) == [(200, "")]
    assert run(written(cast, "Signed in at home.", [account])) == ["posted"]
    assert [record["value"]["text"] for record in pds.records(alice)] == ["Signed in at home."]


def test_alice_says_no(cast: Cast, front: Lossy, alice: Person) -> None:
    params = Visitor(begun(cast, alice.handle)).deny()

    assert params["error"] == "access_denied"
    with pytest.raises(Problem) as caught:
        finished(cast, params)
    assert caught.value.code == "OAUTH_CANCELLED"
    assert front.calls("/oauth/token") == []


def test_bob_signs_in_where_alice_was_named(
    cast: Cast, front: Lossy, pds: Pds, alice: Person
) -> None:
    bob = pds.enrol("bob")
    params = Visitor(begun(cast, alice.handle)).allow(bob)

    with pytest.raises(Problem, match="Somebody else"):
        finished(cast, params)

    assert not OAuthToken.objects.exists()
    assert outcome(front.calls("/oauth/revoke")) == [(200, "")]


def test_a_code_is_good_once_and_only_with_its_own_key(
    cast: Cast, front: Lossy, pds: Pds, alice: Person
) -> None:
    provider, verifier = adapter(), "v" * 64
    app = connect.app_for(provider, "")
    assert app is not None
    begun_at = Dance(
        app, pds.url, connect.redirect_uri(), "st", verifier, new_proof_key(), alice.handle
    )
    departure = provider.depart(begun_at)
    dance = replace(begun_at, memory=departure.memory)
    params = Visitor(departure.url).allow(alice)

    with pytest.raises(Unauthorized) as refusal:
        provider.exchange(replace(dance, proof_key=new_proof_key()), params)

    assert params["code"] not in f"{refusal.value.words} {refusal.value!r}"
    again = provider.depart(dance)
    params = Visitor(again.url).allow(alice)
    assert provider.exchange(replace(dance, memory=again.memory), params).refresh_token
    with pytest.raises(NetworkError):
        provider.exchange(replace(dance, memory=again.memory), params)


# --- posting --------------------------------------------------------------------------------------
def test_a_server_that_wants_a_nonce_gets_it_and_the_post_stands_once(
    cast: Cast, front: Lossy, pds: Pds, alice: Person, account: SocialAccount
) -> None:
    dpop.NONCES.forget()

    assert run(written(cast, "With a fresh nonce.", [account])) == ["posted"]

    assert outcome(front.calls("putRecord")) == [(401, "use_dpop_nonce"), (200, "")]
    assert len(pds.records(alice)) == 1


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.REQUEST])
def test_what_gets_lost_on_the_way_becomes_exactly_one_post(
    front: Lossy,
    pds: Pds,
    alice: Person,
    account: SocialAccount,
    message: Message,
    loss: Loss,
) -> None:
    front.lose(loss, "putRecord")

    with pytest.raises(Uncertain):
        publish(account, message, timezone.now(), may_send=lambda: True)

    found = adapter().find(message, opened(account)[1])
    assert (found is not None) == (loss is Loss.ANSWER)
    receipt = publish(account, message, timezone.now(), may_send=lambda: True)
    assert receipt == (found or receipt)
    assert [record["uri"] for record in pds.records(alice)] == [receipt.external_id]


def test_an_expired_key_is_renewed_and_the_post_goes_out(
    cast: Cast, front: Lossy, pds: Pds, alice: Person, account: SocialAccount
) -> None:
    grant, key, _ = opened(account)
    spent = replace(key, access_token=pds.aged(grant.access_token))
    with pytest.raises(Unauthorized) as refusal:
        adapter().publish(Message("Too late", "k", timezone.now()), spent)
    assert (refusal.value.status, refusal.value.network_code) == (401, "invalid_token")
    ended = timezone.now() - timedelta(minutes=1)
    OAuthToken.objects.update(expires_at=ended, refresh_at=ended)

    assert run(written(cast, "Renewed on the way.", [account])) == ["posted"]

    assert len(renewals(front)) == 1
    assert [record["value"]["text"] for record in pds.records(alice)] == ["Renewed on the way."]


# --- renewing -------------------------------------------------------------------------------------
def test_renewing_rotates_the_pair_and_keeps_the_key(
    cast: Cast, pds: Pds, alice: Person, account: SocialAccount
) -> None:
    before, old_key, _ = opened(account)

    assert refresh(OAuthToken.objects.get(), timezone.now()) is Outcome.REFRESHED

    after, _, _ = opened(account)
    assert after.refresh_token != before.refresh_token
    assert after.proof_key == before.proof_key
    assert claims_of(after.access_token)["cnf"]["jkt"] == dpop.thumbprint(before.proof_key)
    with pytest.raises(Unauthorized):
        adapter().publish(Message("Old", "k", timezone.now()), old_key)
    assert run(written(cast, "By the new pair.", [account])) == ["posted"]
    assert len(pds.records(alice)) == 1


def test_a_spent_refresh_token_that_is_shown_again_ends_the_session(
    account: SocialAccount,
) -> None:
    grant, key, app = opened(account)
    successor = adapter().refresh(grant=grant, app=app, host="")

    with pytest.raises(Unauthorized, match="replayed"):
        adapter().refresh(grant=grant, app=app, host="")

    with pytest.raises(Unauthorized):
        adapter().refresh(grant=successor, app=app, host="")
    living = replace(key, access_token=successor.access_token)
    with pytest.raises(Unauthorized):
        adapter().publish(Message("Over", "k", timezone.now()), living)


def test_after_a_lost_answer_our_engine_never_shows_the_spent_token_again(
    cast: Cast, front: Lossy, alice: Person, account: SocialAccount
) -> None:
    grant, _, app = opened(account)
    token = OAuthToken.objects.get()
    front.lose(Loss.ANSWER, "/oauth/token")

    assert refresh(token, timezone.now()) is Outcome.TRANSIENT

    assert [passage.status for passage in front.lost()] == [200]
    for minutes in (1, 10, 30, 50):
        later = timezone.now() + timedelta(minutes=minutes)
        assert refresh(OAuthToken.objects.get(), later) is Outcome.SKIPPED
    assert token.expires_at is not None
    with pytest.raises(Unauthorized, match="got lost"):
        fresh(OAuthToken.objects.get(), token.expires_at)
    account.refresh_from_db()
    assert account.state == AccountState.RECONNECT
    assert len(renewals(front)) == 1
    # The server says "replayed" only of a session that still lives: nobody has ended it.
    with pytest.raises(Unauthorized, match="replayed"):
        adapter().refresh(grant=grant, app=app, host="")
    assert signed_in(cast, alice).pk == account.pk


def test_a_nonce_is_asked_for_before_a_token_is_spent(front: Lossy, account: SocialAccount) -> None:
    dpop.NONCES.forget()

    assert refresh(OAuthToken.objects.get(), timezone.now()) is Outcome.REFRESHED

    assert outcome(renewals(front)) == [(400, "use_dpop_nonce"), (200, "")]


def test_another_app_may_not_renew(account: SocialAccount) -> None:
    grant, _, app = opened(account)
    other = App(f"{app.client_id}%20transition:email")

    with pytest.raises(Unauthorized) as refusal:
        adapter().refresh(grant=grant, app=other, host="")

    assert grant.refresh_token not in refusal.value.words


# --- ending ---------------------------------------------------------------------------------------
def test_disconnecting_ends_the_session_at_the_server(front: Lossy, account: SocialAccount) -> None:
    grant, key, app = opened(account)
    disconnect(account, timezone.now())

    assert revoke_due(timezone.now())["revoked"] == 1

    assert outcome(front.calls("/oauth/revoke")) == [(200, "")]
    with pytest.raises(Unauthorized):
        adapter().publish(Message("Over", "k", timezone.now()), key)
    with pytest.raises(Unauthorized):
        adapter().refresh(grant=grant, app=app, host="")


# --- a site with an address of its own ------------------------------------------------------------
@pytest.fixture(params=["public", "confidential"])
def at_home(request: pytest.FixtureRequest, front: Lossy, pds: Pds, settings: Settings) -> str:
    """Our site behind TLS, with its document where the server looks for it."""
    settings.PUBLIC_URL = ADDRESS
    if request.param == "confidential":
        settings.PROVIDER_OPTIONS[NAME]["BLUESKY_CLIENT_KEY"] = new_proof_key()
    networks.forget()
    path = reverse("client-document", args=[NAME]).replace(".json", f".{request.param}.json")
    answer = Client().get(reverse("client-document", args=[NAME]))
    # The server remembers documents: each kind of client has an address of its own.
    said = {**answer.json(), "client_id": f"{ADDRESS}{path}"}
    pds.site.documents[path] = json.dumps(said).encode()
    return path


def test_a_site_with_a_document_connects_renews_and_ends(
    cast: Cast,
    front: Lossy,
    pds: Pds,
    alice: Person,
    at_home: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connect, "document_url", lambda _: f"{ADDRESS}{at_home}")
    account = signed_in(cast, alice)

    assert at_home in pds.site.asked
    proved = ["client_assertion=" in p.sent for p in front.calls("/oauth/token")]
    assert proved == ["confidential" in at_home]
    assert refresh(OAuthToken.objects.get(), timezone.now()) is Outcome.REFRESHED
    assert run(written(cast, "From a site of our own.", [account])) == ["posted"]
    disconnect(account, timezone.now())
    assert revoke_due(timezone.now())["revoked"] == 1
    assert len(pds.records(alice)) == 1
