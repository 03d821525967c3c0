"""A post that waits, changed in a real browser: all of it, nothing lost, and its slot named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, everywhere, looking
from tests.browser.site import Site, manage
from tests.browser.test_composer import EXPECTED, TIGHT, box, two

pytestmark = pytest.mark.browser
look = looking(768, "dark")
ROOMY = 1000


@pytest.fixture(autouse=True)
def quiet(complaints: list[str]) -> Iterator[None]:
    """Nothing that a page does may break its policy or a script."""
    yield
    assert [said for said in complaints if not EXPECTED.search(said)] == []


def planned(page: Page, words: str) -> str:
    """A post for next week, whose page is open; the second of its networks."""
    _, other = two(page)
    page.get_by_label("Text").fill(words)
    page.locator("#id_when").fill("in 9 days")
    page.locator("#send").click()
    expect(page.locator("[data-post-state=scheduled]")).to_be_visible()
    return other


@everywhere
def test_it_is_changed_and_what_is_typed_outlives_a_reload(visit: Open) -> None:
    page = visit("/posts/new/")
    other = planned(page, "Before it is changed.")
    page.locator("#edit").click()
    expect(page.get_by_role("heading", name="Change a post")).to_be_visible()
    expect(page.locator("[data-preview]")).to_have_count(2)
    expect(page.locator("#send")).to_have_text("Save")
    page.get_by_label("Text").fill("After it was changed.")
    expect(page.locator(f"[data-preview={TIGHT.name}]")).to_contain_text("After it was changed.")

    page.reload()
    expect(page.get_by_label("Text")).to_have_value("Before it is changed.")
    page.get_by_role("button", name="Bring them back").click()
    expect(page.get_by_label("Text")).to_have_value("After it was changed.")
    page.locator("#more-parts").click()
    page.locator("#part-1").fill("And one thing more.")
    box(page, other).uncheck(force=True)
    page.locator("#send").click()
    expect(page.locator("[data-toast]")).to_contain_text("Saved")
    expect(page.locator("article")).to_contain_text("After it was changed.")
    expect(page.locator("[data-part='1']").first).to_contain_text("And one thing more.")

    page.locator("#edit").click()
    expect(page.locator("#kept-copy")).to_be_hidden()


def test_it_goes_back_to_the_drafts(visit: Open) -> None:
    page = visit("/posts/new/")
    planned(page, "Perhaps not yet.")
    page.locator("#put-back").click()
    expect(page.get_by_role("heading", name="Draft")).to_be_visible()
    expect(page.locator("[data-toast]")).to_contain_text("It is a draft again")
    expect(page.get_by_label("Text")).to_have_value("Perhaps not yet.")


@everywhere
def test_without_a_script_everything_is_a_form(visit: Open) -> None:
    page = visit("/posts/6/edit/", java_script_enabled=False)
    page.get_by_role("button", name="Add a part").click()
    expect(page.locator("textarea[name=part]")).to_have_count(1)
    page.locator("textarea[name=part]").fill("x" * 9_000)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was saved.")
    expect(page.locator("textarea[name=part]")).to_have_value("x" * 9_000)
    expect(page.get_by_text("Take part 2 away")).to_be_visible()


def test_the_slot_is_named_as_accounts_are_chosen(visit: Open) -> None:
    page = visit("/queue/")
    page.get_by_role("link", name="Write for").first.click()
    expect(page.locator("#id_when")).not_to_have_value("")
    expect(page.locator("#free-slot")).to_contain_text("Next free slot")
    page.locator("input[name=accounts]:checked").uncheck(force=True)
    expect(page.locator("#free-slot")).to_be_empty()


@pytest.fixture
def roomy(site: Site) -> Iterator[None]:
    """The server of the tightest account has told that more fits there."""
    for told in ({"text": {"limit": ROOMY}}, {}):
        accounts = "from tokens.models import SocialAccount as A; A.objects"
        change = f"{accounts}.filter(provider='{TIGHT.name}').update(told_limits={told})"
        manage(site.around, "manage.py", "shell", "-c", change)
        if told:
            yield


@pytest.mark.usefixtures("roomy")
def test_an_account_with_more_room_is_counted_by_its_own(visit: Open) -> None:
    page = visit("/posts/new/")
    box(page, TIGHT.name).check(force=True)
    page.get_by_label("Text").fill("a" * 990)
    counter = page.locator("[data-counters] li", has_text=TIGHT.label)
    expect(counter).to_contain_text("10 left")
    expect(page.locator(f"[data-preview={TIGHT.name}]")).to_contain_text("10 left")
    expect(page.locator(f"[data-preview={TIGHT.name}] mark")).to_have_count(0)


def test_an_undo_that_is_held_open_is_offered_no_longer_than_it_works(visit: Open) -> None:
    page = visit("/calendar/")
    page.clock.install()
    page.reload()
    page.evaluate(
        """() => {
          const made = document.createElement("div");
          made.innerHTML = '<div data-toast data-undo><p>Moved.</p><form><button>Undo</button>'
            + '</form><button type="button" data-close hidden>Close</button></div>';
          document.getElementById("toasts").append(made.firstChild);
        }"""
    )
    toast = page.locator("[data-toast]")
    toast.dispatch_event("pointerenter")
    page.clock.fast_forward(20_000)
    expect(toast.get_by_role("button", name="Undo")).to_be_visible()
    page.clock.fast_forward(9_000)
    expect(toast.get_by_role("button", name="Undo")).to_have_count(0)
    expect(toast).to_be_visible()
