"""Rules in the words of iCalendar: what is understood, what is refused and why, and plain words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posting.recur import Frequency, NoRule, Rule, described, understood

PLAIN = Rule(Frequency.DAILY, date(2026, 11, 23), time(9), "Europe/Paris")


def first(words: str, count: int = 3) -> list[str]:
    """Its first days."""
    return [f"{day:%a %-d %b %y}" for _, day in islice(understood(words, PLAIN).days(), count)]


def test_rules_that_plain_choices_do_not_say_are_followed() -> None:
    assert first("FREQ=MONTHLY;BYDAY=2TU") == ["Tue 8 Dec 26", "Tue 12 Jan 27", "Tue 9 Feb 27"]
    assert first("rrule:freq=monthly; byday=-1FR") == [
        "Fri 27 Nov 26", "Fri 25 Dec 26", "Fri 29 Jan 27"
    ]  # fmt: skip
    assert first("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24") == [
        "Thu 24 Dec 26", "Fri 24 Dec 27", "Sun 24 Dec 28"
    ]  # fmt: skip
    assert first("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", 1) == ["Mon 30 Nov 26"]


def test_its_end_is_taken_out_of_the_words() -> None:
    counted = understood("FREQ=DAILY;COUNT=2", PLAIN)
    assert (counted.count, counted.pattern, len(list(counted.days()))) == (2, "FREQ=DAILY", 2)
    until = understood("FREQ=DAILY;UNTIL=20261125T225959Z", PLAIN)
    assert (until.until, len(list(until.days()))) == (date(2026, 11, 25), 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "Write a rule"),
        ("every monday", "no part of a rule"),
        ("INTERVAL=2", "FREQ: write one of"),
        ("FREQ=HOURLY", "FREQ: write one of"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR: it cannot be followed"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY: it cannot"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=WEEKLY;BYDAY=MX", "“MX” is no day"),
        ("FREQ=WEEKLY;BYDAY=2MO", "needs FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "“6” is not a number from 1 to 5"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: “0” is not"),
        ("FREQ=DAILY;INTERVAL=1,2", "INTERVAL"),
        ("FREQ=DAILY;COUNT=x", "COUNT"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL: “TOMORROW” is no day"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "one of them"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no such day"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "No day fits"),
        ("FREQ=DAILY;" + "X" * 200, "longer than"),
    ],
)
def test_what_cannot_be_followed_is_named(words: str, told: str) -> None:
    with pytest.raises(NoRule, match=told):
        understood(words, PLAIN)


@given(st.text(alphabet="FREQDAILYWKMONTHBS=;,-+0123456789", max_size=40))
def test_any_words_are_a_rule_or_refused(words: str) -> None:
    found = read(f"FREQ=WEEKLY;{words}")
    assert found
    assert isinstance(found, str) or next(found.days())


def read(words: str) -> Rule | str:
    """The rule, or why there is none."""
    try:
        return understood(words, PLAIN)
    except NoRule as problem:
        return str(problem)


def test_plain_choices_become_a_rule_and_the_rule_says_the_same_days() -> None:
    plain = [
        Rule(Frequency.WEEKLY, PLAIN.starts_on, time(9), "UTC", 2, (0, 4)),
        Rule(Frequency.MONTHLY, date(2027, 1, 31), time(9), "UTC"),
        Rule(Frequency.DAILY, PLAIN.starts_on, time(9), "UTC", 3, count=4),
        Rule(Frequency.YEARLY, PLAIN.starts_on, time(9), "UTC"),
    ]
    for rule in plain:
        start = Rule(Frequency.DAILY, rule.starts_on, rule.wall_time, rule.zone)
        found = understood(rule.text, start)
        assert list(islice(found.days(), 6)) == list(islice(rule.days(), 6))
    assert plain[0].text == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"


def test_a_rule_is_said_in_plain_words() -> None:
    day = PLAIN.starts_on
    said = {
        described(Rule(Frequency.WEEKLY, day, time(9), "UTC", 2, (0, 4))),
        described(Rule(Frequency.MONTHLY, date(2027, 1, 31), time(9), "UTC", count=3)),
        described(Rule(Frequency.DAILY, day, time(9), "UTC", until=date(2027, 1, 2))),
        described(understood("FREQ=MONTHLY;BYDAY=2TU", PLAIN)),
        described(Rule(Frequency.YEARLY, day, time(9), "UTC", count=1)),
    }
    assert said == {
        "Every 2 weeks on Monday, Friday at 09:00",
        "Every month on day 31, or the last one of a shorter month at 09:00, 3 times",
        "Every day at 09:00, until 2 Jan 2027",
        "By the rule FREQ=MONTHLY;BYDAY=2TU at 09:00",
        "Every year on 23 November at 09:00, once",
    }


def test_a_rule_keeps_its_wall_time_over_the_change_of_the_clocks() -> None:
    start = Rule(Frequency.DAILY, date(2026, 10, 1), time(9), "Europe/Paris")
    rule = understood("FREQ=MONTHLY;BYDAY=-1SA,-1MO", start)
    found = [
        moment for _, _, moment in islice(rule.occurrences(datetime(2026, 10, 20, tzinfo=UTC)), 2)
    ]
    assert [f"{moment:%d %H:%M}" for moment in found] == ["26 08:00", "31 08:00"]
