"""Somebody who has never seen it, before the real demo: from the first key to a post that is out.

Nothing is arranged beforehand but `make demo` itself, with all its processes; nothing is done but
what stands on the pages. `make album` puts the screenshots of its steps into docs/pictures.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from deploy.broker import free_port
from deploy.demo import DEMO_USER
from deploy.keep import dying_with_me
from deploy.surroundings import ROOT, read_pairs
from tests import files
from tests.browser.conftest import SHOTS
from tests.browser.test_calendar import drag
from tests.cast import Street

pytestmark = pytest.mark.browser
TEXT = "The workshop is open on Friday: bring whatever no longer rings."
ALT = "A bell without a clapper on a workbench"
PORTS = ("PORT", "SANDBOX_PORT", "FLOWER_PORT")
SLOWLY = 60_000


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[dict[str, str]]:
    """`make demo` as it is, on ports and in a folder of its own; its settings and log-in."""
    chosen = {name: str(free_port()) for name in PORTS} | {"VAR_DIR": str(tmp_path / "var")}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    around = {**kept, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", **chosen}
    said = tmp_path / "demo.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo"],
            cwd=ROOT, env=around, stdout=log, stderr=log,
            preexec_fn=dying_with_me(signal.SIGINT),
        )  # fmt: skip
    until = time.monotonic() + 120
    while "Ctrl-C stops everything" not in said.read_text():
        assert process.poll() is None, said.read_text()[-3000:]
        assert time.monotonic() < until, said.read_text()[-3000:]
        time.sleep(0.2)
    yield {**around, **read_pairs(tmp_path / "var/demo.env")}
    process.send_signal(signal.SIGINT)
    process.wait(30)


@pytest.fixture
def browser(demo: dict[str, str], chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here, in the time zone of its owner."""
    with chromium.new_context(
        base_url=f"http://127.0.0.1:{demo['PORT']}",
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",
    ) as context:
        yield context


class Album:
    """The screenshots of the journey, numbered as they are taken."""

    def __init__(self) -> None:
        self.folder = SHOTS / "journey"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.number = 0

    def keep(self, page: Page, name: str) -> None:
        """What is to be seen now."""
        self.number += 1
        page.screenshot(path=self.folder / f"{self.number:02}-{name}.png", caret="initial")


def comes_in(page: Page, demo: dict[str, str]) -> None:
    """The log-in that the banner names."""
    page.goto("/")
    page.get_by_label("E-mail").fill(DEMO_USER)
    page.get_by_label("Password").fill(demo["DEMO_PASSWORD"])
    page.get_by_role("button", name="Log in").click()


def allows(page: Page) -> None:
    """Say yes on the network's own page."""
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/accounts/")


def writes(page: Page, folder: Path) -> None:
    """A post with a picture, for Friday at nine."""
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.locator("input[name=accounts]").check(force=True)
    picture = folder / "bell.jpg"
    picture.write_bytes(files.encoded(files.bell()))
    page.set_input_files("#id_media-0-file", picture)
    expect(page.locator("[data-said]").first).to_contain_text("is here", timeout=SLOWLY)
    page.get_by_label("Description 1", exact=True).fill(ALT)
    page.get_by_label("When", exact=True).fill("fri 9am")
    expect(page.locator("#look")).to_contain_text("09:00")
    expect(page.locator("#look")).to_contain_text(TEXT)


def finds(page: Page) -> Locator:
    """The post in the week of the calendar, found by turning the pages."""
    page.get_by_role("link", name="Calendar").first.click()
    page.get_by_role("link", name="Week", exact=True).click()
    post = page.locator("#board .planned", has_text=TEXT[:12])
    if not post.count():
        page.get_by_role("link", name="After").click()
    expect(post).to_have_count(1)
    return post


