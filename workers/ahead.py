"""What is written ahead of its time: the posts of repeats, and the rows of imports under way."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from posting.imports import go_on_all
from posting.repeats import make_ahead


@shared_task(name="workers.repeats", ignore_result=True)
def repeats() -> int:
    """The next posts of every repeat, up to the horizon; returns how many were made."""
    return make_ahead(timezone.now())


@shared_task(name="workers.imports", ignore_result=True)
def imports() -> int:
    """The next rows of every import under way; returns how many became posts or were refused."""
    return go_on_all(timezone.now())
