"""The jobs of the house in beat's table: made when missing, left alone when edited."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models.signals import post_migrate
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from workers.queues import JOBS, Job


def ensure_jobs() -> int:
    """Make the jobs that are missing; an operator's edits stay. Returns how many were made."""
    return sum(_ensure(job) for job in JOBS)


def _ensure(job: Job) -> bool:
    every, _ = IntervalSchedule.objects.get_or_create(
        every=job.every_s, period=IntervalSchedule.SECONDS
    )
    _, made = PeriodicTask.objects.get_or_create(
        name=job.name,
        defaults={
            "task": job.task,
            "interval": every,
            "queue": job.queue,
            "expire_seconds": max(job.every_s, 5),
        },
    )
    return bool(made)


def _after_migrating(**_: Any) -> None:
    ensure_jobs()


# Sent by the app that owns the table.
post_migrate.connect(
    _after_migrating, sender=apps.get_app_config("django_celery_beat"), dispatch_uid="workers.jobs"
)
