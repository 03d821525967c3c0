"""Lists of many posts, on both databases: the first of each group, what fits, what is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import BigIntegerField
from django.test.utils import CaptureQueriesContext

import providers
from posting import bulk, calendar, causes, enqueue, library, sift, slots, undo
from posting.export import HEADING, export
from posting.models import Post, PostResult, firsts, of_group
from posting.sift import Sift, Time
from posting.states import State
from tests.cast import Cast
from tests.pages.conftest import connect
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)


@pytest.fixture
def two(cast: Cast) -> tuple[SocialAccount, SocialAccount]:
    """Two accounts of Alice's team."""
    first, second = providers.names()[:2]
    return connect(cast, first), connect(cast, second)


def many(cast: Cast, account: SocialAccount, count: int, start: datetime = AT + HOUR) -> list[Post]:
    """So many posts on an account, a minute apart."""
    posts = Post.objects.bulk_create(
        Post(
            team=cast.team,
            author=cast.alice,
            text=f"Number {number}.",
            due_at=start + timedelta(minutes=number),
            created_at=AT - timedelta(minutes=number),
        )
        for number in range(count)
    )
    PostResult.objects.bulk_create(
        PostResult(
            post=post,
            account=account,
            provider=account.provider,
            state=State.SCHEDULED,
            due_at=post.due_at,
            planned_at=post.due_at,
        )
        for post in posts
    )
    return posts


def test_of_each_group_the_first_are_found_and_the_rest_is_counted_to_a_limit(
    cast: Cast, two: tuple[SocialAccount, SocialAccount]
) -> None:
    few, full = many(cast, two[0], 2), many(cast, two[1], 9)
    rows = PostResult.objects.filter(account=of_group(0, BigIntegerField()))
    groups = [[two[1].pk], [two[0].pk], [0]]
    with CaptureQueriesContext(connection) as asked:
        found = firsts(rows.order_by("-planned_at"), groups, 3, 5)
    assert len(asked) == 1
    last = [PostResult.objects.get(post=post).pk for post in reversed(full)]
    assert found[0].pks == tuple(last[:3])
    assert [one.count for one in found] == [5, 2, 0]
    assert len(found[1].pks) == len(few)
    assert found[2].pks == ()
    assert firsts(rows, [], 3, 5) == []
    nothing = firsts(rows.filter(pk__in=[]), groups, 3, 5)
    assert [one.count for one in nothing] == [0, 0, 0]


def test_a_full_day_shows_its_first_posts_and_counts_to_a_limit(
    cast: Cast, two: tuple[SocialAccount, SocialAccount]
) -> None:
    posts = many(cast, two[0], calendar.COUNTED + 5)
    found = calendar.page(cast.team, calendar.day_of(AT.date()), PARIS, per_day=2)
    [day] = found.days
    assert day.posts == tuple(posts[:2])
    assert (day.more, day.over) == (calendar.COUNTED, True)
    undo.delete(cast.team, posts[0].pk, at=AT)
    [day] = calendar.page(cast.team, calendar.day_of(AT.date()), PARIS, per_day=20).days
    assert day.posts == tuple(posts[1:21])
    assert (day.more, day.over) == (84, False)


def test_a_full_lane_ends_with_what_it_shows(
    cast: Cast, two: tuple[SocialAccount, SocialAccount]
) -> None:
    slots.add(SocialAccount.objects.get(pk=two[0].pk), range(7), time(23))
    posts = many(cast, two[0], 30)
    full, empty = enqueue.lines(two, AT, show=4)
    shown = [place.result.post_id for place in full.places if place.result]
    assert shown == [post.pk for post in posts[:4]]
    assert full.more == "26"
    assert all(place.moment <= posts[3].due_at for place in full.places)
    assert (empty.places, empty.more) == ((), "")
    [whole] = enqueue.lines(two[:1], AT, show=40)
    assert whole.more == ""
    assert [place.in_slot for place in whole.places if place.result is None] == [True] * 14


