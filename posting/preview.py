"""What a post will look like on each of its accounts: its words cut where the network cuts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

from posting.media import Files
from posting.rules import Words, continues, placed
from providers.kit import text
from providers.kit.content import Limits, TextRule
from tokens.models import SocialAccount

SIGN = regex.compile(r"\X")
NEAR = 10
"""A tenth of what fits, or less, is left: that is worth a warning."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One post of a thread: what fits, what is cut off, how much is left (below 0: over), files.

    `left_out`: how many files more there are than are shown.
    """

    fits: str
    cut: str
    left: int
    limit: int
    media: Files = ()
    left_out: int = 0

    @property
    def tone(self) -> str:
        """How near the end is."""
        if self.left < 0 or self.cut:
            return "bad"
        return "warn" if self.left * NEAR <= self.limit else "off"


@dataclass(frozen=True, slots=True)
class Preview:
    """A post on one account: its pieces, and the link shown apart."""

    account: SocialAccount
    label: str
    own: bool
    pieces: tuple[Piece, ...]
    link: str
    alone: bool
    """It cannot continue the thread that the others get."""


def previews(words: Words, accounts: Iterable[SocialAccount]) -> list[Preview]:
    """A preview for each of these accounts whose network is still there."""
    return [_preview(words, account, limits) for account in accounts if (limits := account.limits)]


def cut(said: str, rule: TextRule) -> tuple[str, str]:
    """What of a text fits, whole signs only, and the rest."""
    if text.fits(said, rule):
        return said, ""
    ends = [match.end() for match in SIGN.finditer(said)]
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if text.fits(said[: ends[middle - 1]], rule):
            low = middle
        else:
            high = middle - 1
    end = ends[low - 1] if low else 0
    return said[:end], said[end:]


def _preview(words: Words, account: SocialAccount, limits: Limits) -> Preview:
    own = words.versions.get(account.pk)
    beside = bool(words.media) or limits.needs_media
    said = words.text if own is None else own
    whole, card = placed(said, words.link, limits, beside_media=beside)
    goes_on = continues(account)
    first = _piece(whole, limits, beside, words.media)
    pieces = (first, *(_behind(words, limits) if goes_on else ()))
    alone = bool(words.parts) and not goes_on
    return Preview(account, account.label, own is not None, pieces, card, alone)


def _behind(words: Words, limits: Limits) -> Iterator[Piece]:
    for number, said in enumerate(words.parts, 1):
        media = () if limits.bare_replies else words.files(number)
        yield _piece(said, limits, bool(media), media)


def _piece(said: str, limits: Limits, beside: bool, media: Files) -> Piece:
    rule = limits.words(beside_media=beside)
    fits, rest = cut(said, rule)
    shown = tuple(media[: _most(limits)])
    left = rule.limit - text.length(said, rule)
    return Piece(fits, rest, left, rule.limit, shown, len(media) - len(shown))


def _most(limits: Limits) -> int:
    """How many files at most are shown; what is wrong with them is said elsewhere."""
    rules = [rule.most for rule in (limits.images, limits.video) if rule is not None]
    return limits.together or max(rules, default=0)
