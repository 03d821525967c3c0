"""Posts that come again by a rule: made ahead of their time, each once, whoever crashes.

A rule is walked on the wall clock and each occurrence resolved by itself, so that nine o'clock
stays nine o'clock. Every occurrence becomes an ordinary post some days ahead, which can be changed
and cancelled like any other. What cannot be made yet is tried again until its time has come, and
then the team is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F, Prefetch, QuerySet
from django.urls import reverse

from accounts.models import Team, User
from accounts.notify import tell
from posting import undo
from posting.compose import CannotCompose, cancel, check, compose
from posting.models import Occurrence, Post, Repeat, Undoable
from posting.recur import Frequency as Frequency
from posting.recur import Rule as Rule
from posting.recur import described as described
from posting.rules import Words
from posting.schedule import said, zone_named
from posting.states import State
from tokens.models import SocialAccount

HORIZON = timedelta(days=14)
MOST_LOOKED = 30
MOST_AHEAD = 400
SAME_TEXT = (
    "The same text goes out more than once. Networks may refuse a text that they have already, and"
    " readers tire of it: write a few versions, they are taken in turn."
)


class CannotRepeat(Exception):
    """A repeat cannot be made like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Coming:
    """One day that comes: its moment, and its post if that is made."""

    day: date
    moment: datetime
    post: Post | None


def rule_of(repeat: Repeat) -> Rule:
    """The rule that a row holds."""
    return Rule(
        frequency=Frequency(repeat.frequency),
        starts_on=repeat.starts_on,
        wall_time=repeat.wall_time,
        zone=repeat.zone,
        interval=repeat.interval,
        weekdays=tuple(repeat.weekdays),
        pattern=repeat.pattern,
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


def of_team(team: Team, at: datetime) -> QuerySet[Repeat]:
    """A team's repeats with their coming days at hand: those that go on first, ended ones last."""
    days = Occurrence.objects.filter(day__gte=at.date() - timedelta(days=2)).select_related("post")
    related = Repeat.objects.filter(team=team).prefetch_related(
        "accounts", Prefetch("occurrences", queryset=days)
    )
    return related.order_by(F("ended_at").desc(nulls_first=True), "paused", "next_at", "pk")


def skip(repeat: Repeat, day: date, at: datetime) -> Undoable | None:
    """Leave one day out. A post that was made for it goes, and the act can be taken back.

    None: nothing was made for it so far. Raises amend.TooLate for what is out, CannotRepeat.
    """
    with transaction.atomic():
        Repeat.objects.select_for_update(of=("self",)).get(pk=repeat.pk)
        fresh = of_team(repeat.team, at).get(pk=repeat.pk)
        coming = next((one for one in upcoming(fresh, at, MOST_LOOKED) if one.day == day), None)
        if coming is None:
            raise CannotRepeat({"": ["This day is not among those that come next."]})
        if coming.post:
            return undo.delete(repeat.team, coming.post.pk, at=at)
        Occurrence.objects.create(repeat=repeat, day=day)
        return None


def unskip(repeat: Repeat, day: date, at: datetime) -> bool:
    """A day that was left out before its post was made comes again."""
    if not repeat.occurrences.filter(day=day, post=None).delete()[0]:
        return False
    coming = next(rule_of(repeat).occurrences(at), None)
    rows = Repeat.objects.filter(pk=repeat.pk, paused=False, ended_at__isnull=True)
    rows.update(next_at=coming[2] if coming else None)
    make(repeat.pk, at)
    return True


def upcoming(repeat: Repeat, at: datetime, limit: int = 3) -> list[Coming]:
    """The next days of a repeat that nobody has left out, each with its post once it is made."""
    if repeat.ended_at:
        return []
    known = {one.day: one for one in repeat.occurrences.all()}
    found: list[Coming] = []
    for _, day, moment in rule_of(repeat).occurrences(at):
        made = known.get(day)
        post = made.post if made else None
        if made is None or (post and not post.deleted_at):
            found.append(Coming(day, post.due_at if post else moment, post))
        if len(found) == limit:
            break
    return found


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
        "pattern": rule.pattern,
        "starts_on": rule.starts_on,
        "until": rule.until,
        "count": rule.count,
        "wall_time": rule.wall_time.replace(second=0, microsecond=0),
        "zone": rule.zone,
        "next_at": coming[2] if coming else None,
        "problem": "",
    }
