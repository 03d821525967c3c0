"""Attempt: one try of one result, never deleted."""

from __future__ import annotations

from django.db import models

from posting.models.result import PostResult


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
        """In the order they happened; every epoch has one. Few are not understood."""

        ordering = ["started_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["result", "number"], name="one_attempt_per_epoch")
        ]
        indexes = [
            models.Index(
                fields=["started_at"],
                condition=models.Q(outcome__in=["unexpected", "misconfigured"]),
                name="attempt_strange",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of {self.result}"
