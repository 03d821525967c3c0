"""A short storm: workers, dispatcher and broker are killed while networks misbehave.

At the end every post stands exactly once at every network, and every kind of trouble has fired.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from pytest_celery import CeleryTestSetup

import providers
from posting.models import Attempt, PostResult
from posting.states import MOVING, State
from tests.cast import Cast, Street, everywhere, written
from tests.flows.nodes import Process, WorkerProcess
from tests.flows.wait import eventually
from workers import queues

pytestmark = pytest.mark.django_db(transaction=True)
POSTS = 64
STORM_S = 26.0
TROUBLES = ("drop_after", "drop_before", "error_after", "error", "throttled", "slow", "slow")
NO_MORE_THAN_S = 120


class Storm:
    """Kills one process after the other and orders trouble.

    It blows in the main thread: a child that dies with its parent dies with the thread that
    started it.
    """

    def __init__(self, street: Street, victims: dict[str, Callable[[], None]]) -> None:
        self.street, self.victims = street, victims
        self.kills: Counter[str] = Counter()
        self.chance = random.Random(20261121)
        self.turns = itertools.cycle(victims)

    def gust(self) -> None:
        """The next victim falls and is started again; every network gets trouble."""
        name = next(self.turns)
        self.victims[name]()
        self.kills[name] += 1
        for network in providers.names():
            kind = self.chance.choice(TROUBLES)
            self.street.trouble(network, kind, seconds=0.8, times=2)


def killed(process: Process) -> Callable[[], None]:
    """Falls at once and stands up again."""

    def kill() -> None:
        process.kill("SIGKILL")
        process.start()

    return kill


def killed_while_sending(process: Process) -> Callable[[], None]:
    """Falls while some delivery is under way, if one can be met."""
    kill = killed(process)

    def wait_and_kill() -> None:
        ends_at = time.monotonic() + 2
        sending = PostResult.objects.filter(state=State.SENDING)
        while not sending.exists() and time.monotonic() < ends_at:
            time.sleep(0.01)
        kill()

    return wait_and_kill


def test_after_a_storm_every_post_stands_exactly_once(
    celery_setup: CeleryTestSetup,
    dispatcher: Process,
    surroundings: dict[str, str],
    tmp_path: Path,
    cast: Cast,
    street: Street,
) -> None:
    broker = celery_setup.broker.container
    env = {**surroundings, "REDIS_URL": broker.url}
    second = WorkerProcess.launch(tmp_path / "second", env, ",".join(queues.LANES))
    watcher = Process([sys.executable, "manage.py", "dispatch"], tmp_path / "watcher", env).start()
    first = celery_setup.worker.container
    accounts = everywhere(street, cast.team)
    victims = {
        "worker": killed_while_sending(first.process),
        "second worker": killed_while_sending(second.process),
        "dispatcher": killed(dispatcher),
        "broker": killed(broker._container),
    }
    storm = Storm(street, victims)
    try:
        assert first.ready()
        assert second.ready()
        texts = [f"Number {n} in the storm." for n in range(POSTS)]
        for number, text in enumerate(texts):
            written(cast, text, accounts)
            time.sleep(STORM_S / POSTS)
            if number % 4 == 3:
                storm.gust()
        broker.wait()
        requests.delete(f"{street.url}/_street/trouble", timeout=5)
        moving = PostResult.objects.filter(state__in=MOVING)
        eventually(lambda: not moving.exists(), NO_MORE_THAN_S)
    finally:
        second.teardown()
        watcher.stop()
    assert_exactly_once(street, storm, texts)


def assert_exactly_once(street: Street, storm: Storm, texts: list[str]) -> None:
    """Everything fell often enough, and every text stands once at every network."""
    assert min(storm.kills.values()) >= 3, storm.kills
    fired = requests.get(f"{street.url}/_street/trouble", timeout=5).json()["fired"]
    assert len({kind for kinds in fired.values() for kind in kinds}) >= 4, fired
    states = Counter(PostResult.objects.values_list("state", flat=True))
    assert states == {State.POSTED: len(texts) * len(providers.names())}, states
    for name in providers.names():
        assert sorted(street.texts(name)) == sorted(texts), name
    doubts = Attempt.objects.filter(outcome__in=["lost", "uncertain"], kind="publish")
    assert doubts.count() >= 3, "nothing was ever in doubt"
