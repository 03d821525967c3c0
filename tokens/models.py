"""SocialAccount (whom we can post as) and OAuthToken (the encrypted grant behind it)."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

import providers
from accounts.models import Team
from providers.kit.content import Limits
from providers.kit.table import with_differences
from tokens.stamps import changed
from tokens.states import AccountState, TokenState

Row = TypeVar("Row", bound=models.Model)
# What no page and no caller is ever shown: writing these changes nothing for a team.
UNSEEN = frozenset(
    {"access_sealed", "refresh_sealed", "proof_sealed"}
    | {"refresh_epoch", "refresh_lease_until", "refresh_failures"}
)


class Shown(models.QuerySet[Row]):
    """Rows of a team that are shown: whatever is written past `save` stamps the team anew."""

    def update(self, **fields: Any) -> int:
        """As ever; the team is stamped unless only unseen columns were written."""
        if UNSEEN.issuperset(fields):
            return super().update(**fields)
        teams = set(self.order_by().values_list("team_id", flat=True).distinct())
        rows = super().update(**fields)
        if rows:
            changed(teams)
        return rows


class TokenQuerySet(Shown["OAuthToken"]):
    """Questions about grants."""

    def for_team(self, team: Team) -> Self:
        """The grants of one team."""
        return self.filter(team=team)

    def due(self, at: datetime) -> Self:
        """Living grants whose time to be renewed has come, expired ones included."""
        free = Q(refresh_lease_until__isnull=True) | Q(refresh_lease_until__lte=at)
        return self.filter(free, state=TokenState.GOOD, can_refresh=True, refresh_at__lte=at)


class OAuthToken(models.Model):
    """One grant of a network, sealed. `version` counts its renewals; writes are fenced by it.

    A refresher holds `refresh_lease_until`, fenced by `refresh_epoch`; `refresh_sent_at` is its
    committed intent: a lease that ran out with it set leaves a refresh in doubt. `family` is this
    grant's own, "" where it is its network's; `provisional`: its first refresh makes it last.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    host = models.CharField(max_length=255, blank=True)
    access_sealed = models.TextField()
    refresh_sealed = models.TextField(blank=True)
    proof_sealed = models.TextField(blank=True, default="", db_default="")
    family = models.CharField(max_length=16, blank=True, default="", db_default="")
    provisional = models.BooleanField(default=False, db_default=False)
    scopes = models.TextField(blank=True)
    can_refresh = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=8, default=TokenState.GOOD)
    version = models.PositiveIntegerField(default=1)
    refresh_at = models.DateTimeField(null=True, blank=True)
    refresh_lease_until = models.DateTimeField(null=True, blank=True)
    refresh_sent_at = models.DateTimeField(null=True, blank=True)
    refresh_epoch = models.PositiveIntegerField(default=0)
    refresh_failures = models.PositiveIntegerField(default=0)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TokenQuerySet.as_manager()

    class Meta:
        """Only known states; due grants are found by index."""

        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=list(TokenState)), name="known_token_state"
            )
        ]
        indexes = [
            models.Index(
                fields=["refresh_at"],
                condition=Q(state=TokenState.GOOD, can_refresh=True),
                name="token_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} grant {self.pk}"


class RenewalQuerySet(Shown["Renewal"]):
    """Questions to the journal; how a renewal ended is shown at its accounts."""


class Renewal(models.Model):
    """The journal: one refresh of one grant, who asked for it and how it ended; no secrets."""

    token_id = models.UUIDField()
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    epoch = models.PositiveIntegerField()
    by = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=24, blank=True)
    words = models.TextField(blank=True)
    code = models.CharField(max_length=32, blank=True, default="", db_default="")
    correlation_id = models.CharField(max_length=64, blank=True)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        """Every lease has one line."""

        constraints = [
            models.UniqueConstraint(fields=["token_id", "epoch"], name="one_renewal_per_lease")
        ]
        indexes = [models.Index(fields=["provider", "started_at"], name="renewals_of_a_network")]

    def __str__(self) -> str:
        return f"renewal {self.epoch} of {self.provider} grant {self.token_id}"


class AccountQuerySet(Shown["SocialAccount"]):
    """Questions about accounts."""

    def for_team(self, team: Team) -> Self:
        """The accounts that a team has now, in a steady order."""
        return self.filter(team=team).held().order_by("provider", "handle", "pk")

    def of_posts(self, team: Team, kept: Collection[int]) -> Self:
        """The same, and those in `kept`, by number, that are disconnected by now."""
        now = ~Q(state=AccountState.DISCONNECTED) | Q(pk__in=kept)
        return self.filter(now, team=team).order_by("provider", "handle", "pk")

    def held(self) -> Self:
        """Those that have not been disconnected."""
        return self.exclude(state=AccountState.DISCONNECTED)


class SocialAccount(models.Model):
    """One account at one network that a team can post as.

    `realm` is the host within which `external_id` is unique, "" where it is unique everywhere.
    `key_sealed` is its own key, where one grant speaks for several accounts with a key each.
    `told_limits` is what its network said to take of it otherwise than the adapter knows, and
    `limits_due_at` when it is to be asked again (None: it has not been yet).
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(
        OAuthToken, on_delete=models.SET_NULL, null=True, related_name="accounts"
    )
    provider = models.CharField(max_length=40)
    realm = models.CharField(max_length=255, blank=True)
    external_id = models.CharField(max_length=255)
    handle = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=500, blank=True)
    avatar_url = models.URLField(max_length=1000, blank=True)
    key_sealed = models.TextField(blank=True, default="", db_default="")
    state = models.CharField(max_length=16, default=AccountState.CONNECTED)
    problem = models.TextField(blank=True)
    blocked_until = models.DateTimeField(null=True, blank=True)
    told_limits = models.JSONField(
        default=dict, blank=True, db_default=Value({}, models.JSONField())
    )
    limits_due_at = models.DateTimeField(null=True, blank=True)
    connected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    connected_at = models.DateTimeField(default=timezone.now)

    objects = AccountQuerySet.as_manager()

    class Meta:
        """An account is held once, in a state that exists."""

        constraints = [
            models.UniqueConstraint(
                fields=["provider", "realm", "external_id"],
                condition=~Q(state=AccountState.DISCONNECTED),
                name="one_row_per_account",
            ),
            models.CheckConstraint(
                condition=Q(state__in=list(AccountState)), name="known_account_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.handle}"

    @property
    def label(self) -> str:
        """The network's display name; the stored name for a network that is gone."""
        known = providers.ADAPTERS.get(self.provider)
        return known.label if known else self.provider

    @property
    def grant(self) -> OAuthToken | None:
        """The grant behind it, for whoever reads: the one of now if the one it had was replaced.

        A grant that is asked for after its account was read may have gone in between: connecting an
        account again deletes the former one.
        """
        try:
            return self.token
        except OAuthToken.DoesNotExist:
            now = SocialAccount.objects.select_related("token").filter(pk=self.pk).first()
            self.token = now.token if now else None
            return self.token

    @property
    def limits(self) -> Limits | None:
        """What fits into one of its posts, as far as its network has told; None if that is gone."""
        known = providers.ADAPTERS.get(self.provider)
        return with_differences(known.limits, self.told_limits) if known else None

    @property
    def usable(self) -> bool:
        """Whether it can be chosen for a post."""
        return self.state == AccountState.CONNECTED and self.provider in providers.ADAPTERS


class Offered(models.Model):
    """One account that a grant speaks for and that nobody has chosen yet; goes with the grant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.ForeignKey(OAuthToken, on_delete=models.CASCADE, related_name="offered")
    external_id = models.CharField(max_length=255)
    handle = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=500, blank=True)
    avatar_url = models.URLField(max_length=1000, blank=True)
    key_sealed = models.TextField(blank=True, default="", db_default="")
    place = models.PositiveIntegerField(default=0)

    class Meta:
        """A grant offers an account once."""

        constraints = [
            models.UniqueConstraint(fields=["token", "external_id"], name="one_offer_per_account")
        ]

    def __str__(self) -> str:
        return f"{self.handle}, offered"


class Revocation(models.Model):
    """Keys of a disconnected account that the network has still to be told about.

    They have left the account already; the sealed copies go when the network has taken notice or
    when `until` has passed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    host = models.CharField(max_length=255, blank=True)
    access_sealed = models.TextField()
    refresh_sealed = models.TextField(blank=True)
    proof_sealed = models.TextField(blank=True, default="", db_default="")
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    until = models.DateTimeField()
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"revocation at {self.provider}"


class ClientApp(models.Model):
    """Our app at one instance of a network that registers apps on first use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=40)
    host = models.CharField(max_length=255)
    redirect_uri = models.CharField(max_length=500)
    client_id = models.CharField(max_length=255)
    secret_sealed = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """One app per instance and return address."""

        constraints = [
            models.UniqueConstraint(
                fields=["provider", "host", "redirect_uri"], name="one_app_per_instance"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} app at {self.host}"


class Handshake(models.Model):
    """One OAuth dance under way: bound to browser session, user, team and network; single use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    host = models.CharField(max_length=255, blank=True)
    verifier_sealed = models.TextField()
    proof_sealed = models.TextField(blank=True, default="", db_default="")
    memory_sealed = models.TextField(blank=True, default="", db_default="")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.provider} handshake {self.pk}"


def _written(instance: OAuthToken | SocialAccount, **_: Any) -> None:
    changed([instance.team_id])


for _model in (OAuthToken, SocialAccount):
    for _done in (post_save, post_delete):
        _done.connect(_written, sender=_model, dispatch_uid="tokens.shown")
