"""Life is progress: canaries sing in every queue, and who answers pings only is started again."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from celery.utils.nodenames import worker_direct
from django.test import Client
from pytest_celery import CeleryBrokerCluster, CeleryTestSetup

from tests.cast import Cast, Street, connected, written
from tests.deploy.test_keep import alive
from tests.flows.nodes import Process
from tests.flows.wait import eventually, settled
from workers import queues
from workers.dispatch import ring_due
from workers.jobs import ensure_jobs
from workers.models import BEAT, DISPATCHER, QUEUE, WORKER, Pulse, clock

pytestmark = pytest.mark.django_db(transaction=True)
OFTEN = {"CANARY_S": "0.5", "STALL_S": "5"}


@pytest.fixture
def surroundings(surroundings: dict[str, str]) -> dict[str, str]:
    """Everybody sings often."""
    return {**surroundings, **OFTEN}


@pytest.fixture
def beat(
    celery_setup: CeleryTestSetup, surroundings: dict[str, str], tmp_path: Path
) -> Iterator[Process]:
    """`celery beat`, as it runs in production."""
    ensure_jobs()
    env = {**surroundings, "REDIS_URL": celery_setup.broker.container.url}
    command = [sys.executable, "-m", "celery", "-q", "-A", "project", "beat", "-l", "INFO"]
    process = Process(command, tmp_path / "beat", env)
    yield process.start()
    process.stop()


class Kept:
    """A worker under its keeper, as in the demo."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.node = f"kept-{uuid.uuid4().hex[:8]}@here"
        command = [sys.executable, "-m", "deploy.keep", "--"]
        command += [sys.executable, "-m", "celery", "-A", "project", "worker", "-P", "threads"]
        command += ["-c", "4", "-Q", ",".join(queues.LANES), "-n", self.node, "-l", "INFO"]
        command += ["--without-gossip", "--without-mingle"]
        self.keeper = Process(command, folder, env).start()
        eventually(self.sings)

    def sings(self) -> bool:
        """Whether the worker has answered its own canary."""
        return Pulse.objects.filter(kind=WORKER, name=self.node).exists()

    @property
    def worker(self) -> int:
        """The process that is kept now; 0 between two."""
        assert self.keeper.child is not None
        pid = self.keeper.child.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0


@pytest.fixture
def kept(
    celery_broker_cluster: CeleryBrokerCluster,
    celery_setup_app: Celery,
    surroundings: dict[str, str],
    tmp_path: Path,
) -> Iterator[Kept]:
    """The only worker there is."""
    env = {**surroundings, "REDIS_URL": celery_broker_cluster[0].container.url}
    one = Kept(tmp_path / "kept", env)
    yield one
    one.keeper.stop()


def assert_found_and_replaced(kept: Kept, before: int, cast: Cast, street: Street) -> None:
    """The keeper has killed it, and its successor delivers."""
    eventually(lambda: not alive(before))
    assert b"got nowhere for 5 s; killing it" in kept.keeper.logs()
    post = written(cast, "Alive again.", [connected(street, cast.team, "x")])
    ring_due(clock())
    eventually(lambda: settled(post))
    assert street.texts() == ["Alive again."]
    assert kept.worker not in (0, before)


def looked(status: int) -> dict[str, str] | None:
    """What one look at /readyz found if it answered with this status; else None.

    One look, because the next may find something else: each question has a few seconds, and a busy
    machine may need longer now and then. What was found shows in the output of a test that fails.
    """
    answer = Client().get("/readyz")
    words: dict[str, str] = answer.json()
    print({about: said for about, said in words.items() if said != "ok"})  # noqa: T201
    assert (answer.status_code == 200) is (set(words.values()) == {"ok"})
    return words if answer.status_code == status else None


def misses_the_dispatcher() -> bool:
    """Whether it is said that nobody dispatches."""
    words = looked(503) or {}
    return words.get("dispatcher", "").startswith("No dispatcher has been at work")


def test_who_is_at_work_has_a_pulse_and_the_house_is_ready(
    celery_setup: CeleryTestSetup, dispatcher: Process, beat: Process, cast: Cast
) -> None:
    worker = celery_setup.worker.container
    assert worker.ready()
    eventually(lambda: set(Pulse.objects.of(QUEUE)) == set(queues.LANES))
    eventually(lambda: Pulse.objects.of(BEAT))
    assert len(Pulse.objects.of(WORKER)) == len(Pulse.objects.of(DISPATCHER)) == 1
    eventually(lambda: looked(200))
    dispatcher.stop()
    worker.process.stop()
    assert not Pulse.objects.filter(kind__in=[WORKER, DISPATCHER]).exists(), "they left in order"
    eventually(misses_the_dispatcher)


def test_a_stopped_worker_is_found_and_started_again(
    kept: Kept, cast: Cast, street: Street
) -> None:
    before = kept.worker
    os.kill(before, signal.SIGSTOP)
    assert_found_and_replaced(kept, before, cast, street)


def test_a_deaf_worker_that_answers_pings_is_found_and_started_again(
    kept: Kept, celery_setup_app: Celery, cast: Cast, street: Street
) -> None:
    before = kept.worker
    control = celery_setup_app.control
    for queue in (worker_direct(kept.node).name, *queues.LANES):
        control.cancel_consumer(queue, destination=[kept.node], reply=True, timeout=5)
    assert control.ping(destination=[kept.node], timeout=2) == [{kept.node: {"ok": "pong"}}]
    assert_found_and_replaced(kept, before, cast, street)


def test_a_worker_whose_broker_is_away_is_left_alone(
    kept: Kept, celery_broker_cluster: CeleryBrokerCluster, cast: Cast, street: Street
) -> None:
    before = kept.worker
    redis = celery_broker_cluster[0].container
    redis._container.kill("SIGKILL")
    eventually(lambda: b"Trying again in 4.00 seconds" in kept.keeper.logs(), 20)
    eventually(lambda: b"Trying again in 6.00 seconds" in kept.keeper.logs(), 20)
    assert kept.worker == before
    assert alive(before)
