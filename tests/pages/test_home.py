"""Home: what needs somebody first, by cause; what comes next; and how a new team begins."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

import providers
from accounts.models import Activity, Membership
from accounts.roles import Role
from posting.causes import causes
from posting.compose import compose
from posting.models import Post, PostResult, Slot
from posting.results import TROUBLE
from posting.states import LATE, State
from posting.templatetags.because import STORIES
from tests.cast import Cast, talkers
from tests.pages.conftest import Put, connect, read
from tokens.models import SocialAccount
from tokens.states import AccountState

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 25


def write_many(cast: Cast, account: SocialAccount, count: int, **fields: Any) -> None:
    """So many posts that are planned, their results as `fields` say."""
    at = timezone.now()
    for number in range(count):
        post = compose(
            team=cast.team,
            author=cast.alice,
            text=f"Letter {number}",
            accounts=[account],
            at=at,
            due_at=at + timedelta(hours=number + 1),
        )
        if fields:
            PostResult.objects.filter(post=post).update(**fields)


def queries(client: Client, url: str) -> int:
    """How many questions to the database a page needs."""
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def held(account: SocialAccount) -> None:
    """The network takes the key of this account no more."""
    SocialAccount.objects.filter(pk=account.pk).update(state=AccountState.RECONNECT)


def test_posts_wait_for_one_thing_and_one_button_mends_it(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 3, state=State.HELD, held_for="reconnect")
    held(account)
    page = read(alice.get(reverse("home")))
    assert f"3 posts wait for one thing: reconnect {account}." in page.text
    [group] = [li for li in page.all("li") if "data-cause" in li]
    assert group["data-kind"] == "reconnect"
    assert page.all("a", href=f"{reverse('accounts')}#account-{account.pk}")
    assert not page.all("button", formaction=reverse("release"))


def test_once_it_is_mended_they_are_released_in_order(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 3, state=State.HELD, held_for="reconnect")
    page = read(alice.get(reverse("home")))
    [button] = page.all("button", formaction=reverse("release"))
    assert "Repaired" in page.text
    answer = alice.post(reverse("release"), {"cause": button["value"]}, follow=True)
    assert "3 posts go on" in read(answer).text
    results = PostResult.objects.order_by("due_at")
    assert [result.state for result in results] == [State.SCHEDULED] * 3
    assert [result.post_id for result in results] == sorted(r.post_id for r in results)
    assert Activity.objects.get().kind == "released"


def test_what_is_not_mended_is_not_released(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 1, state=State.HELD, held_for="reconnect")
    held(account)
    answer = alice.post(reverse("release"), {"cause": f"reconnect:{account.pk}"}, follow=True)
    assert "First reconnect" in read(answer).text
    assert PostResult.objects.get().state == State.HELD
    assert not Activity.objects.exists()


def test_releasing_leads_nowhere_else(alice: Client, account: SocialAccount) -> None:
    data = {"cause": "failed:1:0", "next": "https://evil.test/"}
    assert alice.post(reverse("release"), data)["Location"] == reverse("home")


CASES: tuple[tuple[State, dict[str, str], str], ...] = (
    (State.HELD, {"held_for": "reconnect"}, "is in order again"),
    (State.HELD, {"held_for": LATE}, "skip what is out of date"),
    (State.HELD, {"held_for": "approval"}, "A person has to say yes"),
    (State.SCHEDULED, {"error": TROUBLE}, "The network's"),
    (State.SCHEDULED, {"error": "throttled"}, "it is the network's limit"),
    (State.FAILED, {"error": "rejected", "words": "No <b>lamps</b>."}, "breaks a rule"),
    (State.FAILED, {"error": "misconfigured", "words": "Who?"}, "Of whoever runs this site"),
    (State.FAILED, {"error": "something new", "words": ""}, "It is not certain whose"),
    (State.MISSED, {}, "nothing was to go out late"),
    (State.UNCONFIRMED, {}, "say at each post whether it is there"),
)


@pytest.mark.parametrize(("state", "fields", "said"), CASES)
def test_every_cause_says_what_happened_whose_fault_and_what_to_do(
    state: State, fields: dict[str, str], said: str, alice: Client, post: Post, put: Put
) -> None:
    put(state, **fields)
    [cause] = causes(post.team, timezone.now())
    page = read(alice.get(reverse("causes"), {"cause": cause.key}))
    assert said in page.text
    assert page.all("a", href=reverse("post", args=[post.pk]))
    if words := fields.get("words"):
        assert words in page.text
        assert words not in alice.get(reverse("causes")).content.decode() or "<" not in words


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (AccountState.RECONNECT, "no longer accepts the key"),
        (AccountState.PAUSED, "Resume the account"),
        (AccountState.DISCONNECTED, "was disconnected"),
    ],
)
def test_every_state_of_an_account_says_what_to_do(
    state: AccountState, said: str, alice: Client, put: Put, account: SocialAccount
) -> None:
    put(State.HELD, held_for=state)
    SocialAccount.objects.filter(pk=account.pk).update(state=state)
    page = read(alice.get(reverse("causes")))
    assert said in page.text
    assert not page.all("button", formaction=reverse("release"))


def test_no_kind_of_cause_is_without_words() -> None:
    for told in STORIES.values():
        assert all((told.happened, told.whose, told.todo, told.label))


def test_a_failure_is_tried_again_from_its_group(
    alice: Client, post: Post, put: Put, account: SocialAccount
) -> None:
    put(State.FAILED, error="forbidden", words="Not you.")
    [button] = read(alice.get(reverse("causes"))).all("button", formaction=reverse("release"))
    answer = alice.post(reverse("release"), {"cause": button["value"], "next": reverse("causes")})
    assert answer["Location"] == reverse("causes")
    assert put(State.SCHEDULED).error == ""
    assert "Nothing keeps your posts" in read(alice.get(reverse("causes"))).text


def test_of_many_causes_the_page_shows_the_posts_of_one(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 2, state=State.FAILED, error="rejected", words="Too long.")
    other = connect(cast, talkers()[1])
    write_many(cast, other, 30, state=State.HELD, held_for="paused")
    page = read(alice.get(reverse("causes"), {"cause": f"paused:{other.pk}"}))
    assert len([li for li in page.all("li") if "data-result" in li]) == 10
    assert page.all("a", rel="next")
    assert "32 posts, 2 causes." in page.text


def test_the_first_causes_are_shown_and_all_on_demand(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    for number in range(12):
        words = f"Number {number}."
        write_many(cast, account, 1, state=State.FAILED, error="rejected", words=words)
    page = read(alice.get(reverse("causes")))
    assert len([li for li in page.all("li") if "data-cause" in li]) == 10
    [onward] = [a["href"] for a in page.all("a") if "all=1" in a["href"]]
    page = read(alice.get(onward))
    assert len([li for li in page.all("li") if "data-cause" in li]) == 12
    assert not [a for a in page.all("a") if "all=1" in a["href"]]


def test_the_questions_do_not_grow_with_the_posts(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 3, state=State.HELD, held_for="paused")
    write_many(cast, account, 3)
    write_many(cast, account, 3, state=State.POSTED)
    Post.objects.filter(results__state=State.POSTED).update(due_at=timezone.now())
    few = [queries(alice, reverse(name)) for name in ("home", "causes")]
    write_many(cast, account, 57, state=State.HELD, held_for="paused")
    write_many(cast, account, 57)
    assert [queries(alice, reverse(name)) for name in ("home", "causes")] == few
    assert max(few) <= MOST_QUERIES


def test_the_fragment_is_sent_anew_only_when_it_says_something_new(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    first = alice.get(reverse("home"), headers=HTMX)
    assert first.status_code == 200
    assert b"<html" not in first.content
    tagged = HTMX | {"If-None-Match": first["ETag"]}
    assert alice.get(reverse("home"), headers=tagged).status_code == 304
    write_many(cast, account, 1)
    assert alice.get(reverse("home"), headers=tagged).status_code == 200


def test_the_fragment_holds_no_form_and_is_part_of_the_page(
    alice: Client, post: Post, put: Put
) -> None:
    put(State.FAILED, error="forbidden")
    piece = alice.get(reverse("home"), headers=HTMX).content.decode()
    assert not read(alice.get(reverse("home"), headers=HTMX)).all("form")
    assert piece.strip() in alice.get(reverse("home")).content.decode()


def test_the_week_counts_by_the_days_of_the_reader(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    """Nobody's Tuesday is everybody's."""
    cast.alice.time_zone = "Pacific/Kiritimati"
    cast.alice.save()
    at = timezone.now()
    write_many(cast, account, 1)
    Post.objects.update(due_at=at + timedelta(days=6))
    page = read(alice.get(reverse("home")))
    days = [li for li in page.all("li") if "week-day" in li.get("class", "")]
    assert len(days) == 7
    assert "aria-current" in days[0]


def listed(client: Client, section: str) -> list[int]:
    """The posts in a part of Home, in its order."""
    html = client.get(reverse("home")).content.decode()
    piece = html.split(f'aria-labelledby="{section}"', 1)[1].split("</section>", 1)[0]
    return [int(pk) for pk in re.findall(r'data-post="(\d+)"', piece)]


def test_the_next_and_the_last_ten_posts_stand_apart(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 12)
    ahead = list(Post.objects.order_by("due_at").values_list("pk", flat=True))
    assert "Recent posts" not in read(alice.get(reverse("home"))).text
    write_many(cast, account, 12, state=State.POSTED)
    at = timezone.now()
    gone = list(Post.objects.exclude(pk__in=ahead).order_by("due_at").values_list("pk", flat=True))
    for hours, pk in enumerate(gone, start=1):
        Post.objects.filter(pk=pk).update(due_at=at - timedelta(hours=hours), text="lamp " * 40)
    assert listed(alice, "next") == ahead[:10]
    assert listed(alice, "lately") == gone[:10]


def test_a_recent_post_says_how_it_ended_and_how_long_ago(
    alice: Client, post: Post, put: Put
) -> None:
    put(State.FAILED, error="forbidden")
    Post.objects.update(due_at=timezone.now() - timedelta(hours=3), text="lamp " * 40)
    page = read(alice.get(reverse("home")))
    assert page.all("a", href=reverse("post", args=[post.pk]))
    for words in ("3\N{NO-BREAK SPACE}hours ago", "Not posted", "lamp lamp…"):
        assert words in page.text
    assert "lamp " * 20 not in page.text


def test_a_new_team_is_led_from_step_to_step(cast: Cast, alice: Client) -> None:
    def done() -> list[bool]:
        page = read(alice.get(reverse("home")))
        return [li["data-step"] == "done" for li in page.all("li") if "data-step" in li]

    assert done() == [False] * 4
    account = connect(cast, providers.names()[0])
    assert done() == [True, False, False, False]
    write_many(cast, account, 1)
    assert done() == [True, True, False, False]
    PostResult.objects.update(state=State.POSTED)
    assert done() == [True, True, True, False]
    Slot.objects.create(account=account, weekday=0, wall_time="09:00")
    assert done() == []


def test_an_old_team_is_not_urged_to_have_slots(
    cast: Cast, alice: Client, account: SocialAccount
) -> None:
    write_many(cast, account, 1, state=State.POSTED)
    assert "Nothing needs you" not in read(alice.get(reverse("home"))).text
    assert "Begin here" in read(alice.get(reverse("home"))).text
    cast.team.created_at = timezone.now() - timedelta(days=30)
    cast.team.save()
    page = read(alice.get(reverse("home")))
    assert "Begin here" not in page.text
    assert "Nothing needs you" in page.text


def test_an_account_that_ended_is_told_before_any_post_waits(
    alice: Client, account: SocialAccount
) -> None:
    assert not read(alice.get(reverse("home"))).all("li", data_account=str(account.pk))
    held(account)
    assert read(alice.get(reverse("home"))).all("li", data_account=str(account.pk))


def test_charlie_sees_nothing_of_it(charlie: Client, alice: Client, post: Post, put: Put) -> None:
    put(State.FAILED, error="forbidden", words="Not you.")
    [button] = read(alice.get(reverse("causes"))).all("button", formaction=reverse("release"))
    for name in ("home", "causes"):
        assert "lamp" not in charlie.get(reverse(name)).content.decode()
    charlie.post(reverse("release"), {"cause": button["value"]})
    assert PostResult.objects.get().state == State.FAILED


def test_a_viewer_looks_and_does_not_release(cast: Cast, bob: Client, post: Post, put: Put) -> None:
    put(State.FAILED, error="forbidden")
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    assert not read(bob.get(reverse("causes"))).all("button", formaction=reverse("release"))
    assert bob.post(reverse("release"), {"cause": "failed:1:0"}).status_code == 404
