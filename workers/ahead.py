"""What is done ahead of its time: the posts of repeats, rows of imports, limits of accounts."""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task
from django.utils import timezone

from posting.imports import go_on_all
from posting.repeats import make_ahead
from tokens import limits
from workers.queues import refresh_queue

ASKED_WITHIN_S = 300


@shared_task(name="workers.repeats", ignore_result=True)
def repeats() -> int:
    """The next posts of every repeat, up to the horizon; returns how many were made.

    Accounts whose limits are a day old are sent for, each to the queue of its own network.
    """
    at = timezone.now()
    made = make_ahead(at)
    for name, pks in limits.claim(at).items():
        ask_limits.apply_async([pks], queue=refresh_queue(name), expires=ASKED_WITHIN_S)
    return made


@shared_task(name="workers.ask_limits", ignore_result=True)
def ask_limits(pks: Sequence[int]) -> int:
    """What fits into the posts of these accounts, as their network says; returns how many told."""
    return limits.ask(pks, timezone.now())


@shared_task(name="workers.imports", ignore_result=True)
def imports() -> int:
    """The next rows of every import under way; returns how many became posts or were refused."""
    return go_on_all(timezone.now())
