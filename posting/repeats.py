"""Posts that come again by a rule: made ahead of their time, each once, whoever crashes.

A rule is walked on the wall clock and each occurrence resolved by itself, so that nine o'clock
stays nine o'clock. Every occurrence becomes an ordinary post some days ahead, which can be changed
and cancelled like any other. What cannot be made yet is tried again until its time has come, and
then the team is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from accounts.models import Team, User
from accounts.notify import tell
from posting.compose import CannotCompose, cancel, check, compose
from posting.models import Occurrence, Post, Repeat
from posting.rules import Words
from posting.schedule import NotUnderstood, resolve, said, zone_named
from posting.states import State
from tokens.models import SocialAccount

HORIZON = timedelta(days=14)
MOST_AHEAD = 400
SAME_TEXT = (
    "The same text goes out more than once. Networks may refuse a text that they have already, and"
    " readers tire of it: write a few versions, they are taken in turn."
)


class Frequency(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


EVERY: dict[Frequency, Literal[1, 2, 3]] = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.MONTHLY: MONTHLY,
}


class CannotRepeat(Exception):
    """A repeat cannot be made like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Rule:
    """When it comes: every `interval` days, weeks or months from `starts_on`, until or so often.

    `weekdays` (0 is Monday) are for weeks, () is that of the start. Months that are too short for
    the day of the start take their last day.
    """

    frequency: Frequency
    starts_on: date
    wall_time: time
    zone: str
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    until: date | None = None
    count: int | None = None

    def problems(self) -> dict[str, list[str]]:
        """What is wrong with it, by field."""
        wrong: dict[str, list[str]] = {}
        if not 1 <= self.interval <= 365:
            wrong["interval"] = ["Choose a number from 1 to 365."]
        if not set(self.weekdays) <= set(range(7)):
            wrong["weekdays"] = ["Choose days from Monday to Sunday."]
        if self.count is not None and not 1 <= self.count <= 10_000:
            wrong["count"] = ["Choose a number from 1 to 10000."]
        if self.until is not None and self.until < self.starts_on:
            wrong["until"] = ["It ends before it begins."]
        try:
            zone_named(self.zone)
        except NotUnderstood as problem:
            wrong["zone"] = [str(problem)]
        return wrong

    def days(self) -> Iterator[tuple[int, date]]:
        """Its days in order, each with its number from 0; without end where it has none."""
        start = datetime.combine(self.starts_on, time())
        more: dict[str, object] = {}
        if self.frequency is Frequency.WEEKLY and self.weekdays:
            more["byweekday"] = sorted(set(self.weekdays))
        if self.frequency is Frequency.MONTHLY and self.starts_on.day > 28:
            more |= {"bymonthday": list(range(28, self.starts_on.day + 1)), "bysetpos": -1}
        rule = rrule(
            EVERY[self.frequency],
            dtstart=start,
            interval=self.interval,
            until=datetime.combine(self.until, time()) if self.until else None,
            count=self.count if self.until is None else None,
            **more,  # type: ignore[arg-type]
        )
        for number, day in enumerate(rule):
            if self.count is not None and number >= self.count:
                return
            yield number, day.date()

    def occurrences(self, since: datetime) -> Iterator[tuple[int, date, datetime]]:
        """Its occurrences from `since` on: number, day and moment."""
        zone = zone_named(self.zone)
        for number, day in self.days():
            moment = resolve(datetime.combine(day, self.wall_time), zone).at
            if moment >= since:
                yield number, day, moment


def rule_of(repeat: Repeat) -> Rule:
    """The rule that a row holds."""
    return Rule(
        frequency=Frequency(repeat.frequency),
        starts_on=repeat.starts_on,
        wall_time=repeat.wall_time,
        zone=repeat.zone,
        interval=repeat.interval,
        weekdays=tuple(repeat.weekdays),
        until=repeat.until,
        count=repeat.count,
    )


