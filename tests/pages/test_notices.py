"""Notices: told on top of the posts and of the accounts until somebody has read them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Notice
from accounts.notify import tell
from accounts.roles import Role
from tests.cast import Cast
from tests.pages.conftest import browser, read

WORDS = "The lamp <b>must</b> be connected again."


@pytest.fixture
def notice(cast: Cast) -> Notice:
    """Something that Alice's team has to know."""
    tell(cast.team, "lamp", WORDS, timezone.now(), path=reverse("accounts"))
    return Notice.objects.get()


def dismissing(notice: Notice) -> str:
    """The address at which it is dismissed."""
    return reverse("dismiss-notice", args=[notice.pk])


@pytest.mark.parametrize("place", ["home", "posts", "accounts"])
def test_a_notice_is_told_and_dismissed(place: str, alice: Client, notice: Notice) -> None:
    url = reverse(place)
    page = read(alice.get(url))
    assert WORDS in page.text
    assert page.all("form", action=dismissing(notice), method="post")
    assert bool(page.all("section", aria_label="Notices")) is True
    [back] = [i["value"] for i in page.all("input", name="next")]
    answer = alice.post(dismissing(notice), {"next": back})
    assert answer["Location"] == url
    page = read(alice.get(url))
    assert WORDS not in page.text
    assert not page.all("section", aria_label="Notices")


def test_a_notice_leads_to_where_something_can_be_done(alice: Client, notice: Notice) -> None:
    def ways(place: str) -> int:
        links = read(alice.get(reverse(place))).all("a", href=reverse("accounts"))
        return len(links)

    told = (ways("posts"), ways("accounts"))
    alice.post(dismissing(notice))
    assert told == (ways("posts") + 1, ways("accounts"))


def test_it_is_dismissed_twice_without_harm(alice: Client, notice: Notice) -> None:
    for _ in range(2):
        assert alice.post(dismissing(notice))["Location"] == reverse("home")


@pytest.mark.parametrize("elsewhere", ["https://evil.test/", "//evil.test", "javascript:alert(1)"])
def test_dismissing_leads_nowhere_else(elsewhere: str, alice: Client, notice: Notice) -> None:
    answer = alice.post(dismissing(notice), {"next": elsewhere})
    assert answer["Location"] == reverse("home")


def test_charlie_neither_sees_nor_dismisses_it(charlie: Client, notice: Notice) -> None:
    assert WORDS not in read(charlie.get(reverse("posts"))).text
    assert charlie.post(dismissing(notice)).status_code == 404
    notice.refresh_from_db()
    assert notice.read_at is None


def test_a_viewer_may_dismiss_it_but_only_by_form(cast: Cast, notice: Notice) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    viewer = browser(cast.bob)
    assert viewer.get(dismissing(notice)).status_code == 405
    assert viewer.post(dismissing(notice)).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    assert strict.post(dismissing(notice)).status_code == 403


def test_many_notices_do_not_bury_the_page(alice: Client, cast: Cast) -> None:
    for number in range(5):
        tell(cast.team, str(number), f"Notice {number}.", timezone.now())
    page = read(alice.get(reverse("posts")))
    assert page.all("details", id="more-notices")
    assert "2 more notices" in page.text
    assert len([li for li in page.all("li") if "data-notice" in li]) == 5
