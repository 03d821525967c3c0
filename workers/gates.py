"""How many at once: a bulkhead per network, so that a stalled one cannot take every slot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workers.queues import lane_of

_guard = threading.Lock()
_inside: dict[str, int] = {}


@contextmanager
def bulkhead(provider: str) -> Iterator[bool]:
    """True while this process has room for one more task of `provider`, else False; never waits."""
    with _guard:
        room = _inside.get(provider, 0) < lane_of(provider).bulkhead
        if room:
            _inside[provider] = _inside.get(provider, 0) + 1
    try:
        yield room
    finally:
        if room:
            with _guard:
                _inside[provider] -= 1
