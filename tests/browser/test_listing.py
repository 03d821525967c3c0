"""The list in a real browser: filter, keys, ranges, many at once; and all without a script."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, everywhere, looking

pytestmark = pytest.mark.browser
look = looking(360, "light")


@pytest.fixture(autouse=True)
def quiet(complaints: list[str]) -> Iterator[None]:
    """Nothing that a page does may break its policy or a script."""
    yield
    assert [said for said in complaints if not re.search(r"\b(404|409|422)\b", said)] == []


def rows(page: Page) -> int:
    """How many posts are listed."""
    return int(page.locator("#listed [data-post]").count())


@everywhere
def test_the_filter_swaps_the_list_and_its_address_can_be_shared(visit: Open) -> None:
    page = visit("/posts/")
    page.keyboard.press("f")
    expect(page.get_by_label("State", exact=True)).to_be_focused()
    page.get_by_label("State", exact=True).select_option(label="Not posted")
    expect(page).to_have_url(re.compile(r"/posts/\?state=failed$"))
    expect(page.locator("#listed [data-post]")).to_have_count(1)
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("workshop")
    expect(page).to_have_url(re.compile(r"state=failed&q=workshop$"))
    expect(page.get_by_label("Words in the text")).to_be_focused()
    shared = visit(page.url)
    expect(shared.locator("#listed [data-post]")).to_have_count(1)
    shared.get_by_role("link", name=re.compile("^Not posted.*leave this out")).click()
    expect(shared).to_have_url(re.compile(r"/posts/\?q=workshop$"))
    shared.get_by_label("Words in the text").fill("elephant")
    expect(shared.get_by_text("No post fits these filters.")).to_be_visible()
    shared.get_by_role("link", name="Clear filters").last.click()
    expect(shared).to_have_url(re.compile(r"/posts/$"))


@everywhere
def test_shift_ticks_a_range_and_a_rehearsal_comes_first(visit: Open) -> None:
    page = visit("/posts/?time=ahead&select=1")
    boxes = page.locator("input[name=posts]")
    count = boxes.count()
    assert count >= 3
    boxes.first.click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.get_by_text("With the 3 selected:")).to_be_visible()
    page.get_by_placeholder("fri 9am").fill("+1 day")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("heading", name="3 posts would be moved")).to_be_visible()
    page.get_by_role("button", name="Move 3 posts").click()
    expect(page.locator(".toast-one", has_text="3 posts moved.")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator(".toast-one", has_text="Undone")).to_be_visible()


def test_all_that_match_are_one_box(visit: Open) -> None:
    page = visit("/posts/?time=ahead&select=1")
    count = rows(page)
    page.get_by_label(f"All {count} that match, on every page").check()
    expect(page.get_by_text(f"With the {count} selected:")).to_be_visible()
    expect(page.locator("input[name=posts]").first).to_be_disabled()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(
        page.get_by_role("heading", name=re.compile(r"posts? would be cancelled"))
    ).to_be_visible()
    page.get_by_role("link", name="Leave them as they are").click()
    expect(page).to_have_url(re.compile(r"select=1"))


def test_another_team_is_chosen_in_the_rail(visit: Open) -> None:
    page = visit("/posts/", "tom", width=1280)
    page.locator(".rail summary").click()
    page.get_by_role("button", name="Nora's empty team").first.click()
    expect(page.locator(".rail-team")).to_contain_text("Nora's empty team")
    page.goto("/posts/1/")
    page.get_by_role("main").get_by_role("button", name="Alice's team").click()
    expect(page).to_have_url(re.compile(r"/posts/1/$"))


# --- without a script -----------------------------------------------------------------------------
@everywhere
def test_the_list_works_without_a_script(visit: Open, tmp_path: Path) -> None:
    page = visit("/posts/", java_script_enabled=False, accept_downloads=True)
    page.get_by_label("State", exact=True).select_option(label="Scheduled")
    page.get_by_role("button", name="Filter").click()
    assert "state=scheduled" in page.url
    count = rows(page)
    assert count >= 3
    with page.expect_download() as given:
        page.get_by_role("link", name="Export CSV").click()
    given.value.save_as(tmp_path / "posts.csv")
    with (tmp_path / "posts.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["state"] for row in csv.DictReader(file)} == {"scheduled"}
    page.get_by_role("link", name="Select", exact=True).click()
    page.locator("input[name=posts]").first.check()
    page.get_by_placeholder("fri 9am").fill("+1 day")
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("button", name="Move 1 post").click()
    page.get_by_role("button", name="Undo").click()
    assert "Undone" in page.content()


def test_home_works_without_a_script(visit: Open) -> None:
    page = visit("/", java_script_enabled=False)
    assert page.get_by_role("heading", name="What needs you").is_visible()
    cause = page.locator("[data-cause^=failed]").first
    cause.get_by_role("link", name="Look at it").click()
    assert "/posts/causes/?cause=failed" in page.url
    page.goto("/")
    page.locator(".week-day a").first.click()
    assert "/calendar/?view=day" in page.url
    page.goto("/")
    page.locator("[aria-labelledby=next] [data-post] a").first.click()
    assert re.search(r"/posts/\d+/$", page.url)


def test_causes_work_without_a_script(visit: Open) -> None:
    page = visit("/posts/causes/", java_script_enabled=False)
    late = page.locator("[data-kind=late]").first
    late.get_by_role("link", name=re.compile("^Look at")).click()
    assert "cause=late" in page.url
    assert page.locator("[data-result]").count() == 1
    page.locator("[data-result] a").first.click()
    assert re.search(r"/posts/\d+/$", page.url)
    page.goto("/posts/causes/")
    failed = page.locator("[data-kind=failed]").first
    failed.get_by_role("button", name="Try again").click()
    assert "1 post goes on" in page.content()
    assert page.locator("[data-kind=failed]").count() == 0


def test_activity_works_without_a_script(visit: Open) -> None:
    page = visit("/activity/", java_script_enabled=False)
    kinds = page.locator(".timeline [data-kind]")
    assert kinds.count() > 1
    page.get_by_label("Who", exact=True).select_option(label="Bob")
    page.get_by_label("What", exact=True).select_option(label="Wrote a post")
    page.get_by_role("button", name="Show").click()
    assert "kind=wrote" in page.url
    assert {one.get_attribute("data-kind") for one in kinds.all()} == {"wrote"}
    page.locator(".timeline a[href='/posts/1/']").first.click()
    assert page.url.endswith("/posts/1/")
