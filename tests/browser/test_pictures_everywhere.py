"""A post with two pictures and their descriptions goes to every network that takes pictures."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import providers
from providers.kit.contract import practice_options
from sandbox.kit.server import Street as StreetServer
from tests import files
from tests.browser.conftest import SHOTS
from tests.browser.site import PASSWORD, Site, manage, started
from tests.cast import Street
from tests.flows.nodes import Process, RedisProcess, WorkerProcess
from workers import queues

pytestmark = pytest.mark.browser
TEXT = "Two gates, one after the other."
ALTS = ("The first gate, “shut”", "The second gate & a cat")
PICTURED = [kind for kind in providers.ADAPTERS.values() if kind.limits.images is not None]
MINUTES = 3


@pytest.fixture
def busy(tmp_path: Path, street_server: StreetServer) -> Iterator[Site]:
    """A site at the practice street, with a broker, a worker for every queue and a dispatcher."""
    Street(street_server.url).tell("reset")
    var = tmp_path / "site"
    var.mkdir()
    redis = RedisProcess.launch(var / "redis")
    more = {"TRUSTED_ORIGINS": street_server.url, "REDIS_URL": redis.url}
    for name in providers.names():
        more |= practice_options(providers.adapter(name), street_server.url)
    with started(var, more, seeded=False) as site:
        names = json.dumps([kind.name for kind in PICTURED])
        manage(site.around, "-m", "tests.browser.everywhere", street_server.url, typed=names)
        worker = WorkerProcess.launch(var / "worker", site.around, ",".join(queues.LANES))
        command = [sys.executable, "manage.py", "dispatch"]
        dispatcher = Process(command, var / "dispatcher", site.around).start()
        yield site
        dispatcher.stop()
        worker.teardown()
    redis.teardown()


@pytest.fixture
def page(busy: Site, chromium: Browser) -> Iterator[Page]:
    """Alice's browser, logged in."""
    with chromium.new_context(
        base_url=busy.url,
        viewport={"width": 768, "height": 900},
        color_scheme="dark",
        reduced_motion="reduce",
    ) as context:
        page = context.new_page()
        page.goto("/login/")
        page.get_by_label("E-mail").fill("alice@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{busy.url}/")
        yield page


def chosen(page: Page) -> list[str]:
    """Tick every account and fill in what its network needs; returns the networks."""
    boxes = page.locator("input[name=accounts]")
    networks = []
    for place in range(boxes.count()):
        box = boxes.nth(place)
        name, pk = str(box.get_attribute("data-network")), box.get_attribute("value")
        box.check(force=True)
        networks.append(name)
        for blank in providers.adapter(name).post_fields:
            if blank.needed:
                value = (blank.practice or "practice").replace("{key}", "everywhere")
                field = page.locator(f"[id='option-{pk}-{blank.name}']")
                if blank.choices:
                    field.select_option(value)
                else:
                    field.fill(value)
    return networks


def bring(page: Page, folder: Path) -> None:
    """Two pictures with their descriptions, each once it is here."""
    for place, alt in enumerate(ALTS):
        path = folder / f"gate-{place}.jpg"
        path.write_bytes(files.encoded(files.drawn(1200, 900, seed=place + 1)))
        page.set_input_files(f"#id_media-{place}-file", path)
        expect(page.locator("[data-said]").nth(place)).to_contain_text("is here", timeout=30_000)
        page.locator(f"#id_media-{place}-alt").fill(alt)


def test_two_pictures_stand_on_every_board(
    page: Page, street_server: StreetServer, tmp_path: Path
) -> None:
    page.goto("/posts/new/")
    networks = chosen(page)
    assert sorted(networks) == sorted(kind.name for kind in PICTURED)
    page.get_by_label("Text").fill(TEXT)
    bring(page, tmp_path)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "everywhere-written.png", full_page=True)
    page.get_by_role("button", name="Post", exact=True).click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))
    posted = page.locator("[data-result][data-state=posted]")
    expect(posted).to_have_count(len(networks), timeout=MINUTES * 60_000)
    page.screenshot(path=SHOTS / "everywhere-posted.png", full_page=True)

    board = Street(street_server.url).board()
    for kind in PICTURED:
        assert kind.limits.images is not None
        [post] = [p for p in board if p["network"] == kind.name and TEXT in p["text"]]
        assert len({media["sha256"] for media in post["media"]}) == 2, kind.label
        for media, alt in zip(post["media"], ALTS, strict=True):
            if kind.limits.images.alt_limit is None:
                assert media["alt"] == "", kind.label
            else:  # a network with one description for all of them gets every word in it
                assert alt in media["alt"], kind.label
