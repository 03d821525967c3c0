"""The accounts page: six words, what can be done about each account, and by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

import providers
from accounts.models import Membership
from accounts.roles import Role
from project.templatetags.frame import ICONS as DRAWINGS
from project.templatetags.standing import TONES
from providers.kit.contract import Family, Field, SignsInByForm, Way, ways
from providers.kit.oauth import OAuthProvider
from tests.cast import Cast, Street, connected
from tests.pages.conftest import Page, browser, read
from tokens import networks
from tokens.forms import filled_in
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.refresh import DOUBTFUL
from tokens.standing import ICONS, Health, scopes, standing
from tokens.states import AccountState, TokenState
from tokens.status import status_of

ORDERS = ("renew-account", "pause-account", "resume-account")
EVERY = (*ORDERS, "disconnect-account")
ROTATING = next(p.name for p in providers.ADAPTERS.values() if p.family is Family.ROTATING)
BY_FORM = next(p.name for p in providers.ADAPTERS.values() if issubclass(p, SignsInByForm))
BY_BOTH = next(p.name for p in providers.ADAPTERS.values() if len(ways(p)) > 1)
PER_HOST = next(p.name for p in providers.ADAPTERS.values() if ways(p) == (Way.PAGE,) and p.fields)
DAY = timedelta(days=1)


@pytest.fixture
def lamp(cast: Cast, street: Street) -> SocialAccount:
    """An account of Alice's team whose grant rotates."""
    return connected(street, cast.team, ROTATING)


def changed(account: SocialAccount, grant: dict[str, Any], **fields: Any) -> SocialAccount:
    """The account with other values in its row and in its grant's."""
    grant_of(account).update(**grant)
    SocialAccount.objects.filter(pk=account.pk).update(**fields)
    return SocialAccount.objects.select_related("token").get(pk=account.pk)


def grant_of(account: SocialAccount) -> QuerySet[OAuthToken]:
    """The row of its grant."""
    return OAuthToken.objects.filter(accounts=account)


def page_of(client: Client) -> Page:
    """The accounts page."""
    return read(client.get(reverse("accounts")))


def offers(page: Page, name: str, account: SocialAccount) -> bool:
    """Whether a form on the page, or a link, leads there."""
    url = reverse(name, args=[account.pk])
    return bool(page.all("form", action=url, method="post") or page.all("a", href=url))


def ordered(client: Client, name: str, account: SocialAccount) -> str:
    """What the page says after an order."""
    return said(client.post(reverse(name, args=[account.pk]), follow=True))


def said(answer: Any) -> str:
    """The words of a page."""
    assert answer.status_code == 200
    return " ".join(read(answer).text.split())


# --- six words ------------------------------------------------------------------------------------
NOW = timezone.now()
IN_DOUBT = {"refresh_sent_at": NOW - DAY, "refresh_lease_until": NOW - DAY}


@pytest.mark.parametrize(
    ("word", "token", "fields"),
    [
        (Health.CONNECTED, {}, {}),
        (Health.CONNECTED, {"problem": "The network has trouble."}, {}),
        (Health.CONNECTED, {"expires_at": NOW - DAY}, {}),
        (Health.CONNECTED, {"can_refresh": False, "expires_at": None}, {}),
        (Health.CONNECTED, {"can_refresh": False, "expires_at": NOW + 15 * DAY}, {}),
        (Health.CONNECTED, {}, {"blocked_until": NOW - DAY}),
        (Health.CONNECTED, {**IN_DOUBT, "refresh_lease_until": NOW + DAY}, {}),
        (Health.EXPIRING, {"can_refresh": False, "expires_at": NOW + 13 * DAY}, {}),
        (Health.EXPIRING, {**IN_DOUBT, "expires_at": NOW + DAY}, {}),
        (Health.RECONNECT, {}, {"state": AccountState.RECONNECT}),
        (Health.RECONNECT, {}, {"token": None}),
        (Health.RECONNECT, {"state": TokenState.DEAD}, {}),
        (Health.RECONNECT, {"can_refresh": False, "expires_at": NOW - DAY}, {}),
        (Health.RECONNECT, {**IN_DOUBT, "expires_at": NOW - DAY}, {}),
        (Health.PAUSED, {}, {"state": AccountState.PAUSED}),
        (Health.PAUSED, {}, {"state": AccountState.PAUSED, "blocked_until": NOW + DAY}),
        (Health.LIMITED, {}, {"blocked_until": NOW + DAY}),
        (Health.NOT_SET_UP, {}, {"provider": "gone", "state": AccountState.RECONNECT}),
    ],
)
def test_an_account_stands_in_one_of_six_words(
    word: Health,
    token: dict[str, Any],
    fields: dict[str, Any],
    lamp: SocialAccount,
    alice: Client,
) -> None:
    account = changed(lamp, token, **fields)
    how = standing(account, NOW)
    assert (how.word, how.words.endswith(".")) == (word, True)
    page = page_of(alice)
    [card] = page.all("li", data_account=str(account.pk))
    assert card["data-health"] == word
    assert how.words in page.text


