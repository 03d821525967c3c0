"""From an empty house to a post that is out, though the network was broken on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import providers
from providers.kit.contract import practice_options
from sandbox.kit.server import Street as StreetServer
from tests.browser.conftest import SHOTS, everywhere
from tests.browser.screens import Look
from tests.browser.site import PASSWORD, Site, manage, started
from tests.cast import Street

pytestmark = pytest.mark.browser
WHO = "olga@example.org"
TEXTS = ("The first letter.", "The second letter.")


@pytest.fixture
def lonely(tmp_path: Path, street_server: StreetServer) -> Iterator[Site]:
    """A site in which nobody is yet, at the practice street."""
    Street(street_server.url).tell("reset")
    more = {"TRUSTED_ORIGINS": street_server.url}
    for name in providers.names():
        more |= practice_options(providers.adapter(name), street_server.url)
    with started(tmp_path, more, seeded=False) as site:
        yield site


@pytest.fixture
def page(lonely: Site, chromium: Browser, look: Look) -> Iterator[Page]:
    """Olga's browser."""
    with chromium.new_context(
        base_url=lonely.url,
        viewport={"width": look.width, "height": 900},
        color_scheme="dark" if look.theme == "dark" else "light",
        reduced_motion="reduce",
    ) as context:
        yield context.new_page()


def shot(page: Page, name: str) -> None:
    """Keep what she sees."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"repair-{name}.png", full_page=True)


def come_in(site: Site, page: Page) -> None:
    """Become the first owner, and log in."""
    owner = ("--email", WHO, "--name", "Olga", "--team", "Olga's workshop")
    manage(site.around, "manage.py", "first_owner", *owner, typed=f"{PASSWORD}\n")
    page.goto("/")
    page.get_by_label("E-mail").fill(WHO)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def allow(page: Page) -> None:
    """Say yes on the network's own page."""
    page.locator("[name=decision][value=allow]").click()
    page.wait_for_url("**/accounts/")


def write(page: Page, text: str) -> str:
    """Write a post for the only account; returns the address of its page."""
    page.goto("/posts/new/")
    page.get_by_label("Text").fill(text)
    page.locator("input[name=accounts]").check()
    page.get_by_role("button", name="Post", exact=True).click()
    page.wait_for_url("**/posts/*/")
    return str(page.url)


@everywhere
def test_what_a_network_broke_is_understood_repaired_and_goes_out(
    lonely: Site, street_server: StreetServer, page: Page
) -> None:
    street = Street(street_server.url)
    come_in(lonely, page)
    expect(page.get_by_role("heading", name="Begin here")).to_be_visible()
    shot(page, "1-begin")

    page.get_by_role("link", name="Connect an account").click()
    page.get_by_role("button", name="Connect X").click()
    allow(page)
    street.tell("kill", network="x")
    first, second = (write(page, text) for text in TEXTS)
    manage(lonely.around, "-m", "tests.browser.turn")

    page.goto("/")
    group = page.locator("[data-cause]")
    expect(group).to_have_count(1)
    expect(group).to_contain_text("2 posts wait for one thing: reconnect X")
    expect(group).to_contain_text("no longer accepts the key")
    shot(page, "2-why")
    group.get_by_role("link", name="Connect it again").click()
    page.locator("[data-account]").get_by_role("button", name="Reconnect").click()
    allow(page)

    page.goto("/")
    expect(group).to_contain_text("2 posts can go on")
    shot(page, "3-repaired")
    group.get_by_role("button", name="Release them").click()
    expect(page.locator("#toasts")).to_contain_text("2 posts go on")
    expect(page.locator("[data-cause]")).to_have_count(0)

    page.goto(first)
    manage(lonely.around, "-m", "tests.browser.turn")
    expect(page.locator("[data-post-state=posted]")).to_be_visible()
    shot(page, "4-posted")
    assert street.texts("x") == [*reversed(TEXTS)]
    page.goto(second)
    expect(page.locator("[data-post-state=posted]")).to_be_visible()
