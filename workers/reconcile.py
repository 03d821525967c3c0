"""An uncertain delivery: look, then decide; never blindly resend.

Where a repeat with the same key is harmless, the repeat is the look. Elsewhere the network is
searched; only two negative answers, spaced apart, allow another send. A network that can do
neither leaves the decision to a person.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from posting import results
from posting.results import Delivery
from posting.states import State
from providers.kit.contract import Provider, Receipt
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    Rejected,
    Throttled,
    Uncertain,
)
from providers.kit.http import correlation
from tokens import speak
from tokens.networks import network
from workers import retry

logger = logging.getLogger(__name__)
NEGATIVES_NEEDED = 2
MOST_LOOKS = 12
SLOWEST = timedelta(minutes=10)


@shared_task(name="workers.reconcile", ignore_result=True)
def reconcile(ids: Sequence[int]) -> None:
    """Resolve the uncertain results `ids`."""
    for pk in ids:
        look(pk)


def look(pk: int) -> None:
    """Ask the network for one uncertain result and decide by its answer."""
    started, at = time.monotonic(), timezone.now()
    delivery = results.begin_look(pk, at, timedelta(seconds=settings.LEASE_S))
    if delivery is None:
        return

    def may_send() -> bool:
        left = settings.LEASE_S - (time.monotonic() - started)
        return bool(left > settings.HTTP_DEADLINE_S + 2)

    token = correlation.set(delivery.attempt.correlation_id)
    try:
        _ask(delivery, at, may_send)
    except NetworkError as problem:
        _no_answer(delivery, problem, timezone.now())
    except Exception:
        logger.exception("looking up result %s broke off", pk)
        broken = Uncertain("Something broke on our side while asking the network.")
        _no_answer(delivery, broken, timezone.now())
    finally:
        correlation.reset(token)


def repeat_is_harmless(provider: Provider, delivery: Delivery, at: datetime) -> bool:
    """Whether the same message may be sent again: the network would recognise it."""
    return at - delivery.message.created_at < provider.resend_window


def _ask(delivery: Delivery, at: datetime, may_send: Callable[[], bool]) -> None:
    provider = network(delivery.result.provider)
    account = delivery.result.account
    receipt: Receipt | None
    if repeat_is_harmless(provider, delivery, at):
        receipt = speak.publish(account, delivery.message, at, may_send=may_send)
    elif speak.can_find(provider):
        receipt = speak.find(account, delivery.message, at)
    else:
        _give_up(delivery, timezone.now(), f"{provider.label} cannot be asked for a lost post.")
        return
    if receipt:
        words = "The network has it: the earlier attempt had arrived or the repeat did."
        results.posted(delivery, receipt, timezone.now(), words=words)
    else:
        _negative(delivery, provider, timezone.now())


def _negative(delivery: Delivery, provider: Provider, at: datetime) -> None:
    """The post is not seen; believed only when seen to be missing twice, spaced apart."""
    negatives = delivery.result.negatives + 1
    if negatives >= NEGATIVES_NEEDED:
        results.not_seen(
            delivery,
            State.SCHEDULED,
            at,
            words=f"{provider.label} does not show the post ({negatives} looks).",
            next_step="It is certain now that it did not arrive; sends it again.",
            due_at=at,
            negatives=0,
        )
        return
    due_at = at + max(retry.settle(provider), timedelta(seconds=1))
    results.not_seen(
        delivery,
        State.UNCERTAIN,
        at,
        words=f"{provider.label} does not show the post (yet).",
        next_step=f"Looks once more at {due_at:%H:%M:%S} UTC before sending again.",
        due_at=due_at,
        negatives=negatives,
    )


def _no_answer(delivery: Delivery, problem: NetworkError, at: datetime) -> None:
    """The network could not be asked, or refused the repeat."""
    if isinstance(problem, Duplicate) and problem.external_id:
        results.posted(delivery, Receipt(problem.external_id, problem.url), at)
        return
    if isinstance(problem, Rejected) and not isinstance(problem, Duplicate):
        results.refused(
            delivery, State.FAILED, problem, at, next_step="Stays failed until tried again."
        )
        return
    if delivery.result.looks >= MOST_LOOKS or isinstance(problem, Forbidden):
        _give_up(delivery, at, problem.words)
        return
    due_at = at + min(SLOWEST, retry.backoff(delivery.result.looks) + timedelta(seconds=1))
    if isinstance(problem, Throttled):
        due_at = retry.close_gate(delivery, problem, at)
    results.refused(
        delivery,
        State.UNCERTAIN,
        problem,
        at,
        next_step=f"Asks again at {due_at:%H:%M:%S} UTC.",
        due_at=due_at,
    )


def _give_up(delivery: Delivery, at: datetime, words: str) -> None:
    problem = Uncertain(words)
    results.refused(
        delivery,
        State.UNCONFIRMED,
        problem,
        at,
        next_step="Only a person can tell now: look at the account and say if it is there.",
    )
