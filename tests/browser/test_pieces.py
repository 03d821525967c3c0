"""Every component in a real page under the real policy; undo, dialogs and menus by hand and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, engines
from django_cotton.compiler_regex import CottonCompiler
from playwright.sync_api import Page

from deploy.surroundings import ROOT
from tests.browser.conftest import SHOTS, Open, looking
from tests.browser.screens import THEMES, WIDTHS
from tests.browser.test_screens import grave

pytestmark = pytest.mark.browser
look = looking(360, "dark")
GALLERY = Path(__file__).parent / "gallery.html"
SHELL = {"icon", "nav-item", "health-badge", "toast", "avatar-network"}  # on every other page
PUT = "(html) => { document.querySelector('main').innerHTML = html; }"


class Form(forms.Form):
    """One field of each kind."""

    name = forms.CharField(help_text="Up to 40 characters.")
    words = forms.CharField(widget=forms.Textarea)
    kind = forms.ChoiceField(choices=[("a", "Every day"), ("b", "Every week")])
    yes = forms.BooleanField(label="Ask me before it goes out late")


def drawn(text: str) -> str:
    """A piece of template with components in it, as it reaches the browser."""
    context = {
        "form": Form({"name": ""}),
        "page": Paginator(range(90), 30).page(2),
        "week": range(16, 23),
    }
    engine = engines["django"].engine  # type: ignore[attr-defined]
    made: str = engine.from_string(CottonCompiler().process(text)).render(Context(context))
    return made


def gallery(visit: Open, **more: object) -> Page:
    """A page that shows every component."""
    page = visit("/accounts/", **more)
    page.evaluate(PUT, drawn(GALLERY.read_text()))
    return page


def test_the_gallery_is_whole() -> None:
    names = {p.stem.replace("_", "-") for p in (ROOT / "project/templates/cotton").glob("*.html")}
    assert {name for name in names if f"<c-{name}" not in GALLERY.read_text()} <= SHELL


@pytest.mark.parametrize("theme", THEMES)
def test_every_component_can_be_used_by_everybody(
    theme: str, visit: Open, complaints: list[str]
) -> None:
    page = gallery(visit, color_scheme=theme)
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=SHOTS / f"gallery-{width}-{theme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert grave(page) == []
    assert complaints == []


def test_what_can_be_pressed_is_large_enough(visit: Open) -> None:
    page = gallery(visit, width=360)
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, summary, .btn, .menu-row, .tab-item')]
        .filter((one) => one.checkVisibility() && !one.closest('.calendar'))
        .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
        .map(([words, box]) => `${words}: ${box.width} x ${box.height}`)"""
    )
    assert small == []


def test_a_dialog_opens_and_closes(visit: Open) -> None:
    page = gallery(visit)
    page.get_by_role("button", name="Ask").click()
    dialog = page.get_by_role("dialog", name="Move to…")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_one_menu_is_open_at_a_time(visit: Open) -> None:
    page = gallery(visit)
    page.locator("summary", has_text="More about this post").click()
    page.locator("summary", has_text="Move to").click()
    assert page.locator("details[data-menu][open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("details[data-menu][open]").count() == 0
    assert page.locator("summary", has_text="Move to").evaluate("e => e === document.activeElement")


@pytest.mark.parametrize("way", ["key", "button"])
def test_a_toast_offers_to_undo(way: str, visit: Open) -> None:
    page = visit("/")
    page.route("**/undo/7/", lambda route: route.fulfill(body="undone", content_type="text/plain"))
    toast = drawn('<c-toast tone="ok" undo="/undo/7/">Moved to Friday, 09:00.</c-toast>')
    page.evaluate("(html) => document.getElementById('toasts').innerHTML = html", toast)
    with page.expect_request("**/undo/7/") as asked:
        if way == "key":
            page.keyboard.press("Control+z")
        else:
            page.get_by_role("button", name="Undo").click()
    assert asked.value.method == "POST"


def test_a_toast_goes_by_itself_after_ten_seconds(visit: Open) -> None:
    page = visit("/")
    page.clock.install()
    page.evaluate(
        "(html) => document.getElementById('toasts').innerHTML = html",
        drawn('<c-toast tone="ok">Saved.</c-toast>'),
    )
    toast = page.locator("[data-toast]")
    toast.get_by_role("button", name="Close").wait_for()
    page.clock.run_for(9_000)
    assert toast.count() == 1
    page.clock.run_for(2_000)
    toast.wait_for(state="detached")
