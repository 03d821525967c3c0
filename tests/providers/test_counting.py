"""A text is as long as its network says it is."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from providers.kit import text
from providers.kit.contract import Limits, TextRule, Unit
from tests.providers.specs import spec

X = TextRule(280, Unit.WEIGHTED, url_length=23)
MASTODON = TextRule(500, Unit.GRAPHEMES, url_length=23, short_mentions=True)
BLUESKY = TextRule(300, Unit.GRAPHEMES, byte_limit=3000)
FAMILY = "👨‍👩‍👧‍👦"


def conformance(*groups: str) -> list[dict[str, object]]:
    """The cases of the official conformance file, with the group they are from."""
    tests = yaml.safe_load(spec("twitter-text/validate.yml").read_text())["tests"]
    return [{**case, "group": group} for group in groups for case in tests[group]]


# --- X ------------------------------------------------------------------------------------------
def test_every_weighted_length_of_the_conformance_file_is_met() -> None:
    plain = replace(text.WEIGHTS, emoji=False)  # the first group is from before emoji counted 2
    cases = conformance(
        "WeightedTweetsCounterTest",
        "WeightedTweetsWithDiscountedEmojiCounterTest",
        "UnicodeDirectionalMarkerCounterTest",
    )
    assert len(cases) == 44
    for case in cases:
        weights = plain if case["group"] == "WeightedTweetsCounterTest" else text.WEIGHTS
        said, expected = str(case["text"]), case["expected"]
        assert isinstance(expected, dict)
        count = text.weighted(said, weights)
        assert count == expected["weightedLength"], case["description"]
        if case["group"] != "WeightedTweetsCounterTest":
            fits = not text.problems(said, Limits(X), "X")
            assert fits == expected["valid"], case["description"]


def test_the_weights_are_those_of_the_official_configuration() -> None:
    official = yaml.safe_load(spec("twitter-text/v3.json").read_text())
    ranges = tuple((r["start"], r["end"], r["weight"]) for r in official["ranges"])
    assert ranges == text.WEIGHTS.ranges
    ours = text.WEIGHTS
    assert (official["defaultWeight"], official["scale"]) == (ours.default, ours.scale)
    assert official["transformedURLLength"] == ours.url_length
    assert official["emojiParsingEnabled"] == ours.emoji
    assert official["maxWeightedTweetLength"] == X.limit


def test_the_urls_of_the_conformance_file_are_seen_whole() -> None:
    # The other valid cases (user:password@, IPv4, IPv6, a last "+" in a query) are for the reader
    # of single URLs (isValidUrl). Inside a text X does not link them whole (extractUrl).
    not_linked = ("userinfo", "ipv4", "ipv6", "sub delims")
    cases = [
        case
        for case in conformance("urls", "urls_without_protocol")
        if case["expected"] and not any(w in str(case["description"]) for w in not_linked)
    ]
    assert len(cases) == 14
    for case in cases:
        [url] = text.urls(str(case["text"]))
        assert url.text == case["text"], case["description"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("see example.com.", ["example.com"]),
        (
            "(https://en.wikipedia.org/wiki/Foo_(bar)) yes",
            ["https://en.wikipedia.org/wiki/Foo_(bar)"],
        ),
        ("mail ada@example.com or @example.com", []),
        ("file.notanending and 3.14 and e.g. this", []),
        ("日本語example.com日本語", ["example.com"]),
        ("HTTP://EXAMPLE.COM/Path?q=1#x, next", ["HTTP://EXAMPLE.COM/Path?q=1#x"]),
        ("http://foo.qux.invalidending", []),
        ("a.com,b.com/c?d=e", ["a.com", "b.com/c?d=e"]),
    ],
)
def test_urls_are_found_where_a_reader_would_see_them(said: str, found: list[str]) -> None:
    assert [url.text for url in text.urls(said)] == found
    assert [said[url.start : url.end] for url in text.urls(said)] == found


def test_a_text_without_its_urls_is_the_same_before_and_after_they_were_shortened() -> None:
    ours = "Read  https://example.com/a?b=c and\nexample.org now"
    theirs = "Read https://t.co/abc123 and https://t.co/def456 now"
    assert text.without_urls(ours) == text.without_urls(theirs) == "Read and now"


# --- Mastodon and Bluesky -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "length"),
    [
        (FAMILY, 1),
        ("https://example.com/a/very/long/path/that/counts/as/if/it/were/short", 23),
        ("http://a.co", 23),
        ("example.com", 11),
        ("@ada@mastodon.example hello", 10),
        ("@ada@a.example, @bo@b.example", 9),
        ("ada@example.com", 15),
    ],
)
def test_mastodon_counts_graphemes_short_urls_and_short_mentions(said: str, length: int) -> None:
    assert text.length(said, MASTODON) == length


def test_bluesky_counts_graphemes_and_bytes() -> None:
    assert text.length(FAMILY * 120, BLUESKY) == 120
    size = len((FAMILY * 121).encode())
    assert text.problems(FAMILY * 121, Limits(BLUESKY), "Bluesky") == (
        f"Bluesky: {size - 3000} bytes too long ({size} of 3000).",
    )


@pytest.mark.parametrize(("unit", "length"), [(Unit.CODE_POINTS, 7), (Unit.UTF16, 11)])
def test_other_units_count_code_points_and_utf16(unit: Unit, length: int) -> None:
    assert text.length(FAMILY, TextRule(10, unit)) == length


# --- sentences ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "sentences"),
    [
        ("a" * 280, ()),
        ("a" * 281, ("X: 1 character too long (281 of 280).",)),
        ("a" * 292, ("X: 12 characters too long (292 of 280).",)),
        (" \n", ("X: the text is empty.",)),
        ("a\ufffe", ("X: the character U+FFFE is not allowed.",)),
    ],
)
def test_a_problem_is_told_in_a_sentence(said: str, sentences: tuple[str, ...]) -> None:
    assert text.problems(said, Limits(X), "X") == sentences


def test_the_table_for_the_browser_is_plain_json() -> None:
    handed_out = text.table(Limits(X))
    assert yaml.safe_load(yaml.safe_dump(handed_out["weights"], default_flow_style=True))
    assert handed_out["text"] == {
        "limit": 280,
        "unit": "weighted",
        "url_length": 23,
        "byte_limit": None,
        "short_mentions": False,
        "banned": "",
    }


# --- any text at all ----------------------------------------------------------------------------
@given(st.text())
def test_counting_never_fails_and_never_counts_below_zero(said: str) -> None:
    for rule in (X, MASTODON, BLUESKY):
        assert text.length(said, rule) >= 0
        text.problems(said, Limits(rule), "Any")


@given(st.text(alphabet="ab.:/(@#?日é-_ \n" + FAMILY), st.integers(0, 3))
def test_urls_never_overlap_and_stand_where_they_say(said: str, repeat: int) -> None:
    said = f"{said} https://example.com/{said} " * repeat
    end = 0
    for url in text.urls(said):
        assert end <= url.start < url.end
        assert said[url.start : url.end] == url.text
        end = url.end


@pytest.mark.parametrize(
    "piece", ["a.", "日.", "(", "a(", "@a", "http://", "https://example.com/(", "a-_"]
)
def test_hostile_texts_are_counted_in_good_time(piece: str) -> None:
    hostile = "https://example.com/" + piece * (20_000 // len(piece))
    begun_at = time.thread_time()
    text.length(hostile, X)
    text.length(hostile, MASTODON)
    assert time.thread_time() - begun_at < 3
