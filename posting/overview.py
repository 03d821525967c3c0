"""What a team should see first: what needs attention, what goes out next, and how to begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Exists

from accounts.models import Team
from posting.calendar import COUNTED, Span, counts_per_day, recent, upcoming
from posting.causes import Cause, causes
from posting.models import Post, PostResult, Slot
from posting.schedule import WEEK
from posting.states import State
from tokens.status import AccountStatus, statuses

NEXT = LAST = 10
MOST_CAUSES = 6
YOUNG = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of setting up: done or not, and where it is done."""

    label: str
    done: bool
    url_name: str
    fragment: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One of the next days and how many posts it has; `over`: or still more."""

    day: date
    count: int
    today: bool
    over: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that Home shows; `steps` is empty once a team has found its way.

    `posts` are still to come; the time of those in `lately` has come, however they ended.
    `accounts` are those that somebody has to connect again though no post waits for them yet.
    """

    causes: tuple[Cause, ...]
    more_causes: int
    accounts: tuple[AccountStatus, ...]
    posts: tuple[Post, ...]
    lately: tuple[Post, ...]
    days: tuple[Day, ...]
    steps: tuple[Step, ...]

    @property
    def calm(self) -> bool:
        """Whether nothing needs anybody."""
        return not self.causes and not self.accounts


def overview(team: Team, zone: ZoneInfo, at: datetime) -> Overview:
    """All of it; the number of questions does not grow with the posts."""
    why, accounts = causes(team, at), statuses(team, at)
    named = {cause.account.pk for cause in why if cause.account}
    return Overview(
        causes=tuple(why[:MOST_CAUSES]),
        more_causes=max(0, len(why) - MOST_CAUSES),
        accounts=tuple(one for one in accounts if one.urgent and one.pk not in named),
        posts=tuple(upcoming(team, at, NEXT)),
        lately=tuple(recent(team, at, LAST)),
        days=_days(team, zone, at),
        steps=_steps(team, bool(accounts), at),
    )


def _days(team: Team, zone: ZoneInfo, at: datetime) -> tuple[Day, ...]:
    today = at.astimezone(zone).date()
    span = Span(today, today + timedelta(days=WEEK))
    counts = counts_per_day(team, span, zone)
    found = ((day, counts.get(day, 0)) for day in span.days)
    return tuple(Day(day, count, day == today, count >= COUNTED) for day, count in found)


def _steps(team: Team, connected: bool, at: datetime) -> tuple[Step, ...]:
    """The way of a new team; one query."""
    written = Post.objects.kept(team)
    results = PostResult.objects.filter(account__team=team)
    seen = Team.objects.filter(pk=team.pk).values_list(
        Exists(written.filter(draft=False)),
        Exists(results.filter(state=State.POSTED)),
        Exists(Slot.objects.filter(account__team=team)),
    )
    wrote, out, slots = seen.first() or (False, False, False)
    begun = connected and wrote and out
    if begun and (slots or at - team.created_at > YOUNG):
        return ()
    return (
        Step("Connect an account", connected, "accounts", "connect"),
        Step("Write a post", wrote, "new-post"),
        Step("See it go out", out, "posts"),
        Step("Choose weekly times for your posts", slots, "queue"),
    )