def test_each_word_has_an_icon_and_a_colour_of_its_own() -> None:
    assert set(ICONS) == set(TONES) == set(Health)
    assert len(set(ICONS.values())) == len(set(TONES.values())) == len(Health) == 6
    assert set(ICONS.values()) <= set(DRAWINGS)


def test_a_network_without_its_settings_is_not_set_up(
    lamp: SocialAccount, settings: Settings, alice: Client
) -> None:
    needed = next(s.name for s in providers.adapter(ROTATING).settings if s.needed)
    settings.PROVIDER_OPTIONS = {}
    networks.forget()
    how = standing(lamp, NOW)
    assert how.word is Health.NOT_SET_UP
    assert needed in how.words
    assert not offers(page_of(alice), "renew-account", lamp)


def test_the_end_of_a_limit_is_told_in_the_readers_zone(
    lamp: SocialAccount, alice: Client, cast: Cast
) -> None:
    cast.alice.time_zone = "Asia/Kathmandu"
    cast.alice.save()
    until = timezone.now() + timedelta(minutes=1)
    changed(lamp, {}, blocked_until=until)
    page = page_of(alice)
    assert "Limited until" in page.text
    local = (until + timedelta(hours=5, minutes=45)).strftime("%H:%M UTC+0545")
    assert local in page.text


def test_the_moment_of_the_end_goes_with_the_word(lamp: SocialAccount) -> None:
    ends = NOW + DAY
    assert standing(changed(lamp, {}, blocked_until=ends), NOW).until == ends
    doubtful = changed(lamp, {**IN_DOUBT, "expires_at": ends}, blocked_until=None)
    assert standing(doubtful, NOW).until == ends


# --- what is told ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("token", "said"),
    [
        ({}, "Renews by itself"),
        ({"can_refresh": False, "expires_at": None}, "Does not expire"),
        ({"can_refresh": False, "expires_at": NOW + 3 * DAY}, "Ends "),
        ({"state": TokenState.DEAD, "expires_at": NOW - DAY}, "Ended "),
        ({"state": TokenState.DEAD, "expires_at": None}, "No longer accepted"),
        ({"refreshed_at": NOW - DAY}, "1\xa0day ago"),
    ],
)
def test_the_key_is_described(
    token: dict[str, Any], said: str, lamp: SocialAccount, alice: Client
) -> None:
    changed(lamp, token)
    assert said in page_of(alice).text


def test_a_problem_is_told_once(lamp: SocialAccount, alice: Client) -> None:
    changed(lamp, {**IN_DOUBT, "expires_at": NOW + DAY, "problem": DOUBTFUL})
    assert page_of(alice).text.count(DOUBTFUL) == 1


def test_a_scope_that_was_not_granted_is_told(lamp: SocialAccount, alice: Client) -> None:
    asked = getattr(network(ROTATING), "oauth").scopes  # noqa: B009 - not every adapter has it
    assert scopes(changed(lamp, {"scopes": ""})) == ((), ())
    assert "Not granted" not in page_of(alice).text
    assert scopes(changed(lamp, {"scopes": " ".join(asked)})) == (asked, ())
    assert scopes(changed(lamp, {"scopes": " ".join(asked[1:])}))[1] == asked[:1]
    assert "Not granted" in page_of(alice).text


