"""A real browser counts as the server does, and says so under the text while somebody types."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

import providers
from tests.cast import Cast
from tests.pages.conftest import browser, connect
from tests.providers.scripts import vectors

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here.")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"There is no chromium at {CHROMIUM}."),
]
COUNT = """
async ({cases, rules}) => {
  const { learn, count } = await import("/static/js/count.js");
  learn(await (await fetch("/posts/rules/")).json());
  return cases.map((text) => rules.map((rule) => count(text, rule)));
}
"""


def errors_in(said: Any) -> list[str]:
    """What the console says, if it is an error."""
    return [said.text] if said.type == "error" else []


def in_chromium(url: str, client: Client, story: Any) -> Any:
    """What `story(page)` comes to; in a thread of its own, where no database is asked."""
    key = client.cookies[settings.SESSION_COOKIE_NAME].value

    def play() -> Any:
        with sync_api.sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = chromium.new_context(base_url=url)
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": url}])
            page = context.new_page()
            complaints: list[str] = []
            page.on("console", lambda said: complaints.extend(errors_in(said)))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto("/posts/new/")
            told = story(page)
            chromium.close()
            assert complaints == []
            return told

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(play).result()


def test_chromium_counts_as_the_vectors_say(live_server: LiveServer, cast: Cast) -> None:
    rules, cases = vectors()
    given = {
        "cases": [case["text"] for case in cases],
        "rules": [asdict(rule) for rule in rules.values()],
    }
    alice = browser(cast.alice)
    counted = in_chromium(live_server.url, alice, lambda page: page.evaluate(COUNT, given))
    assert [dict(zip(rules, row, strict=True)) for row in counted] == [c["counts"] for c in cases]


def test_the_counters_follow_what_alice_types(live_server: LiveServer, cast: Cast) -> None:
    kind = min(providers.ADAPTERS.values(), key=lambda kind: kind.limits.text.limit)
    connect(cast, kind.name)
    limit, seen = kind.limits.text.limit, "[data-counters] li"

    def story(page: Any) -> list[str]:
        said = [page.locator("[data-counters]").is_hidden()]
        page.locator("[data-network]").check()
        said.append(page.locator(seen).text_content())
        page.get_by_label("Text").fill("a" * (limit - 3))
        said.append(page.locator(seen).text_content())
        page.get_by_label("Text").fill("a" * (limit + 3))
        said.append(page.locator(f"{seen}.over").text_content())
        status = page.locator("[data-counters] [role=status]")
        status.filter(has_text="too long").wait_for(state="attached")
        page.locator("[data-network]").uncheck()
        said.append(page.locator("[data-counters]").is_hidden())
        return said

    too_long = f"{kind.label}: 3 characters too long ({limit + 3} of {limit})."
    assert in_chromium(live_server.url, browser(cast.alice), story) == [
        True,
        f"{kind.label}: {limit} left",
        f"{kind.label}: 3 left",
        too_long,
        True,
    ]
