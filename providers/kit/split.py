"""Splitting a long text into the parts of a thread, each short enough for its networks.

A part ends at the end of a paragraph or a sentence, else of a line or a word, at last within a
word; never within a URL, a mention, a hashtag or a grapheme. A part is as long as it counts in its
network, its number included: it is measured as it will be sent, not added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import count

import regex

from providers.kit.content import Limits, TextRule
from providers.kit.text import fits, urls

MOST_PARTS = 200  # more is a book, and whoever asks for it would wait for the answer
SHOWN = 40


class CannotSplit(Exception):
    """Something that must stay whole is longer than a part, or the parts are too many."""


class Seam(IntEnum):
    """Where a part may end, the best place last."""

    NONE = 0
    GRAPHEME = 1
    WORD = 2
    LINE = 3
    SENTENCE = 4
    PARAGRAPH = 5


# A better place is taken if the part is at least this full of what would fit; a thread of hardly
# begun parts reads worse than one that is cut between two words.
FULL_ENOUGH = (
    (Seam.PARAGRAPH, 0.5),
    (Seam.SENTENCE, 0.3),
    (Seam.LINE, 0.3),
    (Seam.WORD, 0.0),
    (Seam.GRAPHEME, 0.0),
)

_GRAPHEME = regex.compile(r"\X")
_WHITE = regex.compile(r"\s*+")
# The local part of an e-mail address and the name in a mention are ASCII; a domain need not be.
_WHOLE = regex.compile(
    r"(?<![A-Za-z0-9_.+\-])[A-Za-z0-9_.+\-]*+[@＠][A-Za-z0-9_]"
    r"(?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?(?:@[\p{L}\p{M}\p{N}_.\-]*[\p{L}\p{M}\p{N}_])*"
    r"|[#＃][\p{L}\p{M}\p{N}_]+"
)
# "e.g. this" goes on in lower case, "J. R." is a name: neither ends a sentence.
_SENTENCE = regex.compile(
    r"(?<![.!?…])(?:(?<!(?<!\p{L})\p{Lu})\.|[!?…؟۔।॥‽])[.!?…]*+[\"'”’»)\]]*+(?=\s+(?!\p{Ll})\S)"
    r"|[。！？｡]++[」』）]*+"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is never cut, from `start` to before `end`, and how good it is to end a part there."""

    start: int
    end: int
    white: bool
    seam: Seam


Rules = tuple[TextRule, TextRule]
"""Of one network: for the first part and for the others."""


def split(
    text: str,
    limits: Mapping[str, Limits],
    *,
    number: bool = False,
    together: bool = True,
    beside_media: bool = False,
) -> dict[str, tuple[str, ...]]:
    """The parts of `text` for every name in `limits`; one part, unchanged, where it fits.

    `together`: the same parts for all of them, each short enough for all; else every network has
    its own. `number`: parts end in "1/3". `beside_media`: the first part stands beside pictures or
    a video. Nothing but white space is lost at a seam. Raises CannotSplit.
    """
    rules = {name: (one.words(beside_media=beside_media), one.text) for name, one in limits.items()}
    pieces = tuple(_pieces(text))
    if together:
        parts = _Cut(text, pieces, tuple(rules.values())).parts(number=number)
        return dict.fromkeys(rules, parts)
    return {name: _Cut(text, pieces, (one,)).parts(number=number) for name, one in rules.items()}