def test_the_next_free_slot_is_found_behind_any_number_of_posts(
    cast: Cast, two: tuple[SocialAccount, SocialAccount]
) -> None:
    account = SocialAccount.objects.get(pk=two[0].pk)
    slots.add(account, range(7), time(12))
    assert slots.next_each([account], AT) == {account.pk: AT + 2 * HOUR}
    for day in range(9):
        many(cast, account, 3, AT + timedelta(days=day, hours=2))
    with CaptureQueriesContext(connection) as asked:
        found = slots.next_each([account], AT)
    assert found == {account.pk: AT + timedelta(days=9, hours=2)}
    assert len(asked) == 3


def test_what_is_found_is_the_same_on_every_database(
    cast: Cast, two: tuple[SocialAccount, SocialAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = many(cast, two[0], 3), many(cast, two[1], 2)
    here[0].results.update(state=State.FAILED, error="rejected")
    library.keep_label(cast.team, "Oil", "teal").posts.add(here[1])
    label = here[1].labels.get().pk

    def found(**asked: object) -> list[int]:
        return sift.found(sift.sifted(cast.team, Sift(**asked), PARIS, AT))  # type: ignore[arg-type]

    first, second, third = (post.pk for post in here)
    assert found(account=two[0].pk) == [first, second, third]
    assert found(state=State.FAILED) == [first]
    assert found(account=two[1].pk, state=State.FAILED) == []
    assert found(label=label) == [second]
    assert found(network=two[1].provider, time=Time.AHEAD) == [post.pk for post in there]
    assert found(q="NUMBER 2", until=date(2026, 11, 21)) == [third]
    assert found(q="number_2") == []
    monkeypatch.setattr(sift, "MOST", 1)
    assert len(found(account=two[0].pk)) == 2
    assert [post.pk for post in sift.shown([third, 0, first])] == [third, first]


def test_what_needs_somebody_is_counted_in_one_question(
    cast: Cast, two: tuple[SocialAccount, SocialAccount]
) -> None:
    posts = many(cast, two[0], 6)
    for post in posts[:4]:
        post.results.update(state=State.FAILED, error="rejected")
    Post.objects.filter(pk=posts[0].pk).update(deleted_at=AT)
    with CaptureQueriesContext(connection) as asked:
        assert causes.attention(cast.team, AT, 10) == 3
        assert causes.attention(cast.team, AT, 2) == 2
        assert causes.attention(cast.other_team, AT, 10) == 0
    assert len(asked) == 3
    assert causes.causes(cast.team, AT)[0].count == 3


@pytest.mark.parametrize("act", ["move", "cancel", "delete"])
def test_a_rehearsal_says_what_would_be_and_leaves_nothing_behind(
    act: str, cast: Cast, two: tuple[SocialAccount, SocialAccount]
) -> None:
    waits, out = many(cast, two[0], 2)
    out.results.update(state=State.POSTED)
    before = [list(model.objects.order_by("pk").values()) for model in (Post, PostResult)]
    pks = [waits.pk, out.pk, 0]
    verbs = {"cancel": bulk.cancel, "delete": bulk.delete}

    def told(*, dry: bool) -> list[bulk.Told]:
        if act == "move":
            return bulk.move(cast.team, pks, HOUR, AT, PARIS, bulk.How(dry))
        return verbs[act](cast.team, pks, AT, bulk.How(dry))

    rehearsed = told(dry=True)
    after = [list(model.objects.order_by("pk").values()) for model in (Post, PostResult)]
    assert after == before
    assert all(one.undo is None for one in rehearsed)
    assert [one.done for one in rehearsed] == [True, False, False]
    done = told(dry=False)
    assert [(one.done, one.words) for one in done] == [(o.done, o.words) for o in rehearsed]


def test_the_table_is_written_in_the_order_of_the_posts(
    cast: Cast, two: tuple[SocialAccount, SocialAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posting.export.AT_ONCE", 2)
    posts = many(cast, two[0], 5)
    PostResult.objects.create(
        post=posts[0], account=two[1], provider=two[1].provider, state=State.DRAFT, due_at=AT
    )
    lines = list(export(sift.sifted(cast.team, Sift(), PARIS, AT), PARIS))
    assert lines[0].startswith(HEADING[0])
    assert [line.split(",")[0] for line in lines[1:]] == [
        str(post.pk) for post in (posts[0], *posts)
    ]
