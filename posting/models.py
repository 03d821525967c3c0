"""Post, PostResult (one post on one account) and Attempt (one try, never deleted)."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from posting.states import (
    CANCELLABLE,
    LATE,
    MOVING,
    REPEATABLE,
    PostState,
    State,
    allowed,
    post_state,
)
from tokens.models import SocialAccount

BATCH = 200


class PostQuerySet(models.QuerySet["Post"]):
    """Questions about posts."""

    def for_team(self, team: Team) -> Self:
        """The posts of one team, newest first, with their results at hand."""
        return (
            self.filter(team=team)
            .select_related("author")
            .prefetch_related("results__account")
            .order_by("-created_at", "-pk")
        )


class Post(models.Model):
    """A text that a team wants to publish. `key` names the form: sent twice, made once."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    text = models.TextField()
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = PostQuerySet.as_manager()

    class Meta:
        """A form makes one post."""

        constraints = [models.UniqueConstraint(fields=["team", "key"], name="one_post_per_form")]
        indexes = [models.Index(fields=["team", "-created_at"], name="post_newest")]

    def __str__(self) -> str:
        return self.text[:60]

    @property
    def state(self) -> PostState:
        """Derived from the results."""
        return post_state(result.state for result in self.results.all())

    @property
    def moving(self) -> bool:
        """Whether anything about it may still change by itself."""
        return any(result.state in MOVING for result in self.results.all())


class ResultQuerySet(models.QuerySet["PostResult"]):
    """Questions about results, and the only writers of their state."""

    def for_team(self, team: Team) -> Self:
        """The results of one team's posts."""
        return self.filter(post__team=team)

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
            "state = 'uncertain', epoch = epoch + 1, doubts = doubts + 1, lease_until = NULL,"
            " queued_at = NULL, due_at = %(due)s",
            dead,
            dead,
            BATCH,
            at=at,
            due=at + settle,
        )

    def queue_due(self, at: datetime, limit: int = BATCH) -> list[tuple[int, str]]:
        """Move due results to queued, oldest first; returns (id, provider) of each, once.

        One statement, so that any number of dispatchers may run it at the same time.
        """
        return self._returning(
            "state = 'queued', queued_at = %(at)s",
            "state = 'scheduled' AND due_at <= %(at)s ORDER BY due_at",
            "state = 'scheduled'",
            limit,
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
            " AND (lease_until IS NULL OR lease_until <= %(at)s)"
        )
        return self._returning(
            "queued_at = %(at)s", waiting, waiting, limit, at=at, before=at - patience
        )

    def fence(self, pk: int, at: datetime, lease: timedelta) -> int | None:
        """Commit the intent to send: the new epoch, or None if somebody else has the row."""
        return self._fence(
            "state = 'sending', attempts = attempts + 1,"
            " first_sent_at = COALESCE(first_sent_at, %(at)s)",
            "state = 'queued'",
            pk=pk,
            at=at,
            until=at + lease,
        )

    def fence_look(self, pk: int, at: datetime, lease: timedelta) -> int | None:
        """Commit the intent to look up an uncertain result: the new epoch, or None."""
        return self._fence(
            "looks = looks + 1",
            "state = 'uncertain' AND due_at <= %(at)s"
            " AND (lease_until IS NULL OR lease_until <= %(at)s)",
            pk=pk,
            at=at,
            until=at + lease,
        )

    def _fence(self, change: str, condition: str, **values: Any) -> int | None:
        table = connection.ops.quote_name(self.model._meta.db_table)
        sql = (
            f"UPDATE {table} SET epoch = epoch + 1, lease_until = %(until)s, {change}"  # noqa: S608
            f" WHERE id = %(pk)s AND {condition} RETURNING epoch"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, _adapted(values))
            row = cursor.fetchone()
        return int(row[0]) if row else None

    def _returning(
        self, change: str, chosen: str, still: str, limit: int, **values: datetime
    ) -> list[tuple[int, str]]:
        """One UPDATE … RETURNING over at most `limit` rows.

        The limit is a literal on purpose: with a bound parameter PostgreSQL plans for any limit
        and may leave the partial index. The choice is materialized, because PostgreSQL may run a
        plain subquery several times, and SKIP LOCKED then chooses other rows each time.
        """
        table = connection.ops.quote_name(self.model._meta.db_table)
        skip = " FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update else ""
        sql = (
            "WITH chosen AS MATERIALIZED"  # noqa: S608 - no outside text in it
            f" (SELECT id FROM {table} WHERE {chosen} LIMIT {int(limit)}{skip})"
            f" UPDATE {table} SET {change} WHERE id IN (SELECT id FROM chosen)"
            f" AND {still} RETURNING id, provider"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, _adapted(values))
            return [(int(pk), str(provider)) for pk, provider in cursor.fetchall()]


def _adapted(values: dict[str, Any]) -> dict[str, Any]:
    """Moments in the form in which Django stores them in this database."""
    adapt = connection.ops.adapt_datetimefield_value
    return {k: adapt(v) if isinstance(v, datetime) else v for k, v in values.items()}


class PostResult(models.Model):
    """One post on one account, from draft to its end; `state` is written by `move` alone."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="results")
    account = models.ForeignKey(SocialAccount, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=40)
    state = models.CharField(max_length=16, default=State.DRAFT)
    due_at = models.DateTimeField()
    queued_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    looks = models.PositiveIntegerField(default=0)
    negatives = models.PositiveIntegerField(default=0)
    doubts = models.PositiveIntegerField(default=0)
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
        """One result per post and account, in a known state; due rows are found by index."""

        constraints = [
            models.UniqueConstraint(fields=["post", "account"], name="one_result_per_account"),
            models.CheckConstraint(condition=Q(state__in=list(State)), name="known_result_state"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="scheduled"), name="result_due"),
            models.Index(fields=["queued_at"], condition=Q(state="queued"), name="result_queued"),
            models.Index(
                fields=["lease_until"], condition=Q(state="sending"), name="result_leased"
            ),
            models.Index(fields=["due_at"], condition=Q(state="uncertain"), name="result_doubt"),
        ]

    def __str__(self) -> str:
        return f"result {self.pk} on {self.provider}: {self.state}"

    @property
    def can_cancel(self) -> bool:
        """Whether it has certainly not gone out yet."""
        return self.state in CANCELLABLE

    @property
    def can_try_again(self) -> bool:
        """Whether a person may order another try, or send what has become late."""
        return self.state in REPEATABLE or (self.state == State.HELD and self.held_for == LATE)

    @property
    def can_confirm(self) -> bool:
        """Whether only a person can say if it is out."""
        return self.state == State.UNCONFIRMED


class Attempt(models.Model):
    """One try: a request that published, or a look whether an earlier one did. Never deleted."""

    result = models.ForeignKey(PostResult, on_delete=models.PROTECT, related_name="attempts_made")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=24, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    words = models.TextField(blank=True)
    next_step = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64)

    class Meta:
        """In the order they happened; every epoch has one."""

        ordering = ["started_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["result", "number"], name="one_attempt_per_epoch")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of {self.result}"
