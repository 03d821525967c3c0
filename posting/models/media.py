"""Upload, Variant, Attachment: a file of a team, what was made of it, and where in a post it is."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Team, User
from posting.models.post import Post
from posting.states import UploadStatus
from providers.kit.content import Kind


class UploadQuerySet(models.QuerySet["Upload"]):
    """Questions about uploads."""

    def for_team(self, team: Team) -> Self:
        """Every file of a team."""
        return self.filter(team=team)

    def of(self, team: Team, person: User) -> Self:
        """What a person has brought to a team: only who got the ticket goes on with it."""
        return self.filter(team=team, owner=person)

    def ready(self) -> Self:
        """What was looked into and may be posted."""
        return self.filter(status=UploadStatus.READY)

    def unused(self) -> Self:
        """What is part of no post."""
        return self.filter(attachments__isnull=True)


class Upload(models.Model):
    """A picture or video of a team, from the wish to bring it to the checked file.

    `key` is ours and says nothing; `name` is the person's and is only shown. What was declared is
    kept beside what was found in the file itself. `words` say why a file was refused.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    declared_mime = models.CharField(max_length=100)
    declared_size = models.PositiveBigIntegerField()
    status = models.CharField(max_length=8, default=UploadStatus.PENDING)
    words = models.TextField(blank=True)
    kind = models.CharField(max_length=8, blank=True)
    mime = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(null=True, blank=True)
    moving = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, blank=True)
    alt = models.TextField(blank=True)
    created_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        """In a known status; the sweep finds the old ones by index."""

        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=list(UploadStatus)), name="known_upload_status"
            )
        ]
        indexes = [models.Index(fields=["status", "created_at"], name="upload_age")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, and no video."""
        return self.kind == Kind.IMAGE


class Variant(models.Model):
    """A picture as one rule wants it, made once; `rule` is the rule's fingerprint."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="variants")
    rule = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    mime = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        """Whoever comes second takes what the first made."""

        constraints = [
            models.UniqueConstraint(fields=["upload", "rule"], name="one_variant_per_rule")
        ]
        indexes = [models.Index(fields=["key"], name="variant_key")]

    def __str__(self) -> str:
        return f"{self.upload} as {self.mime}, {self.width} × {self.height}"


class Attachment(models.Model):
    """One file in its place in one part of a post, with what it shows in words."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="attachments")
    part = models.PositiveSmallIntegerField(default=0)
    place = models.PositiveSmallIntegerField()
    upload = models.ForeignKey(Upload, on_delete=models.RESTRICT, related_name="attachments")
    alt = models.TextField(blank=True)

    class Meta:
        """In order; one file in each place."""

        ordering = ["part", "place"]
        constraints = [
            models.UniqueConstraint(fields=["post", "part", "place"], name="one_file_per_place")
        ]

    def __str__(self) -> str:
        return f"{self.upload} in place {self.place}"


def new_key(folder: str, ending: str = "") -> str:
    """A key that nobody can guess and nobody has; spread over folders for the disk's sake."""
    name = uuid.uuid4().hex
    return f"{folder}/{name[:2]}/{name}{ending}"
