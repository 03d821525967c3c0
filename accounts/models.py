"""People, teams, and who belongs where in which role."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.roles import Role
from accounts.states import WhenLate


class People(BaseUserManager["User"]):
    """Makes users."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user who logs in by `email`; raises ValueError without one."""
        if not email:
            raise ValueError("email: a user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Log-in finds people whatever the case of their e-mail address."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person; logs in by e-mail.

    `wants_mail`: what waits for them is mailed to them; `mailed_at` is when that last happened.
    """

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=timezone.now)
    wants_mail = models.BooleanField(default=True, db_default=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    objects = People()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        """One address, one person, whatever its case."""

        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email


class Team(models.Model):
    """What every row of the product belongs to.

    `late_after` and `when_late` are what its new posts begin with: how late they may still go out
    (None: as LATE_S says), and what is to become of those that are later. Its weekly slots are read
    on the clocks of `time_zone`.
    """

    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    late_after = models.DurationField(null=True, blank=True)
    when_late = models.CharField(max_length=8, default=WhenLate.HOLD, db_default="hold")
    created_at = models.DateTimeField(default=timezone.now)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    class Meta:
        """Only wishes that exist."""

        constraints = [
            models.CheckConstraint(
                condition=models.Q(when_late__in=list(WhenLate)), name="known_wish_of_team"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def patience(self) -> timedelta:
        """How late its posts may still go out, unless a post says otherwise."""
        return self.late_after or timedelta(seconds=settings.LATE_S)


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Questions about notices."""

    def for_team(self, team: Team) -> Self:
        """What a team has not read yet, newest first."""
        return self.filter(team=team, read_at__isnull=True).order_by("-created_at", "-pk")


class Notice(models.Model):
    """Something that a team has to know, told once: `key` names the occasion.

    `asks`: something waits for a person; such a notice goes by what is done, others by being read.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    words = models.TextField()
    path = models.CharField(max_length=200, blank=True)
    asks = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        """An occasion is told once."""

        constraints = [models.UniqueConstraint(fields=["team", "key"], name="told_once")]

    def __str__(self) -> str:
        return self.words[:60]


class Mailed(models.Model):
    """A notice was mailed to one person, or was about to be: it never is again."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        """A person is mailed a notice once."""

        constraints = [models.UniqueConstraint(fields=["person", "notice"], name="mailed_once")]

    def __str__(self) -> str:
        return f"{self.notice} to {self.person}"


class Membership(models.Model):
    """One person in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """A person is in a team once, in a role that exists."""

        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team"),
            models.CheckConstraint(condition=models.Q(role__in=list(Role)), name="known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} ({self.role})"


class Activity(models.Model):
    """What somebody did in a team, in plain words; `path` leads to what it was about.

    It outlives the person: `person` is then nobody, and `who` still says the name.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    who = models.CharField(max_length=254)
    kind = models.CharField(max_length=24)
    words = models.TextField()
    path = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        """Read newest first, a team at a time."""

        indexes = [
            models.Index(fields=["team", "-id"], name="activity_newest"),
            models.Index(fields=["team", "person", "-id"], name="activity_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.words[:60]}"
