"""The calendar: what stands where, what may be moved and how it is refused, many at once, undo."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Membership, User
from accounts.roles import Role
from posting import library
from posting.compose import compose
from posting.models import Post, PostResult
from posting.states import State
from tests.cast import Cast
from tests.pages.conftest import read
from tokens.models import SocialAccount

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
HX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def clocks(cast: Cast) -> Any:
    """It is Saturday, 11:00 in Paris, where everybody lives."""
    User.objects.update(time_zone="Europe/Paris")
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def planned(cast: Cast, account: SocialAccount) -> Post:
    """A post for Friday, 09:00 in Paris."""
    return write(cast, account, datetime(2026, 11, 27, 8, tzinfo=UTC))


def write(cast: Cast, account: SocialAccount, due_at: datetime, text: str = "Lamp oil.") -> Post:
    """A post by Alice."""
    return compose(
        team=cast.team, author=cast.alice, text=text, accounts=[account], at=NOW, due_at=due_at
    )


def draft(cast: Cast, text: str = "Not yet.") -> Post:
    """A draft without a day."""
    return Post.objects.create(
        team=cast.team, author=cast.alice, text=text, due_at=NOW, saved_at=NOW, draft=True
    )


def drag(client: Client, post: Post, to: str, **more: Any) -> Any:
    """What the page sends when a post is dropped."""
    return client.post(reverse("drag-post", args=[post.pk]), {"to": to, **more}, headers=HX)


def due(post: Post) -> datetime:
    """When it goes out now."""
    return Post.objects.get(pk=post.pk).due_at


def undo_address(answer: Any) -> str:
    """Where the toast's button leads."""
    [form] = [one for one in read(answer).all("form") if "/undo/" in one.get("action", "")]
    return form["action"]


@pytest.mark.parametrize("view", ["month", "week", "day", "list"])
def test_a_post_stands_on_its_day_in_every_view(view: str, alice: Client, planned: Post) -> None:
    answer = alice.get(reverse("calendar"), {"view": view, "day": "2026-11-27"})
    page = read(answer)
    assert page.all("a", href=reverse("post", args=[planned.pk]))
    assert "09:00" in page.text
    assert "Europe/Paris, UTC+01:00" in page.text
    place = "hour:2026-11-27T08:00:00+00:00" if view == "day" else "day:2026-11-27"
    assert [one for _, one in page.elements if one.get("data-place") == place]


def test_charlie_sees_nothing(charlie: Client, planned: Post) -> None:
    answer = charlie.get(reverse("calendar"), {"day": "2026-11-27"})
    assert planned.text not in answer.content.decode()
    for name in ("drag-post", "move-post"):
        assert charlie.post(reverse(name, args=[planned.pk]), {"to": "x"}).status_code == 404
    charlie.post(reverse("bulk-posts"), {"do": "delete", "posts": [planned.pk]})
    assert Post.objects.get(pk=planned.pk).deleted_at is None


def test_a_viewer_looks_and_cannot_act(bob: Client, cast: Cast, planned: Post) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    page = read(bob.get(reverse("calendar"), {"day": "2026-11-27"}))
    assert page.all("a", href=reverse("post", args=[planned.pk]))
    assert not [one for _, one in page.elements if "data-drag" in one]
    assert drag(bob, planned, "day:2026-11-28").status_code == 404


def test_a_stranger_logs_in_first(client: Client, db: None) -> None:
    assert client.get(reverse("calendar")).status_code == 302


def test_a_drag_keeps_the_time_of_day_and_can_be_undone(alice: Client, planned: Post) -> None:
    answer = drag(alice, planned, "day:2026-11-30", seen=planned.version)
    assert answer.status_code == 200
    assert due(planned) == datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert "Moved to Mon 30 Nov 09:00 Europe/Paris." in read(answer).text
    alice.post(undo_address(answer))
    assert due(planned) == datetime(2026, 11, 27, 8, tzinfo=UTC)


