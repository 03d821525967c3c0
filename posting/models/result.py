"""PostResult: one post on one account, and the only writers of its state."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q, Value

from accounts.models import Notice, Team
from posting import claims
from posting.models.post import Post
from posting.states import CANCELLABLE, CHAIN, LATE, REPEATABLE, STOPPED, State, allowed
from tokens import rotate
from tokens.models import SocialAccount

BATCH = 200
IN_TIME = "(late_at IS NULL OR late_at > %(at)s)"
NOTABLE = timedelta(minutes=10)
"""From how far behind its moment on a post counts as having waited."""
MOST_LOOKS = 40
"""More than the reconciler needs at its worst: what is begun so often kills whoever looks."""
SAVED = "result:{pk}:saved"
"""What the sealed steps of a delivery are bound to."""


class ResultQuerySet(models.QuerySet["PostResult"]):
    """Questions about results, and the only writers of their state."""

    def for_team(self, team: Team) -> Self:
        """The results of one team's posts."""
        return self.filter(post__team=team)

    def update(self, **fields: Any) -> int:
        """As ever, but nobody waits in a circle: see `claims.in_order`."""
        rows: models.QuerySet[PostResult] = claims.in_order(self)
        return models.QuerySet.update(rows, **fields)

    def failed_since(self, since: datetime) -> Self:
        """What failed and was due after `since`."""
        return self.filter(state=State.FAILED, due_at__gt=since)

    def late(self, at: datetime, limit: int = BATCH) -> list[int]:
        """Ids of waiting results that may not go out by themselves any more, latest last."""
        return claims.late(self.model, at, limit)

    def move(
        self, before: Collection[State], after: State, *, epoch: int | None = None, **fields: Any
    ) -> int:
        """Compare-and-set: those of these results that are in `before` go to `after`.

        `epoch` fences the write: a row that somebody else took over meanwhile does not change.
        Returns how many moved; raises ValueError for a move that the table does not allow.
        """
        if wrong := [state for state in before if not allowed(state, after)]:
            raise ValueError(f"no move from {', '.join(wrong)} to {after}")
        rows = self.filter(state__in=list(before))
        if epoch is not None:
            rows = rows.filter(epoch=epoch)
        return rows.update(state=after, **fields)

    def abandon(self, at: datetime, settle: timedelta) -> list[tuple[int, str]]:
        """Results whose owner died while sending become uncertain, to be looked up after `settle`.

        Returns (id, provider) of each; the raised epoch keeps a late owner from writing.
        """
        dead = "state = 'sending' AND lease_until < %(at)s"
        return self._returning(
            "state = 'uncertain', epoch = epoch + 1, doubts = doubts + 1, negatives = 0,"
            " lease_until = NULL, queued_at = NULL, due_at = %(due)s",
            dead,
            dead,
            BATCH,
            at=at,
            due=at + settle,
        )

    def queue_due(self, at: datetime, limit: int = BATCH) -> list[tuple[int, str]]:
        """Move due results to queued, by turns of their accounts; (id, provider) of each, once.

        Nobody has more than a share in the workers' hands, so no flood keeps others waiting.

        One statement, so that any number of dispatchers may run it at the same time.
        """
        due = f"state = 'scheduled' AND due_at <= %(at)s AND {IN_TIME}"
        account, provider = settings.ACCOUNT_SHARE, settings.PROVIDER_SHARE
        return self._returning(
            "state = 'queued', queued_at = %(at)s",
            f"{claims.among('fair')} AND state = 'scheduled'",
            "state = 'scheduled'",
            limit,
            claims.shares(self.model, due, account=account, provider=provider, limit=limit),
            at=at,
        )

    def ring_again(
        self, at: datetime, patience: timedelta, limit: int = BATCH
    ) -> list[tuple[int, str]]:
        """Queued results whose bell went unanswered for `patience`: (id, provider) of each."""
        before = "state = 'queued' AND queued_at <= %(before)s"
        return self._returning(
            "queued_at = %(at)s", before, before, limit, at=at, before=at - patience
        )

    def look_due(
        self, at: datetime, patience: timedelta, limit: int = BATCH
    ) -> list[tuple[int, str]]:
        """Uncertain results that should be looked up now: (id, provider) of each."""
        waiting = (
            "state = 'uncertain' AND due_at <= %(at)s"
            " AND (queued_at IS NULL OR queued_at <= %(before)s)"
            f" AND (lease_until IS NULL OR lease_until <= %(at)s) AND looks < {MOST_LOOKS}"
        )
        return self._returning(
            "queued_at = %(at)s", waiting, waiting, limit, at=at, before=at - patience
        )

    def poll_due(
        self, at: datetime, patience: timedelta, limit: int = BATCH
    ) -> list[tuple[int, str]]:
        """Results on which the network was at work, to be asked about now: (id, provider)."""
        waiting = (
            "state = 'processing' AND due_at <= %(at)s"
            " AND (queued_at IS NULL OR queued_at <= %(before)s)"
        )
        return self._returning(
            "queued_at = %(at)s", waiting, waiting, limit, at=at, before=at - patience
        )

    def fence(self, pk: int, at: datetime, lease: timedelta) -> int | None:
        """Commit the intent to send: the new epoch, or None if it is not to be sent now.

        Somebody else has the row then, or it has become late while it waited in the queue.
        """
        return claims.fence(
            self.model,
            "state = 'sending', attempts = attempts + 1,"
            " first_sent_at = COALESCE(first_sent_at, %(at)s), waited = CASE"
            " WHEN waited = '' AND planned_at <= %(noted)s THEN 'time' ELSE waited END",
            f"state = 'queued' AND {IN_TIME}",
            pk=pk,
            at=at,
            until=at + lease,
            noted=at - NOTABLE,
        )

    def fence_look(self, pk: int, at: datetime, lease: timedelta) -> int | None:
        """Commit the intent to look up an uncertain result: the new epoch, or None."""
        return claims.fence(
            self.model,
            "looks = looks + 1",
            "state = 'uncertain' AND due_at <= %(at)s"
            f" AND (lease_until IS NULL OR lease_until <= %(at)s) AND looks < {MOST_LOOKS}",
            pk=pk,
            at=at,
            until=at + lease,
        )

    def fence_poll(self, pk: int, at: datetime, lease: timedelta) -> int | None:
        """Commit the intent to ask a network that is at work: the new epoch, or None.

        It is sending then, since the answer may be that the post stands. No attempt is used, and
        it is never too late for what the network has had in time.
        """
        return claims.fence(
            self.model,
            "state = 'sending', polls = polls + 1",
            "state = 'processing' AND due_at <= %(at)s",
            pk=pk,
            at=at,
            until=at + lease,
        )

    def _returning(
        self, change: str, chosen: str, still: str, limit: int, first: str = "", **values: datetime
    ) -> list[tuple[int, str]]:
        return claims.claim(self.model, change, chosen, still, limit, first, **values)


