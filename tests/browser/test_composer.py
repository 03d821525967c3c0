"""Writing in a real browser: own words, counters, pictures, drafts that save themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Request, Route, expect

import providers
from tests import files
from tests.browser.conftest import SHOTS, Open, everywhere, looking

# What a page answers to a mistake, and that a newer preview has overtaken another.
EXPECTED = re.compile(r"\b(409|422|Failed to load)|htmx:(sendAbort|afterRequest)\b")

pytestmark = pytest.mark.browser
look = looking(360, "dark")
FREE = [k for k in providers.ADAPTERS.values() if not k.limits.needs_media]
PLAIN = [k for k in FREE if not any(field.needed for field in k.post_fields)]
TIGHT = min((k for k in PLAIN if k.limits.replies), key=lambda k: k.limits.text.limit)
SAVED = re.compile(r"^Saved \d")


@pytest.fixture(autouse=True)
def quiet(complaints: list[str]) -> Iterator[None]:
    """Nothing that a page does may break its policy or a script."""
    yield
    assert [said for said in complaints if not EXPECTED.search(said)] == []


def box(page: Page, provider: str) -> Locator:
    """The chip of an account."""
    return page.locator(f"input[name=accounts][data-network={provider}]")


def card(page: Page, provider: str) -> Locator:
    """What is an account's own."""
    pk = box(page, provider).get_attribute("value")
    return page.locator(f"[data-for='{pk}']")


def two(page: Page) -> tuple[str, str]:
    """Two networks that are ready, the tightest first."""
    ready = [k.name for k in PLAIN if box(page, k.name).is_enabled()]
    assert TIGHT.name in ready
    other = next(name for name in ready if name != TIGHT.name)
    for name in (TIGHT.name, other):
        box(page, name).check(force=True)
    return TIGHT.name, other


def saved(page: Page) -> None:
    """Until what stands there is saved: the browser keeps nothing back any more."""
    expect(page.locator("#saved[data-state=saved]")).to_have_count(1)
    expect(page.locator("#saved")).to_have_text(SAVED)


def test_own_words_are_counted_and_shown_apart(visit: Open) -> None:
    page = visit("/posts/new/")
    tight, _ = two(page)
    limit = TIGHT.limits.text.limit
    page.get_by_label("Text").fill("a" * (limit + 5))
    counter = page.locator("[data-counters] li", has_text=TIGHT.label)
    expect(counter).to_have_text(f"{TIGHT.label}: 5 characters too long ({limit + 5} of {limit}).")
    expect(page.locator(f"[data-preview={tight}] mark")).to_have_text("aaaaa")

    mine = card(page, tight)
    mine.locator("summary").click()
    own = mine.locator("textarea")
    own.focus()
    expect(own).to_have_value("a" * (limit + 5))
    own.fill("Short here.")
    expect(mine.locator(".counters li")).to_have_text(f"{TIGHT.label}: {limit - 11} left")
    expect(counter).to_have_count(0)
    expect(page.locator("[data-custom]:visible")).to_have_count(1)
    expect(page.locator(f"[data-preview={tight}] mark")).to_have_count(0)

    page.once("dialog", lambda dialog: dialog.dismiss())
    mine.get_by_role("button", name="Back to the common words").click()
    expect(own).to_have_value("Short here.")
    page.once("dialog", lambda dialog: dialog.accept())
    mine.get_by_role("button", name="Back to the common words").click()
    expect(own).to_have_value("")
    expect(counter).to_have_count(1)


