"""One delivery from the queue to its result. Read this first.

The law: the message is a hint and carries ids only; the row is claimed by one conditional UPDATE
whose commit is the intent; the request follows; its end is written fenced by the row's epoch.
Whatever dies in between leaves a row that says "perhaps", which `workers.reconcile` resolves.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from posting import results
from posting.models import PostResult
from posting.results import Delivery
from posting.states import State
from posting.steps import Lease
from providers.kit.errors import NetworkError, Uncertain
from providers.kit.http import correlation, listening
from tokens import crash, speak
from tokens.states import AccountState
from workers import breaker, gates, pulse, retry
from workers.gates import Ticket

logger = logging.getLogger(__name__)
LONGEST_CHUNK_S = 20.0


@shared_task(name="workers.publish", ignore_result=True)
def publish(provider: str, ids: Sequence[int]) -> None:
    """Deliver the results `ids`, all of one network, one after the other."""
    with gates.bulkhead(provider) as room:
        started = time.monotonic()
        for place, pk in enumerate(ids):
            if not room or _no_more(started):
                give_back(ids[place:])
                return
            deliver(pk)


def _no_more(started: float) -> bool:
    """Whether this worker is being stopped, or this chunk has had its share of the time."""
    return pulse.progress.stopping or time.monotonic() - started > LONGEST_CHUNK_S


def deliver(pk: int) -> None:
    """Publish one result, if it is still waiting and nothing tells its account to wait."""
    clock, at = lease(), timezone.now()
    ticket = _admitted(pk, at)
    if ticket is None:
        return
    delivery = results.begin(pk, at, clock.span, clock)
    if delivery is None:
        gates.hand_back(ticket)
        return
    breaker.hush(ticket.line, ticket.probing, at)
    crash.here("after_fence")
    send(delivery, ticket, at)


def lease() -> Lease:
    """How long a row is this worker's from now on; every kept step is a sign of life."""
    return Lease(timedelta(seconds=settings.LEASE_S), felt=pulse.supervisor.feel)


def send(delivery: Delivery, ticket: Ticket, at: datetime) -> None:
    """Publish, or go on behind the steps that are kept, and write down what became of it."""
    result = delivery.result
    token = correlation.set(delivery.attempt.correlation_id)
    try:
        with listening() as heard:
            receipt = speak.publish(
                result.account, delivery.message, at, may_send=delivery.lease.enough
            )
    except NetworkError as problem:
        retry.follow(delivery, problem, timezone.now(), gates.told(ticket, problem, heard))
    except Exception:
        logger.exception("result %s on %s broke off", result.pk, result.provider)
        broken = Uncertain("Something broke on our side while sending; it may have gone out.")
        retry.follow(delivery, broken, timezone.now(), gates.told(ticket, broken, []))
    else:
        crash.here("before_record")
        results.posted(delivery, receipt, timezone.now())
        breaker.spread(gates.told(ticket, None, heard), timezone.now())
    finally:
        correlation.reset(token)


def give_back(ids: Sequence[int]) -> int:
    """Queued results that cannot be served now go back, due again in a moment."""
    soon = timezone.now() + timedelta(seconds=random.uniform(0.5, 1.5))  # noqa: S311
    rows = PostResult.objects.filter(pk__in=list(ids))
    return rows.move([State.QUEUED], State.SCHEDULED, due_at=soon, queued_at=None)


def _admitted(pk: int, at: datetime) -> Ticket | None:
    """The right to go now; None if it is not to go, with the result put where it waits."""
    waiting = PostResult.objects.select_related("account__token")
    result = waiting.filter(pk=pk, state=State.QUEUED).first()
    if result is None:
        return None
    if result.account.state != AccountState.CONNECTED:
        results.hold_unusable()
        return None
    answer = gates.admit(result.account, at)
    if isinstance(answer, Ticket):
        return answer
    gates.put_off(result, answer, at)
    return None
