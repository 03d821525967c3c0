"""What the browser's stories share: chromium, the real site, and people who are logged in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from deploy.surroundings import ROOT
from tests.browser.screens import DESK, LOOKS, Look
from tests.browser.site import PASSWORD, Site, started

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SHOTS = ROOT / "var/shots"
Open = Callable[..., Page]
everywhere = pytest.mark.parametrize("look", LOOKS, ids=str)
"""For a story of the core: it is told at every width, by day and by night."""
where_one_drags = pytest.mark.parametrize("look", [o for o in LOOKS if o.width > 600], ids=str)
"""For what a mouse does: at every width but a phone's."""


def looking(width: int, theme: str) -> Any:
    """The look of all stories of a file that are not told everywhere: a fixture named `look`."""

    @pytest.fixture
    def look() -> Look:
        return Look(width, theme)

    return look


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for the whole run; stories that change it make what they need."""
    with started(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's own browser."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no chromium at {CHROMIUM}; CHROMIUM names another place")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def keys_of(site: Site, chromium: Browser) -> Callable[[str], Any]:
    """What a browser remembers of a person who has logged in."""
    known: dict[str, Any] = {}

    def of(who: str) -> Any:
        if who and who not in known:
            with chromium.new_context() as context:
                page = context.new_page()
                page.goto(f"{site.url}/login/")
                page.get_by_label("E-mail").fill(f"{who}@example.org")
                page.get_by_label("Password").fill(PASSWORD)
                page.get_by_role("button", name="Log in").click()
                page.wait_for_url(f"{site.url}/")
                known[who] = context.storage_state()
        return known.get(who)

    return of


@pytest.fixture
def complaints() -> list[str]:
    """What the console says against the pages of a story: errors, and breaches of the policy."""
    return []


@pytest.fixture
def look() -> Look:
    """At a desk by day, unless a file or a story says otherwise."""
    return DESK


@pytest.fixture
def visit(
    site: Site,
    chromium: Browser,
    keys_of: Callable[[str], Any],
    complaints: list[str],
    look: Look,
) -> Iterator[Open]:
    """Open a path as somebody, at the look of the story."""

    def heard(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    contexts: list[BrowserContext] = []

    def open_page(path: str, who: str = "alice", *, width: int = look.width, **more: Any) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            storage_state=keys_of(who),
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
            **{"color_scheme": look.theme, **more},
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