def test_a_newcomer_plans_breaks_understands_and_repairs(
    demo: dict[str, str], browser: BrowserContext, tmp_path: Path
) -> None:
    page, album = browser.new_page(), Album()
    street = f"http://127.0.0.1:{demo['SANDBOX_PORT']}/"
    comes_in(page, demo)
    connects(page, album)
    address = plans(page, album, tmp_path)
    moved_and_undone(page, album)
    broken(browser, street, album)
    goes_out_now(page, address)
    expect(page.locator("[data-result][data-state=held]")).to_be_visible(timeout=SLOWLY)
    album.keep(page, "it-waits")
    understands_and_repairs(page, album)

    page.goto(address)
    expect(page.locator("[data-post-state=posted]")).to_be_visible(timeout=SLOWLY)
    album.keep(page, "posted")
    [arrived] = Street(street.rstrip("/")).board("mastodon")
    assert arrived["text"] == TEXT
    assert [media["alt"] for media in arrived["media"]] == [ALT]
    with browser.expect_page() as opened:
        page.get_by_role("link", name="Open on Mastodon").click()
    expect(opened.value.locator("article")).to_contain_text(TEXT)
    album.keep(opened.value, "what-the-network-shows")
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("heading", name="The next seven days")).to_be_visible()
    expect(page.locator("[data-cause]")).to_have_count(0)


def connects(page: Page, album: Album) -> None:
    """The empty house says what to do first."""
    expect(page.get_by_role("heading", name="Begin here")).to_be_visible()
    album.keep(page, "an-empty-house")
    page.get_by_role("link", name="Connect an account").click()
    page.get_by_role("button", name="Connect Mastodon").click()
    album.keep(page, "the-network-asks")
    allows(page)
    album.keep(page, "connected")


def plans(page: Page, album: Album, folder: Path) -> str:
    """The post is written and scheduled; returns the address of its page."""
    page.get_by_role("link", name="New post").first.click()
    writes(page, folder)
    album.keep(page, "written")
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))
    expect(page.locator("[data-result]")).to_contain_text("09:00")
    album.keep(page, "scheduled")
    return str(page.url)


def understands_and_repairs(page: Page, album: Album) -> None:
    """Home says in one sentence what the post waits for, and leads there; then it goes on alone."""
    page.get_by_role("link", name="Home").first.click()
    cause = page.locator("[data-cause]")
    expect(cause).to_contain_text("reconnect Mastodon")
    album.keep(page, "why")
    cause.get_by_role("link", name="Connect it again").click()
    page.get_by_role("button", name="Reconnect").click()
    allows(page)
    album.keep(page, "repaired")


def moved_and_undone(page: Page, album: Album) -> None:
    """Dragged from Friday to Saturday, and taken back."""
    post = finds(page)
    cells = page.locator("#board [data-place^='day:']")
    friday = cells.filter(has=page.locator(".planned"))
    album.keep(page, "the-week")
    place = str(friday.get_attribute("data-place"))
    days = [str(cells.nth(n).get_attribute("data-place")) for n in range(cells.count())]
    saturday = page.locator(f"#board [data-place='{days[days.index(place) + 1]}']")
    drag(page, post, saturday)
    expect(saturday.locator(".planned")).to_have_count(1)
    expect(page.locator("#toasts")).to_contain_text("Moved to Sat")
    album.keep(page, "dragged")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#board [data-place='{place}'] .planned")).to_have_count(1)
    album.keep(page, "undone")


def broken(browser: BrowserContext, street: str, album: Album) -> None:
    """The trouble switch of the practice street: Mastodon no longer knows the key."""
    outside = browser.new_page()
    outside.goto(street)
    house = outside.locator(".house.paint-mastodon")
    house.scroll_into_view_if_needed()
    album.keep(outside, "the-trouble-switch")
    house.get_by_role("button", name="end its keys").click()
    outside.close()


def goes_out_now(page: Page, address: str) -> None:
    """She does not want to wait for Friday."""
    page.goto(address)
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("When", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(address)
