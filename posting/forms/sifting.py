"""What people ask of the list of posts, as an address says it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from django.http import QueryDict

import providers
from posting.sift import LONGEST, Sift, Sort, Time
from posting.states import State

Choice = TypeVar("Choice", State, Time, Sort)
FIRST, LAST = date(1970, 1, 1), date(2200, 1, 1)


def asked(said: QueryDict) -> Sift:
    """As the address says; everything that is not understood is left out."""
    network = said.get("network", "")
    return Sift(
        state=_one_of(said.get("state", ""), State),
        account=_number(said.get("account", "")),
        network=network if network in providers.ADAPTERS else "",
        label=_number(said.get("label", "")),
        author=_number(said.get("author", "")),
        time=_one_of(said.get("time", ""), Time),
        since=_day(said.get("since", "")),
        until=_day(said.get("until", "")),
        q=" ".join(said.get("q", "").replace("\0", "").split())[:LONGEST],
        sort=_one_of(said.get("sort", ""), Sort),
    )


def _one_of(said: str, choices: Iterable[Choice]) -> Choice | None:
    return next((one for one in choices if one.value == said), None)


def _number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else None


def _day(said: str) -> date | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if FIRST <= day <= LAST else None
