"""Slot, Repeat and Occurrence: when a team's posts go out by habit."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from posting.models.post import Post
from tokens.models import SocialAccount


class SlotQuerySet(models.QuerySet["Slot"]):
    """Questions about slots."""

    def for_team(self, team: Team) -> Self:
        """The slots of one team's accounts, in the order of the week."""
        mine = self.filter(account__team=team).select_related("account__team")
        return mine.order_by("account", "weekday", "wall_time")


class Slot(models.Model):
    """A place in an account's week: every `weekday` (0 is Monday) at `wall_time`.

    It is read on the clocks of `zone`, of its team's zone where that is "", whatever the season.
    """

    account = models.ForeignKey(SocialAccount, on_delete=models.CASCADE, related_name="+")
    weekday = models.PositiveSmallIntegerField()
    wall_time = models.TimeField()
    zone = models.CharField(max_length=64, blank=True, default="")

    objects = SlotQuerySet.as_manager()

    class Meta:
        """An account has a place once, on a day that exists."""

        constraints = [
            models.UniqueConstraint(
                fields=["account", "weekday", "wall_time"], name="one_slot_per_place"
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="known_weekday"),
        ]

    def __str__(self) -> str:
        return f"slot of {self.account}: day {self.weekday}, {self.wall_time:%H:%M}"


class Repeat(models.Model):
    """A post that comes again by a rule; `texts` are taken in turn.

    `pattern` is a rule in the words of iCalendar; "" where `frequency` and the like say it all.
    `next_at` is the first occurrence that nobody has dealt with yet, None when there is none;
    `problem` says why it could not be made so far. `revision` tells what was made before a change
    from what was made after it.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    texts = models.JSONField(default=list)
    accounts: models.ManyToManyField[SocialAccount, models.Model] = models.ManyToManyField(
        SocialAccount, related_name="+"
    )
    frequency = models.CharField(max_length=8)
    interval = models.PositiveSmallIntegerField(default=1)
    weekdays = models.JSONField(default=list, blank=True)
    pattern = models.CharField(max_length=200, blank=True, default="", db_default="")
    starts_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    count = models.PositiveIntegerField(null=True, blank=True)
    wall_time = models.TimeField()
    zone = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(default=1)
    next_at = models.DateTimeField(null=True, blank=True)
    paused = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """A form makes one; what is to be made next is found by index."""

        constraints = [
            models.UniqueConstraint(fields=["team", "key"], name="one_repeat_per_form"),
            models.CheckConstraint(condition=Q(interval__gte=1), name="repeat_gets_on"),
        ]
        indexes = [
            models.Index(
                fields=["next_at"],
                condition=Q(paused=False, ended_at__isnull=True),
                name="repeat_next",
            )
        ]

    def __str__(self) -> str:
        return str(self.texts[0])[:60] if self.texts else f"repeat {self.pk}"


class Occurrence(models.Model):
    """One day of a repeat and the post that was made for it; none where somebody skips that day."""

    repeat = models.ForeignKey(Repeat, on_delete=models.CASCADE, related_name="occurrences")
    day = models.DateField()
    post = models.OneToOneField(
        Post, on_delete=models.CASCADE, related_name="occurrence", null=True, blank=True
    )

    class Meta:
        """A day has one post."""

        constraints = [
            models.UniqueConstraint(fields=["repeat", "day"], name="one_post_per_occurrence")
        ]

    def __str__(self) -> str:
        return f"{self.repeat} on {self.day}"