def preview(rule: Rule, at: datetime, limit: int = 5) -> list[datetime]:
    """The next few moments of a rule, to show before it is saved."""
    return [moment for _, (_, _, moment) in zip(range(limit), rule.occurrences(at), strict=False)]


def warnings(rule: Rule, texts: Sequence[str]) -> list[str]:
    """What a person should know though nothing is wrong: the networks' rule against duplicates."""
    often = rule.count is None or rule.count > len(set(texts))
    return [SAME_TEXT] if often or len(set(texts)) < len(texts) else []


def begin(
    *,
    team: Team,
    author: User,
    rule: Rule,
    texts: Sequence[str],
    accounts: Sequence[SocialAccount],
    at: datetime,
    key: uuid.UUID | None = None,
) -> Repeat:
    """A new repeat, and its first posts; the same `key` gives that of the first time.

    Raises CannotRepeat.
    """
    key = key or uuid.uuid4()
    if made := Repeat.objects.filter(team=team, key=key).first():
        return made
    _refuse(rule, texts, accounts, team, at)
    with transaction.atomic():
        repeat, new = Repeat.objects.get_or_create(
            team=team, key=key, defaults={"author": author, **_columns(rule, texts, at)}
        )
        if new:
            repeat.accounts.set(accounts)
    make(repeat.pk, at)
    repeat.refresh_from_db()
    return repeat


def change(
    repeat: Repeat,
    *,
    rule: Rule,
    texts: Sequence[str],
    accounts: Sequence[SocialAccount],
    seen: int,
    at: datetime,
) -> None:
    """Another rule, texts or accounts, for all that still waits; posts changed by hand stay.

    `seen` is the revision that the person saw. Raises CannotRepeat; then nothing has changed.
    """
    _refuse(rule, texts, accounts, repeat.team, at)
    with transaction.atomic():
        fresh = Repeat.objects.filter(pk=repeat.pk, revision=seen, ended_at__isnull=True)
        if not fresh.update(revision=F("revision") + 1, **_columns(rule, texts, at)):
            raise CannotRepeat({"": ["Somebody else has changed or ended it; nothing was saved."]})
        repeat.accounts.set(accounts)
        _withdraw(repeat, at)
    make(repeat.pk, at)
    repeat.refresh_from_db()


def pause(repeat: Repeat, at: datetime) -> int:
    """Nothing comes until `resume`: what was made ahead is withdrawn; returns how many posts.

    What is on its way or was changed by hand stays.
    """
    with transaction.atomic():
        rows = Repeat.objects.filter(pk=repeat.pk, paused=False, ended_at__isnull=True)
        if not rows.update(paused=True, revision=F("revision") + 1):
            return 0
        return _withdraw(repeat, at)


def resume(repeat: Repeat, at: datetime) -> bool:
    """It goes on with the next occurrence; what has passed meanwhile is not made up for."""
    coming = next(rule_of(repeat).occurrences(at), None)
    rows = Repeat.objects.filter(pk=repeat.pk, paused=True, ended_at__isnull=True)
    if not rows.update(paused=False, next_at=coming[2] if coming else None, problem=""):
        return False
    make(repeat.pk, at)
    return True


def end(repeat: Repeat, at: datetime) -> int:
    """It is over: what was made ahead and not changed by hand is withdrawn; returns how many."""
    with transaction.atomic():
        rows = Repeat.objects.filter(pk=repeat.pk, ended_at__isnull=True)
        if not rows.update(ended_at=at, next_at=None, revision=F("revision") + 1):
            return 0
        return _withdraw(repeat, at)


def make_ahead(at: datetime, limit: int = 200) -> int:
    """The posts of all repeats up to the horizon; returns how many were made. May run twice."""
    due = Repeat.objects.filter(paused=False, ended_at__isnull=True, next_at__lte=at + HORIZON)
    keys = list(due.order_by("next_at", "pk").values_list("pk", flat=True)[:limit])
    return sum(make(pk, at) for pk in keys)


