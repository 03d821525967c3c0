"""The queue: lanes with their slots, the order of a lane, slots added and taken away, a pause."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.access import choose_zone
from accounts.models import Membership, User
from accounts.roles import Role
from posting import slots
from posting.compose import compose
from posting.enqueue import enqueue
from posting.models import Post, PostResult, Slot
from posting.states import State
from tests.cast import Cast
from tests.pages.conftest import connect, read
from tests.pages.test_calendar import HX, NOW, undo_address
from tokens.models import SocialAccount
from tokens.states import AccountState

QUEUE = "/queue/"


@pytest.fixture(autouse=True)
def clocks(cast: Cast) -> Any:
    """It is Saturday, 11:00 in Paris, where everybody lives."""
    User.objects.update(time_zone="Europe/Paris")
    choose_zone(cast.team, "Europe/Paris")
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def lane(cast: Cast, account: SocialAccount) -> list[Post]:
    """Three posts on Monday, Tuesday and Wednesday at nine; Thursday to Sunday are free."""
    account.refresh_from_db()
    slots.add(SocialAccount.objects.get(pk=account.pk), range(7), time(9))
    words: dict[str, Any] = {"team": cast.team, "author": cast.alice, "accounts": [account]}
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        at = NOW + timedelta(days=1)
        return [enqueue(**words, text=text, at=at) for text in ("One.", "Two.", "Three.")]


def days(posts: list[Post]) -> list[int]:
    """The day of November on which each goes out."""
    return [PostResult.objects.get(post=post).planned_at.day for post in posts]  # type: ignore[union-attr]


def drag(client: Client, post: Post, day: int) -> Any:
    """Dropped on a slot of November, at nine in Paris."""
    result = PostResult.objects.get(post=post)
    to = f"at:{datetime(2026, 11, day, 8, tzinfo=UTC).isoformat()}"
    return client.post(reverse("drag-result", args=[result.pk]), {"to": to}, headers=HX)


def test_a_lane_shows_what_waits_and_what_is_free(alice: Client, lane: list[Post]) -> None:
    page = read(alice.get(QUEUE))
    assert "Next free slot: Sun 22 Nov 09:00 Europe/Paris" in page.text
    for post in lane:
        assert page.all("a", href=reverse("post", args=[post.pk]))
    places = [one for _, one in page.elements if "data-place" in one]
    assert len(places) == 14
    assert page.text.count("Free") == 11


def test_a_free_slot_leads_to_the_composer(alice: Client, lane: list[Post]) -> None:
    page = read(alice.get(QUEUE))
    free = [one["href"] for one in page.all("a", **{"class": "write-here"})]
    assert len(free) == len(page.all("li", **{"class": "lane-slot lane-free"}))
    form = read(alice.get(free[0]))
    assert form.all("input", name="when")[0]["value"] == "22 Nov 2026 09:00"
    [box] = [box for box in form.all("input", name="accounts") if "checked" in box]
    assert box["value"] == str(lane[0].results.get().account_id)


def test_a_team_without_accounts_is_told_what_to_do(alice: Client) -> None:
    page = read(alice.get(QUEUE))
    assert "A queue needs an account" in page.text
    assert page.all("a", href=reverse("accounts"))


def test_a_post_dropped_on_a_free_slot_takes_it(alice: Client, lane: list[Post]) -> None:
    assert drag(alice, lane[0], 27).status_code == 200
    assert days(lane) == [27, 24, 25]


@pytest.mark.parametrize(("who", "day", "order"), [(2, 23, [24, 25, 23]), (0, 25, [25, 23, 24])])
def test_a_post_dropped_on_another_moves_those_between(
    who: int, day: int, order: list[int], alice: Client, lane: list[Post]
) -> None:
    answer = drag(alice, lane[who], day)
    assert days(lane) == order
    assert [Post.objects.get(pk=post.pk).due_at.day for post in lane] == order
    alice.post(undo_address(answer))
    assert days(lane) == [23, 24, 25]


def test_the_other_accounts_of_a_post_keep_their_time(
    alice: Client, cast: Cast, account: SocialAccount, lane: list[Post]
) -> None:
    other = connect(cast, "mastodon")
    moment = datetime(2026, 11, 26, 8, tzinfo=UTC)
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="Both.",
        accounts=[account, other],
        at=NOW,
        due_at=moment,
    )
    result = post.results.get(account=account)
    to = f"at:{datetime(2026, 11, 28, 8, tzinfo=UTC).isoformat()}"
    alice.post(reverse("drag-result", args=[result.pk]), {"to": to}, headers=HX)
    assert post.results.get(account=account).planned_at == moment + timedelta(days=2)
    assert post.results.get(account=other).planned_at == moment


def test_the_past_and_what_is_out_are_refused(alice: Client, lane: list[Post]) -> None:
    assert drag(alice, lane[0], 20).status_code == 422
    lane[0].results.update(state=State.SENDING)
    assert drag(alice, lane[0], 27).status_code == 409
    assert days(lane) == [23, 24, 25]


def test_words_move_within_one_lane_alone(alice: Client, lane: list[Post]) -> None:
    result = PostResult.objects.get(post=lane[2])
    move = reverse("move-post", args=[lane[2].pk])
    assert read(alice.get(move, {"result": result.pk})).all("input", name="result")
    sent = {"when": "mon 9am", "result": result.pk, "next": QUEUE}
    assert alice.post(move, sent)["Location"] == QUEUE
    assert days(lane) == [24, 25, 23]


def test_shuffling_keeps_the_places_and_can_be_undone(alice: Client, lane: list[Post]) -> None:
    account = PostResult.objects.get(post=lane[0]).account
    seen = set()
    for _ in range(12):
        answer = alice.post(reverse("shuffle-queue", args=[account.pk]), follow=True)
        seen.add(tuple(days(lane)))
        assert sorted(days(lane)) == [23, 24, 25]
        if "is shuffled" in read(answer).text:
            before = days(lane)
            alice.post(undo_address(answer))
            assert days(lane) != before
    assert len(seen) > 1


def test_slots_come_and_go(alice: Client, account: SocialAccount) -> None:
    sent = {"weekdays": [0, 4], "wall_time": "09:30", "zone": "Asia/Tokyo"}
    alice.post(reverse("add-slots", args=[account.pk]), sent)
    made = Slot.objects.filter(account=account)
    assert {(one.weekday, one.wall_time, one.zone) for one in made} == {
        (0, time(9, 30), "Asia/Tokyo"),
        (4, time(9, 30), "Asia/Tokyo"),
    }
    alice.post(reverse("remove-slot", args=[made[0].pk]))
    assert Slot.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weekdays": []}, "Choose at least one day."),
        ({"wall_time": ""}, "Choose a time."),
        ({"zone": "Mars/Olympus"}, "There is no time zone"),
    ],
)
def test_a_slot_that_cannot_be_is_told_and_stays_typed(
    change: dict[str, Any], words: str, alice: Client, account: SocialAccount
) -> None:
    sent = {"weekdays": [2], "wall_time": "09:30", "zone": "Asia/Tokyo", **change}
    answer = alice.post(reverse("add-slots", args=[account.pk]), sent)
    page = read(answer)
    assert answer.status_code == 422
    assert words in page.text
    assert page.all("input", name="zone")[0].get("value", "") == sent["zone"]
    assert not Slot.objects.exists()


def test_an_owner_pauses_and_an_editor_does_not(
    alice: Client, bob: Client, account: SocialAccount
) -> None:
    switch = reverse("switch-queue", args=[account.pk])
    assert bob.post(switch, {"do": "pause"}).status_code == 404
    alice.post(switch, {"do": "pause"})
    assert SocialAccount.objects.get(pk=account.pk).state == AccountState.PAUSED
    assert "Paused by you" in read(alice.get(QUEUE)).text
    alice.post(switch, {"do": "resume"})
    assert SocialAccount.objects.get(pk=account.pk).state == AccountState.CONNECTED


def test_charlie_and_a_viewer_cannot_act(
    charlie: Client, bob: Client, cast: Cast, account: SocialAccount, lane: list[Post]
) -> None:
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    slot = Slot.objects.all()[0]
    for client in (charlie, bob):
        assert drag(client, lane[0], 27).status_code == 404
        for name, pk in (("shuffle-queue", account.pk), ("add-slots", account.pk)):
            assert client.post(reverse(name, args=[pk])).status_code == 404
        assert client.post(reverse("remove-slot", args=[slot.pk])).status_code == 404
    assert "One." not in read(charlie.get(QUEUE)).text
    assert "One." in read(bob.get(QUEUE)).text


def test_questions_do_not_grow_with_the_posts(
    alice: Client, cast: Cast, account: SocialAccount, lane: list[Post]
) -> None:
    with CaptureQueriesContext(connection) as few:
        alice.get(QUEUE)
    for number in range(57):
        compose(
            team=cast.team,
            author=cast.alice,
            text=f"Number {number}.",
            accounts=[account],
            at=NOW,
            due_at=NOW + timedelta(days=2, minutes=number),
        )
    with CaptureQueriesContext(connection) as many:
        alice.get(QUEUE)
    assert len(few) == len(many) <= 25


def test_slots_stay_open_after_a_change_and_lanes_with_something_come_first(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    other = connect(cast, account.provider, "later")
    came = f"{QUEUE}?account={other.pk}"
    answer = alice.post(
        reverse("add-slots", args=[other.pk]),
        {"weekdays": ["0"], "wall_time": "09:00", "next": came},
    )
    assert answer["Location"] == f"{came}&open={other.pk}#slots-{other.pk}"
    page = read(alice.get(QUEUE, {"open": other.pk}))
    lanes = [one["id"] for tag, one in page.elements if tag == "section" and "lane-" in one["id"]]
    assert lanes == [f"lane-{other.pk}", f"lane-{account.pk}"]
    assert page.all("details", id=f"slots-{other.pk}", open="")
    assert not page.all("details", id=f"slots-{account.pk}", open="")
    [slot] = Slot.objects.all()
    answer = alice.post(reverse("remove-slot", args=[slot.pk]))
    assert answer["Location"] == f"{QUEUE}?open={other.pk}#slots-{other.pk}"
