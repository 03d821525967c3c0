"""The calendar: a team's posts by local day, the drafts without a moment, and how many a day.

A post stands at the moment that was asked for; a draft where its author would like it. Neither the
number of questions to the database nor what is read grows with the posts: of a day so many are
read as are shown, and they are counted only up to a limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import DateTimeField, Exists, Expression, OuterRef, Q

from accounts.models import Team
from posting.amend import standing_in_the_way
from posting.compose import CannotCompose
from posting.models import Firsts, Post, PostQuerySet, PostResult, ResultQuerySet, firsts, of_group
from posting.schedule import PASSED, WEEK, Moment, midnight, resolve
from posting.states import State

PER_DAY = 30
COUNTED = 100
"""From how many posts a day on it is "more than" that many: nobody counts them."""
MORNING = time(9)
"""Where a draft that has no time yet stands, on the day it is given."""
HOUR = timedelta(hours=1)
ORDER = ("due_at", "pk")
Moments = datetime | Expression


@dataclass(frozen=True, slots=True)
class Span:
    """The local days from `first` up to, and without, `end`."""

    first: date
    end: date

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.first + timedelta(days=n) for n in range((self.end - self.first).days)]


@dataclass(frozen=True, slots=True)
class Filter:
    """Only posts on one of these accounts, with a result in one of these states, so labelled."""

    accounts: tuple[int, ...] = ()
    states: tuple[State, ...] = ()
    labels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    """One local day: its first posts in order, and how many there are; `over`: or still more."""

    day: date
    posts: tuple[Post, ...]
    count: int
    over: bool = False

    @property
    def more(self) -> int:
        """How many are not shown, as far as they were counted."""
        return self.count - len(self.posts)


@dataclass(frozen=True, slots=True)
class Page:
    """What a view of the calendar shows."""

    span: Span
    zone: ZoneInfo
    days: tuple[Day, ...]
    chosen: Filter = field(default_factory=Filter)

    @property
    def count(self) -> int:
        """How many posts stand in it."""
        return sum(day.count for day in self.days)


def day_of(moment: date) -> Span:
    """One day."""
    return Span(moment, moment + timedelta(days=1))


def week_of(moment: date) -> Span:
    """The week of a day, from its Monday."""
    monday = moment - timedelta(days=moment.weekday())
    return Span(monday, monday + timedelta(days=WEEK))


def month_of(moment: date, *, whole_weeks: bool = True) -> Span:
    """The month of a day, with the rest of its first and last week unless told otherwise."""
    first = moment.replace(day=1)
    end = (first + timedelta(days=32)).replace(day=1)
    if not whole_weeks:
        return Span(first, end)
    return Span(week_of(first).first, week_of(end - timedelta(days=1)).end)


def page(
    team: Team,
    span: Span,
    zone: ZoneInfo,
    chosen: Filter | None = None,
    per_day: int = PER_DAY,
) -> Page:
    """The posts of a team in a span, by day on the clocks of `zone`; four queries, however many.

    Of a day `per_day` posts are read; the others are counted, up to COUNTED.
    """
    chosen = chosen or Filter()
    found = _by_day(team, span, zone, chosen, per_day, per_day + COUNTED)
    shown = [pk for day in found for pk in day.pks]
    posts = {post.pk: post for post in _with_all(Post.objects.filter(pk__in=shown))}
    days = (
        Day(day, _in_order(posts, one.pks), one.count, one.count >= per_day + COUNTED)
        for day, one in zip(span.days, found, strict=True)
    )
    return Page(span, zone, tuple(days), chosen)


def moments(span: Span, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments at which a span begins and ends on the clocks of `zone`."""
    return midnight(span.first, zone), midnight(span.end, zone)


def between(team: Team, start: Moments, end: Moments, chosen: Filter | None = None) -> PostQuerySet:
    """What a team has from `start` on and before `end`, in order; drafts only with a moment."""
    rows = Post.objects.kept(team).filter(
        Q(draft=False) | Q(wish__isnull=False), due_at__gte=start, due_at__lt=end
    )
    return _filtered(rows, chosen or Filter()).order_by(*ORDER)


def counts_per_day(
    team: Team, span: Span, zone: ZoneInfo, chosen: Filter | None = None, most: int = COUNTED
) -> dict[date, int]:
    """How many posts each local day has, up to `most`; days without any are left out. One query."""
    found = _by_day(team, span, zone, chosen or Filter(), 0, most)
    return {day: one.count for day, one in zip(span.days, found, strict=True) if one.count}


def _by_day(
    team: Team, span: Span, zone: ZoneInfo, chosen: Filter, show: int, most: int
) -> list[Firsts]:
    """The first posts of each local day of a span."""
    kind = DateTimeField()
    rows = between(team, of_group(0, kind), of_group(1, kind), chosen)
    days = [moments(day_of(day), zone) for day in span.days]
    return firsts(rows, days, show, most)


