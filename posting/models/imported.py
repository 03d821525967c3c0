"""Import and ImportRow: a table of posts that somebody brought along, row by row."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from posting.models.post import Post


class Import(models.Model):
    """A confirmed table; its rows become posts in their order, and none twice."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

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


class ImportRow(models.Model):
    """One row: its plan as it was confirmed, and the post that was made of it or what was wrong."""

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
