"""What a post of the storm carries beside its words, and which networks can take that."""

from __future__ import annotations

import random
from datetime import timedelta
from enum import StrEnum
from functools import cache

import providers
from tests.files import drawn, encoded, film

ALT = "A lighthouse in the storm"
PARTS = 2
SPARE = 10
LONG = timedelta(minutes=15)
WIDTH, HEIGHT = 640, 480


class Shape(StrEnum):
    """What a post is."""

    WORDS = "words"
    PICTURE = "picture"
    PICTURES = "pictures"
    FILM = "film"
    THREAD = "thread"


SHARES = {
    Shape.WORDS: 0.3,
    Shape.PICTURE: 0.2,
    Shape.PICTURES: 0.2,
    Shape.FILM: 0.12,
    Shape.THREAD: 0.18,
}


def drawn_shape(chance: random.Random) -> Shape:
    """One shape, each as often as its share."""
    [shape] = chance.choices(list(SHARES), list(SHARES.values()))
    return shape


def takes(network: str, shape: Shape) -> bool:
    """Whether a post of this shape can go to this network."""
    limits = providers.adapter(network).limits
    match shape:
        case Shape.WORDS:
            return not limits.needs_media
        case Shape.PICTURE:
            return limits.images is not None
        case Shape.PICTURES:
            return limits.images is not None and limits.images.most >= len(files(shape))
        case Shape.FILM:
            return limits.video is not None and "video/mp4" in limits.video.types
        case Shape.THREAD:
            return limits.replies


def most(network: str, scope: str = "account") -> int:
    """How many posts of the storm one account there may get, or our app, of its long caps.

    A cap of a minute makes posts wait for a minute; one of a day would make them wait for a day.
    Every try counts against a cap, and in a storm many a post needs several: ten tries are left
    alone, and a post gets three of the others.
    """
    caps = (cap for cap in providers.adapter(network).caps if cap.scope == scope)
    shares = (max(1, (cap.posts - SPARE) // 3) for cap in caps if cap.per >= LONG)
    return min(shares, default=1_000_000)


def blanks(network: str, key: str) -> dict[str, str]:
    """What fills the blanks of a post for this network, if it cannot do without them."""
    if not needs_blanks(network):
        return {}
    fields = providers.adapter(network).post_fields
    return {field.name: field.practice.replace("{key}", key) for field in fields}


def needs_blanks(network: str) -> bool:
    """Whether a post for it needs more than the form of the pages can hold."""
    return any(field.needed for field in providers.adapter(network).post_fields)


@cache
def files(shape: Shape) -> tuple[tuple[str, bytes], ...]:
    """Names and bytes of the files of a shape."""
    one = ("one.jpg", encoded(drawn(WIDTH, HEIGHT, seed=1)))
    two = ("two.png", encoded(drawn(WIDTH, HEIGHT, seed=2), "PNG"))
    match shape:
        case Shape.PICTURE:
            return (one,)
        case Shape.PICTURES:
            return one, two
        case Shape.FILM:
            return (("film.mp4", film()),)
        case _:
            return ()


def texts(shape: Shape, words: str) -> tuple[str, ...]:
    """The texts of a post: one, or those of a thread."""
    more = PARTS if shape is Shape.THREAD else 0
    return words, *(f"{words} It goes on, {part} of {more}." for part in range(1, more + 1))
