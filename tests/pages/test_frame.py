"""The frame itself: the theme, the way around, finding, toasts, and what htmx is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory
from django.urls import include, path, reverse

from accounts.models import Membership
from accounts.roles import Role
from deploy import css
from posting.models import Post
from project import nav, urls
from project.swaps import SwapMiddleware
from tests.cast import Cast
from tests.pages.conftest import browser, read
from tokens.models import SocialAccount

HTMX = {"HX-Request": "true"}


# --- the theme ------------------------------------------------------------------------------------
def test_the_system_decides_until_somebody_chooses(alice: Client) -> None:
    assert "data-theme" not in read(alice.get(reverse("posts"))).all("html")[0]
    for chosen in ("night", "day"):
        answer = alice.post(reverse("theme") + "?next=/accounts/", {"theme": chosen})
        assert answer["Location"] == "/accounts/"
        assert read(alice.get(reverse("posts"))).all("html", data_theme=chosen)
    alice.post(reverse("theme"), {"theme": "system"})
    assert "data-theme" not in read(alice.get(reverse("posts"))).all("html")[0]


def test_a_stranger_chooses_too_and_only_what_there_is(client: Client, db: None) -> None:
    assert client.post(reverse("theme"), {"theme": "night"}).status_code == 302
    assert read(client.get(reverse("login"))).all("html", data_theme="night")
    assert client.post(reverse("theme"), {"theme": "pink"}).status_code == 404
    assert client.get(reverse("theme")).status_code == 405
    client.cookies["postrider_theme"] = '"><script>'
    assert "data-theme" not in read(client.get(reverse("login"))).all("html")[0]


@pytest.mark.parametrize("elsewhere", ["https://evil.test/", "//evil.test", "javascript:alert(1)"])
def test_choosing_leads_nowhere_else(elsewhere: str, client: Client) -> None:
    answer = client.post(reverse("theme", query={"next": elsewhere}), {"theme": "day"})
    assert answer["Location"] == "/"


# --- the way around -------------------------------------------------------------------------------
def ways(client: Client) -> list[str]:
    """The addresses in the rail."""
    page = read(client.get(reverse("posts")))
    return [a["href"] for a in page.all("a") if a.get("class") == "nav-item"]


def test_only_pages_that_exist_are_in_the_rail(alice: Client) -> None:
    exist = [nav.address(place.name) for place in nav.PLACES if not place.staff]
    assert ways(alice) == [url for url in exist if url]
    assert nav.address("no-such-page") == ""


def test_a_new_page_appears_when_its_address_exists(alice: Client, settings: object) -> None:
    name = next((p.name for p in nav.PLACES if not nav.address(p.name)), "")
    if not name:
        pytest.skip("every place has its page")

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse("here")

    class Addresses:
        urlpatterns = [path("brand-new/", page, name=name), path("", include(urls))]

    settings.ROOT_URLCONF = Addresses  # type: ignore[attr-defined]
    client = alice
    if not next(p for p in nav.PLACES if p.name == name).staff:
        assert "/brand-new/" in ways(client)


def test_where_one_is_is_said_once_in_each_bar(alice: Client, post: Post) -> None:
    for url in (reverse("posts"), reverse("post", args=[post.pk])):
        here = read(alice.get(url)).all("a", aria_current="page")
        assert {a["href"] for a in here} == {reverse("posts")}
        assert len(here) == 2


def test_status_is_for_operators_and_the_team_for_who_manages_it(cast: Cast, alice: Client) -> None:
    assert reverse("team") in ways(alice)
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    assert reverse("team") not in ways(browser(cast.bob))


def test_a_viewer_is_not_offered_to_write(cast: Cast) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    page = read(browser(cast.bob).get(reverse("accounts")))
    assert not page.all("a", href=reverse("new-post"))


# --- finding --------------------------------------------------------------------------------------
def test_posts_and_accounts_are_found(alice: Client, post: Post, account: SocialAccount) -> None:
    page = read(alice.get(reverse("find"), {"q": "LAMP"}))
    assert page.all("a", href=reverse("post", args=[post.pk]))
    page = read(alice.get(reverse("find"), {"q": account.handle[:4]}))
    assert page.all("a", href=f"{reverse('accounts')}#account-{account.pk}")
    assert "Nothing has" in read(alice.get(reverse("find"), {"q": "zeppelin"})).text


def test_charlie_finds_nothing_of_alices(charlie: Client, post: Post) -> None:
    for asked in ("lamp", "lantern"):
        assert "Nothing has" in read(charlie.get(reverse("find"), {"q": asked})).text


# --- toasts, and what htmx is answered ------------------------------------------------------------
def asked(answer: HttpResponse, *told: tuple[str, str], **headers: str) -> HttpResponse:
    """What a browser gets when a view answers so and has left these messages."""
    request = RequestFactory().get("/", headers=headers)
    request.session = {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    for words, tags in told:
        messages.success(request, words, extra_tags=tags)
    seen = SwapMiddleware(lambda _request: answer)(request)
    assert isinstance(seen, HttpResponse)
    return seen


def test_a_message_travels_with_a_piece() -> None:
    answer = asked(HttpResponse("<p>piece</p>"), ("Moved <b>.", "undo:/undo/7/"), **HTMX)
    page = read(answer)
    assert page.all("div", id="toasts", hx_swap_oob="beforeend")
    assert page.all("form", method="post", action="/undo/7/")
    assert "Moved <b>." in page.text
    assert answer["Vary"] == "HX-Request"


def test_a_page_that_was_not_asked_for_by_htmx_is_left_alone() -> None:
    answer = asked(HttpResponse("<p>page</p>"), ("Moved.", ""))
    assert answer.content == b"<p>page</p>"


def test_a_redirect_is_a_new_page_and_keeps_its_message() -> None:
    answer = asked(HttpResponseRedirect("/posts/1/"), ("Moved.", ""), **HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/posts/1/")
    assert answer.content == b""
    plain = asked(HttpResponseRedirect("/posts/1/"))
    assert (plain.status_code, plain["Location"]) == (302, "/posts/1/")


def test_who_was_logged_out_sees_the_page_anew_and_comes_back_to_it(post: Post) -> None:
    answer = Client().get(reverse("post-results", args=[post.pk]), headers=HTMX)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    assert "HX-Redirect" not in answer


def test_a_message_is_a_toast_on_a_full_page(alice: Client, post: Post) -> None:
    page = read(alice.post(reverse("cancel-post", args=[post.pk]), follow=True))
    assert page.all("div", id="toasts", aria_live="polite")
    assert [one for _, one in page.elements if "data-toast" in one]


def test_htmx_is_told_what_to_swap(alice: Client) -> None:
    [config] = read(alice.get(reverse("posts"))).all("meta", name="htmx-config")
    assert '"4(09|22)"' in config["content"]


# --- the stylesheet -------------------------------------------------------------------------------
def test_the_committed_stylesheet_is_what_its_source_says() -> None:
    if not css.ready():
        pytest.skip("Node.js or the packages of package.json are not here (make css brings them)")
    assert css.SHEET.read_text() == css.built(), "run `make css` and commit the stylesheet"


def test_the_lock_names_no_address() -> None:
    text = (Path(settings.BASE_DIR) / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 5
