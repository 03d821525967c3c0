"""What becomes of a delivery: its beginning behind the fence, and its end, both committed whole.

Every write after the fence carries the epoch of its owner; the attempt's own row is written
whatever became of the fence, because history is never lost.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from posting.models import Attempt, PostResult
from posting.states import LATE, State
from providers.kit.contract import Message, Receipt
from providers.kit.errors import NetworkError
from tokens.states import AccountState

HELD_WORDS = {
    AccountState.RECONNECT: "The account has to be connected again; then this goes on by itself.",
    AccountState.PAUSED: "The account is paused; this goes on when it is resumed.",
    AccountState.DISCONNECTED: "The account was disconnected.",
}
LATE_WORDS = "It is late by now: send it anyway, or cancel it."


@dataclass(frozen=True, slots=True)
class Delivery:
    """The right to act on one result until its lease ends; `before` is the state it is held in."""

    result: PostResult
    attempt: Attempt
    epoch: int
    before: State

    @property
    def message(self) -> Message:
        """What to publish; the same at every attempt."""
        return Message(
            text=self.result.post.text,
            key=str(self.result.marker),
            created_at=self.result.first_sent_at or self.attempt.started_at,
        )


def begin(pk: int, at: datetime, lease: timedelta) -> Delivery | None:
    """Fence a queued result for sending; None if it is no longer waiting for that."""
    with transaction.atomic():
        epoch = PostResult.objects.fence(pk, at, lease)
        return _held(pk, epoch, at, "publish", State.SENDING) if epoch else None


def begin_look(pk: int, at: datetime, lease: timedelta) -> Delivery | None:
    """Fence an uncertain result for looking it up; None if somebody else is at it."""
    with transaction.atomic():
        epoch = PostResult.objects.fence_look(pk, at, lease)
        return _held(pk, epoch, at, "look", State.UNCERTAIN) if epoch else None


def _held(pk: int, epoch: int, at: datetime, kind: str, before: State) -> Delivery:
    result = PostResult.objects.select_related("post", "account__token").get(pk=pk)
    attempt = Attempt.objects.create(
        result=result, number=epoch, kind=kind, started_at=at, correlation_id=uuid.uuid4().hex
    )
    return Delivery(result, attempt, epoch, before)


def posted(delivery: Delivery, receipt: Receipt, at: datetime, words: str = "") -> bool:
    """Record the receipt; False if somebody else took the result over meanwhile."""
    return _end(
        delivery,
        State.POSTED,
        at,
        outcome="posted",
        said=words,
        posted_at=at,
        external_id=receipt.external_id,
        external_url=receipt.url,
        error="",
        words="",
    )


def refused(
    delivery: Delivery,
    after: State,
    problem: NetworkError,
    at: datetime,
    *,
    next_step: str,
    **fields: Any,
) -> bool:
    """Record what the network said and where the result goes; False if it was taken over."""
    return _end(
        delivery,
        after,
        at,
        outcome=problem.outcome,
        said=problem.words,
        http_status=problem.status,
        next_step=next_step,
        error=problem.outcome,
        words=problem.words,
        **fields,
    )


def not_seen(
    delivery: Delivery, after: State, at: datetime, *, words: str, next_step: str, **fields: Any
) -> bool:
    """Record a look that did not find the post."""
    return _end(delivery, after, at, outcome="not seen", said=words, next_step=next_step, **fields)


def _end(
    delivery: Delivery,
    after: State,
    at: datetime,
    *,
    outcome: str,
    said: str = "",
    http_status: int | None = None,
    next_step: str = "",
    **fields: Any,
) -> bool:
    with transaction.atomic():
        moved = PostResult.objects.filter(pk=delivery.result.pk).move(
            [delivery.before],
            after,
            epoch=delivery.epoch,
            lease_until=None,
            queued_at=None,
            **fields,
        )
        Attempt.objects.filter(pk=delivery.attempt.pk).update(
            ended_at=at,
            outcome=outcome,
            http_status=http_status,
            words=said,
            next_step=next_step if moved else "Somebody else had taken this over meanwhile.",
        )
    return bool(moved)


def abandon(at: datetime, settle: timedelta) -> int:
    """Results whose worker died while sending become uncertain; returns how many."""
    with transaction.atomic():
        lost = PostResult.objects.abandon(at, settle)
        Attempt.objects.filter(
            result_id__in=[pk for pk, _ in lost], kind="publish", ended_at__isnull=True
        ).update(
            ended_at=at,
            outcome="lost",
            words="The worker ended before the answer was recorded.",
            next_step="Ask the network whether the post arrived.",
        )
    return len(lost)


def hold_unusable() -> int:
    """Waiting results whose account cannot post now are held, with the reason; returns how many."""
    waiting = [State.SCHEDULED, State.QUEUED]
    return sum(
        PostResult.objects.filter(account__state=reason).move(
            waiting, State.HELD, held_for=reason, queued_at=None, error="", words=words
        )
        for reason, words in HELD_WORDS.items()
    )


def release(at: datetime, late: timedelta) -> int:
    """Held results go on once their account can post again; returns how many.

    Those that are later than `late` by now wait for a person's decision.
    """
    back = PostResult.objects.filter(
        state=State.HELD, held_for__in=list(HELD_WORDS), account__state=AccountState.CONNECTED
    )
    back.filter(due_at__lt=at - late).update(held_for=LATE, words=LATE_WORDS)
    return back.filter(due_at__gte=at - late).move(
        [State.HELD], State.SCHEDULED, held_for="", error="", words=""
    )
