"""Limits that a server tells of its accounts: asked once a day, and counted with everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import providers
from posting.compose import CannotCompose, compose
from posting.preview import previews
from posting.rules import Words, exported, wrong
from posting.split import split
from posting.states import State
from project.celery import app
from providers.kit.contract import TellsLimits
from providers.kit.table import differences, with_differences
from tests.cast import Cast, Street, connected, written
from tests.pages.conftest import connect, read
from tests.pages.test_composer import LOOK
from tests.pages.test_composing import typed
from tests.workers.engine import run
from tokens import limits
from tokens.disconnect import pause
from tokens.models import SocialAccount
from workers.ahead import ask_limits, repeats

pytestmark = pytest.mark.django_db(transaction=True)
RULES = "/posts/rules/"
TELLER = next(n for n, kind in providers.ADAPTERS.items() if issubclass(kind, TellsLimits))
USUAL = providers.adapter(TELLER).limits
MORE = 1000
assert USUAL.text.limit < MORE


def asked(account: SocialAccount) -> SocialAccount:
    """The same after its network was asked."""
    [pks] = limits.claim(timezone.now()).values()
    assert ask_limits(pks) == 1
    return SocialAccount.objects.select_related("team", "token").get(pk=account.pk)


@pytest.fixture
def roomy(cast: Cast, street: Street) -> SocialAccount:
    """An account on a server where a text may have 1,000 characters."""
    street.tell("longest", network=TELLER, characters=MORE)
    return asked(connected(street, cast.team, TELLER))


def test_what_the_server_told_is_what_fits(cast: Cast, street: Street, roomy: Any) -> None:
    assert roomy.limits.text.limit == MORE
    assert roomy.told_limits == {"text": {"limit": MORE}}
    assert run(written(cast, "a" * MORE, [roomy])) == [State.POSTED]
    with pytest.raises(CannotCompose, match="1 character too long"):
        written(cast, "a" * (MORE + 1), [roomy])


def test_the_counters_of_server_and_page_say_so(alice: Client, roomy: SocialAccount) -> None:
    table = json.loads(alice.get(RULES).content)
    own = table["accounts"][f"account-{roomy.pk}"]
    assert (own["label"], own["text"]["limit"]) == (str(roomy), MORE)
    assert table["networks"][TELLER]["text"]["limit"] == USUAL.text.limit
    [preview] = previews(Words("a" * 990), [roomy])
    assert (preview.pieces[0].left, preview.pieces[0].limit) == (10, MORE)
    piece = read(alice.post(LOOK, typed(roomy, text="a" * 990)))
    assert "too long" not in piece.text
    assert "10" in piece.text


def test_the_table_is_asked_again_only_when_the_limits_change(
    alice: Client, cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, TELLER)
    tag = alice.get(RULES)["ETag"]
    street.tell("longest", network=TELLER, characters=MORE)
    assert alice.get(RULES, headers={"If-None-Match": tag}).status_code == 304
    asked(account)
    assert alice.get(RULES, headers={"If-None-Match": tag}).status_code == 200
    assert exported()[1] == tag


def test_two_accounts_of_one_network_are_told_apart(
    cast: Cast, street: Street, roomy: SocialAccount
) -> None:
    usual = connect(cast, TELLER, "usual")
    said = "a" * (USUAL.text.limit + 3)
    [problem] = wrong(Words(said), [roomy, usual])["text"]
    assert problem.startswith(f"{usual}: 3 characters too long")
    both = split("One sentence. " * 60, [roomy, usual], apart=True).threads
    assert {network.label: len(one.parts) for one in both for network in one.networks} == {
        str(roomy): 1,
        str(usual): 2,
    }


def test_it_is_asked_once_a_day_and_not_of_who_is_away(cast: Cast, street: Street) -> None:
    account, at = connected(street, cast.team, TELLER), timezone.now()
    pause(account)
    assert limits.claim(at) == {}
    SocialAccount.objects.update(state="connected")
    assert limits.claim(at) == {TELLER: [account.pk]}
    assert limits.claim(at) == {}  # somebody is at it
    assert limits.ask([account.pk], at) == 1
    assert limits.claim(at + timedelta(hours=23)) == {}
    assert limits.claim(at + timedelta(hours=25)) == {TELLER: [account.pk]}


@pytest.fixture
def at_once() -> Iterator[None]:
    """Tasks run where they are sent from."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.mark.usefixtures("at_once")
def test_the_job_sends_for_those_that_are_due(cast: Cast, street: Street) -> None:
    street.tell("longest", network=TELLER, characters=MORE)
    account = connected(street, cast.team, TELLER)
    assert repeats() == 0
    account.refresh_from_db()
    assert account.told_limits == {"text": {"limit": MORE}}


def test_what_is_known_stays_where_a_server_does_not_answer(
    cast: Cast, street: Street, roomy: SocialAccount
) -> None:
    at = timezone.now() + timedelta(days=2)
    street.trouble(TELLER, "error", on="limits")
    assert limits.claim(at) == {TELLER: [roomy.pk]}
    assert limits.ask([roomy.pk], at) == 0
    roomy.refresh_from_db()
    assert roomy.told_limits == {"text": {"limit": MORE}}
    assert limits.claim(at + limits.AGAIN) == {TELLER: [roomy.pk]}


def test_no_page_asks_a_network(alice: Client, cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, TELLER)
    alice.get("/posts/new/")
    alice.post(LOOK, typed(account))
    alice.get(RULES)
    assert not street.requests_of(TELLER)


@pytest.mark.parametrize("kind", providers.ADAPTERS.values(), ids=lambda kind: kind.name)
def test_differences_are_put_back_exactly(kind: Any) -> None:
    known = kind.limits
    usual = differences(USUAL, known)
    assert with_differences(known, json.loads(json.dumps(differences(known, USUAL)))) == known
    assert with_differences(known, {}) == known
    assert with_differences(known, {"text": {"of old": 1}, "gone": {"limit": 2}}) == known
    told = with_differences(known, json.loads(json.dumps(usual)))
    assert told.text == USUAL.text
    assert told.images == (known.images and USUAL.images)


def test_a_post_goes_by_the_limits_of_its_account(cast: Cast, roomy: SocialAccount) -> None:
    about: dict[str, Any] = {"team": cast.team, "author": cast.alice, "at": timezone.now()}
    link = "https://example.org/" + "a" * 300
    post = compose(**about, text="a" * 900, accounts=[roomy], link=link)
    assert run(post) == [State.POSTED]