def test_an_hour_keeps_the_minutes(alice: Client, cast: Cast, account: SocialAccount) -> None:
    post = write(cast, account, datetime(2026, 11, 27, 8, 25, tzinfo=UTC))
    drag(alice, post, "hour:2026-11-27T13:00:00+00:00")
    assert due(post) == datetime(2026, 11, 27, 13, 25, tzinfo=UTC)


def test_a_skipped_hour_is_warned_of(alice: Client, cast: Cast, account: SocialAccount) -> None:
    post = write(cast, account, datetime(2027, 3, 26, 1, 30, tzinfo=UTC))
    answer = drag(alice, post, "day:2027-03-28")
    assert "the clocks go forward" in read(answer).text


@pytest.mark.parametrize("to", ["day:2026-11-20", "day:2026-11-21", "hour:2026-11-21T09:00+00:00"])
def test_the_past_is_refused(to: str, alice: Client, planned: Post) -> None:
    answer = drag(alice, planned, to)
    assert answer.status_code == 422
    assert "This moment has passed" in read(answer).text
    assert due(planned) == datetime(2026, 11, 27, 8, tzinfo=UTC)


@pytest.mark.parametrize("to", ["", "day:never", "moon:1", "at:2026-12-27T08:00"])
def test_nonsense_is_refused(to: str, alice: Client, planned: Post) -> None:
    answer = drag(alice, planned, to)
    assert answer.status_code == 422
    assert "is no place" in read(answer).text


def test_what_is_out_is_refused_with_the_reason(alice: Client, planned: Post) -> None:
    planned.results.update(state=State.POSTED)
    page = read(alice.get(reverse("calendar"), {"day": "2026-11-27"}))
    [item] = [one for _, one in page.elements if one.get("data-post") == str(planned.pk)]
    assert "it is out" in item["data-fixed"]
    answer = drag(alice, planned, "day:2026-11-30")
    assert answer.status_code == 409
    assert "it is out" in read(answer).text


def test_what_somebody_else_changed_is_not_overwritten(alice: Client, planned: Post) -> None:
    seen = planned.version
    drag(alice, planned, "day:2026-11-30", seen=seen)
    assert drag(alice, planned, "day:2026-12-01", seen=seen).status_code == 409
    assert due(planned).day == 30


def test_a_draft_gets_a_day_at_nine(alice: Client, cast: Cast) -> None:
    post = draft(cast)
    page = read(alice.get(reverse("calendar")))
    assert "Drafts without a day" in page.text
    drag(alice, post, "day:2026-11-24")
    assert Post.objects.get(pk=post.pk).wish == datetime(2026, 11, 24, 8, tzinfo=UTC)
    drag(alice, later := draft(cast, "Today."), "day:2026-11-21")
    assert Post.objects.get(pk=later.pk).wish == datetime(2026, 11, 21, 11, tzinfo=UTC)


def test_words_are_shown_as_understood_before_anything_moves(alice: Client, planned: Post) -> None:
    move = reverse("move-post", args=[planned.pk])
    assert "Mon 23 Nov 09:00 Europe/Paris" in read(alice.get(move, {"when": "mon 9am"})).text
    doubled = read(alice.get(move, {"when": "2027-10-31 02:30"})).text
    assert "comes twice" in doubled
    assert "was not understood" in read(alice.get(move, {"when": "lamp o'clock 9"})).text
    assert alice.post(move, {"when": "mon 9am", "do": "check"}).status_code == 200
    assert due(planned) == datetime(2026, 11, 27, 8, tzinfo=UTC)


def test_a_post_is_moved_by_words(alice: Client, planned: Post) -> None:
    sent = {"when": "mon 9am", "seen": planned.version, "next": "/calendar/?view=week"}
    answer = alice.post(reverse("move-post", args=[planned.pk]), sent)
    assert answer["Location"] == "/calendar/?view=week"
    assert due(planned) == datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_words_that_are_not_understood_stay_typed(alice: Client, planned: Post) -> None:
    answer = alice.post(reverse("move-post", args=[planned.pk]), {"when": "yesterday-ish"})
    assert answer.status_code == 422
    assert read(answer).all("input", name="when")[0]["value"] == "yesterday-ish"


