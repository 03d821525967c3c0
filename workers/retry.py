"""What follows each of the seven errors: one table, one function."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from posting import results
from posting.results import Delivery
from posting.states import State
from providers.kit.contract import Provider, Receipt
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    NotFetched,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from tokens.networks import network
from workers import breaker, gates, unfetched
from workers.breaker import Verdict
from workers.say import moment

logger = logging.getLogger(__name__)
ONLY_A_PERSON = "Only a person can tell now: look at the account and say if it is there."
STAYS = "Stays failed until somebody orders another try."
FIRST_RESEND = timedelta(seconds=1)
ASK_AGAIN, SELDOM = timedelta(seconds=10), timedelta(minutes=10)


def follow(delivery: Delivery, problem: NetworkError, at: datetime, verdict: Verdict) -> None:
    """Write down what happened and move the result to what happens next; then tell the others."""
    problem = unfetched.judged(delivery, problem)
    if isinstance(problem, NotFetched) and not delivery.ticketed:
        _unfetched(delivery, problem, at, verdict)
    else:
        _follow(delivery, problem, at, verdict)
    breaker.spread(verdict, at)


def _follow(delivery: Delivery, problem: NetworkError, at: datetime, verdict: Verdict) -> None:
    if delivery.taken and not isinstance(problem, Rejected | Uncertain):
        not_yet(delivery, problem, at, verdict)
        return
    match problem:
        case Duplicate():
            _duplicate(delivery, problem, at)
        case Throttled():
            _throttled(delivery, problem, at, verdict)
        case Unavailable():
            _unavailable(delivery, problem, at, verdict)
        case StillWorking():
            not_yet(delivery, problem, at, verdict)
        case Uncertain():
            _uncertain(delivery, problem, at)
        case Unauthorized():
            _unauthorized(delivery, problem, at)
        case _:
            _failed(delivery, problem, at)


def backoff(attempts: int, draw: Callable[[float, float], float] = random.uniform) -> timedelta:
    """How long to wait after `attempts` tries: exponential with full jitter."""
    ceiling = min(settings.RETRY_CAP_S, settings.RETRY_BASE_S * 2 ** min(attempts, 20))
    return timedelta(seconds=draw(0, ceiling))


def settle(provider: Provider) -> timedelta:
    """How far apart look-ups of this network lie."""
    return timedelta(seconds=float(settings.SETTLE_S)) if settings.SETTLE_S else provider.settle


def first_look(provider: Provider) -> timedelta:
    """How long after a lost answer the network is asked; soon where a repeat is harmless."""
    return min(FIRST_RESEND, settle(provider)) if provider.resend_window else settle(provider)


def patience(delivery: Delivery, problem: NetworkError, at: datetime) -> timedelta:
    """Until a network at work is asked again: as it says, later a tenth of the time so far."""
    so_far = at - (delivery.result.processing_since or at)
    return max(problem.wait or ASK_AGAIN, min(SELDOM, so_far / 10))


def not_yet(delivery: Delivery, problem: NetworkError, at: datetime, verdict: Verdict) -> None:
    """The network has everything: it is asked again, whatever it says but a refusal of the post.

    Who may not ask any more, or does not understand the answer, leaves it to a person: it may
    appear all the same.
    """
    if isinstance(problem, Forbidden | Unexpected):
        if isinstance(problem, Unexpected):
            logger.error("%s needs the operator: %s", delivery.result.provider, problem.words)
        results.refused(delivery, State.UNCONFIRMED, problem, at, next_step=ONLY_A_PERSON)
        return
    due_at = at + patience(delivery, problem, at)
    if isinstance(problem, Throttled):
        due_at = close_gate(delivery, problem, at, verdict)
    due_at = max(due_at, verdict.until or due_at)
    polls = delivery.result.polls
    asked = f", asked {polls} time{'s' * (polls > 1)}" if polls else ""
    results.refused(
        delivery,
        State.PROCESSING,
        problem,
        at,
        next_step=f"The network is still working on it{asked}; asked again at {moment(due_at)}.",
        due_at=due_at,
        negatives=0,
        processing_since=delivery.result.processing_since or at,
    )


def _duplicate(delivery: Delivery, problem: Duplicate, at: datetime) -> None:
    """After a doubt, "I have it already" means that the doubtful attempt did arrive."""
    if not delivery.result.doubts:
        _failed(delivery, problem, at)
    elif problem.external_id:
        receipt = Receipt(problem.external_id, problem.url)
        results.posted(delivery, receipt, at, words=problem.words)
    else:
        _uncertain(delivery, Uncertain(problem.words, status=problem.status), at)


def close_gate(delivery: Delivery, problem: Throttled, at: datetime, verdict: Verdict) -> datetime:
    """The account, or all that come by our app, wait as long as the network says; until when."""
    wait = problem.wait if problem.wait is not None else backoff(delivery.result.attempts + 3)
    until = at + max(wait, timedelta(seconds=1)) + gates.apart(delivery.result.account_id)
    gates.closed(delivery.result, verdict, until, at)
    return until


def _throttled(delivery: Delivery, problem: Throttled, at: datetime, verdict: Verdict) -> None:
    """Wait; no attempt is used."""
    tries = delivery.result.attempts
    until = close_gate(delivery, problem, at, verdict)
    results.refused(
        delivery,
        State.SCHEDULED,
        problem,
        at,
        next_step=f"Goes on by itself at {moment(until)}; no attempt was used.",
        due_at=until,
        attempts=max(tries - 1, 0),
    )


def _unavailable(delivery: Delivery, problem: Unavailable, at: datetime, verdict: Verdict) -> None:
    """Another try; while the network is in trouble, or nobody can tell, that never ends it."""
    tries = delivery.result.attempts
    if delivery.kept.got_on:  # steps are few, so this ends: the next try goes on behind them
        tries -= 1
    if verdict.until:
        _left_alone(delivery, problem, at, verdict.until)
        return
    if tries >= settings.MAX_ATTEMPTS and verdict.known:
        _failed(delivery, problem, at)
        return
    due_at = at + (problem.wait if problem.wait is not None else backoff(tries))
    results.refused(
        delivery,
        State.SCHEDULED,
        problem,
        at,
        next_step=f"Tries again at {moment(due_at)} (try {tries + 1} of {settings.MAX_ATTEMPTS}).",
        due_at=due_at,
        attempts=tries,
    )


def _unfetched(delivery: Delivery, problem: NotFetched, at: datetime, verdict: Verdict) -> None:
    """Another try with a fresh address and nothing kept: what was made of the old one is no good.

    It always uses an attempt, however far it came, so that a site nobody can reach is told in time.
    """
    tries = delivery.result.attempts
    anew: dict[str, Any] = {"saved": "", "processing_since": None}
    if tries >= settings.MAX_ATTEMPTS:
        ended = unfetched.given_up(delivery, problem)
        results.refused(delivery, State.FAILED, ended, at, next_step=STAYS, **anew)
        return
    due_at = max(at + backoff(tries), verdict.until or at)
    results.refused(
        delivery,
        State.SCHEDULED,
        problem,
        at,
        next_step=f"Tries again at {moment(due_at)} (try {tries + 1} of {settings.MAX_ATTEMPTS}).",
        due_at=due_at,
        **anew,
    )


def _left_alone(delivery: Delivery, problem: Unavailable, at: datetime, until: datetime) -> None:
    """It waits with all others until the network is better; no attempt is used."""
    results.refused(
        delivery,
        State.SCHEDULED,
        problem,
        at,
        next_step=f"The network has trouble: this waits and goes on by itself, next try at"
        f" {moment(until)}; no attempt was used.",
        due_at=until,
        attempts=max(delivery.result.attempts - 1, 0),
    )


def _uncertain(delivery: Delivery, problem: NetworkError, at: datetime) -> None:
    due_at = at + first_look(network(delivery.result.provider))
    results.refused(
        delivery,
        State.UNCERTAIN,
        problem,
        at,
        next_step=f"Asks the network at {moment(due_at)} whether the post arrived.",
        due_at=due_at,
        doubts=delivery.result.doubts + 1,
        negatives=0,
    )


def _unauthorized(delivery: Delivery, problem: Unauthorized, at: datetime) -> None:
    """The account needs its owner; its posts wait, they do not fail."""
    results.refused(
        delivery,
        State.HELD,
        problem,
        at,
        next_step="Waits until the account is connected again, then goes on by itself.",
        held_for="reconnect",
        attempts=max(delivery.result.attempts - 1, 0),
    )


def _failed(delivery: Delivery, problem: NetworkError, at: datetime) -> None:
    if isinstance(problem, Unexpected):
        logger.error("%s needs the operator: %s", delivery.result.provider, problem.words)
    results.refused(delivery, State.FAILED, problem, at, next_step=STAYS)
