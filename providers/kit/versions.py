"""Versions of an API that end one day: what is known of it, for whoever looks after a site."""

from __future__ import annotations

import re
from datetime import date
from typing import Protocol, runtime_checkable

MONTH = re.compile(r"(20\d\d)(0[1-9]|1[0-2])", re.ASCII)


@runtime_checkable
class Ages(Protocol):
    """Is spoken to in a version that is set here, and that is served for a known time only."""

    def aged(self, today: date) -> str:
        """Why the version that is set is no good any more, "" while it is."""


def month_is_over(name: str, version: str, today: date) -> str:
    """The same for a version that is a month and is served for about a year."""
    found = MONTH.fullmatch(version)
    if found is None:
        return f"{name} is {version!r}; it is a month, written as YYYYMM"
    year, month = map(int, found.groups())
    if (today.year - year) * 12 + today.month - month <= 12:
        return ""
    return f"{name} is {version}, and a month is served for about a year only: set a newer one"
