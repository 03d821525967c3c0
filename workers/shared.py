"""What all workers know together: a few keys in Redis, asked by one script, and never waited for.

Redis may be away or have lost its memory; that is no error of a post. Whoever asks gets None then
and decides by what the database says. Time is the Redis server's, the same for all workers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.commands.core import Script

from workers.wake import server

PATIENCE_S = 0.25
PAUSE_S = 1.0
PREFIX = "postrider:"
NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
"""The head of every script: `now` in milliseconds."""
logger = logging.getLogger(__name__)


class Memory:
    """Runs scripts; after a failure this process leaves Redis alone for a moment."""

    def __init__(self) -> None:
        self.away_until = 0.0
        self.away = False

    def ask(self, script: str, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any | None:
        """What `script` returns, in one step nobody else comes between; None if Redis is away."""
        if time.monotonic() < self.away_until:
            return None
        try:
            found = _ready(settings.REDIS_URL, script)([PREFIX + key for key in keys], args)
        except (redis.RedisError, OSError) as problem:
            if not self.away:
                logger.warning("gates and breakers are open: no Redis (%s)", type(problem).__name__)
            self.away_until, self.away = time.monotonic() + PAUSE_S, True
            return None
        if self.away:
            logger.warning("gates and breakers are back")
        self.away = False
        return found

    def forget(self) -> None:
        """Try Redis again at once; for tests that move it."""
        self.away_until, self.away = 0.0, False


memory = Memory()


def ms(seconds: float) -> int:
    """Seconds in Redis' milliseconds, at least one."""
    return max(1, round(seconds * 1000))


def text(value: bytes | str | None) -> str:
    """What Redis holds, as text."""
    return value.decode() if isinstance(value, bytes) else value or ""


@lru_cache(maxsize=64)
def _ready(url: str, script: str) -> Script:
    return server(url, PATIENCE_S).register_script(NOW + script)
