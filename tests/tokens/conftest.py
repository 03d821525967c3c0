"""A Redis for the stories about the list of accounts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings

from deploy.broker import free_port, redis_command, wait_for_redis
from project.cache import Client
from tests.cast import Cast, Street, connected
from tests.tokens.shown import NAME, use
from tokens.models import SocialAccount


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of these tests' own."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    process = subprocess.Popen(redis_command(port, tmp_path_factory.mktemp("redis")))
    wait_for_redis(url, 10)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def cached(server: str, settings: Settings) -> Iterator[str]:
    """An empty cache."""
    use(settings, server)
    cache.clear()
    yield server
    Client.away_until = 0.0


@pytest.fixture
def shown(cast: Cast, street: Street, cached: str) -> SocialAccount:
    """An account of Alice's team whose grant rotates, in a team whose list can be kept."""
    return connected(street, cast.team, NAME)
