"""Wall clocks and moments: what people type, what the clocks skip or repeat, how it is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posting.schedule import (
    Moment,
    NotUnderstood,
    Odd,
    ahead,
    midnight,
    resolve,
    said,
    typed,
    zone_named,
)

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
wall = datetime.fromisoformat
"""What a clock on the wall shows: no zone."""
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)  # Saturday, 11:00 in Paris
ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
     "Pacific/Apia", "America/St_Johns"]
).map(ZoneInfo)  # fmt: skip
MOMENTS = st.datetimes(wall("2020-01-01"), wall("2036-01-01")).map(
    lambda shown: shown.replace(second=0, microsecond=0, fold=0)
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fri 9am", "Fri 27 Nov 09:00 Europe/Paris"),
        ("tomorrow 14:30", "Sun 22 Nov 14:30 Europe/Paris"),
        ("in 2 hours", "Sat 21 Nov 13:00 Europe/Paris"),
        ("in 1 day and 30 min", "Sun 22 Nov 11:30 Europe/Paris"),
        ("24 nov 9:00", "Tue 24 Nov 09:00 Europe/Paris"),
        ("next monday noon", "Mon 23 Nov 12:00 Europe/Paris"),
        ("next sat 9:00", "Sat 28 Nov 09:00 Europe/Paris"),
        ("2026-11-27 09:00", "Fri 27 Nov 09:00 Europe/Paris"),
        ("2026-11-27T09:00", "Fri 27 Nov 09:00 Europe/Paris"),
        ("9", "Sun 22 Nov 09:00 Europe/Paris"),
        ("Sat 12:00", "Sat 21 Nov 12:00 Europe/Paris"),
        ("sat 11:00", "Sat 28 Nov 11:00 Europe/Paris"),
        ("Nov 24 at 9.30 PM", "Tue 24 Nov 21:30 Europe/Paris"),
        ("3 march 8:00", "Wed 3 Mar 2027 08:00 Europe/Paris"),
        ("29 feb 9:00", "Tue 29 Feb 2028 09:00 Europe/Paris"),
        ("24 nov 9:00 America/New_York", "Tue 24 Nov 15:00 Europe/Paris"),
        ("24 nov 9:00 utc", "Tue 24 Nov 10:00 Europe/Paris"),
        ("Tue 24 Nov 09:00 Europe/Paris", "Tue 24 Nov 09:00 Europe/Paris"),
    ],
)
def test_typed_times_are_understood(words: str, expected: str) -> None:
    assert said(typed(words, PARIS, AT).at, PARIS, AT) == expected


@pytest.mark.parametrize(
    ("words", "part", "told"),
    [
        ("blub 9am", "blub", "not understood"),
        ("fri", "fri", "has no time"),
        ("13pm", "13pm", "no time of day"),
        ("25:00", "25:00", "no time of day"),
        ("30 feb 9:00", "30 Feb", "There is no 30 Feb"),
        ("2026-13-01 9:00", "month 13", "There is no month 13"),
        ("2020-01-01 9:00", "2020-01-01 9:00", "has passed"),
        ("today 9am", "today 9am", "has passed"),
        ("wed 24 nov 9:00", "wed", "is a Tuesday"),
        ("24 nov 9:00 Mars/Olympus", "mars/olympus", "no time zone"),
        ("tomorrow fri 9:00", "tomorrow fri 9:00", "two days"),
        ("in a moment", "a moment", "not understood"),
        ("in 9999 weeks " + "9999 weeks " * 60, "in 9999", "too far"),
        ("", "", "No time was written"),
    ],
)
def test_what_is_not_understood_is_named(words: str, part: str, told: str) -> None:
    with pytest.raises(NotUnderstood, match=told) as problem:
        typed(words, PARIS, AT)
    assert problem.value.part.lower().startswith(part.lower())


def test_a_skipped_time_is_shifted_forward_and_said() -> None:
    found = resolve(wall("2027-03-28T02:30"), PARIS)
    assert found.odd is Odd.SKIPPED
    assert said(found.at, PARIS) == "Sun 28 Mar 03:30 Europe/Paris"
    assert "02:30 does not exist" in found.warning
    assert "03:30 is taken" in found.warning


def test_of_a_doubled_time_the_first_is_taken_and_said() -> None:
    found = resolve(wall("2026-10-25T02:30"), PARIS)
    assert found.odd is Odd.DOUBLED
    assert found.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "comes twice" in found.warning
    assert said(found.at, PARIS) == "Sun 25 Oct 02:30 Europe/Paris (CEST)"
    assert said(found.at + timedelta(hours=1), PARIS) == "Sun 25 Oct 02:30 Europe/Paris (CET)"


def test_a_day_may_begin_after_midnight() -> None:
    """Where the clocks go forward at midnight."""
    start = midnight(date(2026, 4, 24), zone_named("Africa/Cairo"))
    assert start.astimezone(ZoneInfo("Africa/Cairo")).hour == 1


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=2, hours=18, minutes=4), "in 2 d 18 h"),
        (timedelta(minutes=90), "in 1 h 30 min"),
        (timedelta(seconds=20), "in a moment"),
        (-timedelta(days=1), "now"),
    ],
)
def test_how_far_off_it_is(span: timedelta, words: str) -> None:
    assert ahead(AT + span, AT) == words


@given(MOMENTS, ZONES)
def test_a_wall_time_that_exists_is_what_the_clocks_show(time: datetime, zone: ZoneInfo) -> None:
    found = resolve(time, zone)
    shown = found.at.astimezone(zone).replace(tzinfo=None, fold=0)
    if found.odd is Odd.SKIPPED:
        assert shown > time
        assert found.warning
    else:
        assert shown == time
        assert bool(found.warning) == (found.odd is Odd.DOUBLED)


@given(MOMENTS, ZONES)
def test_what_is_said_is_understood_again(time: datetime, zone: ZoneInfo) -> None:
    moment = resolve(time, zone).at
    at = moment - timedelta(days=400)
    words = said(moment, zone, at).partition(" (")[0]
    assert typed(words, zone, at).at == moment


@given(
    st.sampled_from(["mon", "next fri", "tomorrow", "today", "", "24 nov", "1 jan 2031", "sunday"]),
    st.integers(0, 23),
    MOMENTS,
    ZONES,
)
def test_nothing_that_is_typed_is_ever_in_the_past(
    day: str, hour: int, now: datetime, zone: ZoneInfo
) -> None:
    at = now.replace(tzinfo=UTC)
    found = understood(f"{day} {hour}:15", zone, at)
    if isinstance(found, NotUnderstood):
        assert day in ("today", "1 jan 2031"), found
    else:
        assert found.at > at


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused_in_words(words: str) -> None:
    found = understood(words, NEW_YORK, AT)
    assert str(found) if isinstance(found, NotUnderstood) else found.at > AT


def understood(words: str, zone: ZoneInfo, at: datetime) -> Moment | NotUnderstood:
    """The moment, or why there is none."""
    try:
        return typed(words, zone, at)
    except NotUnderstood as problem:
        return problem
