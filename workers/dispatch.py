"""Rows that are due become tasks: claim in bulk, group by network, ring with ids only."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from posting.doorbell import bell
from posting.models import PostResult
from workers.publish import publish
from workers.queues import RECONCILE, lane_of
from workers.reconcile import reconcile

AWAY = (OperationalError, RedisError, OSError)
logger = logging.getLogger(__name__)
LARGEST_CHUNK = 25
SMALL = 16


class NobodyThere(Exception):
    """The broker does not answer; the rows wait and are rung for again."""


@shared_task(name="workers.dispatch", ignore_result=True)
def dispatch() -> int:
    """Ring for everything that is due now; returns how many results."""
    return ring_due(timezone.now())


def answer_bell(**_: Any) -> None:
    """The doorbell rang: have a worker dispatch at once; the dispatcher comes by anyway."""
    try:
        dispatch.apply_async(expires=10)
    except AWAY as problem:
        logger.warning("the broker does not answer (%s); due posts wait", type(problem).__name__)


def ring_due(at: datetime) -> int:
    """Claim due results and ring for them; returns how many. Raises NobodyThere."""
    patience = timedelta(seconds=settings.BELL_PATIENCE_S)
    queued = PostResult.objects.queue_due(at)
    _ring(queued + PostResult.objects.ring_again(at, patience))
    doubtful = PostResult.objects.look_due(at, patience)
    _send(reconcile, RECONCILE, [[[pk]] for pk, _ in doubtful])
    return len(queued)


def _ring(claimed: Iterable[tuple[int, str]]) -> None:
    by_provider: dict[str, list[int]] = defaultdict(list)
    for pk, provider in claimed:
        by_provider[provider].append(pk)
    for provider, ids in by_provider.items():
        _send(publish, lane_of(provider).name, [[provider, chunk] for chunk in chunks(ids)])


def chunks(ids: list[int]) -> list[list[int]]:
    """Few ids go one by one, for speed; many in chunks of up to LARGEST_CHUNK, for economy."""
    size = min(LARGEST_CHUNK, max(1, -(-len(ids) // SMALL)))
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _send(task: Any, queue: str, many: list[list[Any]]) -> None:
    """One message for each list of arguments, over one connection."""
    if not many:
        return
    try:
        with task.app.producer_or_acquire() as producer:
            for arguments in many:
                task.apply_async(args=arguments, queue=queue, producer=producer)
    except AWAY as problem:
        raise NobodyThere(type(problem).__name__) from None


bell.connect(answer_bell, dispatch_uid="workers.dispatch")
