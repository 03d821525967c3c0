"""The cache in Redis: it may be away, it is never waited for, and it holds plain JSON only."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

PAUSE_S = 1.0
Found = TypeVar("Found")
logger = logging.getLogger(__name__)


class Json:
    """Values as JSON: unlike a pickle, what somebody else put there cannot run as code."""

    def dumps(self, obj: Any) -> bytes:
        """One value as it is stored."""
        return json.dumps(obj).encode()

    def loads(self, data: Any) -> Any:
        """One value as it was; None for what is no JSON."""
        try:
            return json.loads(data)
        except ValueError:
            return None


class Client(RedisCacheClient):
    """Finds nothing and keeps nothing while Redis is away; that is no error of the caller's.

    After a failure the process leaves Redis alone for a moment, so that pages do not queue up
    behind a server that never answers. Only `set_many` is tried all the same: by it others learn
    that what they hold is old.
    """

    away_until: ClassVar[float] = 0.0

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, serializer=Json(), **options)

    def get(self, key: Any, default: Any) -> Any:
        """What is there, else `default`."""
        return self._unless_away(lambda: super(Client, self).get(key, default), default)

    def get_many(self, keys: Any) -> dict[Any, Any]:
        """Those that are there."""
        return self._unless_away(lambda: super(Client, self).get_many(keys), {})

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        """Keep it unless something is there already."""
        added = self._unless_away(lambda: super(Client, self).add(key, value, timeout), None)
        return bool(added)

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        """Keep it."""
        self._unless_away(lambda: super(Client, self).set(key, value, timeout), None)

    def set_many(self, data: Any, timeout: Any) -> None:
        """Keep them all, in one round trip."""
        self._tried(lambda: super(Client, self).set_many(data, timeout), None)

    def _unless_away(self, ask: Callable[[], Found], otherwise: Found) -> Found:
        return otherwise if time.monotonic() < Client.away_until else self._tried(ask, otherwise)

    def _tried(self, ask: Callable[[], Found], otherwise: Found) -> Found:
        try:
            found = ask()
        except (redis.RedisError, OSError) as problem:
            if not Client.away_until:
                logger.warning("the cache is away (%s); all goes on", type(problem).__name__)
            Client.away_until = time.monotonic() + PAUSE_S
            return otherwise
        if Client.away_until:
            logger.warning("the cache is back")
            Client.away_until = 0.0
        return found


class Cache(RedisCache):
    """Django's Redis cache with our client."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client
