"""A deploy loses nothing and doubts nothing: everybody is told to stop, and finishes first."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_celery import CeleryTestSetup

from posting.compose import compose
from posting.models import Attempt, PostResult
from posting.states import MOVING, State
from tests.cast import Cast, Street, connected, written
from tests.flows.nodes import Process, WorkerProcess
from tests.flows.wait import eventually
from workers import publish, pulse, queues
from workers.jobs import ensure_jobs

pytestmark = pytest.mark.django_db(transaction=True)
NETWORKS = ("mastodon", "bluesky")
POSTS = 60


def replaced(process: Process) -> int:
    """Told to stop, waited for, started anew: a deploy of one process; returns its exit code."""
    assert process.child is not None
    process.child.terminate()
    code = process.wait_for_end(30)
    process.start()
    return code


def test_a_rolling_restart_under_load_loses_and_repeats_nothing(
    celery_setup: CeleryTestSetup,
    dispatcher: Process,
    surroundings: dict[str, str],
    tmp_path: Path,
    cast: Cast,
    street: Street,
) -> None:
    env = {**surroundings, "REDIS_URL": celery_setup.broker.container.url}
    second = WorkerProcess.launch(tmp_path / "second", env, ",".join(queues.LANES))
    first = celery_setup.worker.container
    assert first.ready()
    assert second.ready()
    accounts = [connected(street, cast.team, name) for name in NETWORKS]
    for name in NETWORKS:
        street.trouble(name, "slow", seconds=0.5, times=POSTS)
    texts = [f"Number {n} during the deploy." for n in range(POSTS)]
    turns = [first.process, dispatcher, second.process]
    codes = []
    try:
        for number, text in enumerate(texts):
            written(cast, text, accounts)
            time.sleep(0.05)
            if number % 10 == 9:
                codes.append(replaced(turns[number // 10 % len(turns)]))
        moving = PostResult.objects.filter(state__in=MOVING)
        eventually(lambda: not moving.exists(), 90)
    finally:
        second.teardown()
    assert codes == [0] * (POSTS // 10)
    for name in NETWORKS:
        assert sorted(street.texts(name)) == sorted(texts), name
    outcomes = Counter(Attempt.objects.values_list("outcome", flat=True))
    assert outcomes == {"posted": len(texts) * len(NETWORKS)}, "nothing was ever in doubt"


def test_a_worker_that_is_being_stopped_gives_back_the_rest_of_its_chunk(
    cast: Cast, street: Street
) -> None:
    post = written(cast, "Not begun.", [connected(street, cast.team, "x")])
    [(pk, name)] = PostResult.objects.queue_due(timezone.now())
    pulse.progress.stopping = True
    try:
        publish.publish(name, [pk])
    finally:
        pulse.progress.stopping = False
    result = post.results.get()
    assert (result.state, result.attempts) == (State.SCHEDULED, 0)
    assert street.texts() == []


def test_a_second_beat_does_no_harm(
    celery_setup: CeleryTestSetup,
    surroundings: dict[str, str],
    tmp_path: Path,
    cast: Cast,
    street: Street,
) -> None:
    """Two of them, each job every second, and no dispatcher: every post goes out once."""
    ensure_jobs()
    second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(task__startswith="workers.").update(interval=second)
    assert celery_setup.worker.container.ready()
    env = {**surroundings, "REDIS_URL": celery_setup.broker.container.url}
    command = [sys.executable, "-m", "celery", "-A", "project", "beat", "-l", "INFO"]
    beats = [Process(command, tmp_path / f"beat{n}", env).start() for n in range(2)]
    try:
        eventually(lambda: all(b"Sending due task" in beat.logs() for beat in beats))
        account, at = connected(street, cast.team, "mastodon"), timezone.now()
        for number in range(8):
            compose(
                team=cast.team,
                author=cast.alice,
                text=f"By beat {number}.",
                accounts=[account],
                at=at,
                due_at=at + timedelta(seconds=1 + number / 4),
            )
        moving = PostResult.objects.filter(state__in=MOVING)
        eventually(lambda: not moving.exists())
    finally:
        for beat in beats:
            beat.stop()
    assert sorted(street.texts()) == [f"By beat {number}." for number in range(8)]


def test_jobs_that_nobody_took_in_time_are_not_done_late(
    celery_setup: CeleryTestSetup, surroundings: dict[str, str], tmp_path: Path
) -> None:
    """Beat goes on while the worker is away; what has piled up is thrown away, not worked off."""
    ensure_jobs()
    sweep = PeriodicTask.objects.filter(task="workers.sweep")
    second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    sweep.update(interval=second, expire_seconds=1)
    worker = celery_setup.worker.container
    assert worker.ready()
    worker.process.stop()
    env = {**surroundings, "REDIS_URL": celery_setup.broker.container.url}
    command = [sys.executable, "-m", "celery", "-A", "project", "beat", "-l", "INFO"]
    beat = Process(command, tmp_path / "beat", env).start()
    eventually(lambda: beat.logs().count(b"Sending due task sweep") >= 2)
    beat.stop()
    time.sleep(1.1)  # until the last of them has expired
    worker.process.start()
    eventually(lambda: worker.process.logs().count(b"Discarding revoked task: workers.sweep") >= 2)
    assert not re.search(rb"Task workers\.sweep\S* succeeded", worker.process.logs())