class PostResult(models.Model):
    """One post on one account, from draft to its end; `state` is written by `move` alone.

    `planned_at` is the moment that a person asked for: retries move `due_at`, never this. After
    `late_at` it does not go out by itself. `waited` says why it was late, `digest` who was told.
    `part` is its place in a thread, 0 the first; `text` is this account's own, None where it is
    that of the post or part; `options` are the values of its network's own blanks. `saved` holds,
    sealed, what the steps of this delivery came to. `processing_since`: when the network first
    said that it has everything and is at work; `polls`: how often it was asked since.
    `slotted`: it was late once and took the next free slot; it does so only once.
    """

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="results")
    account = models.ForeignKey(SocialAccount, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=40)
    part = models.PositiveSmallIntegerField(default=0, db_default=0)
    text = models.TextField(null=True, blank=True)
    options = models.JSONField(default=dict, blank=True, db_default=Value({}, models.JSONField()))
    state = models.CharField(max_length=16, default=State.DRAFT)
    due_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True, blank=True)
    late_at = models.DateTimeField(null=True, blank=True)
    waited = models.CharField(max_length=16, blank=True, default="", db_default="")
    slotted = models.BooleanField(default=False, db_default=False)
    digest = models.ForeignKey(
        Notice,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    queued_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    looks = models.PositiveIntegerField(default=0)
    negatives = models.PositiveIntegerField(default=0)
    doubts = models.PositiveIntegerField(default=0)
    polls = models.PositiveIntegerField(default=0, db_default=0)
    processing_since = models.DateTimeField(null=True, blank=True)
    saved = models.TextField(blank=True, default="", db_default="", editable=False)
    marker = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    external_id = models.CharField(max_length=500, blank=True)
    external_url = models.URLField(max_length=1000, blank=True)
    error = models.CharField(max_length=24, blank=True)
    words = models.TextField(blank=True)
    held_for = models.CharField(max_length=16, blank=True)

    objects = ResultQuerySet.as_manager()

    class Meta:
        """One result per part and account, in a known state; due rows are found by index."""

        constraints = [
            models.UniqueConstraint(fields=["post", "account", "part"], name="one_result_per_part"),
            models.CheckConstraint(condition=Q(state__in=list(State)), name="known_result_state"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="scheduled"), name="result_due"),
            models.Index(fields=["queued_at"], condition=Q(state="queued"), name="result_queued"),
            models.Index(
                fields=["lease_until"], condition=Q(state="sending"), name="result_leased"
            ),
            models.Index(fields=["due_at"], condition=Q(state="uncertain"), name="result_doubt"),
            models.Index(fields=["late_at"], condition=Q(state="scheduled"), name="result_late"),
            models.Index(fields=["due_at"], condition=Q(state="failed"), name="result_failed"),
            models.Index(fields=["late_at"], condition=Q(waited="time"), name="result_too_late"),
            models.Index(fields=["account"], condition=Q(state="held"), name="result_held"),
            models.Index(
                fields=["post"], condition=Q(state="unconfirmed"), name="result_unconfirmed"
            ),
            models.Index(fields=["due_at"], condition=Q(state="processing"), name="result_at_work"),
            models.Index(
                fields=["post", "account"],
                condition=Q(state="held", held_for="chain"),
                name="result_chained",
            ),
            models.Index(
                fields=["waited"],
                condition=Q(digest__isnull=True) & ~Q(waited=""),
                name="result_untold",
            ),
            models.Index(fields=["account", "planned_at"], name="result_lane"),
            models.Index(fields=["account", "state", "error"], name="result_standing"),
            models.Index(fields=["digest"], condition=Q(digest__isnull=False), name="result_told"),
        ]

    def __str__(self) -> str:
        return f"result {self.pk} on {self.provider}: {self.state}"

    @property
    def can_cancel(self) -> bool:
        """Whether it has certainly not gone out yet."""
        return self.state in CANCELLABLE

    @property
    def is_open(self) -> bool:
        """Whether what it says can still be changed: nothing of it was ever in doubt."""
        return self.state in CANCELLABLE and not self.doubts

    @property
    def may_be_out(self) -> bool:
        """Whether a reader may see it already, or in a moment."""
        return not self.is_open and (self.state not in STOPPED or self.doubts > 0)

    @property
    def can_try_again(self) -> bool:
        """Whether a person may order another try, or send what has become late."""
        return self.state in REPEATABLE or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether it could not go out in time and waits for a person's decision."""
        return self.state == State.HELD and self.held_for == LATE

    @property
    def was_tried(self) -> bool:
        """Whether it has a history that stays."""
        return bool(self.attempts_made.all())

    @property
    def waits_for_part(self) -> bool:
        """Whether it goes on by itself once the part before it is out."""
        return self.state == State.HELD and self.held_for == CHAIN

    @property
    def can_confirm(self) -> bool:
        """Whether only a person can say if it is out."""
        return self.state == State.UNCONFIRMED


rotate.COLUMNS.append(rotate.Column(PostResult, "saved", SAVED))
