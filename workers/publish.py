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
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from posting import results
from posting.models import PostResult
from posting.states import State
from providers.kit.errors import NetworkError, Uncertain
from providers.kit.http import correlation
from tokens import crash, speak
from tokens.states import AccountState
from workers import gates, retry

logger = logging.getLogger(__name__)
LONGEST_CHUNK_S = 20.0


@shared_task(name="workers.publish", ignore_result=True)
def publish(provider: str, ids: Sequence[int]) -> None:
    """Deliver the results `ids`, all of one network, one after the other."""
    with gates.bulkhead(provider) as room:
        started = time.monotonic()
        for place, pk in enumerate(ids):
            if not room or time.monotonic() - started > LONGEST_CHUNK_S:
                give_back(ids[place:])
                return
            deliver(pk)


def deliver(pk: int) -> None:
    """Publish one result, if it is still waiting and its account is not told to wait."""
    started, at = time.monotonic(), timezone.now()
    if _gate_closed(pk):
        return
    delivery = results.begin(pk, at, timedelta(seconds=settings.LEASE_S))
    if delivery is None:
        return
    crash.here("after_fence")

    def may_send() -> bool:
        left = settings.LEASE_S - (time.monotonic() - started)
        return bool(left > settings.HTTP_DEADLINE_S + 2)

    token = correlation.set(delivery.attempt.correlation_id)
    try:
        account = delivery.result.account
        receipt = speak.publish(account, delivery.message, at, may_send=may_send)
    except NetworkError as problem:
        retry.follow(delivery, problem, timezone.now())
    except Exception:
        logger.exception("result %s on %s broke off", pk, delivery.result.provider)
        broken = Uncertain("Something broke on our side while sending; it may have gone out.")
        retry.follow(delivery, broken, timezone.now())
    else:
        crash.here("before_record")
        results.posted(delivery, receipt, timezone.now())
    finally:
        correlation.reset(token)


def give_back(ids: Sequence[int]) -> int:
    """Queued results that cannot be served now go back, due again in a moment."""
    soon = timezone.now() + timedelta(seconds=random.uniform(0.5, 1.5))  # noqa: S311
    rows = PostResult.objects.filter(pk__in=list(ids))
    return rows.move([State.QUEUED], State.SCHEDULED, due_at=soon, queued_at=None)


def _gate_closed(pk: int) -> bool:
    """Whether the account must wait; if so the result goes back until then, no attempt used."""
    result = PostResult.objects.select_related("account").filter(pk=pk).first()
    if result and result.account.state != AccountState.CONNECTED:
        return bool(results.hold_unusable())
    until = result.account.blocked_until if result else None
    if until is None or until <= timezone.now():
        return False
    later = until + timedelta(seconds=random.uniform(0, 2))  # noqa: S311 - spreads load
    PostResult.objects.filter(pk=pk).move(
        [State.QUEUED],
        State.SCHEDULED,
        due_at=later,
        queued_at=None,
        error="throttled",
        words="The network asked this account to wait; it goes on by itself.",
    )
    return True
