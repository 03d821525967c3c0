"""Whatever goes wrong has a code, a calm sentence and an id; every code can be provoked."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone
from pytest_django import Settings

import providers
from accounts.models import Notice
from providers.kit.contract import Registers, Revokes, SignsInByForm, Way, practice_values, ways
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import correlation
from tests.cast import Cast, Street
from tests.tokens.dance import SESSION, begun, consent, danced, finished
from tokens import connect
from tokens.codes import DO_WITHOUT, MEANINGS, RETRYABLE, Code
from tokens.disconnect import disconnect, pause, revoke_due
from tokens.models import ClientApp, OAuthToken
from tokens.networks import UnknownNetwork, network
from tokens.problems import Problem, code_of, plainly
from tokens.vault import CannotOpen

pytestmark = pytest.mark.django_db(transaction=True)
BY_PAGE = next(n for n in providers.names() if ways(providers.adapter(n)) == (Way.PAGE,))
REGISTERING = next(n for n in providers.names() if issubclass(providers.adapter(n), Registers))
BY_FORM = next(n for n in providers.names() if issubclass(providers.adapter(n), SignsInByForm))
REVOKING = next(n for n in providers.names() if issubclass(providers.adapter(n), Revokes))
SECOND = timedelta(seconds=1)


# --- the table ------------------------------------------------------------------------------------
def test_every_code_has_a_meaning_and_only_what_passes_by_itself_is_tried_again() -> None:
    assert set(MEANINGS) == set(Code)
    assert not set(DO_WITHOUT) & set(Code)
    assert {
        Code.NETWORK_ERROR,
        Code.API_ERROR,
        Code.TIMEOUT_ERROR,
        Code.RATE_LIMIT_ERROR,
        Code.DATABASE_ERROR,
    } == RETRYABLE
    for code, meaning in MEANINGS.items():
        assert meaning.words.endswith("."), code
        assert 400 <= meaning.status < 600, code


def test_a_problem_is_told_to_an_api_in_six_words() -> None:
    token = correlation.set("request-0815")
    try:
        problem = Problem("RATE_LIMIT_ERROR", "Too fast.", "x", wait=SECOND)
    finally:
        correlation.reset(token)
    told = problem.as_dict()
    assert datetime.fromisoformat(str(told.pop("at"))) == problem.at
    assert told == {
        "code": "RATE_LIMIT_ERROR",
        "message": "Too fast.",
        "provider": "x",
        "retryable": True,
        "correlation_id": "request-0815",
    }
    assert (problem.status, problem.wait) == (429, SECOND)


def test_a_code_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="MADE_UP"):
        Problem("MADE_UP", "Never mind.")


# --- what may escape ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Throttled("Slow down.", wait=SECOND), Code.RATE_LIMIT_ERROR),
        (Unavailable("No door."), Code.NETWORK_ERROR),
        (Unavailable("Late.", timed_out=True), Code.TIMEOUT_ERROR),
        (Unavailable("It has trouble.", status=503), Code.API_ERROR),
        (Uncertain("Lost."), Code.NETWORK_ERROR),
        (Uncertain("Late.", timed_out=True), Code.TIMEOUT_ERROR),
        (Uncertain("Garbled.", status=200), Code.API_ERROR),
        (Unexpected("Odd.", status=418), Code.API_ERROR),
        (Misconfigured("Our secret.", status=401), Code.PROVIDER_NOT_CONFIGURED),
        (Unauthorized("No."), Code.OAUTH_INIT_ERROR),
        (Forbidden("No."), Code.OAUTH_INIT_ERROR),
        (Rejected("No."), Code.OAUTH_INIT_ERROR),
        (UnknownNetwork("There is no network called 'gone'."), Code.INVALID_PROVIDER),
        (CannotOpen("TOKEN_KEYS has no key 'k9'."), Code.DECRYPTION_ERROR),
        (ImproperlyConfigured("TOKEN_KEYS must be …"), Code.ENCRYPTION_ERROR),
        (OperationalError("server closed: password=hunter2"), Code.DATABASE_ERROR),
        (IntegrityError("duplicate key hunter2"), Code.DATABASE_ERROR),
        (ZeroDivisionError("hunter2"), Code.UNKNOWN_ERROR),
    ],
)
def test_nothing_but_a_problem_comes_out(trouble: Exception, code: Code) -> None:
    with pytest.raises(Problem) as caught, plainly(Code.OAUTH_INIT_ERROR, "x"):
        raise trouble
    problem = caught.value
    assert (problem.code, problem.provider) == (code, "x")
    assert problem.words.endswith((".", "…", "'"))
    assert "hunter2" not in problem.words
    if isinstance(trouble, NetworkError):
        assert (problem.words, problem.wait) == (trouble.words, trouble.wait)
        assert code_of(trouble, Code.OAUTH_INIT_ERROR) is code


def test_a_problem_passes_as_it_is() -> None:
    first = Problem("INVALID_STATE", "Begin again.")
    with pytest.raises(Problem) as caught, plainly(), plainly(provider="x"):
        raise first
    assert caught.value is first


def test_what_nobody_expected_is_in_the_log_under_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(Problem) as caught, plainly():
        raise LookupError("the missing piece")
    assert caught.value.correlation_id in caught.value.words
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert "the missing piece" in caplog.text


def test_an_end_that_was_asked_for_is_no_problem() -> None:
    with pytest.raises(KeyboardInterrupt), plainly():
        raise KeyboardInterrupt


def test_work_without_a_request_is_given_an_id_and_a_request_keeps_its_own() -> None:
    seen = []
    with plainly():
        seen.append(correlation.get())
        with plainly():
            seen.append(correlation.get())
    assert len(seen[0]) == 32
    assert seen == [seen[0]] * 2
    assert correlation.get() == ""


# --- each verb ------------------------------------------------------------------------------------
def refused(cast: Cast, street: Street, name: str, **values: str) -> Problem:
    """Why a connection cannot even begin."""
    known = practice_values(providers.adapter(name), street.url)
    who: Any = {"user": cast.alice, "team": cast.team, "session": SESSION, "at": timezone.now()}
    with pytest.raises(Problem) as caught:
        connect.begin(name, {**known, **values}, **who)
    assert caught.value.correlation_id
    return caught.value


def told(cast: Cast, params: dict[str, str]) -> Problem:
    """Why a connection cannot be finished."""
    with pytest.raises(Problem) as caught:
        finished(cast, params)
    return caught.value


def test_a_network_that_is_not_there_cannot_be_connected(cast: Cast) -> None:
    who: Any = {"user": cast.alice, "team": cast.team, "at": timezone.now()}
    for verb in (connect.sign_in, lambda *a, **k: connect.begin(*a, **k, session=SESSION)):
        with pytest.raises(Problem) as caught:
            verb("gone", {}, **who)
        assert caught.value.code is Code.INVALID_PROVIDER


def test_an_address_that_cannot_be_used_is_the_persons_to_mend(cast: Cast, street: Street) -> None:
    blank = providers.adapter(REGISTERING).fields[0].name
    problem = refused(cast, street, REGISTERING, **{blank: "a b"})
    assert (problem.code, problem.provider) == (Code.VALIDATION_ERROR, REGISTERING)


def test_the_wrong_way_is_refused(cast: Cast, street: Street) -> None:
    who: Any = {"user": cast.alice, "team": cast.team, "at": timezone.now()}
    with pytest.raises(Problem) as caught:
        connect.sign_in(BY_PAGE, {}, **who)
    assert (caught.value.code, caught.value.provider) == (Code.OAUTH_INIT_ERROR, BY_PAGE)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("throttled", Code.RATE_LIMIT_ERROR),
        ("error", Code.API_ERROR),
        ("drop_before", Code.NETWORK_ERROR),
        ("slow", Code.TIMEOUT_ERROR),
    ],
)
def test_a_server_in_trouble_before_the_dance_may_be_asked_again(
    kind: str, code: Code, cast: Cast, street: Street
) -> None:
    street.trouble(REGISTERING, kind, on="any")
    problem = refused(cast, street, REGISTERING)
    assert (problem.code, problem.retryable, problem.provider) == (code, True, REGISTERING)
    assert not ClientApp.objects.exists()
    assert begun(cast, street, REGISTERING)


def test_a_network_that_comes_back_without_a_code(cast: Cast, street: Street) -> None:
    params = consent(begun(cast, street, BY_PAGE))
    del params["code"]
    problem = told(cast, params)
    assert (problem.code, problem.provider) == (Code.INVALID_CODE, BY_PAGE)
    assert told(cast, params).code is Code.INVALID_STATE


@pytest.mark.parametrize("kind", ["throttled", "error", "drop_before", "misconfigured"])
def test_whatever_happens_after_a_code_was_sent_it_is_not_to_be_sent_again(
    kind: str, cast: Cast, street: Street
) -> None:
    params = consent(begun(cast, street, BY_PAGE))
    street.trouble(BY_PAGE, kind, on="token")
    problem = told(cast, params)
    assert (problem.code, problem.retryable) == (Code.OAUTH_CALLBACK_ERROR, False)


@pytest.mark.parametrize(
    ("kind", "code"),
    [("unauthorized", Code.OAUTH_CALLBACK_ERROR), ("throttled", Code.RATE_LIMIT_ERROR)],
)
def test_a_typed_key_is_refused_or_asked_for_again(
    kind: str, code: Code, cast: Cast, street: Street
) -> None:
    street.trouble(BY_FORM, kind, on="any")
    values = practice_values(providers.adapter(BY_FORM), street.url)
    with pytest.raises(Problem) as caught:
        connect.sign_in(BY_FORM, values, user=cast.alice, team=cast.team, at=timezone.now())
    assert (caught.value.code, caught.value.provider) == (code, BY_FORM)
    assert not OAuthToken.objects.exists()


def test_a_site_whose_keys_are_spoilt_seals_nothing(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.TOKEN_KEYS = "k1:too-short"
    problem = refused(cast, street, BY_PAGE)
    assert (problem.code, problem.retryable) == (Code.ENCRYPTION_ERROR, False)


def test_a_dance_whose_secret_does_not_open_any_more(
    cast: Cast, street: Street, settings: Settings
) -> None:
    params = consent(begun(cast, street, BY_PAGE))
    settings.TOKEN_KEYS = "new:MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    assert told(cast, params).code is Code.DECRYPTION_ERROR


def test_a_database_that_is_away_is_told_calmly(cast: Cast, street: Street) -> None:
    account = danced(cast, street, BY_PAGE)

    def away(*_: Any) -> Any:
        raise OperationalError("connection to hunter2 lost")

    with connection.execute_wrapper(away), pytest.raises(Problem) as caught:
        pause(account)
    assert (caught.value.code, caught.value.retryable) == (Code.DATABASE_ERROR, True)
    assert "hunter2" not in caught.value.words
    assert pause(account)


def test_a_network_that_could_not_be_told_of_an_end_leaves_a_notice(
    cast: Cast, street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    at = timezone.now()
    disconnect(danced(cast, street, REVOKING), at)
    street.trouble(REVOKING, "error", on="revoke")
    assert revoke_due(at + timedelta(days=2))["given_up"] == 1
    [notice] = Notice.objects.for_team(cast.team)
    assert network(REVOKING).label in notice.words
    assert "To end them now, open its settings and remove this site" in notice.words
    assert Code.TOKEN_REVOKE_ERROR in caplog.text
