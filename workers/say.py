"""A moment as stored sentences say it: with its day, because they may be read on another one."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(when: datetime) -> str:
    """ "22 Nov 03:00:00 UTC"; to the second, because waits may be short."""
    return f"{when.astimezone(UTC):%-d %b %H:%M:%S} UTC"
