"""A Redis that workers share, and other processes that share it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as project_settings
from pytest_django import Settings

from tests.cast import Street
from tests.flows.conftest import database_url
from tests.flows.nodes import Process, RedisProcess
from workers.shared import memory

SETUP = "import django; django.setup()\n"


@pytest.fixture(scope="session")
def redis_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """One redis-server for the whole run."""
    node = RedisProcess.launch(tmp_path_factory.mktemp("redis"))
    yield node
    node.teardown()


@pytest.fixture
def shared(redis_node: RedisProcess, settings: Settings) -> Iterator[redis.Redis]:
    """It is empty, and this process is a worker that uses it."""
    settings.REDIS_URL = redis_node.url
    memory.forget()
    client = redis.Redis.from_url(redis_node.url)
    client.flushall()
    yield client
    client.close()
    memory.forget()


Elsewhere = Callable[[str], Process]


@pytest.fixture
def elsewhere(
    transactional_db: Any, street: Street, shared: redis.Redis, tmp_path: Path, settings: Settings
) -> Iterator[Elsewhere]:
    """Runs a few lines of Python in another worker process."""
    env = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "REDIS_URL": settings.REDIS_URL,
        "DATABASE_URL": database_url(),
        "TRUSTED_ORIGINS": street.url,
        **{k: v for each in project_settings.PROVIDER_OPTIONS.values() for k, v in each.items()},
    }
    started: list[Process] = []

    def run(lines: str) -> Process:
        caps = [
            f"{name}:{cap.count}/{cap.per.total_seconds():g}/{cap.scope}"
            for name, each in project_settings.CAPS.items()
            for cap in each
        ]
        process = Process(
            [sys.executable, "-c", SETUP + lines], tmp_path, {**env, "CAPS": ",".join(caps)}
        )
        started.append(process.start())
        return process

    yield run
    for process in started:
        process.remove()


def said(process: Process) -> str:
    """What it printed, once it has ended well."""
    try:
        assert process.wait_for_end(60) == 0, process.logs().decode()
    except subprocess.TimeoutExpired:
        pytest.fail(process.logs().decode())
    return process.logs().decode()
