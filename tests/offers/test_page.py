"""The page on which to choose: whose it is, what it shows, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from accounts.roles import Role
from tests.cast import Cast
from tests.offers.conftest import Visit
from tests.pages.conftest import Page, browser, read
from tests.tokens.dance import consent
from tokens import disconnect
from tokens.models import OAuthToken, Offered, SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(cast: Cast) -> Client:
    """Alice's browser."""
    return browser(cast.alice)


def arrive(client: Client, name: str = "fair") -> Any:
    """The way to the network and back; the answer to what she comes back with."""
    away = client.post(reverse("connect", args=[name]))
    return client.get(reverse("connect-callback"), consent(away["Location"]))


def choice(client: Client) -> str:
    """The address of the page on which to choose."""
    answer = arrive(client)
    assert answer.status_code == 302
    assert "/accounts/choose/" in answer["Location"]
    return str(answer["Location"])


def box(page: Page, name: str) -> dict[str, str]:
    """The checkbox of a stall."""
    row = Offered.objects.filter(name=name).latest("token__created_at")
    [found] = page.all("input", type="checkbox", value=str(row.pk))
    return found


def names_of(cast: Cast) -> list[str]:
    return [account.name for account in SocialAccount.objects.for_team(cast.team)]


def test_alice_chooses_on_a_page(cast: Cast, fair: Visit, alice: Client) -> None:
    url = choice(alice)
    answer = alice.get(url)
    page = read(answer)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert len(page.all("h1")) == 1
    assert [b for b in page.all("input", type="checkbox") if "checked" in b] == []
    boxes = [box(page, name)["value"] for name in ("Lamps", "Letters")]
    after = alice.post(url, {"chosen": boxes}, follow=True)
    assert "Fair @lamps, Fair @letters are connected." in read(after).text
    assert names_of(cast) == ["Lamps", "Letters"]
    again = read(alice.post(url, {"chosen": boxes}, follow=True))
    assert "was made already or came too late" in again.text


def test_no_key_is_on_the_page_or_in_the_session(fair: Visit, alice: Client) -> None:
    shown = alice.get(choice(alice)).content.decode() + str(dict(alice.session))
    for row in Offered.objects.all():
        assert row.key_sealed
        assert row.key_sealed not in shown


def test_choosing_nothing_is_said_and_the_choice_stays(
    cast: Cast, fair: Visit, alice: Client
) -> None:
    url = choice(alice)
    answer = alice.post(url, {})
    page = read(answer)
    assert answer.status_code == 422
    assert "Choose at least one" in page.text
    assert page.all("ul", id="id_chosen_error")
    assert alice.post(url, {"chosen": ["not-a-number"]}).status_code == 422
    assert Offered.objects.count() == 3


def test_cancelling_removes_the_grant(cast: Cast, fair: Visit, alice: Client) -> None:
    url = choice(alice)
    [leave] = [b for b in read(alice.get(url)).all("button") if "formaction" in b]
    assert alice.get(leave["formaction"]).status_code == 405
    page = read(alice.post(leave["formaction"], follow=True))
    assert "Nothing more was connected." in page.text
    assert not OAuthToken.objects.exists()
    assert alice.post(leave["formaction"]).status_code == 302


def test_what_is_ours_is_ticked_and_what_is_theirs_cannot_be_chosen(
    cast: Cast, fair: Visit, alice: Client
) -> None:
    fair.chosen(fair.settled(), "Lamps")
    theirs = fair.settled(cast.charlie, cast.other_team)
    fair.chosen(theirs, "Letters", user=cast.charlie)
    url = choice(alice)
    page = read(alice.get(url))
    assert {"checked", "disabled"} <= box(page, "Lamps").keys()
    assert "disabled" in box(page, "Letters")
    assert not {"checked", "disabled"} & box(page, "Ribbons").keys()
    assert "connected, and renewed now" in page.text
    assert "connected by another team" in page.text
    both = [box(page, name)["value"] for name in ("Letters", "Ribbons")]
    said = read(alice.post(url, {"chosen": both}, follow=True)).text
    assert "Fair @ribbons is connected." in said
    assert "@letters is already connected by another team" in said
    assert names_of(cast) == ["Lamps", "Ribbons"]


def test_a_choice_belongs_to_who_connected(cast: Cast, fair: Visit, alice: Client) -> None:
    url = choice(alice)
    leave = f"{url}leave/"
    Membership.objects.filter(user=cast.bob).update(role=Role.ADMIN)
    bob, charlie = browser(cast.bob), browser(cast.charlie)
    for stranger in (bob, charlie):
        assert stranger.get(url).status_code == 404
        assert stranger.post(url, {"chosen": []}).status_code == 404
        assert stranger.post(leave).status_code == 404
    assert Client().get(url).status_code == 302
    Membership.objects.filter(user=cast.alice).update(role=Role.EDITOR)
    assert alice.get(url).status_code == 404
    assert Offered.objects.count() == 3


def test_alice_in_another_team_finds_no_choice(cast: Cast, fair: Visit, alice: Client) -> None:
    url = choice(alice)
    Membership.objects.create(team=cast.other_team, user=cast.alice, role=Role.OWNER)
    session = alice.session
    session["team"] = cast.other_team.pk
    session.save()
    assert alice.get(url).status_code == 404
    assert alice.post(f"{url}leave/").status_code == 404
    assert Offered.objects.count() == 3


def test_a_swept_choice_says_that_it_is_too_late(fair: Visit, alice: Client) -> None:
    url = choice(alice)
    OAuthToken.objects.update(created_at=timezone.now() - 2 * disconnect.ORPHAN_AFTER)
    disconnect.forget_orphans(timezone.now())
    assert "came too late" in read(alice.get(url, follow=True)).text


def test_one_account_alone_needs_no_page(cast: Cast, lodge: Visit, alice: Client) -> None:
    answer = arrive(alice, "lodge")
    assert answer["Location"] == reverse("accounts")
    assert "Lodge ada is connected." in read(alice.get(answer["Location"])).text


def test_nothing_behind_the_grant_is_told(fair: Visit, alice: Client) -> None:
    fair.town.runs()
    answer = arrive(alice)
    assert "Check that you run at least one" in read(alice.get(answer["Location"])).text


def test_siblings_are_told_on_both_cards(
    cast: Cast, guild: Visit, fair: Visit, alice: Client
) -> None:
    guild.chosen(guild.settled(), "Lamps", "Letters")
    fair.town.runs("Lamps")
    [alone] = fair.settled().accounts
    page = read(alice.get(reverse("accounts")))
    assert "serves @letters" in page.text
    assert "serves @lamps" in page.text
    assert page.text.count("One log-in also serves") == 2
    assert page.text.count("Its own; does not expire") == 1
    assert not page.all("form", action=reverse("renew-account", args=[alone.pk]))


def test_a_shared_grant_is_not_said_to_be_deleted(cast: Cast, fair: Visit, alice: Client) -> None:
    lamps, letters = fair.chosen(fair.settled(), "Lamps", "Letters").accounts
    url = reverse("disconnect-account", args=[lamps.pk])
    assert f"it also serves {letters}" in " ".join(read(alice.get(url)).text.split())
    alice.post(url)
    last = read(alice.get(reverse("disconnect-account", args=[letters.pk])))
    assert "is told that it has ended" in last.text
