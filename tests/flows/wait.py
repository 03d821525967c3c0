"""Waiting for what other processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from posting.models import Post
from posting.states import MOVING


def eventually(is_so: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until `is_so()`; fails saying what was awaited."""
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, f"never came true: {is_so}"
        time.sleep(0.05)


def settled(post: Post) -> bool:
    """Whether nothing of `post` moves by itself any more."""
    return not post.results.filter(state__in=MOVING).exists()
