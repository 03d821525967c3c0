"""Does this post fit these networks? Everything that would be refused, said before it is sent.

A check looks at one draft for one network and tells its problems; a new one is a function more in
CHECKS. The network stays the last judge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import providers
from providers.kit import media, text
from providers.kit.contract import Limits, Media
from providers.kit.table import table
from tokens.models import SocialAccount


@dataclass(frozen=True, slots=True)
class Draft:
    """What a post is to carry, as far as its author has come."""

    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A network that a post is for, and what fits there."""

    provider: str
    label: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Problem:
    """What one network would refuse, and at which field; `over`: by how much it is too long."""

    provider: str
    label: str
    field: str
    words: str
    over: int = 0

    def __str__(self) -> str:
        return f"{self.label}: {self.words}"


Check = Callable[[Draft, Target], Iterator[Problem]]


def text_fits(draft: Draft, to: Target) -> Iterator[Problem]:
    """Too long, banned signs, or nothing said where there is nothing to see either."""
    beside = bool(draft.media) or to.limits.needs_media
    for fault in text.faults(draft.text, to.limits, beside_media=beside):
        yield Problem(to.provider, to.label, "text", fault.words, fault.over)


def media_fit(draft: Draft, to: Target) -> Iterator[Problem]:
    """Too many, of the wrong kind or size, or none where the network wants one."""
    for said in media.problems(draft.media, to.limits, to.label):
        yield Problem(to.provider, to.label, "media", said.removeprefix(f"{to.label}: "))


CHECKS: tuple[Check, ...] = (text_fits, media_fit)


def targets(accounts: Iterable[SocialAccount]) -> list[Target]:
    """The networks behind these accounts, each once; one that is gone has no rules any more."""
    known = dict.fromkeys(a.provider for a in accounts if a.provider in providers.ADAPTERS)
    kinds = [providers.adapter(name) for name in known]
    return [Target(kind.name, kind.label, kind.limits) for kind in kinds]


def problems(draft: Draft, accounts: Iterable[SocialAccount]) -> list[Problem]:
    """Everything that the networks of these accounts would refuse, network by network."""
    return [found for to in targets(accounts) for check in CHECKS for found in check(draft, to)]


def misfits(said: str, accounts: Iterable[SocialAccount]) -> list[str]:
    """The same for a text alone, in sentences; empty when it fits everywhere."""
    return [str(problem) for problem in problems(Draft(said), accounts)]


@lru_cache(maxsize=1)
def exported() -> tuple[bytes, str]:
    """The rules of all networks as JSON for the pages, and the mark that changes with them."""
    body = json.dumps(table(providers.ADAPTERS.values()), ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:20]}"'
