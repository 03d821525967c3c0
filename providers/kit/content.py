"""What a post carries and what a network takes of it: text, pictures, videos, links, and steps.

Values only, and the one thing that is not: `Saved`, through which a publish of several steps tells
how far it came, so that another attempt goes on from there and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import BinaryIO, Protocol


class Unit(StrEnum):
    """In what a network counts the length of a text."""

    WEIGHTED = "weighted"  # X: weights per code point, an emoji is 2, a URL a fixed number
    GRAPHEMES = "graphemes"  # user-perceived characters
    CODE_POINTS = "code_points"
    UTF16 = "utf16"
    EMOJI_BYTES = "emoji_bytes"  # code points, but an emoji is as long as its bytes in UTF-8


@dataclass(frozen=True, slots=True)
class TextRule:
    """The longest text: `limit` in `unit`; a URL counts `url_length` if set; bytes are UTF-8.

    `short_mentions`: `@user@domain` counts as `@user`. `banned`: signs that are not taken.
    """

    limit: int
    unit: Unit
    url_length: int | None = None
    byte_limit: int | None = None
    short_mentions: bool = False
    banned: str = ""


class Kind(StrEnum):
    """What a medium is."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """What pictures one post takes; the network stays the last judge.

    `types`: MIME types, the first is what others are made into. `max_bytes` and the sizes in
    pixels are per picture; aspect is width by height. `alt_limit`: characters of the alternative
    text, None where there is none. `by_url`: the network fetches the picture from our address.
    `most_bytes`: bytes of all pictures of one post, where they go up in one request.
    """

    most: int
    types: tuple[str, ...]
    max_bytes: int
    alt_limit: int | None
    max_pixels: int | None = None
    max_side: int | None = None
    min_width: int | None = None
    min_aspect: float | None = None
    max_aspect: float | None = None
    by_url: bool = False
    most_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class VideoRule:
    """What videos one post takes; sizes in bytes, lengths as spans; `by_url` as for pictures."""

    types: tuple[str, ...]
    max_bytes: int
    most: int = 1
    shortest: timedelta | None = None
    longest: timedelta | None = None
    by_url: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What fits into one post. None: not offered. `mixed`: pictures and videos go together,
    `together` of them at most where that is fewer than the rules of both allow.

    `caption`: the rule for a text beside media, where it is another one. `replies`: a post can
    answer another one, so that a thread or a first comment can be made; `flat_threads`: every
    answer hangs on the first post of the thread; `bare_replies`: an answer takes words only.
    `links`: `Message.link` is shown apart from the text; `links_beside_media`: beside pictures and
    videos too. Where a link is not offered it belongs into the text, and `Message.link` is empty.
    """

    text: TextRule
    images: ImageRule | None = None
    video: VideoRule | None = None
    needs_media: bool = False
    mixed: bool = False
    together: int | None = None
    replies: bool = False
    flat_threads: bool = False
    bare_replies: bool = False
    caption: TextRule | None = None
    links: bool = False
    links_beside_media: bool = False

    def words(self, *, beside_media: bool) -> TextRule:
        """The rule for the text of a post with or without media."""
        return self.caption or self.text if beside_media else self.text


@dataclass(frozen=True, slots=True)
class Media:
    """One picture or video, made to fit the network already.

    `open` gives its bytes, anew at each call; `url` is a signed address from which the network can
    fetch it, "" where there is none. `seconds` is the length of a video, if it is known.
    """

    kind: Kind
    mime: str
    size: int
    name: str
    open: Callable[[], BinaryIO] = field(repr=False)
    alt: str = ""
    width: int = 0
    height: int = 0
    seconds: float | None = None
    url: str = field(default="", repr=False)

    def read(self) -> bytes:
        """All of its bytes."""
        with self.open() as file:
            return file.read()


class Saved(Protocol):
    """What the steps of one delivery came to, by name; it stays with the delivery."""

    def get(self, name: str) -> str:
        """What a step saved under `name`, "" if it has not come so far."""

    def keep(self, name: str, value: str) -> None:
        """Commit it, in place of what was there; "" forgets it.

        Raises Unavailable if the delivery is no longer ours or too little of its lease is left for
        one more request: let it pass, and send nothing after it.
        """


class InMemory:
    """Steps of a publish that nobody interrupts; for scripts and tests."""

    def __init__(self, known: dict[str, str] | None = None) -> None:
        self.known = {} if known is None else known

    def get(self, name: str) -> str:
        """What was kept under `name`, or ""."""
        return self.known.get(name, "")

    def keep(self, name: str, value: str) -> None:
        """Remember it."""
        self.known[name] = value