@everywhere
def test_a_post_is_written_saved_reloaded_and_planned(visit: Open, tmp_path: Path) -> None:
    page = visit("/posts/new/")
    tight, other = two(page)
    page.get_by_label("Text").fill("Come by on Friday.")
    card(page, tight).locator("summary").click()
    card(page, tight).locator("textarea").focus()  # the common words come in
    card(page, tight).locator("textarea").fill("Short here.")
    (tmp_path / "gate.jpg").write_bytes(files.telling(width=400, height=300))
    drop(page, tmp_path / "gate.jpg")
    expect(page.locator("[data-said]").first).to_contain_text("is here")
    expect(page.locator("[data-nudge]").first).to_be_visible()
    page.locator("#id_media-0-alt").fill("A gate that is open")
    expect(page.locator("[data-nudge]").first).to_be_hidden()
    page.get_by_label("When").fill("fri 9am")
    expect(page.locator("[data-moment]")).to_contain_text(re.compile(r"Fri .*09:00 Europe/Paris"))
    saved(page)
    expect(page).to_have_url(re.compile(r"/drafts/\d+/$"))
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "composer.png", full_page=True)

    page.reload()
    expect(page.get_by_label("Text")).to_have_value("Come by on Friday.")
    expect(card(page, tight).locator("textarea")).to_have_value("Short here.")
    expect(page.locator("#id_media-0-alt")).to_have_value("A gate that is open")
    expect(box(page, other)).to_be_checked()
    expect(page.locator("#kept-copy")).to_be_hidden()
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))
    expect(page.get_by_alt_text("A gate that is open")).to_be_visible()
    expect(page.locator("article").first).to_contain_text("09:00")


def drop(page: Page, path: Path) -> None:
    """Drop a file on the page, as from a folder."""
    data = page.evaluate_handle(
        """async ({bytes, name}) => {
          const held = new DataTransfer();
          held.items.add(new File([new Uint8Array(bytes)], name, {type: "image/jpeg"}));
          return held;
        }""",
        {"bytes": list(path.read_bytes()), "name": path.name},
    )
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": data})


def test_two_tabs_are_told_of_each_other_and_nothing_is_overwritten(visit: Open) -> None:
    first = visit("/posts/new/")
    first.get_by_label("Text").fill("The beginning.")
    saved(first)
    second = first.context.new_page()
    second.goto(first.url)
    second.get_by_label("Text").fill("From the second tab.")
    saved(second)
    first.get_by_label("Text").fill("From the first tab.")
    dialog = first.get_by_role("dialog", name="Two versions of this draft")
    expect(dialog).to_contain_text("From the second tab.")
    expect(dialog).to_contain_text("From the first tab.")
    first.screenshot(path=SHOTS / "composer-conflict.png")
    second.reload()
    expect(second.get_by_label("Text")).to_have_value("From the second tab.")
    dialog.get_by_role("button", name="Save mine in its place").click()
    saved(first)
    second.reload()
    expect(second.get_by_label("Text")).to_have_value("From the first tab.")


def test_what_the_server_did_not_get_is_offered_after_the_log_in(visit: Open) -> None:
    page = visit("/posts/new/", "bob")
    page.context.clear_cookies(name="postrider_session")
    page.get_by_label("Text").fill("Typed while nobody was logged in.")
    page.wait_for_url("**/login/**")
    page.get_by_label("E-mail").fill("bob@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/posts/new/")
    expect(page.locator("#kept-copy")).to_contain_text("Typed while nobody was logged in.")
    page.get_by_role("button", name="Bring them back").click()
    expect(page.get_by_label("Text")).to_have_value("Typed while nobody was logged in.")
    saved(page)
    page.goto("/posts/new/")
    expect(page.locator("#kept-copy")).to_be_hidden()


def test_a_server_that_is_away_costs_no_word(visit: Open) -> None:
    page = visit("/posts/new/")
    page.route("**/drafts/save/", lambda route: route.abort())
    page.get_by_label("Text").fill("Typed while the server was away.")
    expect(page.locator("#saved")).to_contain_text("kept in this browser")
    page.unroute("**/drafts/save/")
    page.reload()
    page.get_by_role("button", name="Bring them back").click()
    saved(page)


