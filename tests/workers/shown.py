"""Pictures and videos for posts, as they will come from the posts' own files one day."""

from __future__ import annotations

import pytest

import providers
from posting import results
from providers.kit.content import Kind, Media
from tests.providers.files import picture, video


def some(provider: str, kind: Kind, count: int = 1) -> tuple[Media, ...]:
    """So many that fit this network, no two alike, and the same at every call."""
    limits = providers.adapter(provider).limits
    if kind is Kind.VIDEO:
        assert limits.video
        return tuple(video(limits.video, seed) for seed in range(count))
    assert limits.images
    return tuple(picture(limits.images, seed) for seed in range(count))


def attach(monkeypatch: pytest.MonkeyPatch, kind: Kind, count: int = 1) -> None:
    """From now on the first part of every post has them."""

    def attached(post: int, part: int, provider: str, limits: object) -> tuple[Media, ...]:
        return () if part else some(provider, kind, count)

    monkeypatch.setattr(results, "attached", attached)
