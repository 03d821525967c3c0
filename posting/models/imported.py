"""Import, ImportFile and ImportRow: a table of posts that somebody brought along, row by row."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from posting.models.post import Post
from posting.states import Stage


class ImportQuerySet(models.QuerySet["Import"]):
    """Questions about tables."""

    def for_team(self, team: Team) -> Self:
        """A team's tables, newest first, without what stood in the files."""
        mine = self.filter(team=team).select_related("author", "file").defer("file__data")
        return mine.order_by("-created_at", "-pk")

    def open(self) -> Self:
        """What is not over, oldest first."""
        return self.filter(ended_at__isnull=True).order_by("created_at", "pk")


class Import(models.Model):
    """A table; once somebody has confirmed it, its rows become posts in their order, none twice."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        """A form makes one; those under way are found by index."""

        constraints = [models.UniqueConstraint(fields=["team", "key"], name="one_import_per_form")]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(ended_at__isnull=True), name="import_open"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        if self.ended_at:
            return Stage.ENDED
        if self.confirmed_at:
            return Stage.GOING
        if self.file.chosen_at is None:
            return Stage.BROUGHT
        return Stage.TRYING if self.file.tried < self.file.total else Stage.TRIED


class ImportFile(models.Model):
    """What stood in the file of a table, until it is confirmed, and what its columns hold.

    `mapping` is what somebody chose at `chosen_at`, {} so far; of `total` rows `tried` were looked
    at since.
    """

    table = models.OneToOneField(Import, on_delete=models.CASCADE, related_name="file")
    data = models.BinaryField()
    columns = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    mapping = models.JSONField(default=dict)
    chosen_at = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    tried = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"file of {self.table}"


class ImportRow(models.Model):
    """One row: its cells and what they mean, and the post that was made of it or what was wrong.

    A row that has a problem before it is `done_at` was refused when it was tried.
    """

    table = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    plan = models.JSONField()
    post = models.ForeignKey(
        Post, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    done_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    class Meta:
        """A number stands once in a table."""

        constraints = [
            models.UniqueConstraint(fields=["table", "number"], name="one_row_per_number")
        ]
        indexes = [
            models.Index(
                fields=["table", "number"], condition=Q(done_at__isnull=True), name="row_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.table}"