def test_a_scope_that_is_part_of_a_granted_one_is_not_missed(street: Street, cast: Cast) -> None:
    account = connected(street, cast.team, PER_HOST)
    adapter = providers.adapter(PER_HOST)
    assert issubclass(adapter, OAuthProvider)
    wide = " ".join({scope.partition(":")[0] for scope in adapter.oauth.scopes})
    assert scopes(changed(account, {"scopes": wide}))[1] == ()


# --- who may --------------------------------------------------------------------------------------
def test_bob_sees_accounts_but_may_do_nothing_to_them(bob: Client, lamp: SocialAccount) -> None:
    changed(lamp, {}, state=AccountState.RECONNECT)
    page = page_of(bob)
    assert lamp.handle in page.text
    assert "An owner or admin" in page.text
    assert not page.all("form", action=reverse("connect", args=[ROTATING]))
    for name in EVERY:
        assert not offers(page, name, lamp)
        assert bob.post(reverse(name, args=[lamp.pk])).status_code == 404
    assert bob.get(reverse("disconnect-account", args=[lamp.pk])).status_code == 404
    lamp.refresh_from_db()
    assert lamp.state == AccountState.RECONNECT


def test_charlie_finds_nothing_at_any_address(charlie: Client, lamp: SocialAccount) -> None:
    for name in EVERY:
        assert charlie.post(reverse(name, args=[lamp.pk])).status_code == 404
    assert charlie.get(reverse("disconnect-account", args=[lamp.pk])).status_code == 404
    lamp.refresh_from_db()
    assert (lamp.state, lamp.token is None) == (AccountState.CONNECTED, False)


def test_an_admin_may_what_the_owner_may(cast: Cast, lamp: SocialAccount) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.ADMIN)
    assert "is paused" in ordered(browser(cast.bob), "pause-account", lamp)


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_a_form_and_no_link(name: str, cast: Cast, lamp: SocialAccount) -> None:
    url = reverse(name, args=[lamp.pk])
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    assert strict.get(url).status_code == 405
    assert strict.post(url).status_code == 403


# --- what is done ---------------------------------------------------------------------------------
def test_pausing_and_resuming(alice: Client, lamp: SocialAccount) -> None:
    page = page_of(alice)
    assert offers(page, "pause-account", lamp)
    assert not offers(page, "resume-account", lamp)
    assert "is paused" in ordered(alice, "pause-account", lamp)
    assert "nothing to pause" in ordered(alice, "pause-account", lamp)
    page = page_of(alice)
    assert not offers(page, "pause-account", lamp)
    assert offers(page, "resume-account", lamp)
    # Connecting it again would let its posts go: only the card for a new account offers that.
    assert len(page.all("form", action=reverse("connect", args=[ROTATING]))) == 1
    assert "is resumed" in ordered(alice, "resume-account", lamp)
    assert "nothing to resume" in ordered(alice, "resume-account", lamp)


def test_disconnecting_asks_first(alice: Client, lamp: SocialAccount) -> None:
    assert offers(page_of(alice), "disconnect-account", lamp)
    url = reverse("disconnect-account", args=[lamp.pk])
    answer = alice.get(url)
    page = read(answer)
    assert "Its key is deleted here at once" in page.text
    assert page.all("form", action=url, method="post")
    assert page.all("a", href=reverse("accounts"))
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    lamp.refresh_from_db()
    assert lamp.state == AccountState.CONNECTED
    assert "is disconnected" in ordered(alice, "disconnect-account", lamp)
    lamp.refresh_from_db()
    assert (lamp.state, lamp.token) == (AccountState.DISCONNECTED, None)
    assert alice.post(url).status_code == 404


def test_a_shared_key_is_not_said_to_be_deleted(alice: Client, lamp: SocialAccount) -> None:
    other = SocialAccount.objects.create(
        team=lamp.team, token=lamp.token, provider=ROTATING, external_id="2", handle="second"
    )
    page = read(alice.get(reverse("disconnect-account", args=[lamp.pk])))
    assert f"it also serves {other}" in page.text


def test_an_account_of_a_network_that_is_gone_can_be_let_go(
    alice: Client, lamp: SocialAccount
) -> None:
    changed(lamp, {"provider": "gone"}, provider="gone")
    assert read(alice.get(reverse("disconnect-account", args=[lamp.pk]))).all("form")
    assert "no network called" in ordered(alice, "renew-account", lamp)
    assert "is disconnected" in ordered(alice, "disconnect-account", lamp)


