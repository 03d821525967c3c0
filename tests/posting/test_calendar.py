"""The calendar: a team's posts by local day, in a constant number of questions."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from posting import calendar, drafts, library, undo
from posting.calendar import Filter, Span
from posting.compose import cancel, compose
from posting.drafts import Content
from posting.models import Post, PostResult
from posting.states import State
from tests.cast import Cast, Street, connected
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
PARIS, UTC_ZONE = ZoneInfo("Europe/Paris"), ZoneInfo("UTC")
AT = datetime(2026, 11, 1, tzinfo=UTC)
NOVEMBER = calendar.month_of(date(2026, 11, 9), whole_weeks=False)


def planned(cast: Cast, account: SocialAccount, due_at: datetime, text: str = "Hello.") -> Post:
    """A post of Alice's for that moment."""
    return compose(
        team=cast.team, author=cast.alice, text=text, accounts=[account], at=AT, due_at=due_at
    )


def draft(cast: Cast, wish: datetime | None) -> Post:
    """A draft of Alice's."""
    content = Content("Half.", (), wish)
    return drafts.begin(team=cast.team, author=cast.alice, key=uuid.uuid4(), at=AT, content=content)


def test_spans_are_whole_days_weeks_and_months() -> None:
    day = date(2026, 11, 11)
    assert calendar.day_of(day).days == [day]
    assert calendar.week_of(day) == Span(date(2026, 11, 9), date(2026, 11, 16))
    assert Span(date(2026, 11, 1), date(2026, 12, 1)) == NOVEMBER
    assert calendar.month_of(day) == Span(date(2026, 10, 26), date(2026, 12, 7))


def test_a_post_stands_on_the_day_of_the_reader(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    post = planned(cast, account, datetime(2026, 11, 9, 23, 30, tzinfo=UTC))
    for zone, day in ((UTC_ZONE, 9), (PARIS, 10), (ZoneInfo("America/New_York"), 9)):
        found = calendar.page(cast.team, NOVEMBER, zone)
        assert {d.day.day: d.posts for d in found.days if d.posts} == {day: (post,)}
        counts = calendar.counts_per_day(cast.team, NOVEMBER, zone)
        assert counts == {date(2026, 11, day): 1}


def test_the_day_on_which_the_clocks_change_has_all_its_hours(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    sunday = date(2027, 3, 28)
    start, end = calendar.moments(calendar.day_of(sunday), PARIS)
    assert end - start == timedelta(hours=23)
    posts = [planned(cast, account, moment) for moment in (start, end - timedelta(minutes=1))]
    planned(cast, account, end)
    found = calendar.page(cast.team, calendar.day_of(sunday), PARIS)
    assert found.days[0].posts == tuple(posts)


def test_drafts_stand_where_they_are_wished_or_lie_in_the_drawer(cast: Cast) -> None:
    wished = draft(cast, datetime(2026, 11, 9, 9, tzinfo=UTC))
    loose = draft(cast, None)
    found = calendar.page(cast.team, NOVEMBER, UTC_ZONE)
    assert [post for day in found.days for post in day.posts] == [wished]
    assert list(calendar.drawer(cast.team)) == [loose]
    assert list(calendar.drawer(cast.other_team)) == []
    assert calendar.can_move(loose)


def test_filters_ask_account_and_state_of_the_same_result(cast: Cast, street: Street) -> None:
    one, other = connected(street, cast.team, "mastodon"), connected(street, cast.team, "x")
    moment = datetime(2026, 11, 9, 9, tzinfo=UTC)
    both = compose(
        team=cast.team,
        author=cast.alice,
        text="Both.",
        accounts=[one, other],
        at=AT,
        due_at=moment,
    )
    alone = planned(cast, one, moment)
    cancel(both, both.results.get(account=other).pk)
    label = library.keep_label(cast.team, "Launch", "teal")
    library.put_on(label, [alone.pk])
    cancelled, waiting = (State.CANCELLED,), (State.SCHEDULED,)

    def found(chosen: Filter) -> list[Post]:
        shown = calendar.page(cast.team, NOVEMBER, UTC_ZONE, chosen)
        assert shown.count == sum(len(day.posts) for day in shown.days)
        return [post for day in shown.days for post in day.posts]

    assert found(Filter()) == [both, alone]
    assert found(Filter(accounts=(other.pk,))) == [both]
    assert found(Filter(states=cancelled)) == [both]
    assert found(Filter(accounts=(one.pk,), states=cancelled)) == []
    assert found(Filter(states=waiting)) == [both, alone]
    assert found(Filter(labels=(label.pk,))) == [alone]


def test_another_teams_and_deleted_posts_are_not_shown(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    post = planned(cast, account, datetime(2026, 11, 9, 9, tzinfo=UTC))
    assert calendar.page(cast.other_team, NOVEMBER, UTC_ZONE).count == 0
    assert calendar.upcoming(cast.team, AT) == [post]
    undo.delete(cast.team, post.pk, at=AT)
    assert calendar.page(cast.team, NOVEMBER, UTC_ZONE).count == 0
    assert calendar.upcoming(cast.team, AT) == []


def test_questions_and_rows_do_not_grow_with_the_posts(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")

    def shown() -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            found = calendar.page(cast.team, NOVEMBER, PARIS, per_day=3)
            for day in found.days:
                for post in day.posts:
                    assert post.state
                    assert [str(result.account) for result in post.results.all()]
                    assert list(post.labels.all()) == []
        return len(asked), sum(len(day.posts) for day in found.days)

    moment = datetime(2026, 11, 9, 9, tzinfo=UTC)
    planned(cast, account, moment)
    few, _ = shown()
    for n in range(20):
        planned(cast, account, moment + timedelta(minutes=n))
    many, rows = shown()
    assert (many, rows) == (few, 3)
    assert few <= 5
    day = next(d for d in calendar.page(cast.team, NOVEMBER, PARIS, per_day=3).days if d.count)
    assert (day.count, day.more) == (21, 18)


def test_what_may_be_dragged(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    post = planned(cast, account, datetime(2026, 11, 9, 9, tzinfo=UTC))
    assert calendar.can_move(post)
    PostResult.objects.update(state=State.POSTED)
    assert not calendar.can_move(Post.objects.get(pk=post.pk))
