"""Wall clocks and moments: what a person means by a time, and how a moment is said to them.

A time that the clocks skip is shifted forward by what they skip; of one that they show twice the
first is taken. Both are said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = len(DAYS)
EXAMPLES = "Write it like “fri 9am”, “tomorrow 14:30”, “24 nov 9:00” or “in 2 hours”."
PASSED = "This moment has passed; choose a later one."


class Odd(StrEnum):
    """What the clocks make of a wall time twice a year."""

    SKIPPED = "skipped"
    DOUBLED = "doubled"


class NotUnderstood(Exception):
    """Nobody can tell which moment is meant; the text names the part and says what would do."""

    def __init__(self, words: str, part: str = "") -> None:
        super().__init__(words)
        self.part = part


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in UTC; `odd` and `warning` say so where the clocks skip or repeat that time."""

    at: datetime
    odd: Odd | None = None
    warning: str = ""


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name; raises NotUnderstood for one that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise NotUnderstood(f"There is no time zone “{name}”.", name) from None


def resolve(wall: datetime, zone: ZoneInfo) -> Moment:
    """The moment at which the clocks of `zone` show `wall` (which has no zone of its own)."""
    first = wall.replace(tzinfo=zone, fold=0)
    moment = first.astimezone(UTC)
    shown = moment.astimezone(zone)
    if shown.replace(tzinfo=None, fold=0) != wall.replace(fold=0):
        said_now = f"{wall:%H:%M} does not exist on {_day(wall.date())} in {zone.key}"
        words = f"{said_now}: the clocks go forward. {shown:%H:%M} is taken instead."
        return Moment(moment, Odd.SKIPPED, words)
    if first.utcoffset() != first.replace(fold=1).utcoffset():
        said_now = f"{wall:%H:%M} comes twice on {_day(wall.date())} in {zone.key}"
        return Moment(moment, Odd.DOUBLED, f"{said_now}: the clocks go back. The first is taken.")
    return Moment(moment)


def said(moment: datetime, zone: ZoneInfo, at: datetime | None = None) -> str:
    """ "Tue 24 Nov 09:00 Europe/Paris"; with the year where it is not that of `at`.

    An hour that comes twice also carries the name that the clocks go by in it.
    """
    local = moment.astimezone(zone)
    year = f" {local.year}" if at and local.year != at.astimezone(zone).year else ""
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    which = f" ({local.tzname()})" if twice else ""
    return f"{_day(local.date())}{year} {local:%H:%M} {zone.key}{which}"


