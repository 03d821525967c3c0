"""Undoable: something a person did a moment ago, and how things stood before."""

from __future__ import annotations

import uuid

from django.db import models

from accounts.models import Team


class Undoable(models.Model):
    """One act that can be taken back until `until`, once, by its team alone.

    `before` lists the posts with what they and their results were, and the version that the act
    left behind: whatever changed since is never overwritten.
    """

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8)
    words = models.TextField()
    before = models.JSONField()
    until = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.words
