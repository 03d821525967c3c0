"""An uncertain delivery: look, then decide; never blindly resend.

Where a repeat with the same key is harmless, the repeat is the look. Elsewhere the network is
searched; only two negative answers, spaced apart, allow another send. A network that can do
neither leaves the decision to a person.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from posting import results
from posting.models import PostResult
from posting.results import Delivery
from posting.states import State
from providers.kit.contract import Provider, Receipt
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    Rejected,
    StillWorking,
    Throttled,
    Uncertain,
)
from providers.kit.http import correlation, listening
from tokens import speak
from tokens.networks import network
from workers import breaker, gates, retry
from workers.breaker import Verdict
from workers.gates import Ticket
from workers.publish import lease
from workers.say import moment

logger = logging.getLogger(__name__)
NEGATIVES_NEEDED = 2
MOST_LOOKS = 12
"""So far looks without an answer are counted: each makes the next pause longer."""
SLOWEST = timedelta(minutes=10)


@shared_task(name="workers.reconcile", ignore_result=True)
def reconcile(ids: Sequence[int]) -> None:
    """Resolve the uncertain results `ids`."""
    for pk in ids:
        look(pk)


def look(pk: int) -> None:
    """Ask the network for one uncertain result and decide by its answer."""
    clock, at = lease(), timezone.now()
    ticket = _admitted(pk, at)
    if ticket is None:
        return
    delivery = results.begin_look(pk, at, clock.span, clock)
    if delivery is None:
        gates.hand_back(ticket)
        return
    token = correlation.set(delivery.attempt.correlation_id)
    try:
        with listening() as heard:
            _ask(delivery, at)
    except NetworkError as problem:
        _no_answer(delivery, problem, timezone.now(), gates.told(ticket, problem, heard))
    except Exception:
        logger.exception("looking up result %s broke off", pk)
        broken = Uncertain("Something broke on our side while asking the network.")
        _no_answer(delivery, broken, timezone.now(), gates.told(ticket, broken, []))
    else:
        breaker.spread(gates.told(ticket, None, heard), timezone.now())
    finally:
        correlation.reset(token)


def _admitted(pk: int, at: datetime) -> Ticket | None:
    """The right to ask now; None if the network or the account is to be left alone a while."""
    waiting = PostResult.objects.filter(pk=pk, state=State.UNCERTAIN)
    result = waiting.select_related("account__token").first()
    if result is None:
        return None
    answer = gates.admit(result.account, at, posts=False)
    if isinstance(answer, Ticket):
        return answer
    waiting.update(due_at=answer.until, queued_at=None)
    return None


def repeat_is_harmless(provider: Provider, delivery: Delivery, at: datetime) -> bool:
    """Whether the same message may be sent again: the network would recognise it.

    One that is too late by now is only looked for: a repeat might be what brings it out.
    """
    late_at = delivery.result.late_at
    recognised = at - delivery.created_at < provider.resend_window
    return recognised and (late_at is None or at < late_at)


def _ask(delivery: Delivery, at: datetime) -> None:
    provider = network(delivery.result.provider)
    receipt: Receipt | None
    if repeat_is_harmless(provider, delivery, at):
        receipt = _repeat(delivery, provider, at)
    elif speak.can_find(provider):
        receipt = _search(delivery, at)
    else:
        _give_up(delivery, timezone.now(), f"{provider.label} cannot be asked for a lost post.")
        return
    if receipt:
        words = "The network has it: the earlier attempt had arrived or the repeat did."
        results.posted(delivery, receipt, timezone.now(), words=words)
    else:
        _negative(delivery, provider, timezone.now())


def _repeat(delivery: Delivery, provider: Provider, at: datetime) -> Receipt | None:
    """The same message once more. Refused by now, the earlier one may still have arrived."""
    try:
        account, enough = delivery.result.account, delivery.lease.enough
        return speak.publish(account, delivery.message, at, may_send=enough)
    except Rejected as problem:
        if isinstance(problem, Duplicate) or not speak.can_find(provider):
            raise
        if receipt := _search(delivery, at):
            return receipt
        raise  # and not seen once more: see `_refused`


def _search(delivery: Delivery, at: datetime) -> Receipt | None:
    """Look for it. A look that is refused tells nothing about the post."""
    try:
        return speak.find(delivery.result.account, delivery.message, at)
    except Rejected as problem:
        raise Uncertain(problem.words, status=problem.status) from None


def _negative(delivery: Delivery, provider: Provider, at: datetime) -> None:
    """The post is not seen; believed only when seen to be missing twice, spaced apart."""
    negatives = delivery.result.negatives + 1
    if negatives >= NEGATIVES_NEEDED and delivery.result.attempts >= settings.MAX_ATTEMPTS:
        results.not_seen(
            delivery,
            State.FAILED,
            at,
            words=f"{provider.label} does not show the post ({negatives} looks).",
            next_step="It did not arrive in as many tries as are allowed; stays failed.",
            error="unavailable",
        )
        return
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
    due_at = _next_look(provider, at)
    results.not_seen(
        delivery,
        State.UNCERTAIN,
        at,
        words=f"{provider.label} does not show the post (yet).",
        next_step=f"Looks once more at {moment(due_at)} before sending again.",
        due_at=due_at,
        negatives=negatives,
    )


def _next_look(provider: Provider, at: datetime) -> datetime:
    """When a listing that lags behind has had time to show the post."""
    return at + max(retry.settle(provider), timedelta(seconds=1))


def _refused(delivery: Delivery, problem: Rejected, at: datetime) -> None:
    """The repeat is refused and the post was not seen: believed when that has come twice.

    The first attempt may stand there all the same. Ended after one look, another try by hand would
    make a second copy as soon as the network has forgotten the key.
    """
    provider = network(delivery.result.provider)
    negatives = delivery.result.negatives + 1
    if negatives >= NEGATIVES_NEEDED or not speak.can_find(provider):
        step = "Stays failed until tried again."
        results.refused(delivery, State.FAILED, problem, at, next_step=step)
        return
    due_at = _next_look(provider, at)
    results.refused(
        delivery,
        State.UNCERTAIN,
        problem,
        at,
        next_step=f"{provider.label} does not show the post (yet): looks once more at"
        f" {moment(due_at)}.",
        due_at=due_at,
        negatives=negatives,
    )


def _no_answer(delivery: Delivery, problem: NetworkError, at: datetime, verdict: Verdict) -> None:
    """The network could not be asked, or refused the repeat; then the others are told."""
    _wait_for_answer(delivery, problem, at, verdict)
    breaker.spread(verdict, at)


def _wait_for_answer(
    delivery: Delivery, problem: NetworkError, at: datetime, verdict: Verdict
) -> None:
    """It is asked again, ever more rarely; `results.give_up` ends that after a day.

    While the network is in trouble looks are not counted.
    """
    if isinstance(problem, Duplicate) and problem.external_id:
        results.posted(delivery, Receipt(problem.external_id, problem.url), at)
        return
    if isinstance(problem, Rejected) and not isinstance(problem, Duplicate):
        _refused(delivery, problem, at)
        return
    if isinstance(problem, StillWorking) and delivery.taken:
        retry.not_yet(delivery, problem, at, verdict)
        return
    if isinstance(problem, Forbidden):
        _give_up(delivery, at, problem.words)
        return
    looks = min(delivery.result.looks - bool(verdict.until), MOST_LOOKS)
    due_at = at + min(SLOWEST, retry.backoff(delivery.result.looks) + timedelta(seconds=1))
    if isinstance(problem, StillWorking):  # not taken for certain: the doubt stays a doubt
        due_at = at + retry.patience(delivery, problem, at)
    if isinstance(problem, Throttled):
        due_at = retry.close_gate(delivery, problem, at, verdict)
    due_at = max(due_at, verdict.until or due_at)
    results.refused(
        delivery,
        State.UNCERTAIN,
        problem,
        at,
        next_step=f"Asks again at {moment(due_at)}.",
        due_at=due_at,
        looks=looks,
    )


def _give_up(delivery: Delivery, at: datetime, words: str) -> None:
    problem = Uncertain(words)
    results.refused(
        delivery,
        State.UNCONFIRMED,
        problem,
        at,
        next_step=retry.ONLY_A_PERSON,
    )
