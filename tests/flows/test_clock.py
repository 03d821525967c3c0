"""The clock: dispatchers wake by themselves or by the bell, and one of them is enough."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_celery import CeleryTestSetup
from pytest_django import Settings

from posting.compose import compose
from posting.models import Post
from tests.cast import Cast, Street, connected, written
from tests.flows.nodes import Process
from tests.flows.wait import eventually, settled
from workers.dispatch import over_redis

pytestmark = pytest.mark.django_db(transaction=True)
NEVER = {"DISPATCH_LOOK_S": "600"}  # so that looking now and then cannot be what helped
Start = Callable[[], Process]


@pytest.fixture
def dispatcher_that_sleeps_long(
    celery_setup: CeleryTestSetup,
    surroundings: dict[str, str],
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Start]:
    """Starts dispatchers that would rather sleep; returns when this one is woken by the bell."""
    settings.REDIS_URL = celery_setup.broker.container.url
    over_redis.away_until = 0.0
    started: list[Process] = []

    def start() -> Process:
        env = {**surroundings, "REDIS_URL": settings.REDIS_URL, **NEVER}
        folder = tmp_path / f"dispatcher{len(started)}"
        started.append(Process([sys.executable, "manage.py", "dispatch"], folder, env))
        started[-1].start()
        eventually(lambda: over_redis.ring() == len(started))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def in_a_moment(cast: Cast, street: Street, text: str) -> Post:
    at = timezone.now()
    return compose(
        team=cast.team,
        author=cast.alice,
        text=text,
        accounts=[connected(street, cast.team, "mastodon")],
        at=at,
        due_at=at + timedelta(seconds=3),
    )


def test_the_bell_wakes_a_dispatcher_over_redis(
    celery_setup: CeleryTestSetup,
    dispatcher_that_sleeps_long: Start,
    cast: Cast,
    street: Street,
) -> None:
    assert celery_setup.worker.container.ready()
    dispatcher_that_sleeps_long()
    post = written(cast, "Ding.", [connected(street, cast.team, "mastodon")])
    eventually(lambda: settled(post))
    assert street.texts() == ["Ding."]


def test_a_dispatcher_wakes_by_itself_although_redis_forgot_everything(
    celery_setup: CeleryTestSetup,
    dispatcher_that_sleeps_long: Start,
    cast: Cast,
    street: Street,
) -> None:
    assert celery_setup.worker.container.ready()
    dispatcher_that_sleeps_long()
    post = in_a_moment(cast, street, "Remembered.")
    celery_setup.broker.container.client.flushall()
    eventually(lambda: settled(post))
    assert street.texts() == ["Remembered."]


def test_of_two_dispatchers_one_may_die_at_any_time(
    celery_setup: CeleryTestSetup,
    dispatcher_that_sleeps_long: Start,
    cast: Cast,
    street: Street,
) -> None:
    assert celery_setup.worker.container.ready()
    first, _ = dispatcher_that_sleeps_long(), dispatcher_that_sleeps_long()
    post = in_a_moment(cast, street, "One is enough.")
    first.kill("SIGKILL")
    eventually(lambda: settled(post))
    assert street.texts() == ["One is enough."]


def test_with_redis_away_a_post_waits_and_goes_out_when_it_is_back(
    celery_setup: CeleryTestSetup,
    dispatcher_that_sleeps_long: Start,
    cast: Cast,
    street: Street,
) -> None:
    assert celery_setup.worker.container.ready()
    dispatcher = dispatcher_that_sleeps_long()
    broker = celery_setup.broker.container
    broker._container.kill("SIGKILL")
    post = written(cast, "Patience.", [connected(street, cast.team, "mastodon")])
    eventually(lambda: b"the broker does not answer" in dispatcher.logs())
    broker._container.start()
    eventually(lambda: settled(post), 60)
    assert street.texts() == ["Patience."]