def test_nobody_is_sent_to_another_site(alice: Client, planned: Post) -> None:
    for way in ("https://evil.test/", "//evil.test/"):
        sent = {"when": "mon 9am", "next": way}
        answer = alice.post(reverse("move-post", args=[planned.pk]), sent)
        assert answer["Location"] == reverse("calendar")


def test_many_are_moved_and_undone_together(
    alice: Client, cast: Cast, account: SocialAccount, planned: Post
) -> None:
    other = write(cast, account, datetime(2026, 11, 28, 7, tzinfo=UTC))
    sent = {"do": "move", "posts": [planned.pk, other.pk], "when": "+1 week"}
    answer = alice.post(reverse("bulk-posts"), sent, follow=True)
    assert "2 posts moved." in read(answer).text
    assert [due(planned).day, due(other).day] == [4, 5]
    alice.post(undo_address(answer))
    assert [due(planned).day, due(other).day] == [27, 28]


def test_days_keep_the_time_on_the_wall(alice: Client, cast: Cast, account: SocialAccount) -> None:
    post = write(cast, account, datetime(2027, 3, 27, 8, tzinfo=UTC))
    alice.post(reverse("bulk-posts"), {"do": "move", "posts": [post.pk], "when": "+1 day"})
    assert due(post) == datetime(2027, 3, 28, 7, tzinfo=UTC)


def test_who_cannot_is_named_and_keeps_nobody_back(
    alice: Client, cast: Cast, account: SocialAccount, planned: Post
) -> None:
    out = write(cast, account, datetime(2026, 11, 28, 7, tzinfo=UTC))
    out.results.update(state=State.POSTED)
    sent = {"do": "cancel", "posts": [planned.pk, out.pk]}
    text = read(alice.post(reverse("bulk-posts"), sent, follow=True)).text
    assert "1 post cancelled." in text
    assert "1 stayed as it was" in text
    assert "it is out" in text
    assert PostResult.objects.get(post=planned).state == State.CANCELLED


@pytest.mark.parametrize("act", ["cancel", "delete"])
def test_cancel_and_delete_can_be_undone(act: str, alice: Client, planned: Post) -> None:
    sent = {"do": act, "posts": [planned.pk]}
    answer = alice.post(reverse("bulk-posts"), sent, follow=True)
    alice.post(undo_address(answer))
    post = Post.objects.get(pk=planned.pk)
    assert post.deleted_at is None
    assert PostResult.objects.get(post=post).state == State.SCHEDULED


def test_too_late_to_undo_is_said(alice: Client, planned: Post) -> None:
    answer = drag(alice, planned, "day:2026-11-30")
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        told = alice.post(undo_address(answer), follow=True)
    assert "too late to undo" in read(told).text
    assert due(planned).day == 30


def test_charlie_cannot_undo_what_alice_did(alice: Client, charlie: Client, planned: Post) -> None:
    charlie.post(undo_address(drag(alice, planned, "day:2026-11-30")))
    assert due(planned).day == 30


def test_many_are_labelled_and_tried_again(alice: Client, cast: Cast, planned: Post) -> None:
    label = library.keep_label(cast.team, "Friday", "teal")
    alice.post(reverse("bulk-posts"), {"do": "label", "posts": [planned.pk], "label": label.pk})
    assert list(label.posts.all()) == [planned]
    planned.results.update(state=State.FAILED, error="rejected")
    alice.post(reverse("bulk-posts"), {"do": "again", "posts": [planned.pk]})
    assert PostResult.objects.get(post=planned).state == State.SCHEDULED


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"posts": []}, "Choose at least one post."),
        ({"when": "one day"}, "was not understood"),
        ({"do": "label"}, "Choose a label."),
    ],
)
def test_what_is_missing_for_many_is_said_and_nothing_is_lost(
    change: dict[str, Any], words: str, alice: Client, planned: Post
) -> None:
    sent = {"do": "move", "posts": [planned.pk], "when": "fri 9am", **change}
    answer = alice.post(reverse("bulk-posts"), sent)
    page = read(answer)
    assert answer.status_code == 422
    assert words in page.text
    assert page.all("input", name="when")[0]["value"] == sent["when"]
    kept = [box for box in page.all("input", name="posts") if "checked" in box]
    assert len(kept) == len(sent["posts"])


