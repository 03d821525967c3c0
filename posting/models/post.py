"""Post: a text that a team wants to publish, and what people ask about posts."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from accounts.models import Team, User
from accounts.states import WhenLate
from posting.states import MOVING, PostState, post_state

WRITTEN = Coalesce("saved_at", "created_at")


class PostQuerySet(models.QuerySet["Post"]):
    """Questions about posts."""

    def kept(self, team: Team) -> Self:
        """The posts of one team that nobody has deleted, drafts among them."""
        return self.filter(team=team, deleted_at__isnull=True)

    def drafts(self, team: Team) -> Self:
        """What a team has begun and not scheduled, what was saved last first."""
        mine = self.kept(team).filter(draft=True)
        return mine.select_related("author").order_by("-saved_at", "-pk")

    def written_by(self, author: User, since: datetime) -> Self:
        """What a person has given to go out after `since`, what was given last first.

        What was a draft counts from when it was last saved, which is when it was sent.
        """
        mine = self.filter(GreaterThan(WRITTEN, Value(since)), author=author, draft=False)
        return mine.order_by(WRITTEN.desc())

    def for_team(self, team: Team) -> Self:
        """The posts of one team, newest first, with their results at hand."""
        return (
            self.kept(team)
            .select_related("author")
            .prefetch_related("results__account", "labels")
            .order_by("-created_at", "-pk")
        )


class Post(models.Model):
    """A text that a team wants to publish. `key` names the form: sent twice, made once.

    What follows the text stands in `parts`. `link` is the page that it is about, if there is one.

    It may go out until `late_after` behind its time; `when_late` says what happens then.
    `version` counts what people changed: who saw an older one may not change it. A draft has no
    moment yet: `wish` is when its author would like it out, and `due_at` says the same or nothing.
    What somebody deleted has `deleted_at` and is shown nowhere.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    text = models.TextField()
    link = models.URLField(max_length=2000, blank=True, default="", db_default="")
    due_at = models.DateTimeField()
    late_after = models.DurationField(null=True, blank=True)
    when_late = models.CharField(max_length=8, default=WhenLate.HOLD, db_default="hold")
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(default=timezone.now)
    draft = models.BooleanField(default=False, db_default=False)
    wish = models.DateTimeField(null=True, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        """A form makes one post."""

        constraints = [
            models.UniqueConstraint(fields=["team", "key"], name="one_post_per_form"),
            models.CheckConstraint(
                condition=Q(when_late__in=list(WhenLate)), name="known_wish_of_post"
            ),
        ]
        indexes = [
            models.Index(
                fields=["team", "-created_at", "-id"],
                condition=Q(deleted_at__isnull=True),
                name="post_kept",
            ),
            models.Index(fields=["team"], condition=Q(deleted_at__isnull=False), name="post_gone"),
            models.Index(fields=["team", "due_at"], name="post_by_day"),
            models.Index(F("author"), WRITTEN.desc(), name="post_by_author"),
            models.Index(fields=["team", "-saved_at"], condition=Q(draft=True), name="post_drafts"),
        ]

    def __str__(self) -> str:
        return self.text[:60]

    @property
    def state(self) -> PostState:
        """Derived from the results; a part that waits for another one stands where that stands."""
        return post_state(r.state for r in self.results.all() if not r.waits_for_part)

    @property
    def moving(self) -> bool:
        """Whether anything about it may still change by itself."""
        return any(result.state in MOVING for result in self.results.all())

    @property
    def can_edit(self) -> bool:
        """Whether something waits and nothing of it is or may be out."""
        results = list(self.results.all())
        return any(r.is_open and not r.part for r in results) and not any(
            r.may_be_out for r in results
        )