def make(pk: int, at: datetime) -> int:
    """The posts of one repeat up to the horizon, all or none of them; returns how many."""
    with transaction.atomic():
        rows = Repeat.objects.select_for_update(of=("self",)).select_related("team", "author")
        repeat = rows.filter(pk=pk, paused=False, ended_at__isnull=True).first()
        if repeat is None or repeat.next_at is None:
            return 0
        return _make(repeat, repeat.next_at, at)


def _make(repeat: Repeat, since: datetime, at: datetime) -> int:
    made, gap, problem = 0, None, ""
    after: datetime | None = None
    accounts = list(repeat.accounts.all())
    known = set(repeat.occurrences.values_list("day", flat=True))
    for number, day, moment in rule_of(repeat).occurrences(since):
        if moment > at + HORIZON or made >= MOST_AHEAD:
            after = moment
            break
        if day in known:
            continue
        try:
            made += _one(repeat, accounts, number, day, moment, at)
        except CannotCompose as refused:
            problem = str(refused)
            gap = gap or moment
    Repeat.objects.filter(pk=repeat.pk).update(next_at=gap or after, problem=problem)
    return made


def _one(
    repeat: Repeat,
    accounts: Sequence[SocialAccount],
    number: int,
    day: date,
    moment: datetime,
    at: datetime,
) -> int:
    """One occurrence; what could not be made before its time has come is told, and over."""
    if repeat.author is None:
        raise CannotCompose({"author": ["Whoever began this has left; save it anew to go on."]})
    if moment <= at:
        said_when = said(moment, zone_named(repeat.zone), at)
        why = f" {repeat.problem}" if repeat.problem else ""
        words = f"“{repeat}” did not go out on {said_when}: it could not be made in time.{why}"
        tell(repeat.team, f"repeat:{repeat.pk}:{day}", words, at, path=reverse("posts"))
        return 0
    post = compose(
        team=repeat.team,
        author=repeat.author,
        text=repeat.texts[number % len(repeat.texts)],
        accounts=accounts,
        at=at,
        due_at=moment,
        key=uuid.uuid5(repeat.key, f"{day}:{repeat.revision}"),
    )
    Occurrence.objects.create(repeat=repeat, day=day, post=post)
    return 1


def _withdraw(repeat: Repeat, at: datetime) -> int:
    """Posts made ahead go, if nobody has changed them and all of each still waits."""
    Repeat.objects.select_for_update(of=("self",)).get(pk=repeat.pk)
    coming = Post.objects.filter(occurrence__repeat=repeat, due_at__gt=at, version=1)
    gone = 0
    for post in coming:
        waiting = [State.SCHEDULED, State.HELD]
        if post.results.exclude(state__in=waiting).exists():
            continue
        cancel(post)
        Post.objects.filter(pk=post.pk).update(deleted_at=at)
        Occurrence.objects.filter(post=post).delete()
        gone += 1
    return gone


def _refuse(
    rule: Rule, texts: Sequence[str], accounts: Sequence[SocialAccount], team: Team, at: datetime
) -> None:
    wrong = rule.problems()
    for text in texts or [""]:
        for field, words in check(Words(text), accounts, team, None, at).items():
            known = wrong.setdefault(field, [])
            known += [one for one in words if one not in known]
    if not wrong and next(rule.occurrences(at), None) is None:
        wrong["until"] = ["All of its days have passed; choose others."]
    if wrong:
        raise CannotRepeat(wrong)


def _columns(rule: Rule, texts: Sequence[str], at: datetime) -> dict[str, object]:
    coming = next(rule.occurrences(at), None)
    return {
        "texts": list(texts),
        "frequency": rule.frequency.value,
        "interval": rule.interval,
        "weekdays": sorted(set(rule.weekdays)),
        "starts_on": rule.starts_on,
        "until": rule.until,
        "count": rule.count,
        "wall_time": rule.wall_time.replace(second=0, microsecond=0),
        "zone": rule.zone,
        "next_at": coming[2] if coming else None,
        "problem": "",
    }
