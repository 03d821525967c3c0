"""What becomes of a delivery: its beginning behind the fence, and its end, both committed whole.

Every write after the fence carries the epoch of its owner; the attempt's own row is written
whatever became of the fence, because history is never lost.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from posting import chain, rules
from posting.media import attached
from posting.models import BATCH, MOST_LOOKS, NOTABLE, Attempt, PostResult, ResultQuerySet
from posting.states import State
from posting.steps import Kept, Lease
from providers.kit.contract import Message, Receipt
from providers.kit.errors import NetworkError, Unavailable
from providers.kit.steps import TAKEN
from tokens.states import AccountState

HELD_WORDS = {
    AccountState.RECONNECT: "The account has to be connected again; then this goes on by itself.",
    AccountState.PAUSED: "The account is paused; this goes on when it is resumed.",
    AccountState.DISCONNECTED: "The account was disconnected.",
}
LIMITED, TROUBLE = "limited", "trouble"
"""Why a result waits that nobody has refused: its account's gate is closed, its network away."""
PUT_OFF = (TROUBLE, Unavailable.outcome)
"""Of a result that waits: its network is away."""
UNTOLD_WORDS = "The network could not be asked for too long whether the post arrived."
SILENT_WORDS = "The network took the post and never said whether it is out."
DOUBT_ENDS = timedelta(days=1)
UNASKED_ENDS = timedelta(days=7)
PUBLISH, LOOK, POLL = "publish", "look", "poll"
"""Kinds of attempts: a request that publishes, a look for a lost one, the question "is it out?"."""


@dataclass(frozen=True)
class Delivery:
    """The right to act on one result until its lease ends; `before` is the state it is held in."""

    result: PostResult
    attempt: Attempt
    epoch: int
    before: State
    lease: Lease

    @property
    def created_at(self) -> datetime:
        """The moment of the first attempt."""
        return self.result.first_sent_at or self.attempt.started_at

    @cached_property
    def kept(self) -> Kept:
        """What its steps came to, and where they are kept."""
        return Kept(self.result, self.epoch, self.before, self.lease)

    @cached_property
    def message(self) -> Message:
        """What to publish; the same at every attempt."""
        result = self.result
        limits = result.account.limits
        media = attached(result.post_id, result.part, result.provider, limits)
        text, link = rules.placed(
            chain.words_of(result),
            "" if result.part else result.post.link,
            limits,
            beside_media=bool(media),
        )
        reply_to, root = chain.receipts(result)
        return Message(
            text=text,
            key=str(result.marker),
            created_at=self.created_at,
            link=link,
            media=media,
            options=result.options or {},
            reply_to=reply_to,
            root=root,
            saved=self.kept,
        )

    @property
    def taken(self) -> bool:
        """Whether the network has everything already, so that the post may appear by itself."""
        return self.attempt.kind == POLL or self.ticketed

    @property
    def ticketed(self) -> bool:
        """Whether a ticket is kept, so that no answer but a refusal says that nothing is out."""
        try:
            return bool(self.kept.get(TAKEN))
        except Unavailable:  # the steps do not open: nobody can tell
            return True


def begin(pk: int, at: datetime, lease: timedelta, clock: Lease | None = None) -> Delivery | None:
    """Fence a queued result for sending; None if it is no longer waiting for that.

    `clock`: the lease by the worker's own clock, started no later than `at` was read.
    """
    clock = clock or Lease(lease)
    with transaction.atomic():
        epoch = PostResult.objects.fence(pk, at, lease)
        if not epoch:
            return None
        return _held(_attempt(pk, epoch, at, PUBLISH), epoch, State.SENDING, clock)


def begin_look(
    pk: int, at: datetime, lease: timedelta, clock: Lease | None = None
) -> Delivery | None:
    """Fence an uncertain result for looking it up; None if somebody else is at it."""
    clock = clock or Lease(lease)
    with transaction.atomic():
        epoch = PostResult.objects.fence_look(pk, at, lease)
        if not epoch:
            return None
        _close(Attempt.objects.filter(result=pk, kind=LOOK), at, "Asks the network again.")
        return _held(_attempt(pk, epoch, at, LOOK), epoch, State.UNCERTAIN, clock)


def begin_poll(
    pk: int, at: datetime, lease: timedelta, clock: Lease | None = None
) -> Delivery | None:
    """Fence a result that its network is at work on; None if somebody else asks already.

    Questions in a row share one line of the history: it says the last answer, and how many.
    """
    clock = clock or Lease(lease)
    with transaction.atomic():
        epoch = PostResult.objects.fence_poll(pk, at, lease)
        if not epoch:
            return None
        last = Attempt.objects.filter(result=pk).order_by("number").last()
        if last is None or last.kind != POLL:
            return _held(_attempt(pk, epoch, at, POLL), epoch, State.SENDING, clock)
        last.number, last.ended_at = epoch, None
        last.save(update_fields=["number", "ended_at"])
        return _held(last, epoch, State.SENDING, clock)


def _attempt(pk: int, epoch: int, at: datetime, kind: str) -> Attempt:
    return Attempt.objects.create(
        result_id=pk, number=epoch, kind=kind, started_at=at, correlation_id=uuid.uuid4().hex
    )