def test_filters_leave_out_what_was_not_asked_for(
    alice: Client, cast: Cast, account: SocialAccount, planned: Post
) -> None:
    label = library.keep_label(cast.team, "Friday", "teal")
    seen: dict[str, Any] = {"day": "2026-11-27"}
    chip = {"href": reverse("post", args=[planned.pk])}
    asked: list[tuple[dict[str, Any], bool]]
    asked = [({"account": account.pk}, True), ({"account": 999}, False)]
    asked += [({"state": "posted"}, False), ({"state": "scheduled"}, True)]
    asked += [({"label": label.pk}, False), ({"state": "nonsense", "label": "x"}, True)]
    for change, there in asked:
        page = read(alice.get(reverse("calendar"), {**seen, **change}))
        assert bool(page.all("a", **chip)) is there, change


def test_a_way_that_nobody_knows_shows_today(alice: Client, planned: Post) -> None:
    answer = alice.get(reverse("calendar"), {"view": "moon", "day": "9999-99-99"})
    assert "November 2026" in read(answer).text


def test_the_day_on_which_the_clocks_go_back_has_25_hours(alice: Client, planned: Post) -> None:
    asked = {"view": "day", "day": "2026-10-25"}
    page = read(alice.get(reverse("calendar"), asked))
    assert len([one for _, one in page.elements if "data-place" in one]) == 25
    assert "02:00 CEST" in page.text
    assert "02:00 CET" in page.text
    assert "23:00" in page.text.split("00:00", 1)[1]


@pytest.mark.parametrize("view", ["month", "week", "day", "list"])
def test_the_view_that_is_shown_is_marked(view: str, alice: Client) -> None:
    page = read(alice.get(reverse("calendar"), {"view": view}))
    [tab] = [one for one in page.all("a", aria_current="page") if "tab-link" in one["class"]]
    assert f"view={view}" in tab["href"]


@pytest.mark.parametrize("view", ["month", "week", "day", "list"])
def test_questions_do_not_grow_with_the_posts(
    view: str, alice: Client, cast: Cast, account: SocialAccount
) -> None:
    counts = []
    for many in (3, 57):
        for number in range(many):
            moment = datetime(2026, 11, 27, 8, tzinfo=UTC) + timedelta(minutes=number)
            write(cast, account, moment, f"{many} {number}")
            draft(cast)
        with CaptureQueriesContext(connection) as asked:
            alice.get(reverse("calendar"), {"view": view, "day": "2026-11-27"})
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 25


@pytest.mark.parametrize(
    ("view", "when"),
    [
        ("day=2026-11-30&view=day", "30 Nov 2026 00:00"),
        ("view=week&day=2026-11-30", "30 Nov 2026 09:00"),
    ],
)
def test_an_hour_and_a_day_ahead_lead_to_the_composer(
    view: str, when: str, alice: Client, planned: Post
) -> None:
    page = read(alice.get(f"/calendar/?{view}"))
    links = [one["href"] for one in page.all("a", **{"class": "write-here"})]
    form = read(alice.get(links[0]))
    assert form.all("input", name="when")[0]["value"] == when
    assert not read(alice.get(f"/calendar/?{view.replace('2026', '2025')}")).all(
        "a", **{"class": "write-here"}
    )


def test_text_with_markup_is_text(alice: Client, cast: Cast, account: SocialAccount) -> None:
    evil = '"><script>alert(1)</script>'
    post = write(cast, account, datetime(2026, 11, 27, 8, tzinfo=UTC), evil)
    for url in (reverse("calendar"), reverse("move-post", args=[post.pk])):
        assert "<script>alert" not in alice.get(url, {"day": "2026-11-27"}).content.decode()


def test_today_is_marked(alice: Client, planned: Post) -> None:
    page = read(alice.get(reverse("calendar")))
    [cell] = [one for _, one in page.elements if "cell-today" in one.get("class", "")]
    assert cell["data-date"] == date(2026, 11, 21).isoformat()