def test_a_long_text_is_split_in_place_and_parts_are_edited(visit: Open) -> None:
    page = visit("/posts/new/")
    two(page)
    page.get_by_label("Text").fill("One sentence of a long story. " * 30)
    page.get_by_role("button", name="Split into a thread").click()
    expect(page.locator("textarea[name=part]").first).to_be_visible()
    count = page.locator("textarea[name=part]").count()
    page.get_by_role("button", name="Add a part").click()
    expect(page.locator("textarea[name=part]")).to_have_count(count + 1)
    page.locator("textarea[name=part]").last.fill("A first comment.")
    expect(page.locator(f"[data-preview={TIGHT.name}]")).to_contain_text("A first comment.")
    page.get_by_role("button", name="Take part 2 away").click()
    expect(page.locator("textarea[name=part]")).to_have_count(count)
    expect(page.locator("textarea[name=part]").last).to_have_value("A first comment.")


def test_keys_save_and_send(visit: Open) -> None:
    page = visit("/posts/new/")
    box(page, TIGHT.name).check(force=True)
    page.get_by_label("Text").fill("By keys alone.")
    page.keyboard.press("Control+s")
    saved(page)
    page.get_by_label("Text").press("Control+Enter")
    page.wait_for_url(re.compile(r"/posts/\d+/$"))


def test_what_is_sent_while_it_saves_itself_goes_out(visit: Open) -> None:
    page = visit("/posts/new/")
    box(page, TIGHT.name).check(force=True)
    held: list[tuple[Route, APIResponse]] = []
    sent: list[str] = []

    def heard(request: Request) -> None:
        if request.is_navigation_request() and request.method == "POST":
            sent.append(request.url)

    page.on("request", heard)
    page.route("**/drafts/save/", lambda route: held.append((route, route.fetch())))
    page.get_by_label("Text").fill("Sent while it was being saved.")
    expect(page.locator("#saved")).to_have_text("Saving …")
    while not held:  # the server has it, and this page does not know yet
        page.wait_for_timeout(20)
    page.get_by_role("button", name="Post", exact=True).click()
    route, answer = held.pop()
    route.fulfill(response=answer)
    page.wait_for_url(re.compile(r"/posts/\d+/$"))
    expect(page.locator("article")).to_contain_text("Sent while it was being saved.")
    [address] = sent  # once, and of the draft that the save had made
    assert re.search(r"/drafts/\d+/$", address)


def test_drafts_are_discarded_and_brought_back(visit: Open) -> None:
    page = visit("/posts/new/")
    page.get_by_label("Text").fill("A draft to be thrown away.")
    saved(page)
    page.goto("/drafts/")
    row = page.locator("[data-draft]", has_text="A draft to be thrown away.")
    row.get_by_role("button", name="Discard").click()
    expect(row).to_have_count(0)
    page.locator("main").focus()
    page.keyboard.press("Control+z")
    expect(row).to_have_count(1)
    row.get_by_role("link", name="Open").click()
    expect(page.get_by_label("Text")).to_have_value("A draft to be thrown away.")


@everywhere
def test_the_core_works_without_a_script(visit: Open, tmp_path: Path) -> None:
    page = visit("/posts/new/", java_script_enabled=False)
    box(page, TIGHT.name).check()
    page.get_by_label("Text").fill("One sentence of a long story. " * 30)
    page.get_by_role("button", name="Split into a thread").click()
    assert page.locator("textarea[name=part]").count() >= 1
    (tmp_path / "gate.jpg").write_bytes(files.telling())
    page.set_input_files("#id_media-0-file", tmp_path / "gate.jpg")
    page.locator("#id_media-0-alt").fill("A gate")
    page.get_by_label("When").fill("fri 9am")
    page.get_by_role("button", name="Save draft").click()
    assert "/drafts/" in page.url
    assert page.locator("#id_media-0-alt").input_value() == "A gate"
    page.get_by_role("button", name="Show the previews").click()
    assert page.locator(f"[data-preview={TIGHT.name}] img").count() == 1
    page.get_by_role("button", name="Post", exact=True).click()
    page.wait_for_url(re.compile(r"/posts/\d+/$"))
    assert page.get_by_alt_text("A gate").count() == 1