def _held(attempt: Attempt, epoch: int, before: State, clock: Lease) -> Delivery:
    held = PostResult.objects.select_related("post", "account__token")
    return Delivery(held.get(pk=attempt.result_id), attempt, epoch, before, clock)


def posted(delivery: Delivery, receipt: Receipt, at: datetime, words: str = "") -> bool:
    """Record the receipt, and let the next part of a thread go; False if it was taken over."""
    result = delivery.result
    with transaction.atomic():
        moved = _end(
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
            saved="",
        )
        if moved:
            chain.release(at, result.post_id, result.part + 1)
    return moved


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
        tries = Attempt.objects.filter(
            result_id__in=[pk for pk, _ in lost], kind__in=[PUBLISH, POLL]
        )
        _close(tries, at, "Ask the network whether the post arrived.")
    return len(lost)


def _close(tries: QuerySet[Attempt], at: datetime, next_step: str) -> None:
    """Those of these attempts that nobody will end any more."""
    tries.filter(ended_at__isnull=True).update(
        ended_at=at,
        outcome="lost",
        words="The worker ended before the answer was recorded.",
        next_step=next_step,
    )


def hold_unusable() -> int:
    """Waiting results whose account cannot post now are held, with the reason; returns how many.

    Those that are held already say the reason of today: a paused account may be disconnected.
    """
    waiting, moved = [State.SCHEDULED, State.QUEUED], 0
    for reason, words in HELD_WORDS.items():
        theirs = PostResult.objects.filter(account__state=reason)
        why: dict[str, Any] = {"held_for": reason, "error": "", "words": words}
        moved += theirs.move(waiting, State.HELD, queued_at=None, **why)
        stale = [other for other in HELD_WORDS if other != reason]
        theirs.filter(state=State.HELD, held_for__in=stale).update(**why)
    return moved


def release(at: datetime) -> int:
    """Held results go on once their account can post again; returns how many.

    They keep their time, so that the oldest goes first; what is too late by now is judged next.
    """
    back = PostResult.objects.filter(
        state=State.HELD, held_for__in=list(HELD_WORDS), account__state=AccountState.CONNECTED
    )
    back.filter(waited="", planned_at__lte=at - NOTABLE).update(waited=F("held_for"))
    return back.move([State.HELD], State.SCHEDULED, held_for="", error="", words="")


def give_up(at: datetime) -> int:
    """Results of which the network has told nothing for too long go to a person; how many.

    A doubt ends a day after it was first asked about, a week after the last try if it never could
    be asked about, or when asking itself keeps breaking off; what a network is still working on
    ends PROCESSING_ENDS_S after it first said so.
    """
    day, week = at - DOUBT_ENDS, at - UNASKED_ENDS
    tries = Attempt.objects.filter(result=OuterRef("pk"))
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
    old = Exists(tries.filter(kind="look", started_at__lt=day)) & ~Exists(
        tries.filter(kind="publish", started_at__gte=day)
    )
    doubtful = PostResult.objects.filter(free, state=State.UNCERTAIN)
    unasked = Exists(tries) & ~Exists(tries.filter(started_at__gte=week))
    doubtful = doubtful.filter(old | unasked | Q(looks__gte=MOST_LOOKS))
    since = Coalesce("processing_since", "first_sent_at", "due_at")
    ended = at - timedelta(seconds=settings.PROCESSING_ENDS_S)
    silent = PostResult.objects.alias(since=since).filter(since__lt=ended)
    end: dict[str, Any] = {"queued_at": None, "lease_until": None, "error": "uncertain"}
    moved = _chosen(doubtful).move([State.UNCERTAIN], State.UNCONFIRMED, words=UNTOLD_WORDS, **end)
    return moved + _chosen(silent.filter(state=State.PROCESSING)).move(
        [State.PROCESSING], State.UNCONFIRMED, words=SILENT_WORDS, **end
    )


def _chosen(rows: ResultQuerySet) -> ResultQuerySet:
    """These rows by their numbers, so that what is asked of their history is asked once."""
    return PostResult.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:BATCH]))


def put_off(rows: ResultQuerySet, at: datetime, until: datetime, *, error: str, words: str) -> int:
    """Those of these results that are due wait until then and say why; no attempt is used.

    So do those that wait for the same reason already. All get the same moment: what was planned
    first goes first.
    """
    late: dict[str, Any] = {"due_at": until, "error": error, "words": words}
    due = rows.filter(Q(due_at__lte=at) | Q(error=error), due_at__lt=until)
    moved = due.filter(state=State.SCHEDULED).update(**late)
    return moved + due.move([State.QUEUED], State.SCHEDULED, queued_at=None, **late)


def bring_forward(rows: ResultQuerySet, at: datetime) -> int:
    """What waited for a network in trouble is due now; how many. Nothing goes before its time."""
    waiting = rows.filter(state=State.SCHEDULED, error__in=PUT_OFF)
    past = waiting.filter(Q(planned_at=None) | Q(planned_at__lte=at), due_at__gt=at)
    return past.update(due_at=at, error="", words="")