@dataclass(frozen=True, slots=True)
class _Cut:
    """A text on its way into parts that fit all of `rules`."""

    text: str
    pieces: tuple[_Piece, ...]
    rules: tuple[Rules, ...]

    def parts(self, *, number: bool) -> tuple[str, ...]:
        """The parts, numbered if wanted; how long the total is in print is found by trying."""
        for whole in (self.text, self._part(self._after_white(0), len(self.pieces))):
            if self._fits(whole, 0):
                return (whole,)
        if not number:
            return tuple(self._cut(0))
        return next(filter(None, map(self._numbered, count(1))))

    def _numbered(self, digits: int) -> tuple[str, ...]:
        """The parts with their numbers, if the total has at most so many digits; () if more."""
        parts: list[str] = []
        for part in self._cut(digits):
            parts.append(part)
            if len(parts) >= 10**digits:
                return ()
        return tuple(f"{part}{_mark(n, len(parts))}" for n, part in enumerate(parts, 1))

    def _cut(self, digits: int) -> Iterator[str]:
        """Part after part; each leaves room for its number, with a total of so many digits."""
        begin = self._after_white(0)
        for done in count():
            if begin >= len(self.pieces):
                return
            if done == MOST_PARTS:
                raise CannotSplit(f"This text makes more than {MOST_PARTS} parts.")
            mark = _mark(done + 1, 10**digits - 1) if digits else ""
            end = self._end(begin, done, mark)
            yield self._part(begin, end)
            begin = self._after_white(end)

    def _end(self, begin: int, done: int, mark: str) -> int:
        """Before which piece a part ends that begins with piece `begin`: at the best seam."""
        furthest = self._reach(begin, done, mark)
        if self._after_white(furthest) == len(self.pieces):
            return furthest
        begun = self.pieces[begin].start
        room = self.pieces[furthest - 1].end - begun
        for seam, full in FULL_ENOUGH:
            for end in range(furthest, begin, -1):
                piece = self.pieces[end - 1]
                if piece.end - begun < full * room:
                    break
                if piece.seam >= seam and self._fits(self._part(begin, end) + mark, done):
                    return end
        return furthest

    def _reach(self, begin: int, done: int, mark: str) -> int:
        """How far a part can reach, by halving; what never fits ends it all."""
        good, bad = begin, min(len(self.pieces), begin + self._most(done)) + 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._fits(self._part(begin, middle) + mark, done):
                good = middle
            else:
                bad = middle
        if good == begin:
            piece = self.pieces[begin]
            words = self.text[piece.start : min(piece.end, piece.start + SHOWN)]
            more = "…" if piece.end - piece.start > SHOWN else ""
            raise CannotSplit(f"This is longer than a part and cannot be cut: {words}{more}")
        return good

    def _most(self, done: int) -> int:
        """More pieces than this never fit: each counts as one at least."""
        return min(rule.limit for rule in self._now(done))

    def _fits(self, part: str, done: int) -> bool:
        return all(fits(part, rule) for rule in self._now(done))

    def _now(self, done: int) -> Iterator[TextRule]:
        """The rules for the part that comes after so many."""
        return (others if done else first for first, others in self.rules)

    def _part(self, begin: int, end: int) -> str:
        """The text from piece `begin` to before piece `end`, without white space behind it."""
        while end > begin and self.pieces[end - 1].white:
            end -= 1
        return self.text[self.pieces[begin].start : self.pieces[end - 1].end] if end > begin else ""

    def _after_white(self, begin: int) -> int:
        while begin < len(self.pieces) and self.pieces[begin].white:
            begin += 1
        return begin


def _mark(number: int, total: int) -> str:
    # On a line of its own: behind words that end in a number it would be read as a fraction.
    return f"\n\n{number}/{total}"


def _pieces(text: str) -> Iterator[_Piece]:
    """The text in graphemes, but URLs, mentions and hashtags whole."""
    sentences = {match.end() for match in _SENTENCE.finditer(text)}
    for start, end in _uncut(text):
        white = text[start:end].isspace()
        yield _Piece(start, end, white, Seam.NONE if white else _seam(text, end, sentences))


def _uncut(text: str) -> Iterator[tuple[int, int]]:
    """From where to where nothing may be cut, one after the other."""
    kept = [(url.start, url.end) for url in urls(text)]
    spans = iter(sorted([*kept, *(match.span() for match in _WHOLE.finditer(text))]))
    span = next(spans, None)
    start = until = 0
    for grapheme in _GRAPHEME.finditer(text):
        while span and span[0] < grapheme.end():
            until, span = max(until, span[1]), next(spans, None)
        if grapheme.end() >= until:
            yield start, grapheme.end()
            start = grapheme.end()


def _seam(text: str, end: int, sentences: set[int]) -> Seam:
    """How good a place this is, by what stands before and behind it."""
    white = _WHITE.match(text, end)
    lines = white[0].count("\n") if white else 0
    if lines > 1:
        return Seam.PARAGRAPH
    if end in sentences:
        return Seam.SENTENCE
    if lines:
        return Seam.LINE
    return Seam.WORD if white and white[0] else Seam.GRAPHEME
