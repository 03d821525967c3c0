"""The days of what comes again: rules in plain choices, or in the words of iCalendar.

A rule is walked on the wall clock and each occurrence resolved by itself, so that nine o'clock
stays nine o'clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Literal

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, rrulestr

from posting.schedule import LONG_DAYS, NotUnderstood, resolve, zone_named

CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


EVERY: dict[Frequency, Literal[0, 1, 2, 3]] = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.MONTHLY: MONTHLY,
    Frequency.YEARLY: YEARLY,
}
UNITS = {
    Frequency.DAILY: "day",
    Frequency.WEEKLY: "week",
    Frequency.MONTHLY: "month",
    Frequency.YEARLY: "year",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """When it comes: every `interval` days, weeks, months or years from `starts_on`, until or so
    often.

    `weekdays` (0 is Monday) are for weeks, () is that of the start. Months that are too short for
    the day of the start take their last day. `pattern` says instead which days, in the words of
    iCalendar (RFC 5545, 3.3.10), as `understood` gives them.
    """

    frequency: Frequency
    starts_on: date
    wall_time: time
    zone: str
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    until: date | None = None
    count: int | None = None
    pattern: str = ""

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
        for number, day in enumerate(self._rule()):
            past = self.until is not None and day.date() > self.until
            if past or (self.count is not None and number >= self.count):
                return
            yield number, day.date()

    def _rule(self) -> rrule:
        start = datetime.combine(self.starts_on, time())
        if self.pattern:
            found = rrulestr(self.pattern, dtstart=start)
            assert isinstance(found, rrule)  # noqa: S101 - a set needs several lines
            return found
        more: dict[str, object] = {}
        if self.frequency is Frequency.WEEKLY and self.weekdays:
            more["byweekday"] = sorted(set(self.weekdays))
        if self.frequency is Frequency.MONTHLY and self.starts_on.day > 28:
            more |= {"bymonthday": list(range(28, self.starts_on.day + 1)), "bysetpos": -1}
        every = EVERY[self.frequency]
        return rrule(every, dtstart=start, interval=self.interval, **more)  # type: ignore[arg-type]

    @property
    def text(self) -> str:
        """The same in the words of iCalendar."""
        said = [self.pattern or f"FREQ={self.frequency.name}"]
        if not self.pattern:
            said += [f"INTERVAL={self.interval}"] if self.interval > 1 else []
            if self.frequency is Frequency.WEEKLY and self.weekdays:
                said.append("BYDAY=" + ",".join(CODES[day] for day in sorted(self.weekdays)))
            if self.frequency is Frequency.MONTHLY and self.starts_on.day > 28:
                days = ",".join(str(day) for day in range(28, self.starts_on.day + 1))
                said += [f"BYMONTHDAY={days}", "BYSETPOS=-1"]
        said += [f"UNTIL={self.until:%Y%m%d}"] if self.until else []
        said += [f"COUNT={self.count}"] if self.count and not self.until else []
        return ";".join(said)

    def occurrences(self, since: datetime) -> Iterator[tuple[int, date, datetime]]:
        """Its occurrences from `since` on: number, day and moment."""
        zone = zone_named(self.zone)
        for number, day in self.days():
            moment = resolve(datetime.combine(day, self.wall_time), zone).at
            if moment >= since:
                yield number, day, moment


class NoRule(Exception):
    """These words are no rule that can be followed; the text names the part and what would do."""


def understood(words: str, rule: Rule) -> Rule:
    """The rule with the days that these words of iCalendar say, and their end; raises NoRule."""
    parts = _parts(words)
    name = parts.pop("FREQ", "")
    if name not in PARTS:
        known = ", ".join(PARTS)
        raise NoRule(f"FREQ: write one of {known}, as in {EXAMPLE}.")
    for part in parts:
        if part not in {*PARTS[name], *ENDS}:
            fine = ", ".join((*PARTS[name], *ENDS))
            raise NoRule(f"{part}: it cannot be followed with FREQ={name}. Known are {fine}.")
    if set(ENDS) <= set(parts):
        raise NoRule("UNTIL, COUNT: write one of them, not both.")
    until, count = _until(parts.pop("UNTIL", "")), parts.pop("COUNT", "")
    for part, value in parts.items():
        _judge(name, part, value)
    _fits(parts)
    pattern = ";".join([f"FREQ={name}", *(f"{part}={value}" for part, value in parts.items())])
    found = replace(
        rule,
        frequency=Frequency[name],
        pattern=pattern,
        until=until or rule.until,
        count=_number("COUNT", count, 10_000) if count else rule.count,
    )
    if next(found.days(), None) is None:
        raise NoRule("No day fits this rule.")
    return found


def described(rule: Rule) -> str:
    """In plain words: "Every 2 weeks on Monday, Friday at 09:00, 10 times"."""
    unit = UNITS[rule.frequency]
    how = f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"
    start = rule.starts_on
    match rule.frequency:
        case _ if rule.pattern:
            how = f"By the rule {rule.pattern}"
        case Frequency.WEEKLY:
            days = sorted(set(rule.weekdays)) or [start.weekday()]
            how += f" on {', '.join(LONG_DAYS[day].title() for day in days)}"
        case Frequency.MONTHLY:
            how += f" on day {start.day}"
            how += ", or the last one of a shorter month" if start.day > 28 else ""
        case Frequency.YEARLY:
            how += f" on {start.day} {start:%B}"
    ends = f", until {rule.until.day} {rule.until:%b %Y}" if rule.until else ""
    if rule.count:
        ends += f", {rule.count} times" if rule.count > 1 else ", once"
    return f"{how} at {rule.wall_time:%H:%M}{ends}"


def _parts(words: str) -> dict[str, str]:
    line = "".join(words.upper().split()).removeprefix("RRULE:").strip(";")
    if not line:
        raise NoRule(f"Write a rule, as in {EXAMPLE}.")
    if len(line) > LONGEST:
        raise NoRule(f"The rule is longer than {LONGEST} characters.")
    found: dict[str, str] = {}
    for piece in line.split(";"):
        name, equals, value = piece.partition("=")
        if not name or not equals or not value:
            raise NoRule(f"“{piece}” is no part of a rule; write it like INTERVAL=2.")
        if name in found:
            raise NoRule(f"{name}: it is there twice.")
        found[name] = value
    return found


def _judge(name: str, part: str, value: str) -> None:
    """Each value of a part is one that it may have."""
    most = MOST.get(part, 0) if part != "BYSETPOS" or name == "YEARLY" else 31
    for one in value.split(","):
        match part:
            case "INTERVAL":
                _number(part, value, most)
            case "BYDAY" | "WKST":
                found = re.fullmatch(r"([+-]?\d{1,2})?([A-Z]{2})", one)
                if found is None or found[2] not in CODES:
                    raise NoRule(f"{part}: “{one}” is no day; known are {', '.join(CODES)}.")
                if found[1] and (part == "WKST" or name in ("DAILY", "WEEKLY")):
                    raise NoRule(f"{part}: “{one}” has a number, which needs FREQ=MONTHLY.")
                if found[1]:
                    _number(part, found[1].lstrip("+-"), 5 if name == "MONTHLY" else 53)
            case _:
                sign = "" if part == "BYMONTH" else "+-"
                _number(part, one.lstrip(sign), most)


def _fits(parts: dict[str, str]) -> None:
    """Months that have none of these days would be looked for in vain for a very long time."""
    if "BYMONTH" not in parts or "BYMONTHDAY" not in parts:
        return
    days = [abs(int(one)) for one in parts["BYMONTHDAY"].split(",")]
    longest = max(DAYS_OF[int(one) - 1] for one in parts["BYMONTH"].split(","))
    if min(days) > longest:
        raise NoRule("BYMONTHDAY: no such day is in these months.")


def _until(value: str) -> date | None:
    if not value:
        return None
    try:
        return datetime.strptime(value[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise NoRule(f"UNTIL: “{value}” is no day; write it like 20271231.") from None


def _number(part: str, value: str, most: int) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 5 or not 1 <= int(value) <= most:
        raise NoRule(f"{part}: “{value}” is not a number from 1 to {most}.")
    return int(value)


EXAMPLE = "FREQ=MONTHLY;BYDAY=2TU (every second Tuesday of a month)"
LONGEST = 150
ENDS = ("UNTIL", "COUNT")
PARTS = {
    "DAILY": ("INTERVAL", "BYDAY"),
    "WEEKLY": ("INTERVAL", "BYDAY", "WKST"),
    "MONTHLY": ("INTERVAL", "BYDAY", "BYMONTHDAY", "BYSETPOS"),
    "YEARLY": ("INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"),
}
MOST = {"INTERVAL": 365, "BYMONTHDAY": 31, "BYMONTH": 12, "BYSETPOS": 366}
DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
