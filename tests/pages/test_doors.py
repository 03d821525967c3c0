"""Who comes in through which door: outsiders, strangers, viewers, and orders that are not links."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership
from accounts.roles import Role
from posting.models import Post
from posting.states import State
from tests.cast import PASSWORD, Cast
from tests.pages.conftest import Put, browser, read

PLACES = ("home", "causes", "posts", "new-post", "accounts", "activity", "settings")
ORDERS = ("cancel-post", "delete-post", "try-again")


def pages_of(post: Post) -> list[str]:
    """The addresses under which a post can be seen."""
    return [reverse(name, args=[post.pk]) for name in ("post", "post-results")]


def orders_on(post: Post) -> list[str]:
    """The addresses that change a post."""
    [result] = post.results.all()
    given = [reverse(name, args=[post.pk]) for name in ORDERS]
    return [*given, reverse("confirm-result", args=[post.pk, result.pk])]


def test_a_stranger_is_sent_to_the_login_page(client: Client, post: Post) -> None:
    for url in [*map(reverse, PLACES), *pages_of(post)]:
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer["Location"] == f"{reverse('login')}?next={url}"


def test_a_stranger_logs_in_and_arrives_where_they_wanted_to_go(client: Client, cast: Cast) -> None:
    wanted = reverse("accounts")
    door = read(client.get(reverse("login"), {"next": wanted}))
    assert door.all("input", name="next")[0]["value"] == wanted
    typed = {"username": cast.alice.email, "password": PASSWORD, "next": wanted}
    assert client.post(reverse("login"), typed)["Location"] == wanted


def test_a_wrong_password_is_said_and_the_address_stays(client: Client, cast: Cast) -> None:
    page = read(client.post(reverse("login"), {"username": cast.alice.email, "password": "no"}))
    assert page.all("div", role="alert")
    assert page.all("input", name="username")[0]["value"] == cast.alice.email


def test_charlie_sees_nothing_of_alices_post(charlie: Client, post: Post) -> None:
    for url in pages_of(post):
        answer = charlie.get(url)
        assert answer.status_code == 404
        assert "lamp" not in answer.content.decode()
    for url in orders_on(post):
        assert charlie.post(url, {"answer": "there"}).status_code == 404
    assert "lamp" not in charlie.get(reverse("posts")).content.decode()


def test_charlie_sees_no_account_of_alices(charlie: Client, post: Post) -> None:
    for place in PLACES:
        assert "lantern" not in charlie.get(reverse(place)).content.decode()


def test_bob_reads_and_writes_but_connects_nothing(bob: Client, post: Post) -> None:
    assert bob.get(pages_of(post)[0]).status_code == 200
    assert bob.get(reverse("new-post")).status_code == 200
    page = read(bob.get(reverse("accounts")))
    assert not [form for form in page.all("form") if "connect" in form.get("action", "")]


def test_a_viewer_is_offered_nothing_that_would_be_refused(
    cast: Cast, post: Post, put: Put
) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    put(State.UNCONFIRMED)
    viewer = browser(cast.bob)
    page = read(viewer.get(reverse("post", args=[post.pk])))
    assert not [b for b in page.all("button") if "formaction" in b]
    assert not read(viewer.get(reverse("posts"))).all("a", href=reverse("new-post"))
    assert viewer.get(reverse("new-post")).status_code == 404


def test_an_order_is_not_a_link(alice: Client, post: Post) -> None:
    for url in orders_on(post):
        assert alice.get(url).status_code == 405


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_without_its_form_is_refused_kindly(order: str, cast: Cast, post: Post) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)
    answer = strict.post(reverse(order, args=[post.pk]))
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()
