"""How late a post may be, and what is to become of one that is later."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class WhenLate(StrEnum):
    """A team's and a post's wish for what could not go out in time."""

    HOLD = "hold"  # ask a person
    SKIP = "skip"  # it is not to go out any more
    NEXT_SLOT = "slot"  # it takes the next free slot of its account, once


WISHES = (
    (WhenLate.HOLD.value, "ask me"),
    (WhenLate.SKIP.value, "skip it"),
    (WhenLate.NEXT_SLOT.value, "take the next free slot"),
)
SPANS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))
PATIENCE = tuple(
    timedelta(minutes=minutes) for minutes in (15, 60, 3 * 60, 12 * 60, 24 * 60, 7 * 24 * 60)
)
"""What is offered: always an end, so that nothing waits for ever by itself."""


def patience_choices(*others: timedelta) -> list[tuple[str, str]]:
    """For a select: seconds and words of what is offered, with `others` in their place."""
    spans = sorted({*PATIENCE, *others})
    return [(f"{span.total_seconds():g}", f"{span_words(span)} late") for span in spans]


def span_words(span: timedelta) -> str:
    """A span in the largest unit that fits it: "15 minutes", "1 hour", "7 days"."""
    for unit, word in SPANS:
        if span >= unit and span % unit == timedelta(0):
            count = span // unit
            return f"{count} {word}{'s' * (count != 1)}"
    return f"{span.total_seconds():g} seconds"
