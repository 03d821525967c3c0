"""Connecting with a key of our own: what is checked on the way, and how servers know this site."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

import providers
from deploy.page import read
from providers.kit import dpop
from providers.kit.contract import Family, Way, practice_values, ways
from sandbox.kit.server import Street as StreetServer
from tests.cast import Cast, Street, written
from tests.tokens.bound import BOUND, NAME, calls, signed_in, token_of
from tests.tokens.dance import SESSION, begun, consent, finished
from tests.workers.engine import run
from tokens import connect
from tokens.models import Handshake, OAuthToken, SocialAccount
from tokens.networks import network
from tokens.problems import Problem
from tokens.vault import unseal

pytestmark = pytest.mark.django_db(transaction=True)
NOT_BEGUN = {"OAUTH_INIT_ERROR", "API_ERROR", "NETWORK_ERROR", "PROVIDER_NOT_CONFIGURED"}
BEFORE_PAR = 4  # the handle, the directory, the resource, the issuer


@pytest.fixture
def account(cast: Cast, street: Street) -> SocialAccount:
    return signed_in(cast, street)


def typed(street: Street, account: str) -> dict[str, str]:
    """What Alice types before she leaves for her server."""
    return {**practice_values(providers.adapter(NAME), street.url), "account": account}


def start(cast: Cast, values: dict[str, str]) -> str:
    who: Any = {"user": cast.alice, "team": cast.team}
    return connect.begin(NAME, values, **who, session=SESSION, at=timezone.now())


# --- connecting -----------------------------------------------------------------------------------
def test_every_dance_has_a_key_of_its_own_and_the_grant_keeps_it(
    cast: Cast, street: Street
) -> None:
    begun(cast, street, NAME)
    grant = token_of(signed_in(cast, street))
    keys = {
        unseal(each.proof_sealed, f"handshake:{each.pk}:proof") for each in Handshake.objects.all()
    }
    assert len(keys) == 2
    assert unseal(grant.proof_sealed, f"token:{grant.pk}:proof") in keys
    assert (grant.family, grant.can_refresh) == (Family.ROTATING, True)
    assert grant.scopes.split() == ["atproto", "transition:generic"]
    for key in keys:
        secret = json.loads(key)["d"]
        assert secret not in json.dumps(street.requests_of(NAME))


def test_an_app_password_is_still_a_grant_with_a_grace(cast: Cast, street: Street) -> None:
    values = practice_values(providers.adapter(NAME), street.url)
    account = connect.sign_in(NAME, values, user=cast.alice, team=cast.team, at=timezone.now())
    grant = token_of(account)
    assert (grant.proof_sealed, grant.family) == ("", "")
    assert run(written(cast, "By app password.", [account])) == ["posted"]


def test_a_server_that_wants_a_nonce_is_asked_once_more(cast: Cast, street: Street) -> None:
    dpop.NONCES.forget()
    url = begun(cast, street, NAME)
    assert calls(street, "/oauth/par") == [400, 201]
    dpop.NONCES.forget()
    account = finished(cast, consent(url))
    assert calls(street, "/oauth/token") == [400, 200]
    dpop.NONCES.forget()
    assert run(written(cast, "With a nonce.", [account])) == ["posted"]
    assert calls(street, "/xrpc/com.atproto.repo.putRecord") == [401, 200]
    assert street.texts(NAME) == ["With a nonce."]


@pytest.mark.parametrize("where", ["", "handle", "at", "did", "server"])
def test_alice_may_type_a_handle_a_did_a_server_or_nothing(
    cast: Cast, street: Street, where: str
) -> None:
    did = street.grant(NAME)["external_id"]
    handle = "ada.practice.test"
    said = {"handle": handle, "at": f" @{handle} ", "did": did, "server": f"{street.url}/{NAME}/"}
    account = finished(cast, consent(start(cast, typed(street, said.get(where, "")))))
    assert account.external_id == did
    hinted = ["login_hint" in r["body"] for r in street.requests_of(NAME) if "par" in r["path"]]
    assert hinted[-1] == (where in ("handle", "at", "did"))


@pytest.mark.parametrize(
    "kind",
    ["rejected", "misconfigured", "error", "html", "drop_before", "drop_after", "empty", "garbage"],
)
def test_a_request_that_the_server_does_not_take_leaves_nothing_behind(
    cast: Cast, street: Street, kind: str
) -> None:
    street.trouble(NAME, "slow", on="app", times=BEFORE_PAR, seconds=0)
    street.trouble(NAME, kind, on="app")
    with pytest.raises(Problem) as caught:
        begun(cast, street, NAME)
    assert caught.value.code in NOT_BEGUN
    assert caught.value.words.startswith(network(NAME).label)
    assert len(calls(street, "/oauth/par")) == 1
    assert not Handshake.objects.exists()
    assert not OAuthToken.objects.exists()


@pytest.mark.parametrize("step", range(BEFORE_PAR))
@pytest.mark.parametrize("kind", ["error", "drop_before", "garbage"])
def test_on_the_way_to_the_server_trouble_is_said_and_nothing_is_pushed(
    cast: Cast, street: Street, step: int, kind: str
) -> None:
    if step:
        street.trouble(NAME, "slow", on="app", times=step, seconds=0)
    street.trouble(NAME, kind, on="app")
    with pytest.raises(Problem) as caught:
        begun(cast, street, NAME)
    assert caught.value.code in NOT_BEGUN
    assert calls(street, "/oauth/par") == []


def test_a_name_that_nobody_has_is_said_to_be_unknown(cast: Cast, street: Street) -> None:
    with pytest.raises(Problem, match=r"nobody\.practice\.test"):
        start(cast, typed(street, "nobody.practice.test"))
    with pytest.raises(Problem, match="Handle or server") as caught:
        start(cast, typed(street, "no handle at all"))
    assert caught.value.code == "VALIDATION_ERROR"
    assert calls(street, "/oauth/par") == []


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254", "https://127.0.0.1", "https://[::1]"]
)
def test_a_server_that_is_not_public_is_not_called(
    cast: Cast, street: Street, address: str
) -> None:
    with pytest.raises(Problem) as caught:
        start(cast, typed(street, address))
    assert caught.value.code in NOT_BEGUN
    assert "https://" in caught.value.words or "not public" in caught.value.words


@pytest.mark.parametrize("change", ["wrong", "missing"])
def test_an_answer_from_another_server_is_refused_before_any_token_call(
    cast: Cast, street: Street, change: str
) -> None:
    params = consent(begun(cast, street, NAME))
    if change == "wrong":
        params["iss"] = "https://mallory.test"
    else:
        del params["iss"]
    with pytest.raises(Problem, match="did not come from the server") as caught:
        finished(cast, params)
    assert caught.value.code == "OAUTH_CALLBACK_ERROR"
    assert calls(street, "/oauth/token") == []
    assert not OAuthToken.objects.exists()


def test_somebody_else_than_was_named_is_not_connected_and_ends_there_too(
    cast: Cast, street: Street
) -> None:
    url = begun(cast, street, NAME)  # Ada was named, but at her server Bo presses the button
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    data = {**query, "person": "bo", "decision": "allow"}
    answer = requests.post(url.partition("?")[0], data=data, allow_redirects=False, timeout=5)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    with pytest.raises(Problem, match="Somebody else") as caught:
        finished(cast, {name: values[0] for name, values in back.items()})
    assert caught.value.code == "OAUTH_CALLBACK_ERROR"
    assert not OAuthToken.objects.exists()
    assert calls(street, "/oauth/revoke") == [200]


def test_a_grant_without_the_scope_that_matters_is_not_kept(
    cast: Cast, street: Street, street_server: StreetServer
) -> None:
    params = consent(begun(cast, street, NAME))
    code = street_server.store.get(NAME, "code", params["code"])
    assert code is not None
    street_server.store.put(NAME, "code", params["code"], {**code, "scope": "transition:generic"})
    with pytest.raises(Problem, match="scope atproto"):
        finished(cast, params)
    assert not OAuthToken.objects.exists()
    assert calls(street, "/oauth/revoke") == [200]


# --- being known ----------------------------------------------------------------------------------
def test_on_loopback_the_site_needs_no_document(client: Client, street: Street) -> None:
    app = connect.app_for(network(NAME), "")
    assert app is not None
    assert app.client_id.startswith("http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8000")
    assert client.get(reverse("client-document", args=[NAME])).status_code == 404


def test_with_tls_the_document_says_who_we_are(client: Client, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://post.example.org"
    url = reverse("client-document", args=[NAME])
    answer = client.get(url)
    assert answer["Content-Type"] == "application/json"
    said = answer.json()
    assert said["client_id"] == f"https://post.example.org{url}"
    assert said["redirect_uris"] == [connect.redirect_uri()]
    assert (said["token_endpoint_auth_method"], said["dpop_bound_access_tokens"]) == ("none", True)
    assert "atproto" in said["scope"].split()
    assert "jwks" not in said
    others = [n for n in providers.names() if n not in BOUND]
    for name in (*others, "nobody"):
        assert client.get(reverse("client-document", args=[name])).status_code == 404


def test_a_site_without_tls_offers_only_what_works(
    cast: Cast, street: Street, settings: Settings, client: Client
) -> None:
    settings.PUBLIC_URL = "http://post.example.org"
    with pytest.raises(Problem, match="PUBLIC_URL") as caught:
        begun(cast, street, NAME)
    assert caught.value.code == "PROVIDER_NOT_CONFIGURED"
    assert connect.offered_ways(network(NAME)) == (Way.FORM,)
    client.force_login(cast.alice)
    forms = read(client.get(reverse("accounts")).content.decode(), "http://x/").forms
    here = [f for f in forms if f.action.endswith(reverse("connect", args=[NAME]))]
    assert [set(f.fields) & {"account", "password"} for f in here] == [{"password"}]


def test_both_ways_stand_on_the_card_and_the_better_one_comes_first(
    cast: Cast, street: Street, client: Client
) -> None:
    client.force_login(cast.alice)
    forms = read(client.get(reverse("accounts")).content.decode(), "http://x/").forms
    here = [f for f in forms if f.action.endswith(reverse("connect", args=[NAME]))]
    assert [f.fields["way"] for f in here] == [["page"], ["form"]]
    assert ways(providers.adapter(NAME)) == (Way.PAGE, Way.FORM)
    values = practice_values(providers.adapter(NAME), street.url)
    answer = client.post(here[0].action, {"way": "page", "account": values["account"]})
    assert answer["Location"].startswith(f"{street.url}/{NAME}/oauth/authorize?")
    answer = client.post(here[0].action, {**values, "way": "form"})
    assert answer["Location"] == reverse("accounts")
    answer = client.post(here[0].action, {"way": "page", "account": "no handle at all"})
    assert answer.status_code == 422
    assert "Handle or server: please type" in answer.content.decode()


def test_connecting_again_needs_no_typing(
    cast: Cast, street: Street, client: Client, account: SocialAccount
) -> None:
    client.force_login(cast.alice)
    forms = read(client.get(reverse("accounts")).content.decode(), "http://x/").forms
    again = next(f for f in forms if f.action.endswith(reverse("connect", args=[NAME])))
    assert again.fields["way"] == ["page"]
    assert again.fields["account"] == [account.external_id]
    answer = client.post(again.action, {n: values[0] for n, values in again.fields.items()})
    page = requests.get(answer["Location"], timeout=5).text
    assert page.index('value="ada"') < page.index('value="bo"')
