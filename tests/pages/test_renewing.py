"""Renewing keys from the accounts page: all that are due at once, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse, reverse_lazy

from tests.cast import Cast, Street, connected
from tests.pages.test_accounts import DAY, NOW, ROTATING, changed, grant_of, page_of, said
from tokens.models import SocialAccount
from tokens.states import TokenState

DUE = reverse_lazy("renew-due")


@pytest.fixture
def lamp(cast: Cast, street: Street) -> SocialAccount:
    """An account of Alice's team whose grant rotates."""
    return connected(street, cast.team, ROTATING)


def test_all_that_are_due_are_renewed_with_one_button(
    alice: Client, lamp: SocialAccount, street: Street
) -> None:
    assert not page_of(alice).all("form", action=str(DUE))
    changed(lamp, {"refresh_at": NOW - DAY})
    assert page_of(alice).all("form", action=str(DUE), method="post")
    assert "1 of 1 keys that were due are renewed" in said(alice.post(DUE, follow=True))
    assert grant_of(lamp).get().version == 2
    assert "0 of 0 keys" in said(alice.post(DUE, follow=True))


def test_of_those_that_were_not_renewed_it_is_said_why(
    alice: Client, lamp: SocialAccount, street: Street
) -> None:
    changed(lamp, {"refresh_at": NOW - DAY})
    street.trouble(ROTATING, "error", on="token")
    answer = said(alice.post(DUE, follow=True))
    assert f"The key of {lamp} could not be renewed now" in answer
    assert "keys that were due" not in answer


def test_who_may_not_connect_may_not_renew_all(bob: Client, lamp: SocialAccount) -> None:
    changed(lamp, {"refresh_at": NOW - DAY})
    assert not page_of(bob).all("form", action=str(DUE))
    assert bob.post(DUE).status_code == 404
    assert bob.get(DUE).status_code in (404, 405)
    assert grant_of(lamp).get().version == 1


@pytest.mark.parametrize(
    ("change", "loud"),
    [
        ({"can_refresh": False}, "info"),
        ({"state": TokenState.DEAD}, "error"),
        ({"access_sealed": "t1.AAAA"}, "error"),
    ],
)
def test_a_problem_is_as_loud_as_it_is_bad(
    change: dict[str, Any], loud: str, alice: Client, lamp: SocialAccount
) -> None:
    changed(lamp, change)
    answer = alice.post(reverse("renew-account", args=[lamp.pk]), follow=True)
    [message] = list(answer.context["messages"])
    assert message.level_tag == loud
    assert answer["X-Request-ID"]
