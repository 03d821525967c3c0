"""The form for a new post: nothing typed is lost, each problem stands at its field."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from posting.models import Post
from providers.kit.rates import Cap
from tests.cast import Cast
from tests.pages.conftest import connect, read
from tokens.models import OAuthToken, SocialAccount
from tokens.standing import standing
from tokens.states import AccountState
from tokens.status import status_of

NEW = "/posts/new/"


def typed(account: SocialAccount, **other: Any) -> dict[str, Any]:
    """A form as it is sent."""
    return {
        "key": str(uuid.uuid4()),
        "text": "Hello",
        "accounts": [account.pk],
        "when": "",
        **other,
    }


def test_a_post_is_made_and_shown(alice: Client, account: SocialAccount) -> None:
    answer = alice.post(NEW, typed(account))
    made = Post.objects.get()
    assert answer["Location"] == reverse("post", args=[made.pk])


def test_the_same_form_sent_twice_makes_one_post(alice: Client, account: SocialAccount) -> None:
    key = read(alice.get(NEW)).all("input", name="key")[0]["value"]
    places = {alice.post(NEW, typed(account, key=key))["Location"] for _ in range(2)}
    assert len(places) == Post.objects.count() == 1


def test_a_form_that_comes_again_after_its_moment_leads_to_its_post(
    alice: Client, account: SocialAccount
) -> None:
    """The answer got lost, and the browser sends what it has once more, a little later."""
    sent = typed(account, when="2031-03-14T10:00")
    first = alice.post(NEW, sent)["Location"]
    again = alice.post(NEW, {**sent, "when": "2020-01-01T10:00"})
    assert (again.status_code, again.headers.get("Location")) == (302, first)
    assert Post.objects.count() == 1


def test_anothers_form_leads_nobody_to_a_post(
    alice: Client, charlie: Client, account: SocialAccount
) -> None:
    sent = typed(account)
    alice.post(NEW, sent)
    answer = charlie.post(NEW, sent)
    assert answer.status_code == 422
    assert Post.objects.count() == 1


def test_nothing_typed_is_lost(alice: Client, account: SocialAccount) -> None:
    long = "word " * 30_000
    sent = typed(account, text=f"<b>{long}", when="2020-01-01T10:00")
    answer = alice.post(NEW, sent)
    page = read(answer)
    assert answer.status_code == 422
    assert f"<b>{long}" in page.text
    assert "checked" in page.all("input", name="accounts", value=str(account.pk))[0]
    assert page.all("input", name="when")[0]["value"] == "2020-01-01T10:00"
    assert page.all("input", name="key")[0]["value"] == sent["key"]
    assert Post.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "change"),
    [("text", {"text": "  "}), ("when", {"when": "2020-01-01T10:00"})],
)
def test_a_problem_stands_at_its_field(
    field: str, change: dict[str, Any], alice: Client, account: SocialAccount
) -> None:
    page = read(alice.post(NEW, typed(account, **change)))
    [box] = [attrs for tag, attrs in page.elements if attrs.get("name") == field]
    assert box["aria-invalid"] == "true"
    assert f"id_{field}_error" in box["aria-describedby"].split()
    assert page.all("ul", id=f"id_{field}_error")


def test_every_reference_of_a_description_leads_somewhere(
    alice: Client, account: SocialAccount
) -> None:
    sent = typed(account, text="", accounts=[], when="2020-01-01T10:00")
    page = read(alice.post(NEW, sent))
    ids = {attrs.get("id") for _, attrs in page.elements}
    named = [attrs["aria-describedby"] for _, attrs in page.elements if "aria-describedby" in attrs]
    assert len(named) == 4
    assert {one for said in named for one in said.split()} <= ids


def test_no_account_chosen_is_said_at_the_accounts(alice: Client, account: SocialAccount) -> None:
    page = read(alice.post(NEW, typed(account, accounts=[])))
    assert page.all("fieldset")[0]["aria-describedby"] == "id_accounts_error"
    assert "Choose at least one account." in page.text


def test_an_account_that_is_cut_off_cannot_be_chosen(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    lost = connect(cast, account.provider, "cut-off")
    SocialAccount.objects.filter(pk=lost.pk).update(state=AccountState.RECONNECT)
    page = read(alice.get(NEW))
    assert "disabled" in page.all("input", value=str(lost.pk))[0]
    assert "disabled" not in page.all("input", value=str(account.pk))[0]
    assert "Reconnect" in page.text


def test_without_accounts_the_way_to_them_is_shown(alice: Client) -> None:
    page = read(alice.get(NEW))
    assert "No account is connected yet" in page.text
    assert page.all("a", href=reverse("accounts"))


def connected_again(account: SocialAccount) -> OAuthToken:
    """What connecting it once more does: another grant, and the former one is forgotten."""
    now = SocialAccount.objects.select_related("token").get(pk=account.pk)
    former, fresh = now.token, OAuthToken(team_id=now.team_id, provider=now.provider)
    fresh.access_sealed, fresh.host = "sealed again", "elsewhere.test"
    fresh.save()
    now.token, now.state = fresh, AccountState.CONNECTED
    now.save()
    if former:
        former.delete()
    return fresh


@contextmanager
def right_after_the_accounts_are_read(act: Callable[[], object]) -> Iterator[list[str]]:
    """Something happens once, just after the first statement that reads accounts."""
    met: list[str] = []

    def between(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if not met and sql.startswith("SELECT") and 'FROM "tokens_socialaccount"' in sql:
            met.append(sql)
            act()
        return answer

    with connection.execute_wrapper(between):
        yield met


@pytest.mark.parametrize(
    "state", [AccountState.CONNECTED, AccountState.RECONNECT, AccountState.PAUSED]
)
def test_the_form_is_shown_while_an_account_is_connected_again(
    alice: Client, account: SocialAccount, state: AccountState
) -> None:
    SocialAccount.objects.filter(pk=account.pk).update(state=state)
    with right_after_the_accounts_are_read(lambda: connected_again(account)) as met:
        answer = alice.get(NEW)
    assert met
    assert answer.status_code == 200
    assert account.handle in read(answer).text


def test_the_form_is_taken_while_an_account_is_connected_again(
    alice: Client, account: SocialAccount, settings: Settings
) -> None:
    settings.CAPS = {account.provider: (Cap(1, timedelta(days=1), "app"),)}
    with right_after_the_accounts_are_read(lambda: connected_again(account)) as met:
        answer = alice.post(NEW, typed(account))
    assert met
    assert answer.status_code == 302
    assert Post.objects.count() == 1


def test_a_grant_that_was_replaced_meanwhile_is_the_present_one(account: SocialAccount) -> None:
    held, at = SocialAccount.objects.get(pk=account.pk), timezone.now()
    connected_again(account)
    assert status_of(held, at).host == "elsewhere.test"


def test_a_grant_that_has_gone_meanwhile_is_none(account: SocialAccount) -> None:
    held, at = SocialAccount.objects.get(pk=account.pk), timezone.now()
    OAuthToken.objects.all().delete()
    assert standing(held, at).word == "Reconnect"
    assert not status_of(held, at).has_key
