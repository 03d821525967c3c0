"""A page counts as the server does: the same vectors and any texts at all, in both."""

from __future__ import annotations

from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import providers
from providers.kit import text
from providers.kit.contract import Limits, TextRule
from tests.providers.scripts import counts, faults, rules_table, vectors, with_node

RULES, CASES = vectors()
# Signs of a newer Unicode than Python's own are left out: `regex`, Node and the browsers each know
# another one, and each counts what it does not know as signs of their own.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"))
TRICKY = [
    "example.com", "https://例え.jp/ä", "http://", "://", ".", "/", "?", "#", "@",
    "@ada@a.example", "ß.de", "xn--", "co.uk", "ſ", "K", "İ", "ı", "_", "-", " ", "\n",
    "\r", "\t", "\u3000", "(", ")", "👨\u200d👩\u200d👧\u200d👦", "👍🏽", "🇩🇪", "🇩", "❤\ufe0f",
    "©", "™\ufe0e", "1\ufe0f⃣", "\u200d", "\ufe0f", "e\u0301", "\u0301", "각", "ᄒ", "ᅡ", "ᆫ",
    "क्ष", "ที่", "\u0600", "\u202e", "日本語", "＠", "＃", "\ufeff",
]  # fmt: skip
WORDS = st.lists(st.one_of(st.sampled_from(TRICKY), st.text(KNOWN, max_size=4)), max_size=12)
TEXTS = st.lists(st.one_of(WORDS.map("".join), st.text(KNOWN, max_size=40)), max_size=60)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_server_counts_as_the_vectors_say(case: dict[str, Any]) -> None:
    counted = {name: text.length(case["text"], rule) for name, rule in RULES.items()}
    assert counted == case["counts"]


@with_node
def test_a_page_counts_as_the_vectors_say() -> None:
    asked = [(case["text"], rule) for case in CASES for rule in RULES.values()]
    expected = [case["counts"][name] for case in CASES for name in RULES]
    wrong = [
        (said, rule.unit.value, counted, right)
        for (said, rule), counted, right in zip(asked, counts(asked), expected, strict=True)
        if counted != right
    ]
    assert wrong == []


@with_node
@settings(max_examples=25, deadline=None)
@given(TEXTS)
def test_a_page_and_the_server_count_any_text_alike(texts: list[str]) -> None:
    asked = [(said, rule) for said in texts for rule in RULES.values()]
    here = [text.length(said, rule) for said, rule in asked]
    assert dict(zip(asked, counts(asked), strict=True)) == dict(zip(asked, here, strict=True))


@with_node
@settings(max_examples=10, deadline=None)
@given(TEXTS)
def test_a_page_says_the_same_about_any_text(texts: list[str]) -> None:
    small = [Limits(TextRule(5, r.unit, r.url_length, 9, banned=r.banned)) for r in RULES.values()]
    asked = [(said, limits) for said in ["", " \n\x1f\x85", "\ufeff", *texts] for limits in small]
    here = [[(f.words, f.over) for f in text.faults(said, limits)] for said, limits in asked]
    there = [[(f["words"], f["over"]) for f in found] for found in faults(asked)]
    assert there == here


@with_node
def test_a_sign_of_a_newer_unicode_is_not_counted_too_short() -> None:
    newer = [f"a{chr(point)}b" for point in (0x1ACF, 0x1E6E3, 0x11DE0, 0x1FAC8, 0x1FAEA, 0x323B0)]
    asked = [(said, rule) for said in newer for rule in RULES.values()]
    for (said, rule), there in zip(asked, counts(asked), strict=True):
        assert there >= text.length(said, rule), (ascii(said), rule.unit)


@with_node
@pytest.mark.parametrize(
    "piece", ["a.", "日.", "(", "a(", "@a", "http://", "https://example.com/(", "a-_", "ü"]
)
def test_a_hostile_text_does_not_hold_up_a_page(piece: str) -> None:
    hostile = "https://example.com/" + piece * (20_000 // len(piece))
    before = getrusage(RUSAGE_CHILDREN).ru_utime
    counts([(hostile, rule) for rule in RULES.values()])
    assert getrusage(RUSAGE_CHILDREN).ru_utime - before < 10


def test_the_table_holds_the_rules_of_every_network() -> None:
    table = rules_table()
    assert set(table) == {"networks", "weights", "patterns"}
    assert set(table["networks"]) == set(providers.names())
    for name, rules in table["networks"].items():
        limits = providers.adapter(name).limits
        assert rules["label"] == providers.adapter(name).label
        assert rules["text"]["limit"] == limits.text.limit
        assert rules["text"]["unit"] == limits.text.unit.value
        assert rules["replies"] is limits.replies
        if limits.images:
            assert rules["images"]["most"] == limits.images.most
            assert rules["images"]["alt_limit"] == limits.images.alt_limit
        if limits.video and limits.video.longest:
            assert rules["video"]["longest"] == limits.video.longest.total_seconds()
