"""What a post carries beside its text: pictures, videos, what a network takes of them, and steps.

Values only, and the one thing that is not: `Saved`, through which a publish of several steps tells
how far it came, so that another attempt goes on from there and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import BinaryIO, Protocol


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
        """Commit it; raises Unavailable if the delivery is no longer ours, and nothing is sent."""


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
