"""Does this post fit these networks? Everything that would be refused, said before it is sent.

A check looks at one draft for one network and tells its problems; a new one is a function more in
CHECKS. The network stays the last judge.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import providers
from posting.media import Files, out_of_reach
from posting.variants import misfits as misfits_of_files
from providers.kit import text
from providers.kit.contract import Limits
from providers.kit.table import row, table
from tokens.models import SocialAccount

Problems = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Draft:
    """What one post of a network is to carry, as far as its author has come."""

    text: str
    media: Files = ()
    link: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What a post says: its text, the page it is about, the parts that follow, and its files.

    `part_media` are the files of each part, none where it ends early. `versions` are texts of
    single accounts in place of `text`, `options` the values of their networks' own blanks; both by
    the account's number.
    """

    text: str
    link: str = ""
    parts: tuple[str, ...] = ()
    versions: Mapping[int, str] = field(default_factory=dict)
    options: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    media: Files = ()
    part_media: tuple[Files, ...] = ()

    def files(self, part: int) -> Files:
        """The files of a part; 0 is the text itself."""
        return (self.media, *self.part_media)[part] if part <= len(self.part_media) else ()

    @property
    def every_file(self) -> Files:
        """All of them, in order."""
        return [file for files in (self.media, *self.part_media) for file in files]


@dataclass(frozen=True, slots=True)
class Target:
    """A network (or one account there) that a post is for, and what fits there."""

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
    whole, _ = placed(draft.text, draft.link, to.limits, beside_media=beside)
    for fault in text.faults(whole, to.limits, beside_media=beside):
        yield Problem(to.provider, to.label, "text", fault.words, fault.over)


def media_fit(draft: Draft, to: Target) -> Iterator[Problem]:
    """Too many, of the wrong kind or size, or none where the network wants one."""
    for said in misfits_of_files(draft.media, to.limits, to.label):
        yield Problem(to.provider, to.label, "media", said.removeprefix(f"{to.label}: "))


CHECKS: tuple[Check, ...] = (text_fits, media_fit)


def targets(accounts: Iterable[SocialAccount]) -> list[Target]:
    """The networks behind these accounts, each once; one that is gone has no rules any more.

    Where accounts of one network may write differently much, each kind of them is named.
    """
    found: dict[tuple[str, Limits], list[SocialAccount]] = {}
    for account in accounts:
        if limits := account.limits:
            found.setdefault((account.provider, limits), []).append(account)
    kinds = Counter(name for name, _ in found)
    return [
        Target(name, ", ".join(map(str, mine)) if kinds[name] > 1 else mine[0].label, limits)
        for (name, limits), mine in found.items()
    ]


def problems(draft: Draft, accounts: Iterable[SocialAccount]) -> list[Problem]:
    """Everything that the networks of these accounts would refuse, network by network."""
    return [found for to in targets(accounts) for found in _refused(draft, to)]


def misfits(said: str, accounts: Iterable[SocialAccount]) -> list[str]:
    """The same for a text alone, in sentences; empty when it fits everywhere."""
    return [str(problem) for problem in problems(Draft(said), accounts)]


def wrong(words: Words, accounts: Iterable[SocialAccount]) -> Problems:
    """What these networks would refuse of all that a post says, by field; {} when nothing."""
    known = [account for account in accounts if account.provider in providers.ADAPTERS]
    found: Problems = {"parts": [*_parts(words, known)], "options": [*_options(words, known)]}
    for problem in _first(words, known):
        found.setdefault(problem.field, []).append(str(problem))
    if "media" not in found and words.every_file:
        found["media"] = out_of_reach(words.every_file, known)
    return {name: said for name, said in found.items() if said}


def continues(account: SocialAccount) -> bool:
    """Whether its network can answer a post, so that a thread goes on there."""
    limits = account.limits
    return limits is not None and limits.replies


def placed(text: str, link: str, limits: Limits | None, *, beside_media: bool) -> tuple[str, str]:
    """The text and the link as a network takes them: apart where it shows one, else behind it."""
    if not link:
        return text, ""
    if limits and limits.links and (limits.links_beside_media or not beside_media):
        return text, link
    if link in text:
        return text, ""
    return (f"{text}\n\n{link}" if text.strip() else link), ""


def exported(accounts: Iterable[SocialAccount] = ()) -> tuple[bytes, str]:
    """The rules as JSON for the pages, and the mark that changes with them.

    Under `accounts`, by "account-" and the number, those that may write more or less than usual.
    """
    own = {
        f"account-{account.pk}": row(str(account), account.limits)
        for account in accounts
        if account.told_limits and account.limits
    }
    body = json.dumps({**_table(), "accounts": own}, ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:20]}"'


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return table(providers.ADAPTERS.values())


def _refused(draft: Draft, to: Target) -> list[Problem]:
    return [found for check in CHECKS for found in check(draft, to)]


def _first(words: Words, accounts: list[SocialAccount]) -> Iterator[Problem]:
    """Of the text for all, network by network; of an account's own, with its name."""
    alike = [account for account in accounts if account.pk not in words.versions]
    yield from problems(Draft(words.text, words.media, words.link), alike)
    for account in accounts:
        if account.pk in words.versions and (limits := account.limits):
            own = Target(account.provider, str(account), limits)
            yield from _refused(Draft(words.versions[account.pk], words.media, words.link), own)


def _parts(words: Words, accounts: Iterable[SocialAccount]) -> Iterator[str]:
    """A part that is empty or too long, and networks that stand alone without a text of their own.

    People count from one: the part 1 that follows the first text is their second.
    """
    able = targets(account for account in accounts if continues(account))
    for number, said in enumerate(words.parts, 2):
        draft = Draft(said, words.files(number - 1))
        if not said.strip() and not draft.media:
            yield f"Part {number} is empty."
            continue
        for to in able:
            part = Target(to.provider, f"{to.label}, part {number}", to.limits)
            yield from (str(found) for found in _part_problems(draft, part))
    alone = {
        providers.adapter(account.provider).label
        for account in accounts
        if words.parts and not continues(account) and account.pk not in words.versions
    }
    for label in sorted(alone):
        yield (
            f"{label} cannot continue a thread: give its account a text of its own, which then"
            " stands alone there, or leave it out."
        )


def _part_problems(draft: Draft, to: Target) -> Iterator[Problem]:
    """What a network would refuse of an answer, which it may want without files."""
    yield from text_fits(draft, to)
    if draft.media and to.limits.bare_replies:
        words = "an answer takes words only there; leave its files out."
        yield Problem(to.provider, to.label, "parts", words)
    elif draft.media:
        yield from media_fit(draft, to)


def _options(words: Words, accounts: Iterable[SocialAccount]) -> Iterator[str]:
    """Blanks of a network that have to be filled in, and what does not stand for choice there."""
    for account in accounts:
        blanks = {blank.name: blank for blank in providers.adapter(account.provider).post_fields}
        given = words.options.get(account.pk, {})
        for name, blank in blanks.items():
            if blank.needed and not given.get(name, "").strip():
                yield f"{account}: fill in “{blank.label}”."
        for name, value in given.items():
            if name not in blanks:
                yield f"{account}: its network knows no blank “{name}”."
            elif (allowed := dict(blanks[name].choices)) and value not in allowed:
                said = ", ".join(allowed.values())
                yield f"{account}: “{blanks[name].label}” is one of: {said}."
