"""A long text becomes a thread: every part fits, nothing is lost, nothing is torn."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
import regex
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from providers.kit import text
from providers.kit.contract import Limits, TextRule, Unit
from providers.kit.split import MOST_PARTS, CannotSplit, split

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
KEPT = [
    "https://example.com/a/b?c=d", "https://例え.jp/é", "example.com", "@ada", "@ada@a.example",
    "@ada.bsky.example", "ada@example.com", "#hashtag", "#日本語", FAMILY, "🇩🇪", "e\u0301\u0323",
    "👍🏽", "한",
]  # fmt: skip
ENDS = ["\n\n", "\n", " ", "  ", ". ", "! ", "。", "?\n", "\r\n", "\u3000", "… "]
WORDS = st.one_of(
    st.sampled_from(KEPT), st.sampled_from(ENDS), st.sampled_from(ENDS), st.text(max_size=6),
    st.text("abcdefgh", max_size=12), st.just("A"), st.just("3.14"),
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=40).map("".join)
RULES = st.sampled_from(Unit).flatmap(
    lambda unit: st.builds(
        TextRule,
        limit=st.integers(8, 90),
        unit=st.just(unit),
        url_length=st.none() if unit is not Unit.GRAPHEMES else st.sampled_from([None, 23]),
        byte_limit=st.sampled_from([None, None, 120]),
        short_mentions=st.booleans(),
    )
)
LIMITS = st.lists(RULES.map(Limits), min_size=1, max_size=3).map(
    lambda found: {str(number): limits for number, limits in enumerate(found)}
)


def limits(most: int, unit: Unit = Unit.CODE_POINTS) -> dict[str, Limits]:
    return {"one": Limits(TextRule(most, unit))}


def parts(said: str, most: int, *, number: bool = False) -> tuple[str, ...]:
    return split(said, limits(most), number=number)["one"]


def places(said: str, found: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where each part stands in the text; between them may be white space only."""
    spans, position = [], 0
    for part in found:
        start = said.index(part, position)
        assert not said[position:start].strip(), "something is lost between two parts"
        position = start + len(part)
        spans.append((start, position))
    assert not said[position:].strip(), "something is lost at the end"
    return spans


