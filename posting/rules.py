"""Does this post fit these networks? Everything that would be refused, said before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import providers
from providers.kit.content import Limits
from providers.kit.text import problems
from tokens.models import SocialAccount

Problems = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Words:
    """What a post says: its text, the page it is about, and the parts that follow.

    `versions` are texts of single accounts in place of `text`, `options` the values of their
    networks' own blanks; both by the account's number.
    """

    text: str
    link: str = ""
    parts: tuple[str, ...] = ()
    versions: Mapping[int, str] = field(default_factory=dict)
    options: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def misfits(
    text: str, accounts: Iterable[SocialAccount], *, link: str = "", beside_media: bool = False
) -> list[str]:
    """One sentence per network that would refuse `text`; empty when it fits everywhere."""
    said: list[str] = []
    for name in dict.fromkeys(account.provider for account in accounts):
        said += _refused(text, name, providers.adapter(name).label, link, beside_media=beside_media)
    return said


def wrong(
    words: Words, accounts: Iterable[SocialAccount], *, beside_media: bool = False
) -> Problems:
    """What these networks would refuse of all that a post says, by field; {} when nothing."""
    known = [account for account in accounts if account.provider in providers.ADAPTERS]
    found = {
        "text": _texts(words, known, beside_media=beside_media),
        "parts": [*_parts(words, known)],
        "options": [*_options(words, known)],
    }
    return {name: said for name, said in found.items() if said}


def continues(account: SocialAccount) -> bool:
    """Whether its network can answer a post, so that a thread goes on there."""
    limits = limits_of(account.provider)
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


def limits_of(provider: str) -> Limits | None:
    """What fits into a post of this network; None if it is gone."""
    known = providers.ADAPTERS.get(provider)
    return known.limits if known else None


def _refused(
    text: str, provider: str, label: str, link: str = "", *, beside_media: bool = False
) -> tuple[str, ...]:
    limits = providers.adapter(provider).limits
    whole, _ = placed(text, link, limits, beside_media=beside_media)
    return problems(whole, limits, label, beside_media=beside_media)


def _texts(words: Words, accounts: Iterable[SocialAccount], *, beside_media: bool) -> list[str]:
    """Of the text for all, one sentence per network; of an account's own, with its name."""
    alike = [account for account in accounts if account.pk not in words.versions]
    said = misfits(words.text, alike, link=words.link, beside_media=beside_media)
    for account in accounts:
        if account.pk in words.versions:
            own = words.versions[account.pk]
            said += _refused(
                own, account.provider, str(account), words.link, beside_media=beside_media
            )
    return said


def _parts(words: Words, accounts: Iterable[SocialAccount]) -> Iterator[str]:
    """A part that is empty or too long, and networks that stand alone without a text of their own.

    People count from one: the part 1 that follows the first text is their second.
    """
    able = {a.provider: providers.adapter(a.provider).label for a in accounts if continues(a)}
    for number, text in enumerate(words.parts, 2):
        if not text.strip():
            yield f"Part {number} is empty."
            continue
        for name, label in able.items():
            yield from _refused(text, name, f"{label}, part {number}")
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


def _options(words: Words, accounts: Iterable[SocialAccount]) -> Iterator[str]:
    """Blanks of a network that have to be filled in, and values of blanks that it does not have."""
    for account in accounts:
        blanks = {blank.name: blank for blank in providers.adapter(account.provider).post_fields}
        given = words.options.get(account.pk, {})
        for name, blank in blanks.items():
            if blank.needed and not given.get(name, "").strip():
                yield f"{account}: fill in “{blank.label}”."
        for name in given:
            if name not in blanks:
                yield f"{account}: its network knows no blank “{name}”."