def test_a_key_is_renewed_at_once(alice: Client, lamp: SocialAccount) -> None:
    assert offers(page_of(alice), "renew-account", lamp)
    assert "is renewed" in ordered(alice, "renew-account", lamp)
    token = grant_of(lamp).get()
    assert (token.version, token.refreshed_at is None) == (2, False)


def test_a_network_in_trouble_leaves_the_present_key(
    alice: Client, lamp: SocialAccount, street: Street
) -> None:
    street.trouble(ROTATING, "error", on="token")
    said = ordered(alice, "renew-account", lamp)
    assert "the present key stays" in said
    assert grant_of(lamp).get().version == 1


def test_a_key_that_is_refused_asks_for_its_owner(
    alice: Client, lamp: SocialAccount, street: Street
) -> None:
    street.tell("kill", network=ROTATING, external_id=lamp.external_id)
    said = ordered(alice, "renew-account", lamp)
    assert "has to be connected again" in said
    assert not offers(page_of(alice), "renew-account", lamp)


def test_somebody_else_is_renewing_it(alice: Client, lamp: SocialAccount) -> None:
    changed(lamp, {"refresh_lease_until": timezone.now() + DAY})
    assert "somebody else" in ordered(alice, "renew-account", lamp)


def test_a_renewal_in_doubt_is_not_sent_again(alice: Client, lamp: SocialAccount) -> None:
    changed(lamp, {**IN_DOUBT, "expires_at": timezone.now() + DAY})
    assert "was not renewed" in ordered(alice, "renew-account", lamp)
    assert DOUBTFUL in page_of(alice).text


def test_what_cannot_be_renewed_is_not_offered(alice: Client, lamp: SocialAccount) -> None:
    changed(lamp, {"can_refresh": False})
    assert not offers(page_of(alice), "renew-account", lamp)
    assert "does not renew keys" in ordered(alice, "renew-account", lamp)
    changed(lamp, {}, token=None)
    assert "has to be connected again" in ordered(alice, "renew-account", lamp)


# --- connecting again -----------------------------------------------------------------------------
def test_connecting_again_goes_to_the_same_instance(
    street: Street, cast: Cast, alice: Client
) -> None:
    account = connected(street, cast.team, PER_HOST)
    assert account.token
    blank = providers.adapter(PER_HOST).fields[0].name
    assert page_of(alice).all("input", type="hidden", name=blank, value=account.token.host)
    url = reverse("connect", args=[PER_HOST])
    answer = alice.post(url, {blank: account.token.host})
    assert answer["Location"].startswith(account.token.host)


def test_connecting_again_by_form_leads_to_the_form(
    street: Street, cast: Cast, alice: Client
) -> None:
    connected(street, cast.team, BY_FORM)
    page = page_of(alice)
    assert page.all("a", href=f"#connect-{BY_FORM}")
    assert page.all("section", id=f"connect-{BY_FORM}")


def test_what_a_person_must_type_is_not_guessed(
    street: Street, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = connected(street, cast.team, PER_HOST)
    provider, status = network(PER_HOST), status_of(account, NOW)
    assert filled_in(network(ROTATING), status) == {}
    assert filled_in(network(BY_FORM), status) is None
    secret = Field("instance", "Secret", secret=True)
    monkeypatch.setattr(type(provider), "fields", (secret,))
    assert filled_in(provider, status) is None
    monkeypatch.setattr(type(provider), "fields", (Field("a", "A"), Field("b", "B")))
    assert filled_in(provider, status) is None


@pytest.mark.usefixtures("street")
def test_a_blank_with_choices_is_a_list_and_other_words_are_refused_by_name(
    alice: Client,
) -> None:
    kind, blank = next(
        (kind, one) for kind in providers.ADAPTERS.values() for one in kind.fields if one.choices
    )
    assert page_of(alice).all("select", name=blank.name)
    answer = alice.post(reverse("connect", args=[kind.name]), {blank.name: "myspace"})
    assert answer.status_code == 422
    said = ", ".join(words for _, words in blank.choices)
    assert f"{blank.label}: choose one of {said}." in read(answer).text
