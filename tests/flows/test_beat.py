"""Beat runs the jobs of its table: keys are renewed, counts are stored, a third bell rings."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult
from pytest_celery import CeleryTestSetup

from posting.compose import compose
from tests.cast import Cast, Street, connected
from tests.flows.nodes import Process
from tests.flows.wait import eventually, settled
from tokens.models import OAuthToken
from workers.jobs import ensure_jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def beat(
    celery_setup: CeleryTestSetup, surroundings: dict[str, str], tmp_path: Path
) -> Iterator[Process]:
    """Beat with the table's jobs, every second: an operator's edit."""
    ensure_jobs()
    second, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(task__startswith="workers.").update(interval=second)
    env = {**surroundings, "REDIS_URL": celery_setup.broker.container.url}
    command = [sys.executable, "-m", "celery", "-q", "-A", "project", "beat", "-l", "INFO"]
    process = Process(command, tmp_path / "beat", env)
    yield process.start()
    process.stop()


def test_beat_renews_what_is_due_and_its_counts_are_stored(
    celery_setup: CeleryTestSetup, beat: Process, cast: Cast, street: Street
) -> None:
    assert celery_setup.worker.container.ready()
    account = connected(street, cast.team, "x")
    past = timezone.now() - timedelta(minutes=1)
    OAuthToken.objects.update(expires_at=past, refresh_at=past)
    eventually(lambda: OAuthToken.objects.filter(accounts=account, version=2).exists())
    counts = TaskResult.objects.filter(task_name="workers.refresh_counts", status="SUCCESS")

    def stored() -> list[tuple[int, int, int]]:
        """Of each run: a slow one has the next beside it, which finds the key in its hands."""
        told = [json.loads(result) for result in counts.values_list("result", flat=True)]
        return [(each["due"], each["refreshed"], each["dead"]) for each in told]

    eventually(lambda: (1, 1, 0) in stored())


def test_without_a_dispatcher_beat_finds_what_is_due(
    celery_setup: CeleryTestSetup, beat: Process, cast: Cast, street: Street
) -> None:
    assert celery_setup.worker.container.ready()
    at = timezone.now()
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="In a moment.",
        accounts=[connected(street, cast.team, "mastodon")],
        at=at,
        due_at=at + timedelta(seconds=1),
    )
    eventually(lambda: settled(post))
    assert street.texts() == ["In a moment."]