def ahead(moment: datetime, at: datetime) -> str:
    """How far off, in two units at most: "in 2 d 18 h"; "now" for what is here or past."""
    minutes = int((moment - at).total_seconds() // 60)
    if minutes < 1:
        return "now" if moment <= at else "in a moment"
    days, rest = divmod(minutes, 1440)
    parts = [(days, "d"), (rest // 60, "h"), (rest % 60, "min")]
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return "in " + " ".join(shown[:2])


def typed(words: str, zone: ZoneInfo, at: datetime) -> Moment:
    """The moment that somebody typed, read on the clocks of `zone`; always after `at`.

    "fri" is the first Friday whose time is still ahead, "next fri" that of the week after this
    one; a date without a year is its next. Raises NotUnderstood, naming the part.
    """
    text = " ".join(words.casefold().replace(",", " ").split())
    if not text:
        raise NotUnderstood(f"No time was written. {EXAMPLES}")
    try:
        if text.startswith("in "):
            found = Moment(_span_after(text, zone, at))
        else:
            found = _Reading(text, words, zone, at).moment()
    except OverflowError:
        raise NotUnderstood(f"“{words.strip()}” is too far away.", words.strip()) from None
    if found.at <= at:
        raise NotUnderstood(f"“{words.strip()}”: {PASSED}", words.strip())
    return found


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins on the clocks of `zone`."""
    return resolve(datetime.combine(day, time()), zone).at


def _day(day: date) -> str:
    return f"{DAYS[day.weekday()].title()} {day.day} {MONTHS[day.month - 1].title()}"


SPAN = re.compile(
    r"(an?|\d{1,4}) ?(minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)\b(?: and)?(?: |$)"
)
SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}


def _span_after(text: str, zone: ZoneInfo, at: datetime) -> datetime:
    """ "in 2 hours": hours and minutes as they pass, days and weeks on the wall clock."""
    rest, moment = text.removeprefix("in "), at
    while rest:
        found = SPAN.match(rest)
        if found is None:
            raise NotUnderstood(f"“{rest}” was not understood. {EXAMPLES}", rest)
        count = 1 if found[1] in ("a", "an") else int(found[1])
        unit = found[2][0]
        if unit in SPANS:
            moment += count * SPANS[unit]
        else:
            local = moment.astimezone(zone).replace(tzinfo=None)
            moment = resolve(local + timedelta(days=count * (WEEK if unit == "w" else 1)), zone).at
        rest = rest[found.end() :]
    return moment


MONTH = rf"({'|'.join(MONTHS)})[a-z]*\.?"
YEAR = r"(?: (\d{4})(?![:\d]))?"
ISO = re.compile(r"(?<!\S)(\d{4})-(\d{1,2})-(\d{1,2})(?:t|(?!\S))")
DAY_MONTH = re.compile(rf"(?<!\S)(\d{{1,2}})(?:st|nd|rd|th|\.)? {MONTH}{YEAR}(?!\S)")
MONTH_DAY = re.compile(rf"(?<!\S){MONTH} (\d{{1,2}})(?:st|nd|rd|th)?{YEAR}(?!\S)")
WEEKDAY = re.compile(
    r"(?<!\S)(next )?(mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)(?!\S)"
)
NEAR = re.compile(r"(?<!\S)(today|tomorrow)(?!\S)")
NOON = re.compile(r"(?<!\S)(noon|midday|midnight)(?!\S)")
CLOCK = re.compile(r"(?<!\S)(\d{1,2})(?:[:.h](\d{2})(?::00)?)? ?(am|pm)?(?!\S)")
ZONE = re.compile(r"(?<!\S)(utc|[a-z]+(?:/[a-z0-9_+-]+)+)(?!\S)")
FILLERS = re.compile(r"(?<!\S)(?:at|on|the|o'clock)(?!\S)")


class _Reading:
    """What is taken out of a line of words, part by part; what is left was not understood."""

    def __init__(self, text: str, words: str, zone: ZoneInfo, at: datetime) -> None:
        self.rest, self.words, self.zone, self.at = text, words, zone, at

    def moment(self) -> Moment:
        """The next moment that fits."""
        self._own_zone()
        today = self.at.astimezone(self.zone).date()
        dated, near = self._date(today), self._take(NEAR)
        weekday, clock = self._take(WEEKDAY), self._clock()
        while self._take(FILLERS):
            pass
        if self.rest:
            raise NotUnderstood(f"“{self.rest}” was not understood. {EXAMPLES}", self.rest)
        if clock is None:
            raise NotUnderstood(f"“{self.words.strip()}” has no time. {EXAMPLES}", self.words)
        if near and (dated or weekday):
            raise NotUnderstood(f"“{self.words.strip()}” names two days.", self.words.strip())
        if dated:
            return self._dated(*dated, clock, weekday[2] if weekday else "")
        if near:
            return self._on(today + timedelta(days=near[1] == "tomorrow"), clock)
        if weekday:
            return self._weekday(today, DAYS.index(weekday[2][:3]), bool(weekday[1]), clock)
        return self._first([today, today + timedelta(days=1)], clock)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.search(self.rest)
        if found:
            self.rest = " ".join(f"{self.rest[: found.start()]} {self.rest[found.end() :]}".split())
        return found

    def _own_zone(self) -> None:
        """A zone that stands in the words themselves, as they were typed."""
        if found := self._take(ZONE):
            name = found[1]
            exact = re.search(re.escape(name), self.words, re.IGNORECASE)
            self.zone = zone_named(exact[0] if exact and name != "utc" else "UTC")

    def _date(self, today: date) -> tuple[int, int, int | None] | None:
        if found := self._take(ISO):
            return int(found[3]), int(found[2]), int(found[1])
        if found := self._take(DAY_MONTH):
            day, name, year = found[1], found[2], found[3]
        elif found := self._take(MONTH_DAY):
            name, day, year = found[1], found[2], found[3]
        else:
            return None
        return int(day), MONTHS.index(name) + 1, int(year) if year else None

    def _clock(self) -> time | None:
        if found := self._take(NOON):
            return time(0 if found[1] == "midnight" else 12)
        found = self._take(CLOCK)
        if found is None:
            return None
        hour, minute = int(found[1]), int(found[2] or 0)
        if half := found[3]:
            hour = hour % 12 + (12 if half == "pm" else 0) if 1 <= hour <= 12 else 99
        if hour > 23 or minute > 59:
            raise NotUnderstood(f"“{found[0].strip()}” is no time of day.", found[0].strip())
        return time(hour, minute)

    def _on(self, day: date, clock: time) -> Moment:
        return resolve(datetime.combine(day, clock), self.zone)

    def _first(self, days: list[date], clock: time) -> Moment:
        """The first of these days on which that time is still ahead."""
        found = [self._on(day, clock) for day in days]
        return next((moment for moment in found if moment.at > self.at), found[-1])

    def _weekday(self, today: date, weekday: int, following: bool, clock: time) -> Moment:
        if following:
            monday = today - timedelta(days=today.weekday()) + timedelta(days=WEEK)
            return self._on(monday + timedelta(days=weekday), clock)
        day = today + timedelta(days=(weekday - today.weekday()) % WEEK)
        return self._first([day, day + timedelta(days=WEEK)], clock)

    def _dated(self, day: int, month: int, year: int | None, clock: time, weekday: str) -> Moment:
        this = self.at.astimezone(self.zone).year
        # The 29th of February may be eight years away.
        years = [year] if year else list(range(this, this + 9))
        days = [found for y in years if (found := _valid(y, month, day))]
        if not days:
            name = f"{day} {MONTHS[month - 1].title()}" if 1 <= month <= 12 else f"month {month}"
            raise NotUnderstood(f"There is no {name}{f' {year}' if year else ''}.", name)
        moment = self._first(days, clock)
        local = moment.at.astimezone(self.zone).date()
        if weekday and DAYS[local.weekday()] != weekday[:3]:
            said_day = f"{_day(local)} {local.year}"
            raise NotUnderstood(f"{said_day} is a {LONG_DAYS[local.weekday()].title()}.", weekday)
        return moment


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
