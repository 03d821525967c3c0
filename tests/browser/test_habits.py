"""What is used again: a table brought and imported, a template written with, a repeat made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, everywhere, looking
from tests.browser.site import Site, manage

pytestmark = pytest.mark.browser
look = looking(768, "light")
HEADING = "Words,Moment,Where\n"
GOOD = "{n}. A letter from the table.,2099-03-0{n} 09:00,\n"


def table(tmp_path: Path, rows: str) -> Path:
    """A file as a spreadsheet writes it."""
    path = tmp_path / "letters.csv"
    path.write_text(HEADING + rows)
    return path


def bring(page: Page, path: Path) -> None:
    """Alice chooses the file and says what its columns hold."""
    page.goto("/posts/import/")
    page.get_by_label("Your table").set_input_files(path)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/columns/")
    page.get_by_label("Text", exact=True).select_option("Words")
    page.get_by_label("When", exact=True).select_option("Moment")
    page.locator("input[name=usual]:not([disabled])").first.check(force=True)
    page.get_by_role("button", name="Try it out").click()
    page.wait_for_url(re.compile(r"/posts/import/\d+/$"))


def work(site: Site) -> None:
    """A worker has its turn."""
    words = (
        "from django.utils import timezone; from posting.imports import go_on_all;"
        " go_on_all(timezone.now())"
    )
    manage(site.around, "manage.py", "shell", "--no-imports", "-c", words)


@everywhere
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_table_becomes_posts(script: bool, visit: Open, site: Site, tmp_path: Path) -> None:
    page = visit("/posts/", java_script_enabled=script)
    rows = "".join(GOOD.format(n=n) for n in (1, 2)) + "Lost.,yesterday,\n"
    bring(page, table(tmp_path, rows))
    expect(page.locator("[data-row='4'] .errorlist")).to_contain_text("“yesterday”")
    expect(page.locator("[data-row='2']")).to_contain_text("09:00 Europe/Paris")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Download the 1 to repair").click()
    assert "Lost." in Path(fetched.value.path()).read_text()
    page.get_by_role("button", name="Import the 2 good rows").click()
    expect(page.get_by_text("Being imported")).to_be_visible()
    work(site)
    if script:  # the page sees it by itself
        expect(page.locator("#progress[data-stage=ended]")).to_be_visible(timeout=10_000)
    else:
        page.get_by_role("link", name="See how far it is now").click()
    expect(page.locator("#progress")).to_contain_text("2 of 2 posts made")
    page.get_by_role("link", name="1. A letter from the table.").click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))
    expect(page.get_by_text("1. A letter from the table.").first).to_be_visible()


def test_what_was_chosen_is_remembered_for_the_next_such_table(visit: Open, tmp_path: Path) -> None:
    page = visit("/posts/")
    path = table(tmp_path, GOOD.format(n=1))
    bring(page, path)
    page.get_by_role("button", name="Put it away").click()
    bring(page, path)
    page.goto("/posts/import/")
    page.get_by_label("Your table").set_input_files(path)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("When", exact=True)).to_have_value("Moment")
    expect(page.get_by_label("Text", exact=True)).to_have_value("Words")


def test_a_template_is_kept_and_written_with(visit: Open) -> None:
    page = visit("/library/")
    page.get_by_role("link", name="New template").click()
    page.get_by_label("Name").fill("Sunday")
    page.get_by_label("Text").fill("On Sunday we rest.")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("link", name=re.compile("Write with it *: Sunday")).click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("On Sunday we rest.")


def test_a_file_of_the_library_begins_a_post(visit: Open) -> None:
    page = visit("/library/files/")
    page.get_by_role("link", name=re.compile("Write *with lantern-2.jpg")).click()
    expect(page.locator("input[name=media-0-alt]")).to_have_value(re.compile("gate"))
    picture = page.locator("#files img.thumb")
    assert picture.evaluate("async one => (await one.decode(), one.naturalWidth)")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_repeat_is_made_left_out_once_and_ended(script: bool, visit: Open) -> None:
    page: Any = visit("/posts/repeats/new/", java_script_enabled=script)
    text = f"Comes again, {'with' if script else 'without'} a script."
    page.get_by_label("Text 1").fill(text)
    page.locator("input[name=accounts]:not([disabled])").first.check(force=True)
    expect(page.get_by_label("Rule", exact=True)).to_be_hidden()
    page.get_by_text("By a rule", exact=True).click()
    page.get_by_label("Rule", exact=True).fill("FREQ=MONTHLY;BYDAY=2XX")
    if script:
        expect(page.locator("#coming")).to_contain_text("“2XX” is no day")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".errorlist", has_text="“2XX” is no day")).to_be_visible()
    page.get_by_label("Rule", exact=True).fill("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24")
    if not script:
        page.get_by_role("button", name="Show the next days").click()
    expect(page.locator("#coming")).to_contain_text("24 Dec")
    page.get_by_role("button", name="Begin").click()
    card = page.locator("[data-repeat]", has_text=text)
    expect(card.locator("ol.coming > li")).to_have_count(3)
    first = card.locator("ol.coming > li").first.inner_text()
    card.get_by_role("button", name="Leave out").first.click()
    expect(card.get_by_text("is left out")).to_be_visible()
    expect(card.locator("ol.coming > li").first).not_to_have_text(first)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(card.get_by_text("is left out")).to_have_count(0)
    card.get_by_role("link", name="Change or end").click()
    page.get_by_role("button", name="End this repeat").click()
    expect(page.locator("[data-repeat]", has_text=text)).to_contain_text("Ended")


def test_a_post_carries_labels(visit: Open) -> None:
    page = visit("/posts/6/")
    page.locator("#label-it summary").click()
    page.get_by_label("Or a new one").fill("By lamplight")
    page.get_by_role("button", name="Save the labels").click()
    expect(page.locator("#labels .label-tag", has_text="By lamplight")).to_be_visible()
