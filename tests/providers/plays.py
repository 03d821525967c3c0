"""Who plays with pictures and videos: the networks that offer them, in every way to connect."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import providers
from providers.kit.content import Kind, Limits
from tests.providers.practice import Play, called, plays

EVERY = plays()


def limits(play: Play) -> Limits:
    """What fits into a post of this network."""
    return providers.adapter(play[0]).limits


def only(chosen: Sequence[Play]) -> pytest.MarkDecorator:
    """Play with these networks alone."""
    return pytest.mark.parametrize("stage", chosen, indirect=True, ids=called)


def unlike(among: Sequence[Play]) -> list[Play]:
    """One of each protocol: enough for stories that wait, since all wait by the same wire."""
    found: dict[tuple[type, ...], Play] = {}
    for play in among:
        found.setdefault(providers.adapter(play.name).__bases__, play)
    return list(found.values())


PICTURES = [p for p in EVERY if limits(p).images]
VIDEOS = [p for p in EVERY if limits(p).video]
SHOWN = [(p, Kind.IMAGE) for p in PICTURES] + [(p, Kind.VIDEO) for p in VIDEOS]


def each_kind(among: list[tuple[Play, Kind]]) -> pytest.MarkDecorator:
    """Play with these networks, with pictures where they take them and videos where they do."""
    names = [f"{called(play)}-{kind}" for play, kind in among]
    return pytest.mark.parametrize(("stage", "kind"), among, indirect=["stage"], ids=names)