# --- where a text is cut --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "most", "expected"),
    [
        ("It fits as it is. \n", 20, ["It fits as it is. \n"]),
        ("It fits without its end.     ", 25, ["It fits without its end."]),
        ("One line.\n\nAnd two. It is.", 18, ["One line.", "And two. It is."]),
        ("Alice writes. Bob reads it. Charlie", 30, ["Alice writes. Bob reads it.", "Charlie"]),
        ("Alice says: “Hello!” And Bob too", 30, ["Alice says: “Hello!”", "And Bob too"]),
        ("We use e.g. this and other things", 20, ["We use e.g. this and", "other things"]),
        ("A book by J. R. Smith is here", 20, ["A book by J. R.", "Smith is here"]),
        ("first line\nsecond line\nthird", 24, ["first line\nsecond line", "third"]),
        ("日本語です。これは文です。はい", 9, ["日本語です。", "これは文です。はい"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("see https://example.com/a now", 24, ["see", "https://example.com/a", "now"]),
        ("x" * 18 + " @ada@a.example", 20, ["x" * 18, "@ada@a.example"]),
        ("x" * 18 + " #hashtag", 20, ["x" * 18, "#hashtag"]),
        ("   ", 2, [""]),
    ],
)  # fmt: skip
def test_a_text_is_cut_at_the_best_place(said: str, most: int, expected: list[str]) -> None:
    assert list(parts(said, most)) == expected


def test_a_paragraph_that_has_hardly_begun_is_no_place_to_cut() -> None:
    said = "Hi.\n\nThis is the first sentence of it all. And the second one goes on and on."
    assert parts(said, 60)[0] == "Hi.\n\nThis is the first sentence of it all."


def test_what_cannot_be_cut_is_named() -> None:
    with pytest.raises(CannotSplit, match=r"https://example\.com/aaa"):
        parts("Read https://example.com/" + "a" * 50, 30)
    with pytest.raises(CannotSplit, match="longer than a part"):
        split(FAMILY * 3, {"one": Limits(TextRule(2, Unit.GRAPHEMES, byte_limit=20))})


def test_a_book_is_no_thread() -> None:
    with pytest.raises(CannotSplit, match=f"more than {MOST_PARTS} parts"):
        parts("word " * 1000, 10)


# --- numbers ------------------------------------------------------------------------------------
def test_parts_are_numbered_and_the_number_counts() -> None:
    found = parts("abcdefghij" * 3, 15, number=True)
    assert found == ("abcdefghij\n\n1/3", "abcdefghij\n\n2/3", "abcdefghij\n\n3/3")


def test_there_is_room_for_numbers_of_two_digits_in_every_part() -> None:
    found = parts("a" * 100, 15, number=True)
    assert [part.partition("\n\n")[2] for part in found] == [f"{n}/12" for n in range(1, 13)]
    assert [len(part) for part in found[:-1]] == [15] * 11


def test_one_part_has_no_number() -> None:
    assert parts("It fits.", 10, number=True) == ("It fits.",)


# --- several networks -----------------------------------------------------------------------------
def test_networks_share_their_parts_or_have_their_own() -> None:
    both = {**limits(10), "two": Limits(TextRule(30, Unit.GRAPHEMES))}
    said = "One word after another, that is it"
    shared = split(said, both)
    assert shared["one"] == shared["two"]
    own = split(said, both, together=False)
    assert own["one"] == shared["one"]
    assert len(own["two"]) == 2


def test_the_first_part_beside_a_picture_keeps_the_rule_of_the_caption() -> None:
    rules = {"one": Limits(TextRule(30, Unit.UTF16), caption=TextRule(10, Unit.UTF16))}
    found = split("One two three four five six seven", rules, beside_media=True)["one"]
    assert found == ("One two", "three four five six seven")


# --- any text at all ----------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(TEXTS, LIMITS, st.booleans(), st.booleans())
def test_every_part_fits_and_nothing_is_lost_or_torn(
    said: str, rules: dict[str, Limits], number: bool, together: bool
) -> None:
    try:
        made = split(said, rules, number=number, together=together)
    except CannotSplit:
        assume(False)  # noqa: FBT003 - Hypothesis has it so
    assert set(made) == set(rules)
    if together:
        assert len(set(made.values())) == 1
    for name, found in made.items():
        assert all(text.fits(part, rules[name].text) for part in found)
        if number and len(found) > 1:
            marks = [f"\n\n{n}/{len(found)}" for n in range(1, len(found) + 1)]
            assert all(part.endswith(mark) for part, mark in zip(found, marks, strict=True))
            found = tuple(p.removesuffix(m) for p, m in zip(found, marks, strict=True))
        if len(found) > 1:
            assert all(part.strip() for part in found)
        whole(said, places(said, found))


def whole(said: str, spans: list[tuple[int, int]]) -> None:
    """Nothing that belongs together stands in two parts."""
    cuts = {place for span in spans for place in span} - {0, len(said)}
    graphemes = {match.end() for match in regex.finditer(r"\X", said)}
    assert cuts <= graphemes
    together = [(url.start, url.end) for url in text.urls(said)]
    for word in ("@ada@a.example", "@ada", "#hashtag", "#日本語", "ada@example.com"):
        together += [match.span() for match in regex.finditer(regex.escape(word), said)]
    assert not [(a, b, cut) for a, b in together for cut in cuts if a < cut < b]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "M")), max_size=300), RULES)
def test_plain_signs_can_always_be_split(said: str, rule: TextRule) -> None:
    """Without marks, URLs, mentions and hashtags no piece is longer than a part."""
    plain = regex.sub(r"[@#＠＃.\u200d\ufe0f]|\p{Extended_Pictographic}", "-", said)
    assert split(plain, {"one": Limits(rule)})["one"]


@pytest.mark.parametrize("piece", ["!", ". ", "@a", "#a ", "(", "a.b ", "\u0301", "\n", "\" '"])
def test_hostile_texts_are_split_in_good_time(piece: str) -> None:
    hostile = "Hello " + piece * (20_000 // len(piece))
    rules = {"x": Limits(TextRule(280, Unit.WEIGHTED, url_length=23)), **limits(500)}
    begun_at = time.thread_time()
    with suppress(CannotSplit):
        split(hostile, rules, number=True)
    assert time.thread_time() - begun_at < 15
