"""The bell's wire: a dispatcher sleeps until something is due or until it is woken over Redis.

Publish and subscribe, because nothing has to be kept: a bell that nobody hears is replaced by the
dispatcher's own look into the database.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

CHANNEL = "postrider:bell"
AWAY_S = 1.0
AGAIN_S = 0.5
LISTEN_S = 5.0
logger = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def server(url: str, patience_s: float) -> redis.Redis:
    """A client that never waits long; a connection that has died is opened anew once."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=patience_s,
        socket_timeout=patience_s,
        socket_keepalive=True,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 1),
    )


def channel(client: redis.Redis) -> str:
    """Channels are the whole server's; the number of the database keeps two houses apart."""
    return f"{CHANNEL}:{client.connection_pool.connection_kwargs.get('db') or 0}"


class Bell:
    """Rings over Redis; after a failure it leaves Redis alone for a moment: pages never wait."""

    def __init__(self) -> None:
        self.away_until = 0.0

    def ring(self) -> int | None:
        """Wake every dispatcher that listens; how many did, None if Redis is away."""
        if time.monotonic() < self.away_until:
            return None
        client = server(settings.REDIS_URL, 0.25)
        try:
            return int(client.publish(channel(client), "due"))
        except (redis.RedisError, OSError):
            self.away_until = time.monotonic() + AWAY_S
            return None


class Ear(threading.Thread):
    """Listens for the bell beside the dispatcher and wakes it."""

    def __init__(self, wake: threading.Event) -> None:
        super().__init__(name="ear", daemon=True)
        self.wake, self.stopped = wake, threading.Event()
        self.listening = False

    def run(self) -> None:
        """Until stopped; a server that is away is tried again and again."""
        while not self.stopped.is_set():
            try:
                self._listen()
            except (redis.RedisError, OSError) as problem:
                if self.listening:
                    logger.warning("the bell is out of order (%s)", type(problem).__name__)
            if self.listening:
                self.listening = False
                self.wake.set()  # a bell may have been missed, and polling begins
            self.stopped.wait(AGAIN_S)

    def _listen(self) -> None:
        client = server(settings.REDIS_URL, LISTEN_S)
        with client.pubsub(ignore_subscribe_messages=True) as line:  # type: ignore[no-untyped-call]
            line.subscribe(channel(client))
            while not self.stopped.is_set():
                heard = line.get_message(timeout=LISTEN_S)
                if not self.listening:
                    self.listening = True
                    self.wake.set()  # what was due before we listened
                elif heard is not None:
                    self.wake.set()


def my_name(pid: int) -> str:
    """This process among all of its kind."""
    return f"{socket.gethostname()}:{pid}"
