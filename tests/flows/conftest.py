"""A real broker, real workers, a real dispatcher: pytest-celery's setup on local processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kombu.pools
import pytest
from celery import Celery
from django.conf import settings as project_settings
from django.db import connection
from pytest_celery import (
    CeleryBrokerCluster,
    CeleryTestWorker,
    CeleryWorkerCluster,
    RedisTestBroker,
)

from project.celery import app as project_app
from tests.cast import Street
from tests.flows.nodes import Process, RedisProcess, WorkerProcess
from workers import queues


def database_url() -> str:
    """The address of the test database, for other processes."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    who = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgres://{who}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


@pytest.fixture
def crash_at(request: pytest.FixtureRequest) -> str:
    """Where the first worker shall die: parametrize it indirectly; "" lets it live."""
    return str(getattr(request, "param", ""))


@pytest.fixture
def surroundings(
    transactional_db: Any, street: Street, tmp_path: Path, crash_at: str
) -> dict[str, str]:
    """The environment of every process but the broker's address."""
    env = {
        "DATABASE_URL": database_url(),
        "TRUSTED_ORIGINS": street.url,
        **{k: v for each in project_settings.PROVIDER_OPTIONS.values() for k, v in each.items()},
    }
    if crash_at:
        flag = tmp_path / "crash-once"
        flag.touch()
        env["CRASH_AT"] = f"{crash_at}:{flag}"
    return env


@pytest.fixture
def celery_broker_cluster(tmp_path: Path) -> Iterator[CeleryBrokerCluster]:
    """One redis-server."""
    redis = RedisProcess.launch(tmp_path / "redis")
    yield CeleryBrokerCluster(RedisTestBroker(redis))
    redis.teardown()


@pytest.fixture
def celery_backend_cluster() -> None:
    """Results live in the database."""


@pytest.fixture
def celery_setup_app(celery_broker_cluster: CeleryBrokerCluster) -> Iterator[Celery]:
    """The project's own app, pointed at this test's broker."""
    before = project_app.conf.broker_url
    point(celery_broker_cluster[0].container.url)
    yield project_app
    point(before)


def point(url: str) -> None:
    """From now on this process speaks to the broker at `url`."""
    project_app.conf.update(broker_url=url, broker_write_url=url, broker_read_url=url)
    kombu.pools.producers.clear()
    kombu.pools.connections.clear()
    project_app._pool = None
    project_app.amqp._producer_pool = None
    project_app.set_current()  # whichever app another test had made that of the process
    project_app.set_default()


@pytest.fixture
def celery_worker_cluster(
    celery_broker_cluster: CeleryBrokerCluster,
    celery_setup_app: Celery,
    surroundings: dict[str, str],
    tmp_path: Path,
) -> Iterator[CeleryWorkerCluster]:
    """One worker process that serves every queue."""
    env = {**surroundings, "REDIS_URL": celery_broker_cluster[0].container.url}
    worker = WorkerProcess.launch(tmp_path / "worker", env, ",".join(queues.LANES))
    yield CeleryWorkerCluster(CeleryTestWorker(worker, celery_setup_app))
    worker.teardown()


@pytest.fixture
def dispatcher(
    celery_broker_cluster: CeleryBrokerCluster, surroundings: dict[str, str], tmp_path: Path
) -> Iterator[Process]:
    """`manage.py dispatch`, as it runs in production."""
    env = {**surroundings, "REDIS_URL": celery_broker_cluster[0].container.url}
    process = Process([sys.executable, "manage.py", "dispatch"], tmp_path / "dispatcher", env)
    yield process.start()
    process.stop()
