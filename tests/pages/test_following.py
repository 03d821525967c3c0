"""One post and what became of it: the polled lines, the buttons, every attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from posting.compose import compose
from posting.lateness import LATE_WORDS
from posting.models import Post
from posting.states import CANCELLABLE, LATE, MOVING, REPEATABLE, State
from tests.cast import Cast, talkers
from tests.pages.conftest import Page, Put, connect, read, tried
from tests.pages.test_calendar import undo_address
from tokens.models import SocialAccount

STOP_POLLING = 286


def page_of(client: Client, post: Post) -> Page:
    """The page of a post."""
    return read(client.get(reverse("post", args=[post.pk])))


def offers(page: Page, name: str, *args: int) -> bool:
    """Whether a button of the one form on the page leads there."""
    [form] = page.all("form", id="act")
    return form["method"] == "post" and bool(
        page.all("button", form="act", formaction=reverse(name, args=args))
    )


@pytest.mark.parametrize("state", State)
def test_each_state_offers_just_what_can_be_done(
    state: State, alice: Client, post: Post, put: Put
) -> None:
    result = put(state)
    page = page_of(alice, post)
    assert offers(page, "cancel-post", post.pk) is (state in CANCELLABLE)
    assert offers(page, "try-again", post.pk) is (state in REPEATABLE)
    assert offers(page, "confirm-result", post.pk, result.pk) is (state is State.UNCONFIRMED)
    [line] = page.all("li", data_state=state)
    assert (line["data-result"], line["data-provider"]) == ("", result.provider)


@pytest.mark.parametrize("state", State)
def test_the_lines_are_asked_for_while_something_moves(
    state: State, alice: Client, post: Post, put: Put
) -> None:
    put(state)
    url = reverse("post-results", args=[post.pk])
    answer = alice.get(url)
    [region] = read(answer).all("section", id="results")
    asked = state in MOVING or state is State.HELD  # what is held goes on once it is mended
    assert answer.status_code == (200 if asked else STOP_POLLING)
    assert region.get("hx-get") == (url if asked else None)
    every = "every 1s" if state in MOVING else "every 15s"
    assert region.get("hx-trigger") == (every if asked else None)


def test_what_is_due_on_friday_is_not_asked_for_every_second(
    alice: Client, post: Post, put: Put
) -> None:
    put(State.SCHEDULED, due_at=timezone.now() + timedelta(days=3))
    [region] = page_of(alice, post).all("section", id="results")
    assert region["hx-trigger"] == "every 15s"


def test_the_page_and_its_update_hold_the_same_lines(alice: Client, post: Post) -> None:
    whole = alice.get(reverse("post", args=[post.pk])).content.decode()
    lines = alice.get(reverse("post-results", args=[post.pk])).content.decode()
    assert lines.strip() in whole


def test_a_posted_line_leads_to_the_network(alice: Client, post: Post, put: Put) -> None:
    put(State.POSTED, external_url="https://network.test/1", posted_at=timezone.now())
    [link] = page_of(alice, post).all("a", href="https://network.test/1")
    assert (link["rel"], link["target"]) == ("noopener", "_blank")


@pytest.mark.parametrize(
    ("state", "is_open"),
    [
        (State.FAILED, True),
        (State.UNCERTAIN, True),
        (State.UNCONFIRMED, True),
        (State.POSTED, False),
    ],
)
def test_the_attempts_lie_open_where_something_is_wrong(
    state: State, is_open: bool, alice: Client, post: Post, put: Put
) -> None:
    tried(put(state), "rejected")
    [attempts] = [d for d in page_of(alice, post).all("details") if "tries" in d.get("id", "")]
    assert ("open" in attempts) is is_open


def test_every_attempt_is_told(alice: Client, post: Post, put: Put) -> None:
    result = put(State.FAILED, error="rejected", words="Too long.")
    tried(result, "uncertain", words="The line went dead.", next_step="Looks first.")
    tried(result, "not seen", kind="look", words="Not there yet.")
    tried(result, "rejected", words="Too long.", http_status=400)
    page = page_of(alice, post)
    told = [(li["data-kind"], li["data-outcome"]) for li in page.all("li") if "data-attempt" in li]
    assert told == [("publish", "uncertain"), ("look", "not seen"), ("publish", "rejected")]
    for said in ("The line went dead.", "→ Looks first.", "HTTP 400", "c0ffee", "0.42\xa0s"):
        assert said in page.text


def test_what_people_and_networks_write_stays_text(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    evil = "<script>alert(1)</script>"
    post = compose(
        team=cast.team, author=cast.alice, text=evil, accounts=[account], at=timezone.now()
    )
    post.results.all().update(state=State.FAILED, words=evil)
    tried(post.results.get(), "rejected", words=evil, next_step=evil)
    for url in (reverse("post", args=[post.pk]), reverse("posts")):
        answer = alice.get(url)
        assert evil not in answer.content.decode()
        assert evil in read(answer).text


def test_a_time_is_shown_in_the_readers_zone(alice: Client, cast: Cast, post: Post) -> None:
    cast.alice.time_zone = "Asia/Kathmandu"
    cast.alice.save()
    later = timezone.now() + timedelta(days=2)
    Post.objects.filter(pk=post.pk).update(due_at=later)
    page = page_of(alice, post)
    assert "UTC+0545" in page.text
    assert later.strftime("%Y-%m-%dT%H:%M") in " ".join(t["datetime"] for t in page.all("time"))


def test_the_practice_street_is_linked_only_where_there_is_one(
    alice: Client, post: Post, settings: Settings
) -> None:
    settings.PRACTICE_URL = ""
    assert "See what the networks received" not in page_of(alice, post).text
    settings.PRACTICE_URL = "http://street.test"
    assert page_of(alice, post).all("a", href="http://street.test")


def test_cancelled_and_tried_again_without_a_script(alice: Client, post: Post, put: Put) -> None:
    assert "Cancelled" in read(alice.post(reverse("cancel-post", args=[post.pk]), follow=True)).text
    put(State.FAILED)
    page = read(alice.post(reverse("try-again", args=[post.pk]), follow=True))
    assert "On its way again" in page.text
    assert page.all("li", data_state="scheduled")


@pytest.mark.parametrize(("answer", "after"), [("there", "posted"), ("again", "scheduled")])
def test_a_person_says_whether_it_is_there(
    answer: str, after: str, alice: Client, post: Post, put: Put
) -> None:
    result = put(State.UNCONFIRMED)
    page = page_of(alice, post)
    assert page.all("button", name="answer", value=answer)
    url = reverse("confirm-result", args=[post.pk, result.pk])
    assert read(alice.post(url, {"answer": answer}, follow=True)).all("li", data_state=after)


def test_a_late_one_is_sent_now(alice: Client, post: Post, put: Put) -> None:
    result = put(State.HELD, held_for=LATE, words=LATE_WORDS)
    page = page_of(alice, post)
    assert "Late" in page.text
    assert "Send now" in page.text
    assert "Try again" not in page.text
    assert LATE_WORDS not in page.text
    assert offers(page, "try-again", post.pk)
    assert offers(page, "cancel-post", post.pk)
    assert read(alice.post(reverse("try-again", args=[post.pk]), follow=True)).all(
        "li", data_state="scheduled"
    )
    result.refresh_from_db()
    assert result.held_for == ""


@pytest.mark.parametrize("held_for", ["reconnect", "paused", "disconnected"])
def test_a_held_one_leads_to_its_account(
    held_for: str, alice: Client, bob: Client, post: Post, put: Put
) -> None:
    result = put(State.HELD, held_for=held_for)
    card = f"account-{result.account_id}"
    anchor = f"connect-{result.provider}" if held_for == "disconnected" else card
    place = reverse("accounts")
    assert page_of(alice, post).all("a", href=f"{place}#{anchor}")
    assert "Look at the account" in page_of(bob, post).text
    assert not offers(page_of(alice, post), "try-again", post.pk)
    assert [e for _, e in read(alice.get(place)).elements if e.get("id") == anchor]


def test_the_lines_are_sent_anew_only_when_they_say_something_new(
    alice: Client, post: Post, put: Put
) -> None:
    put(State.QUEUED)
    url = reverse("post-results", args=[post.pk])
    tag = {"If-None-Match": alice.get(url)["ETag"]}
    assert alice.get(url, headers=tag).status_code == 304
    put(State.SENDING)
    assert alice.get(url, headers=tag).status_code == 200


@pytest.mark.parametrize(
    ("state", "here"),
    [(State.SCHEDULED, "Planned"), (State.QUEUED, "In line"), (State.SENDING, "Sending")],
)
def test_the_way_of_a_delivery_shows_where_it_is(
    state: State, here: str, alice: Client, post: Post, put: Put
) -> None:
    put(state)
    page = page_of(alice, post)
    assert len([li for li in page.all("li") if li.get("aria-current") == "step"]) == 1
    assert here in page.text
    put(State.FAILED)
    assert not [li for li in page_of(alice, post).all("li") if "data-at" in li]


def test_one_account_alone_is_tried_again(cast: Cast, alice: Client, post: Post) -> None:
    other = connect(cast, post.results.get().provider, "second")
    twin = compose(
        team=cast.team,
        author=cast.alice,
        text="Twice.",
        accounts=[post.results.get().account, other],
        at=timezone.now(),
    )
    twin.results.all().update(state=State.FAILED)
    chosen = twin.results.get(account=other)
    assert offers(page_of(alice, twin), "try-result", twin.pk, chosen.pk)
    alice.post(reverse("try-result", args=[twin.pk, chosen.pk]))
    states = dict(twin.results.values_list("account", "state"))
    assert states.pop(other.pk) == State.SCHEDULED
    assert list(states.values()) == [State.FAILED]


def test_a_thread_shows_its_parts_and_what_each_waits_for(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="The first.",
        accounts=[account],
        at=timezone.now(),
        parts=("The second.",),
        link="https://example.org/about",
    )
    page = page_of(alice, post)
    for words in ("The second.", "part 2 of 2", "as soon as part 1 is out", "example.org/about"):
        assert words in page.text
    [line] = page.all("li", data_part="1")
    assert line["data-state"] == State.HELD


def test_a_network_at_work_says_when_it_is_asked_again(alice: Client, post: Post, put: Put) -> None:
    result = put(State.PROCESSING, error="processing", words="X is processing film.mp4.")
    tried(result, "processing", kind="poll")
    page = page_of(alice, post)
    for words in ("still working on it", "Asked again", "film.mp4", "Ask: Still at work"):
        assert words in page.text


# --- taken back -----------------------------------------------------------------------------------
def test_a_cancelled_post_is_taken_back_by_its_toast(alice: Client, post: Post, put: Put) -> None:
    answer = alice.post(reverse("cancel-post", args=[post.pk]), follow=True)
    assert "Cancelled on 1 account." in read(answer).text
    back = alice.post(undo_address(answer), {"next": reverse("post", args=[post.pk])}, follow=True)
    assert "Undone: 1 post cancelled." in read(back).text
    assert read(back).all("li", data_state="scheduled")


def test_cancelling_on_one_account_is_taken_back_there(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    other = connect(cast, talkers()[1])
    at = timezone.now()
    who = [account, other]
    twin = compose(
        team=cast.team, author=cast.alice, text="Two.", accounts=who, at=at, parts=("More.",)
    )
    one = twin.results.get(account=other, part=0)
    answer = alice.post(reverse("cancel-result", args=[twin.pk, one.pk]), follow=True)
    assert "Cancelled on 1 account." in read(answer).text  # its parts are no further accounts
    alice.post(undo_address(answer))
    states = twin.results.order_by("part").values_list("state", flat=True)
    assert list(states) == [State.SCHEDULED] * 2 + [State.HELD] * 2


def test_a_post_is_deleted_and_brought_back(alice: Client, post: Post) -> None:
    page = page_of(alice, post)
    assert offers(page, "delete-post", post.pk)
    answer = alice.post(reverse("delete-post", args=[post.pk]), follow=True)
    assert answer.redirect_chain == [(reverse("posts"), 302)]
    assert "The post is deleted." in read(answer).text
    assert "lamp" not in read(alice.get(reverse("posts"))).text
    assert alice.get(reverse("post", args=[post.pk])).status_code == 404
    assert post.results.get().state == State.CANCELLED
    alice.post(undo_address(answer))
    assert page_of(alice, post).all("li", data_state="scheduled")


@pytest.mark.parametrize("state", [State.POSTED, State.SENDING, State.UNCONFIRMED])
def test_what_is_or_may_be_out_is_not_deleted(
    state: State, alice: Client, post: Post, put: Put
) -> None:
    put(state)
    assert not offers(page_of(alice, post), "delete-post", post.pk)
    answer = alice.post(reverse("delete-post", args=[post.pk]))
    assert answer.status_code == 409
    assert "This post cannot be deleted here." in read(answer).text
    post.refresh_from_db()
    assert post.deleted_at is None
