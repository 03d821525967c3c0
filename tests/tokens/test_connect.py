"""Connecting an account by a real dance with the twins, and every way it can be refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import providers
from providers.kit.contract import SignsInByForm, SignsInByOAuth, practice_values
from tests.cast import Cast, Street
from tests.tokens.dance import SESSION, begun, consent, finished
from tokens import connect
from tokens.models import ClientApp, Handshake, OAuthToken
from tokens.networks import network
from tokens.problems import Problem

pytestmark = pytest.mark.django_db(transaction=True)
BY_PAGE = [n for n in providers.names() if issubclass(providers.adapter(n), SignsInByOAuth)]
BY_FORM = [n for n in providers.names() if issubclass(providers.adapter(n), SignsInByForm)]


@pytest.mark.parametrize("name", BY_PAGE)
def test_the_dance_connects_an_account(cast: Cast, street: Street, name: str) -> None:
    account = finished(cast, consent(begun(cast, street, name)))
    assert (account.provider, account.team, account.state) == (name, cast.team, "connected")
    assert account.handle
    assert account.token is not None
    assert account.token.access_sealed
    again = finished(cast, consent(begun(cast, street, name)))
    assert again.pk == account.pk
    assert OAuthToken.objects.count() == 1


@pytest.mark.parametrize("name", BY_FORM)
def test_an_app_password_connects_an_account(cast: Cast, street: Street, name: str) -> None:
    values = practice_values(providers.adapter(name), street.url)
    who: Any = {"user": cast.alice, "team": cast.team, "at": timezone.now()}
    account = connect.sign_in(name, values, **who)
    assert account.state == "connected"
    secret = next(f.name for f in providers.adapter(name).fields if f.secret)
    with pytest.raises(Problem) as caught:
        connect.sign_in(name, {**values, secret: "wrong-wrong-wrong"}, **who)
    assert "wrong-wrong-wrong" not in str(caught.value)


@pytest.mark.parametrize("name", BY_PAGE)
def test_saying_no_connects_nothing_and_asks_for_no_token(
    cast: Cast, street: Street, name: str
) -> None:
    with pytest.raises(Problem) as caught:
        finished(cast, consent(begun(cast, street, name), allow=False))
    assert caught.value.code == "OAUTH_CANCELLED"
    asked = [r for r in street.requests_of(name) if "authorization_code" in str(r["body"])]
    assert asked == []


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("access_denied", "OAUTH_CANCELLED", "you said no"),
        ("invalid_request", "PROVIDER_NOT_CONFIGURED", "whoever runs this site"),
        ("invalid_scope", "PROVIDER_NOT_CONFIGURED", "whoever runs this site"),
        ("unauthorized_client", "PROVIDER_NOT_CONFIGURED", "whoever runs this site"),
        ("unsupported_response_type", "PROVIDER_NOT_CONFIGURED", "whoever runs this site"),
        ("server_error", "API_ERROR", "try again later"),
        ("temporarily_unavailable", "API_ERROR", "try again later"),
        ("out_of_tea", "OAUTH_CALLBACK_ERROR", "begin again"),
        ("<b>hello</b>", "OAUTH_CALLBACK_ERROR", "begin again"),
    ],
)
def test_whose_no_it_was_is_told_apart(
    cast: Cast, street: Street, error: str, code: str, words: str
) -> None:
    params = consent(begun(cast, street, BY_PAGE[0]), allow=False)
    with pytest.raises(Problem) as caught:
        finished(cast, {**params, "error": error})
    assert caught.value.code == code
    assert words in caught.value.words
    assert ("you said no" in caught.value.words) is (error == "access_denied")
    assert "<" not in caught.value.words


@pytest.mark.parametrize("name", BY_PAGE[:1])
@pytest.mark.parametrize(
    "change", ["altered", "missing", "expired", "replayed", "browser", "person", "team"]
)
def test_a_state_that_is_not_ours_is_refused_before_any_token_call(
    cast: Cast, street: Street, name: str, change: str
) -> None:
    params = consent(begun(cast, street, name))
    other: dict[str, Any] = {}
    match change:
        case "altered":
            params["state"] += "x"
        case "missing":
            del params["state"]
        case "expired":
            Handshake.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        case "replayed":
            finished(cast, dict(params))
        case "browser":
            other["session"] = "mallorys-browser"
        case "person":
            other["user"] = cast.charlie
        case "team":
            other["team"] = cast.other_team
    before = len(street.requests_of(name))
    with pytest.raises(Problem) as caught:
        finished(cast, params, **other)
    assert caught.value.code == "INVALID_STATE"
    assert len(street.requests_of(name)) == before


@pytest.mark.parametrize("name", BY_PAGE)
def test_an_account_of_another_team_is_refused_not_taken(
    cast: Cast, street: Street, name: str
) -> None:
    mine = finished(cast, consent(begun(cast, street, name)))
    who: Any = {"user": cast.charlie, "team": cast.other_team}
    values = practice_values(providers.adapter(name), street.url)
    url = connect.begin(name, values, **who, session=SESSION, at=timezone.now())
    with pytest.raises(Problem) as caught:
        finished(cast, consent(url), **who)
    assert caught.value.code == "ACCOUNT_ALREADY_CONNECTED"
    mine.refresh_from_db()
    assert mine.team == cast.team
    assert OAuthToken.objects.filter(team=cast.other_team).count() == 0


@pytest.mark.parametrize("name", BY_PAGE)
def test_a_network_that_fails_at_the_end_leaves_a_clear_word(
    cast: Cast, street: Street, name: str
) -> None:
    params = consent(begun(cast, street, name))
    street.trouble(name, "drop_after", on="token")
    with pytest.raises(Problem) as caught:
        finished(cast, params)
    assert caught.value.code == "OAUTH_CALLBACK_ERROR"
    assert params["code"] not in caught.value.words
    with pytest.raises(Problem) as caught:
        finished(cast, params)
    assert caught.value.code == "INVALID_STATE"


def test_an_app_is_registered_once_per_instance(cast: Cast, street: Street) -> None:
    begun(cast, street, "mastodon")
    begun(cast, street, "mastodon")
    app = ClientApp.objects.get()
    assert app.secret_sealed.startswith("t1.")
    registered = [r for r in street.requests_of("mastodon") if r["path"].endswith("/v1/apps")]
    assert len(registered) == 1


def test_a_network_without_credentials_says_what_is_missing(
    cast: Cast, street: Street, settings: Any
) -> None:
    settings.PROVIDER_OPTIONS["x"]["X_CLIENT_ID"] = ""
    network.cache_clear()
    with pytest.raises(Problem, match="X_CLIENT_ID") as caught:
        begun(cast, street, "x")
    assert caught.value.code == "PROVIDER_NOT_CONFIGURED"
