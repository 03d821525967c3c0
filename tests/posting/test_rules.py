"""Everything that a network would refuse is said while the post is written, network by network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

import providers
from posting.models import Upload
from posting.rules import Draft, Target, media_fit, misfits, problems, targets, text_fits
from posting.split import CannotSplit, split, told
from providers.kit.contract import ImageRule, Limits, Provider, TextRule, Unit
from tokens.models import SocialAccount

SHORT = TextRule(10, Unit.GRAPHEMES, byte_limit=40)
PICTURES = ImageRule(most=1, types=("image/png",), max_bytes=1_000_000, alt_limit=10)
PLAIN = Target("short", "Short", Limits(SHORT, images=PICTURES))
GALLERY = Target("gallery", "Gallery", Limits(SHORT, images=PICTURES, needs_media=True))


def picture() -> tuple[Upload, str]:
    """One that fits, without words about it."""
    kept = Upload(name="dot.png", kind="image", mime="image/png", size=100, width=10, height=10)
    return kept, ""


def account(name: str) -> SocialAccount:
    return SocialAccount(provider=name, handle="lantern")


@dataclass
class Street:
    """Networks of a test, beside the real ones."""

    names: list[str] = field(default_factory=list)

    def open(self, name: str, limits: Limits) -> SocialAccount:
        """A network with these limits, and an account there."""
        kind = type(name, (Provider,), {"name": name, "label": name.title(), "limits": limits})
        providers.ADAPTERS[name] = kind
        self.names.append(name)
        return account(name)


@pytest.fixture
def street() -> Iterator[Street]:
    opened = Street()
    yield opened
    for name in opened.names:
        del providers.ADAPTERS[name]


# --- one network ----------------------------------------------------------------------------------
def test_too_long_is_said_with_the_number_and_the_unit() -> None:
    [one] = text_fits(Draft("Hello, world"), PLAIN)
    assert (one.label, one.field, one.over) == ("Short", "text", 2)
    assert str(one) == "Short: 2 characters too long (12 of 10)."
    [bytes_over] = text_fits(Draft("e" + "\u0301" * 20), PLAIN)
    assert (bytes_over.over, bytes_over.words) == (1, "1 byte too long (41 of 40).")


def test_an_empty_text_wants_something_beside_it() -> None:
    assert [one.words for one in text_fits(Draft(" "), PLAIN)] == ["the text is empty."]
    assert not list(text_fits(Draft("", (picture(),)), PLAIN))


def test_a_gallery_wants_a_picture_and_needs_no_text() -> None:
    [one] = [*text_fits(Draft(""), GALLERY), *media_fit(Draft(""), GALLERY)]
    assert one.field == "media"
    assert one.words == "add a picture; a post without one is not possible."


def test_too_many_pictures_are_said_at_the_pictures() -> None:
    [one] = media_fit(Draft("Hello", (picture(),) * 2), PLAIN)
    assert str(one) == "Short: at most 1 picture (2 given)."


def test_signs_that_a_network_does_not_take_are_named() -> None:
    plain = replace(PLAIN, limits=Limits(TextRule(10, Unit.UTF16, banned="<>")))
    [one] = text_fits(Draft("a > b"), plain)
    assert one.words == "> cannot stand in a text there."


# --- all networks of a post -----------------------------------------------------------------------
def test_each_network_speaks_for_itself_and_once(street: Street) -> None:
    small = street.open("small", Limits(TextRule(5, Unit.UTF16)))
    large = street.open("large", Limits(TextRule(50, Unit.UTF16)))
    found = problems(Draft("Hello, world"), [small, large, small, account("gone")])
    assert [(one.provider, one.over) for one in found] == [("small", 7)]
    assert misfits("Hello, world", [small]) == ["Small: 7 characters too long (12 of 5)."]


def test_a_network_that_is_gone_has_no_rules() -> None:
    assert targets([account("a-network-that-is-gone")]) == []


# --- threads --------------------------------------------------------------------------------------
SAID = "Alice writes here. Bob reads it there."


def test_networks_share_one_thread(street: Street) -> None:
    one = street.open("one", Limits(TextRule(20, Unit.UTF16), replies=True))
    two = street.open("two", Limits(TextRule(99, Unit.UTF16), replies=True))
    [thread] = split(SAID, [one, two]).threads
    assert thread.parts == ("Alice writes here.", "Bob reads it there.")
    assert [to.label for to in thread.networks] == ["One", "Two"]


def test_networks_have_threads_of_their_own_if_wanted(street: Street) -> None:
    one = street.open("one", Limits(TextRule(24, Unit.UTF16), replies=True))
    two = street.open("two", Limits(TextRule(99, Unit.UTF16), replies=True))
    made = told(split(SAID, [one, two], apart=True, number=True))
    assert made == {
        "chains": [
            {
                "networks": ["one"],
                "parts": ["Alice writes here.\n\n1/2", "Bob reads it there.\n\n2/2"],
            },
            {"networks": ["two"], "parts": [SAID]},
        ],
        "problems": [],
    }


def test_where_there_are_no_threads_the_whole_text_must_fit(street: Street) -> None:
    one = street.open("one", Limits(TextRule(20, Unit.UTF16), replies=True))
    alone = street.open("alone", Limits(TextRule(30, Unit.UTF16)))
    large = street.open("large", Limits(TextRule(99, Unit.UTF16)))
    made = split(SAID, [one, alone, large])
    assert [(to.provider, t.parts) for t in made.threads for to in t.networks] == [
        ("one", ("Alice writes here.", "Bob reads it there.")),
        ("large", (SAID,)),
    ]
    assert [str(problem) for problem in made.problems] == [
        "Alone: 8 characters too long (38 of 30)."
    ]


def test_what_cannot_be_cut_is_told(street: Street) -> None:
    one = street.open("one", Limits(TextRule(20, Unit.UTF16), replies=True))
    with pytest.raises(CannotSplit, match=r"https://example\.com/a"):
        split("Read https://example.com/a/long/path now", [one])
