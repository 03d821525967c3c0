"""Rows that are due become tasks: claim in bulk, group by network, ring with ids only."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from amqp.exceptions import AMQPError
from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import ChannelError, OperationalError
from kombu.transport import virtual
from redis.exceptions import RedisError

from posting import lateness
from posting.doorbell import bell
from posting.models import PostResult
from posting.states import State
from workers.poll import poll
from workers.publish import publish
from workers.queues import RECONCILE, lane_of
from workers.reconcile import reconcile
from workers.wake import Bell

AWAY = (OperationalError, RedisError, AMQPError, OSError)
logger = logging.getLogger(__name__)
LARGEST_CHUNK = 25
SMALL = 16
RARELY = 20
over_redis = Bell()


class NobodyThere(Exception):
    """The broker does not answer; the rows wait and are rung for again."""


@shared_task(name="workers.dispatch", ignore_result=True)
def dispatch() -> int:
    """Ring for everything that is due now; returns how many results."""
    return ring_due(timezone.now())


def answer_bell(**_: Any) -> None:
    """The doorbell rang: wake the dispatchers; if none listens, have a worker dispatch at once.

    And if nobody can be reached, the dispatchers look by themselves.
    """
    heard = over_redis.ring()
    if heard or (heard is None and dispatch.app.conf.broker_url == settings.REDIS_URL):
        return
    try:
        dispatch.apply_async(expires=10)
    except AWAY as problem:
        logger.warning("the broker does not answer (%s); due posts wait", type(problem).__name__)


def ring_due(at: datetime) -> int:
    """Claim due results and ring for them; returns how many. Raises NobodyThere."""
    queued = queue_due(at)
    ring_again(at)
    look_due(at)
    return queued


def queue_due(at: datetime) -> int:
    """Claim what is due for the first time and ring; returns how many. Raises NobodyThere.

    What has become too late is judged first: it is not claimed any more.
    """
    lateness.judge(at)
    return _ring(PostResult.objects.queue_due(at), at)


def ring_again(at: datetime) -> int:
    """Ring for what was claimed and never taken; returns how many. Raises NobodyThere.

    Where bells still wait in the queue nobody has missed one: its workers are slow or away, and
    more bells would only pile up. (Once in a while one rings all the same: that queue may never be
    empty, and a bell be lost.)
    """
    unanswered = PostResult.objects.ring_again(at, patience())
    try:
        slow = {name for name in {name for _, name in unanswered} if _bells_wait(name)}
    except AWAY as problem:
        _not_rung([pk for pk, _ in unanswered], at)
        raise NobodyThere(type(problem).__name__) from None
    return _ring([(pk, name) for pk, name in unanswered if name not in slow], at)


def _bells_wait(provider: str) -> bool:
    """Whether the broker holds bells for this network; once in RARELY, no even so if few do."""
    try:
        with publish.app.connection_or_acquire() as line:
            line.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            with line.channel() as channel:
                # Asking is declaring. Over Redis "only if it is there" looks past the key prefix.
                only_ask = not isinstance(channel, virtual.Channel)
                found = channel.queue_declare(queue=lane_of(provider).name, passive=only_ask)
    except ChannelError:  # there is no such queue yet
        return False
    waiting = int(found.message_count)
    if 0 < waiting < settings.PROVIDER_SHARE:
        return random.randrange(RARELY) > 0  # noqa: S311 - no secret
    return waiting > 0


def look_due(at: datetime) -> int:
    """Ring for what is in doubt and what a network is at work on, where it is time to ask.

    Returns how many. Raises NobodyThere.
    """
    doubtful = PostResult.objects.look_due(at, patience())
    at_work = PostResult.objects.poll_due(at, patience())
    _send(reconcile, RECONCILE, [[[pk]] for pk, _ in doubtful])
    _send(poll, RECONCILE, [[[pk]] for pk, _ in at_work])
    return len(doubtful) + len(at_work)


def patience() -> timedelta:
    """How long a bell may stay unanswered."""
    return timedelta(seconds=settings.BELL_PATIENCE_S)


def _ring(claimed: list[tuple[int, str]], at: datetime) -> int:
    by_provider: dict[str, list[int]] = defaultdict(list)
    for pk, provider in claimed:
        by_provider[provider].append(pk)
    try:
        for provider, ids in by_provider.items():
            _send(publish, lane_of(provider).name, [[provider, chunk] for chunk in chunks(ids)])
    except NobodyThere:
        _not_rung([pk for pk, _ in claimed], at)
        raise
    return len(claimed)


def _not_rung(ids: list[int], at: datetime) -> None:
    """Nobody heard of these: the next round rings for them, without waiting for an answer first."""
    waiting = PostResult.objects.filter(pk__in=ids, state=State.QUEUED)
    waiting.update(queued_at=at - patience())


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
