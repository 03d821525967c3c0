"""Planning by hand: dragged, undone, moved by words, refused, on a phone, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SHOTS, Open, everywhere, looking, where_one_drags
from tests.browser.screens import LOOKS, Look

pytestmark = pytest.mark.browser
look = looking(1280, "dark")
PARIS = ZoneInfo("Europe/Paris")
DAY = timedelta(days=1)


def today() -> datetime:
    """Noon of this day where Alice lives."""
    now = datetime.now(UTC).astimezone(PARIS)
    return now.replace(hour=12, minute=0, second=0, microsecond=0)


def schedule(page: Page, text: str, when: datetime) -> None:
    """Alice writes a post for a moment."""
    page.goto("/posts/new/")
    page.get_by_label("Text").fill(text)
    page.locator("input[name=accounts]:not([disabled])").first.check(force=True)
    page.get_by_label("When").fill(f"{when:%Y-%m-%dT%H:%M}")
    page.locator("#send").click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))


def chip(page: Page, text: str) -> Locator:
    """The post in the calendar."""
    return page.locator("#board .planned", has_text=text)


def place(page: Page, day: datetime) -> Locator:
    """A day of the calendar."""
    return page.locator(f'#board [data-place="day:{day:%Y-%m-%d}"]')


def drag(page: Page, item: Locator, to: Locator, *, shot: str = "") -> None:
    """By the mouse, as a hand does it: in steps."""
    item.scroll_into_view_if_needed()
    start, end = item.bounding_box(), to.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 20, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + min(end["height"] / 2, 40), steps=8)
    if shot:
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"{shot}.png", caret="initial")
    page.mouse.up()


@pytest.fixture
def far(look: Look) -> datetime:
    """A Wednesday in a week where nothing else of its name stands: each look has its own."""
    day = today() + 60 * DAY + LOOKS.index(look) * 14 * DAY
    return day + ((2 - day.weekday()) % 7) * DAY


@pytest.fixture
def calm(complaints: list[str]) -> Iterator[None]:
    """Refusals are answers, and the console says their number; nothing else may be said."""
    yield
    assert [said for said in complaints if "status of 4" not in said] == []


@where_one_drags
def test_a_post_is_dragged_and_undone(visit: Open, far: datetime, calm: None) -> None:
    page = visit("/")
    text = "The lamp goes on a journey."
    schedule(page, text, far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    drag(page, chip(page, text), place(page, far + DAY), shot="calendar-drag")
    toast = page.locator("[data-toast]")
    expect(toast).to_contain_text(f"Moved to {far + DAY:%a}")
    expect(place(page, far + DAY)).to_contain_text(text)
    expect(page.locator("#board .planned[data-ghost]")).to_have_count(0)
    page.screenshot(path=SHOTS / "calendar-dragged.png")
    page.keyboard.press("Control+z")
    expect(page.locator("[data-toast]")).to_contain_text("Undone")
    expect(place(page, far)).to_contain_text(text)


@everywhere
def test_a_post_is_moved_by_keys_and_undone(visit: Open, far: datetime, calm: None) -> None:
    page = visit("/")
    text = "The lamp is carried by hand."
    schedule(page, text, far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    more = chip(page, text).get_by_role("link", name="Move to…")
    more.focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("dialog").get_by_label("Move to")
    expect(field).to_be_focused()
    page.keyboard.type(f"{far + 2 * DAY:%Y-%m-%d} 8:15")
    expect(page.locator("#understood")).to_contain_text("08:15 Europe/Paris")
    page.screenshot(path=SHOTS / "calendar-move.png")
    page.keyboard.press("Enter")
    expect(place(page, far + 2 * DAY)).to_contain_text("08:15")
    page.keyboard.press("Control+z")
    expect(page.locator("[data-toast]")).to_contain_text("Undone")
    expect(place(page, far)).to_contain_text(text)


def test_words_that_make_no_sense_stay_in_the_dialog(
    visit: Open, far: datetime, calm: None
) -> None:
    page = visit("/")
    schedule(page, "No sense.", far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    chip(page, "No sense.").get_by_role("link", name="Move to…").click()
    field = page.get_by_role("dialog").get_by_label("Move to")
    field.fill("blursday")
    field.press("Enter")
    expect(page.get_by_role("dialog").locator(".errorlist")).to_contain_text("blursday")
    expect(field).to_have_value("blursday")


def test_what_is_out_is_refused_with_the_reason(visit: Open, calm: None) -> None:
    page = visit("/calendar/?view=month")
    out = page.locator("#board .calendar .planned[data-fixed]").first
    drag(page, out, page.locator("#board .cell:not(:has(.planned))").last)
    expect(page.locator("[data-toast]")).to_contain_text("It stays where it is.")


def test_a_day_that_passed_refuses(visit: Open, calm: None) -> None:
    page = visit("/calendar/?view=week")
    drawer = page.locator("#board .unplanned .planned")
    item, before = drawer.first, drawer.count()
    page.evaluate("document.querySelectorAll('.cell')[0].dataset.past = ''")
    drag(page, item, page.locator(".cell").first)
    expect(page.locator("[data-toast]")).to_contain_text("That day has passed")
    expect(drawer).to_have_count(before)


def test_a_refusal_of_the_server_brings_the_card_back(
    visit: Open, far: datetime, calm: None
) -> None:
    page = visit("/")
    schedule(page, "Two tabs.", far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    item = chip(page, "Two tabs.")
    item.evaluate("(one) => { one.dataset.seen = '999'; }")
    drag(page, item, place(page, far + DAY))
    expect(page.locator("[data-toast]")).to_contain_text("Somebody else has changed this")
    expect(place(page, far)).to_contain_text("Two tabs.")


def test_escape_lets_go(visit: Open, far: datetime, calm: None) -> None:
    page = visit("/")
    schedule(page, "Let go.", far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    box: Any = chip(page, "Let go.").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=5)
    expect(page.locator(".dragged")).to_have_count(1)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".dragged")).to_have_count(0)
    expect(place(page, far)).to_contain_text("Let go.")


def test_a_click_still_opens_the_post(visit: Open, far: datetime, calm: None) -> None:
    page = visit("/")
    schedule(page, "Just a click.", far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    chip(page, "Just a click.").locator(".post-chip").click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))


def test_keys_change_the_view(visit: Open, calm: None) -> None:
    page = visit("/calendar/?view=list&day=2027-08-04")
    for key, view in (("w", "week"), ("d", "day"), ("m", "month")):
        page.keyboard.press(key)
        page.wait_for_url(f"**view={view}*")
    page.keyboard.press("t")
    page.wait_for_url(f"**day={today():%Y-%m-%d}*")


def test_a_filter_applies_at_once(visit: Open, calm: None) -> None:
    page = visit("/calendar/?view=list")
    page.get_by_label("State").select_option("posted")
    page.wait_for_url("**state=posted*")
    expect(page.get_by_role("link", name="Show all")).to_be_visible()


def test_many_are_chosen_moved_and_undone(visit: Open, far: datetime, calm: None) -> None:
    page = visit("/")
    for text in ("First of many.", "Second of many."):
        schedule(page, text, far + 28 * DAY)
    page.goto(f"/calendar/?view=week&day={far + 28 * DAY:%Y-%m-%d}")
    page.get_by_role("link", name="Select", exact=True).click()
    for text in ("First of many.", "Second of many."):
        chip(page, text).get_by_role("checkbox").check()
    expect(page.get_by_text("With the 2 selected:")).to_be_visible()
    page.locator("#bulk-when").fill("+1 day")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(place(page, far + 29 * DAY)).to_contain_text("Second of many.")
    page.keyboard.press("Control+z")
    expect(place(page, far + 28 * DAY)).to_contain_text("Second of many.")


@everywhere
def test_a_post_is_moved_without_a_script(visit: Open, far: datetime) -> None:
    page = visit("/", java_script_enabled=False)
    schedule(page, "Slow and steady.", far)
    page.goto(f"/calendar/?view=week&day={far:%Y-%m-%d}")
    chip(page, "Slow and steady.").get_by_role("link", name="Move to…").click()
    page.get_by_label("Move to").fill(f"{far + DAY:%Y-%m-%d} noon")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#understood")).to_contain_text("12:00 Europe/Paris")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(place(page, far + DAY)).to_contain_text("Slow and steady.")
    page.get_by_role("button", name="Undo").click()
    expect(place(page, far)).to_contain_text("Slow and steady.")


def test_a_phone_moves_by_words(visit: Open, far: datetime, calm: None) -> None:
    page = visit("/", width=360, has_touch=True, is_mobile=True)
    schedule(page, "In the pocket.", far)
    page.goto(f"/calendar/?view=month&day={far:%Y-%m-%d}")
    page.locator(f'.cell[data-date="{far:%Y-%m-%d}"] .cell-count').click()
    page.wait_for_url("**view=day*")
    chip(page, "In the pocket.").get_by_role("link", name="Move to…").click()
    page.get_by_role("dialog").get_by_label("Move to").fill("tomorrow 8am")
    expect(page.locator("#understood")).to_contain_text("08:00 Europe/Paris")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=SHOTS / "calendar-phone-move.png")


@where_one_drags
def test_a_lane_is_put_in_another_order(visit: Open, calm: None) -> None:
    page = visit("/queue/")
    lane = page.locator(".lane").first
    items = lane.locator(".planned[data-drag]:not([data-fixed]) .post-chip-text")
    before = items.all_inner_texts()
    assert len(before) > 2
    rows = lane.locator(".lane-slot:has(.planned[data-drag]:not([data-fixed]))")
    drag(page, rows.nth(1).locator(".planned"), rows.nth(0), shot="queue-drag")
    expect(page.locator("[data-toast]")).to_contain_text("Moved to")
    expect(items).to_have_text([before[1], before[0], *before[2:]])
    page.keyboard.press("Control+z")
    expect(page.locator("[data-toast]")).to_contain_text("Undone")
    expect(items).to_have_text(before)


@everywhere
def test_a_lane_is_put_in_another_order_by_keys(visit: Open, calm: None) -> None:
    page = visit("/queue/")
    items = page.locator(".lane").first.locator(".planned[data-drag] .post-chip-text")
    before = items.all_inner_texts()
    page.locator(".lane").first.locator(".planned-more").nth(0).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Move to")).to_be_focused()
    page.keyboard.type("in 40 days")
    expect(page.locator("#understood")).to_contain_text("in 40 d")
    page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("Moved to")
    expect(items).to_have_text(before[1:])
    page.keyboard.press("Control+z")
    expect(items).to_have_text(before)
