"""Every screen, by day and by night, on a phone, a tablet and a desk."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import SHOTS, Open, looking
from tests.browser.screens import SCREENS, THEMES, WIDTHS, Screen
from tests.browser.site import PASSWORD

pytestmark = pytest.mark.browser
look = looking(768, "dark")
GRAVE = {"serious", "critical"}
FIRST_PAGE_KB = 150


def grave(page: Page) -> list[str]:
    """What axe finds serious, with the elements it means."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:120]} ({node['any'][0]['message'] if node['any'] else ''})"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_screen_can_be_used_by_everybody(
    screen: Screen, theme: str, visit: Open, complaints: list[str]
) -> None:
    page = visit(screen.path, screen.who, color_scheme=theme)
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=SHOTS / f"{screen.name}-{width}-{theme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{screen.name} is {wide} wide on {width}"
        assert grave(page) == []
    expected = "404" if screen.name == "nothing" else "-"
    assert [said for said in complaints if expected not in said] == []


@pytest.mark.parametrize(("path", "who"), [("/login/", ""), ("/", "alice")])
def test_the_first_page_is_small(path: str, who: str, visit: Open) -> None:
    page = visit(path, who)
    page.wait_for_load_state("networkidle")
    transferred = page.evaluate(
        "performance.getEntries().reduce((sum, one) => sum + (one.encodedBodySize || 0), 0)"
    )
    assert 0 < transferred / 1024 <= FIRST_PAGE_KB


def test_the_theme_stays_chosen(visit: Open) -> None:
    page = visit("/", color_scheme="light")
    page.locator("summary", has_text="You, and how it looks").click()
    page.get_by_role("button", name="Night").click()
    page.wait_for_function("document.documentElement.dataset.theme === 'night'")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "night"


def test_the_theme_is_chosen_without_a_script(visit: Open) -> None:
    page = visit("/posts/new/", java_script_enabled=False)
    page.locator("summary", has_text="You, and how it looks").click()
    page.get_by_role("button", name="Night").click()
    assert page.url.endswith("/posts/new/")
    assert page.locator("html").get_attribute("data-theme") == "night"


def test_keys_lead_around(visit: Open) -> None:
    page = visit("/")
    page.keyboard.press("n")
    page.wait_for_url("**/posts/new/")
    page.get_by_label("Text").press("a")
    assert page.url.endswith("/posts/new/")
    assert page.get_by_label("Text").input_value() == "a"
    page.locator("main").focus()
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("acc")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/")
    for key, place in (("c", "calendar"), ("q", "queue"), ("p", "posts")):
        page.keyboard.press(key)
        page.wait_for_url(f"**/{place}/")


def test_everything_works_without_a_script(visit: Open) -> None:
    page = visit("/login/", "", java_script_enabled=False)
    page.get_by_label("E-mail").fill("alice@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="New post").first.click()
    page.get_by_role("checkbox").first.check()
    page.get_by_label("When").fill("2099-01-01T10:00")
    page.get_by_role("button", name="Post", exact=True).click()
    assert page.get_by_role("alert").is_visible()  # there is no text yet
    page.get_by_label("Text").fill("Written without a script.")
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    assert page.get_by_text("Cancelled on 1 account.").is_visible()
    page.get_by_role("link", name="Search or jump to").click()
    page.get_by_label("Search", exact=True).fill("without a script")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Written without a script.").click()
    assert page.get_by_text("Cancelled").first.is_visible()


def test_esc_closes_the_palette_and_it_forgets(visit: Open) -> None:
    page = visit("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("acc")
    page.keyboard.press("Escape")
    assert not page.locator("#palette").is_visible()
    page.keyboard.press("Control+k")
    assert page.get_by_label("Search or jump to", exact=True).input_value() == ""


def test_the_palette_finds_posts(visit: Open) -> None:
    page = visit("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("umbrella")
    page.get_by_role("link", name="Tomorrow we open").wait_for()