def _in_order(posts: Mapping[int, Post], pks: Sequence[int]) -> tuple[Post, ...]:
    """Those that are still there, by their time."""
    found = [posts[pk] for pk in pks if pk in posts]
    return tuple(sorted(found, key=lambda post: (post.due_at, post.pk)))


def upcoming(team: Team, at: datetime, limit: int = 10) -> list[Post]:
    """The next posts of a team that wait for their time, soonest first."""
    waiting = Exists(_results(state__in=[State.SCHEDULED, State.HELD]))
    rows = Post.objects.kept(team).filter(waiting, draft=False, due_at__gt=at)
    return list(_with_all(rows.order_by(*ORDER)[:limit]))


def recent(team: Team, at: datetime, limit: int = 10) -> list[Post]:
    """The last posts of a team whose time has come, newest first, however they ended."""
    rows = Post.objects.kept(team).filter(draft=False, due_at__lte=at)
    return list(rows.order_by("-due_at", "-pk").prefetch_related("results__account")[:limit])


def drawer(team: Team, chosen: Filter | None = None) -> PostQuerySet:
    """Drafts without a moment, what was saved last first: to be dragged to a day."""
    rows = Post.objects.drafts(team).filter(wish__isnull=True)
    return _with_all(_filtered(rows, chosen or Filter()))


def chosen_of(team: Team, pks: Collection[int]) -> list[Post]:
    """Those of these posts that the team has, in order."""
    rows = Post.objects.kept(team).filter(pk__in=pks)
    return list(_with_all(rows.order_by(*ORDER)))


def can_move(post: Post) -> bool:
    """Whether it may be dragged to another moment: nothing of it is or may be out."""
    return post.draft or post.can_edit


def why_fixed(post: Post) -> str:
    """Why it cannot be moved, in words; "" if it can."""
    if can_move(post):
        return ""
    where = standing_in_the_way(list(post.results.all()))
    return where or "Nothing of it waits any more"


def dropped(post: Post, place: str, zone: ZoneInfo, at: datetime) -> Moment:
    """The moment that is meant by dropping a post on a place of the calendar.

    "day:2026-11-27" keeps its time on the wall, "hour:<moment>" its minutes; "at:<moment>" is
    exact. Raises CannotCompose for the past, and for what is no place.
    """
    try:
        found = _meant(post, place, zone, at)
    except (ValueError, OverflowError):
        raise CannotCompose({"to": [f"to: “{place}” is no place of the calendar."]}) from None
    if found.at <= at:
        raise CannotCompose({"to": [PASSED]})
    return found


def _meant(post: Post, place: str, zone: ZoneInfo, at: datetime) -> Moment:
    """As `dropped`; raises ValueError for what is no place."""
    kind, _, value = place.partition(":")
    timed = post.wish is not None or not post.draft
    local = post.due_at.astimezone(zone)
    match kind:
        case "day":
            day = date.fromisoformat(value)
            clock = local.time() if timed else _morning(day, zone, at)
            return resolve(datetime.combine(day, clock), zone)
        case "hour":
            return Moment(_exact(value) + timedelta(minutes=local.minute if timed else 0))
        case "at":
            return Moment(_exact(value))
    raise ValueError(kind)


def _exact(value: str) -> datetime:
    """A moment that says how far from UTC it is; raises ValueError for one that does not."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its distance from UTC")
    return moment.astimezone(UTC)


def _morning(day: date, zone: ZoneInfo, at: datetime) -> time:
    """When a draft without a time goes out on a day: at nine; later today, at the next hour."""
    now = at.astimezone(zone)
    if day == now.date() and now.time() >= MORNING and now.hour < 23:
        return time(now.hour + 1)
    return MORNING


def hours(day: date, zone: ZoneInfo) -> list[datetime]:
    """The moments at which the hours of a local day begin: 23 or 25 where the clocks change."""
    moment, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    found = []
    while moment < end:
        found.append(moment)
        moment += HOUR
    return found


def _filtered(rows: PostQuerySet, chosen: Filter) -> PostQuerySet:
    """Accounts and states are asked of one and the same result."""
    wanted: dict[str, Collection[int] | Collection[State]] = {}
    if chosen.accounts:
        wanted["account__in"] = chosen.accounts
    if chosen.states:
        wanted["state__in"] = chosen.states
    if wanted:
        rows = rows.filter(Exists(_results(**wanted)))
    if chosen.labels:
        labelled = Post.objects.filter(pk=OuterRef("pk"), labels__in=chosen.labels)
        rows = rows.filter(Exists(labelled))
    return rows


def _results(**wanted: Collection[int] | Collection[State]) -> ResultQuerySet:
    return PostResult.objects.filter(post=OuterRef("pk"), **wanted)


def _with_all(rows: PostQuerySet) -> PostQuerySet:
    related = rows.select_related("author", "occurrence")
    return related.prefetch_related("results__account", "labels")
