"""A text that is too long for one post becomes a thread, as the chosen networks take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from posting.rules import Draft, Problem, Target, targets, text_fits
from providers.kit import split as cutting
from tokens.models import SocialAccount


@dataclass(frozen=True, slots=True)
class Thread:
    """The parts of one text, in order, and the networks that get them so."""

    networks: tuple[Target, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """What became of a text: threads, and what is in the way at single networks."""

    threads: tuple[Thread, ...]
    problems: tuple[Problem, ...]


class CannotSplit(Exception):
    """The text cannot be cut so that every part fits; the message is for its author."""


def split(
    text: str, accounts: Sequence[SocialAccount], *, number: bool = False, apart: bool = False
) -> Split:
    """One thread for all networks, or `apart` each its own; `number`: parts end in "1/3".

    A network that knows no threads gets the text as one post or is among the problems. Raises
    CannotSplit.
    """
    chosen = targets(accounts)
    able = {to.label: to for to in chosen if to.limits.replies}
    limits = {name: to.limits for name, to in able.items()}
    try:
        parts = cutting.split(text, limits, number=number, together=not apart)
    except cutting.CannotSplit as problem:
        raise CannotSplit(str(problem)) from None
    found: list[Problem] = []
    for to in chosen:
        if to.label in able:
            continue
        if too_long := list(text_fits(Draft(text), to)):
            found += too_long
        else:
            parts[to.label], able[to.label] = (text,), to
    return Split(_alike(parts, able), tuple(found))


def _alike(parts: dict[str, tuple[str, ...]], to: dict[str, Target]) -> tuple[Thread, ...]:
    """Networks with the same parts share a thread."""
    shared: dict[tuple[str, ...], list[Target]] = {}
    for name, mine in parts.items():
        shared.setdefault(mine, []).append(to[name])
    return tuple(Thread(tuple(networks), mine) for mine, networks in shared.items())


def told(made: Split) -> dict[str, Any]:
    """The same as plain JSON."""
    threads = [
        {"networks": [to.provider for to in thread.networks], "parts": list(thread.parts)}
        for thread in made.threads
    ]
    return {"chains": threads, "problems": [asdict(problem) for problem in made.problems]}
