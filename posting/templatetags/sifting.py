"""The words of the list's filter: what may be chosen, and a chip for each thing that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import template

import providers
from posting.sift import Sift, Sort, Time
from posting.states import State
from posting.templatetags.wording import RESULTS

register = template.Library()
TIMES: Mapping[Time, str] = {
    Time.AHEAD: "Still to come",
    Time.TODAY: "Today",
    Time.WEEK: "The last 7 days",
    Time.MONTH: "The last 30 days",
}
SORTS: Mapping[Sort, str] = {
    Sort.NEWEST: "Written: newest first",
    Sort.OLDEST: "Written: oldest first",
    Sort.SOONEST: "Due: soonest first",
    Sort.LATEST: "Due: latest first",
}
# What the pages before and after this one have, and what stands on the first.
ENDS: Mapping[Sort, tuple[str, str, str]] = {
    Sort.NEWEST: ("Newer", "Older", "newest"),
    Sort.OLDEST: ("Older", "Newer", "oldest"),
    Sort.SOONEST: ("Sooner", "Later", "soonest"),
    Sort.LATEST: ("Later", "Sooner", "latest"),
}
STATES = tuple(state for state in State if state is not State.QUEUED)


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that is asked for, in words, and the address of the same without it."""

    words: str
    query: str


@register.simple_tag
def chips(sift: Sift, accounts: Iterable[Any], labels: Iterable[Any], people: Any) -> list[Chip]:
    """What is asked for, each with the way to leave it out."""
    known = {"account": accounts, "label": labels, "author": people}
    names = {name: {one.pk: str(one) for one in rows} for name, rows in known.items()}
    return [
        Chip(_words(name, value, names), sift.without(name).query)
        for name, value in sift.chosen.items()
    ]


@register.simple_tag
def states() -> list[tuple[State, str]]:
    """Every state that can be looked for, with its word."""
    return [(state, RESULTS[state].label) for state in STATES]


@register.simple_tag
def times() -> list[tuple[Time, str]]:
    """Every span of time that has a name."""
    return list(TIMES.items())


@register.simple_tag
def sorts() -> list[tuple[Sort, str]]:
    """Every order, in words."""
    return list(SORTS.items())


@register.filter
def ends(sift: Sift) -> dict[str, str]:
    """The words for both ends of the list: `before`, `after`, and which ones come `first`."""
    return dict(zip(("before", "after", "first"), ENDS[sift.order], strict=True))


@register.simple_tag
def networks(accounts: Iterable[Any]) -> list[tuple[str, str]]:
    """The networks on which a team has an account, by name."""
    used = {account.provider for account in accounts}
    return sorted(
        ((name, _label(name)) for name in used if name in providers.ADAPTERS),
        key=lambda network: network[1].casefold(),
    )


def _words(name: str, value: Any, names: Mapping[str, Mapping[int, str]]) -> str:
    match value:
        case State():
            return RESULTS[value].label
        case Time():
            return TIMES[value]
        case date():
            return f"{'From' if name == 'since' else 'Until'} {value.day} {value:%b %Y}"
        case int():
            return names[name].get(value, f"{name.capitalize()} that is not there")
    return _label(value) if name == "network" else f"“{value}”"


def _label(provider: str) -> str:
    return providers.ADAPTERS[provider].label
