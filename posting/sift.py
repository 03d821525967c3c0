"""Find posts: by state, account, network, label, author, time and words, newest or soonest first.

What is asked for is a value that an address can say and say again. A question never reads more
than it has to: without a filter the posts are counted, with one they are found up to MOST, and
words are looked for in the newest posts alone, since no index knows what stands inside a text.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q

from accounts.models import Team
from posting.models import Label, Post, PostQuerySet, PostResult
from posting.schedule import midnight
from posting.states import State

MOST = 500
"""How many posts are found with a filter; more are not counted."""
SEARCHED = 2000
"""In how many of the newest posts words are looked for."""
LONGEST = 100


class Time(StrEnum):
    """When a post goes out or went out."""

    AHEAD = "ahead"
    TODAY = "today"
    WEEK = "week"
    MONTH = "month"


class Sort(StrEnum):
    """In which order: by when they were written, or by when they are due."""

    NEWEST = "newest"
    OLDEST = "oldest"
    SOONEST = "soonest"
    LATEST = "latest"


ORDERS = {
    Sort.NEWEST: ("-created_at", "-pk"),
    Sort.OLDEST: ("created_at", "pk"),
    Sort.SOONEST: ("due_at", "pk"),
    Sort.LATEST: ("-due_at", "-pk"),
}
BACK = {Time.WEEK: 7, Time.MONTH: 30}


@dataclass(frozen=True, slots=True)
class Sift:
    """Which posts; empty: all of them. `since` and `until` are days, both included.

    `sort` leaves none out; without it what is ahead comes soonest first, all else newest first.
    """

    state: State | None = None
    account: int | None = None
    network: str = ""
    label: int | None = None
    author: int | None = None
    time: Time | None = None
    since: date | None = None
    until: date | None = None
    q: str = ""
    sort: Sort | None = None

    @property
    def order(self) -> Sort:
        """The order they come in."""
        return self.sort or (Sort.SOONEST if self.time is Time.AHEAD else Sort.NEWEST)

    @property
    def by_due(self) -> bool:
        """Whether they come by when they are due."""
        return self.order in (Sort.SOONEST, Sort.LATEST)

    @property
    def chosen(self) -> dict[str, Any]:
        """What is asked for, by the names that an address has for it; how it is sorted apart."""
        every = ((one.name, getattr(self, one.name)) for one in fields(self) if one.name != "sort")
        return {name: value for name, value in every if value not in (None, "")}

    @property
    def query(self) -> str:
        """The same as an address says it, without the question mark."""
        said = self.chosen | ({"sort": self.sort} if self.sort else {})
        return urlencode({name: str(value) for name, value in said.items()})

    def without(self, name: str) -> Sift:
        """The same with one thing left out."""
        left: dict[str, Any] = {name: getattr(NOTHING, name)}
        return replace(self, **left)


NOTHING = Sift()


def sifted(team: Team, sift: Sift, zone: ZoneInfo, at: datetime) -> PostQuerySet:
    """A team's posts that fit, in order; a draft without a wish is due when it was saved last."""
    rows = _timed(Post.objects.kept(team), sift, zone, at)
    if sift.q:
        rows = _with_words(rows, sift.q)
    if sift.author is not None:
        rows = rows.filter(author=sift.author)
    if wanted := _of_results(sift):
        results = PostResult.objects.filter(wanted, account__team=team)
        rows = rows.filter(pk__in=results.values("post"))
    if sift.state is State.DRAFT:
        rows = rows.filter(draft=True)
    if sift.label is not None:
        labelled = Label.posts.through._default_manager.filter(label=sift.label)
        rows = rows.filter(pk__in=labelled.values("post"))
    return rows.order_by(*ORDERS[sift.order])


def searched(team: Team, words: str) -> PostQuerySet:
    """Those of a team's newest posts that have these words in their text, newest first."""
    return _with_words(Post.objects.kept(team), words).order_by("-created_at", "-pk")


def found(rows: PostQuerySet) -> list[int]:
    """The numbers of the first of these posts, in their order; one more than MOST says so."""
    return list(rows.values_list("pk", flat=True)[: MOST + 1])


def shown(pks: list[int]) -> list[Post]:
    """These posts in this order, with all that a list shows of them."""
    related = Post.objects.select_related("author").prefetch_related("results__account", "labels")
    posts = related.in_bulk(pks)
    return [posts[pk] for pk in pks if pk in posts]


def _with_words(rows: PostQuerySet, words: str) -> PostQuerySet:
    newest = rows.order_by("-created_at", "-pk").values("pk")[:SEARCHED]
    return Post.objects.filter(pk__in=newest, text__icontains=words)


def _of_results(sift: Sift) -> Q:
    """What is asked of one and the same result."""
    wanted = Q()
    if sift.state not in (None, State.DRAFT):
        wanted &= Q(state=sift.state)
    if sift.account is not None:
        wanted &= Q(account=sift.account)
    if sift.network:
        wanted &= Q(provider=sift.network)
    return wanted


def _timed(rows: PostQuerySet, sift: Sift, zone: ZoneInfo, at: datetime) -> PostQuerySet:
    """Within the days that are meant, on the clocks of `zone`; a draft only with a wish."""
    start, end = _span(sift, zone, at)
    if start is None and end is None:
        return rows
    rows = rows.filter(Q(draft=False) | Q(wish__isnull=False))
    rows = rows if start is None else rows.filter(due_at__gte=start)
    return rows if end is None else rows.filter(due_at__lt=end)


def _span(sift: Sift, zone: ZoneInfo, at: datetime) -> tuple[datetime | None, datetime | None]:
    """From when, and until before when."""
    today, day = at.astimezone(zone).date(), timedelta(days=1)
    start = midnight(sift.since, zone) if sift.since else None
    end = midnight(sift.until + day, zone) if sift.until else None
    match sift.time:
        case Time.AHEAD:
            start = max(start or at, at)
        case Time.TODAY:
            start, end = midnight(today, zone), midnight(today + day, zone)
        case Time.WEEK | Time.MONTH:
            start, end = midnight(today - (BACK[sift.time] - 1) * day, zone), at
    return start, end
