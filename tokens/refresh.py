"""Keep a grant fresh: one refresher at a time over all processes, and never a burnt token.

The refresher takes a lease on the row (with a fencing counter) before it calls the network, and
commits the new pair before anything else happens. A lease that ran out means that its holder died
during the call: a single-use refresh token may then be spent, and using it again can end the whole
grant. So such a token is tried again only once its access token has expired, when nothing is left
to lose.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from providers.kit.contract import Family, Grant, Provider, Refreshes
from providers.kit.errors import Misconfigured, NetworkError, Unauthorized, Unavailable, Uncertain
from tokens.connect import app_for
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.states import AccountState, TokenState
from tokens.vault import seal, unseal

SKEW = timedelta(minutes=2)
WAIT_FOR_WINNER_S = 5.0
BACKOFF_CAP = timedelta(minutes=30)


class Outcome(StrEnum):
    """How one refresh ended."""

    REFRESHED = "refreshed"
    STILL_GOOD = "still_good"
    TRANSIENT = "transient"
    DEAD = "dead"
    SKIPPED = "skipped"  # somebody else is at it, or it must not be tried now


@dataclass(frozen=True, slots=True)
class _Lease:
    """The right to refresh one grant, until `epoch` changes."""

    token: OAuthToken
    epoch: int


def fresh(token: OAuthToken, at: datetime, *, refused_version: int | None = None) -> OAuthToken:
    """The grant, good now: refreshed if it expires within SKEW or was refused as `refused_version`.

    Waits briefly for another refresher. Raises Unauthorized (dead: its owner must connect again)
    or Unavailable (no good token at this moment; try later).
    """
    if token.state == TokenState.DEAD:
        raise Unauthorized(token.problem or "The network no longer accepts this connection.")
    refused = refused_version is not None and token.version <= refused_version
    if not refused and not _expires(token, at + SKEW):
        return token
    if not token.can_refresh:
        return _unrefreshable(token, at, refused=refused)
    outcome = refresh(token, at)
    if outcome is Outcome.SKIPPED:
        _wait_for_winner(token)
    token.refresh_from_db()
    if token.state == TokenState.DEAD:
        raise Unauthorized(token.problem)
    if _expires(token, at) or (refused and token.version <= (refused_version or 0)):
        raise Unavailable("The account's key is being renewed.", wait=timedelta(seconds=30))
    return token


def refresh(token: OAuthToken, at: datetime) -> Outcome:
    """Renew one grant now, unless somebody else is at it; never raises for what networks say."""
    provider = network(token.provider)
    if not isinstance(provider, Refreshes) or not token.can_refresh:
        return Outcome.SKIPPED
    lease = _take_lease(token, provider, at)
    if lease is None:
        return Outcome.SKIPPED
    grant = Grant(
        access_token=unseal(lease.token.access_sealed, f"token:{token.pk}:access"),
        refresh_token=unseal(lease.token.refresh_sealed, f"token:{token.pk}:refresh"),
        scopes=tuple(lease.token.scopes.split()),
        host=lease.token.host,
    )
    try:
        renewed = provider.refresh(
            grant=grant, app=app_for(provider, token.host), host=lease.token.host
        )
    except NetworkError as problem:
        return _record_failure(lease, provider, problem, at)
    return _record_success(lease, renewed, at)


def mark_dead(token: OAuthToken, version: int, words: str) -> bool:
    """The network refuses the grant for good: it and its accounts wait for their owner."""
    with transaction.atomic():
        died = OAuthToken.objects.filter(pk=token.pk, version=version).update(
            state=TokenState.DEAD, problem=words, refresh_lease_until=None
        )
        if died:
            SocialAccount.objects.filter(token_id=token.pk).update(
                state=AccountState.RECONNECT, problem=words
            )
    return bool(died)


def _expires(token: OAuthToken, by: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= by


def _unrefreshable(token: OAuthToken, at: datetime, *, refused: bool) -> OAuthToken:
    """A grant without refresh: still good, or dead by refusal or by age."""
    if not refused and not _expires(token, at):
        return token
    words = "The connection has ended and this network offers no renewal; connect it again."
    mark_dead(token, token.version, words)
    raise Unauthorized(words)


def _take_lease(token: OAuthToken, provider: Provider, at: datetime) -> _Lease | None:
    """The lease, by compare-and-set on the row; None if it is taken or in doubt."""
    span = timedelta(seconds=2 * settings.HTTP_DEADLINE_S)
    free = Q(refresh_lease_until__isnull=True)
    if provider.family is Family.ROTATING:
        free |= Q(refresh_lease_until__lte=at, expires_at__lte=at)
    else:
        free |= Q(refresh_lease_until__lte=at)
    taken = OAuthToken.objects.filter(
        free, pk=token.pk, version=token.version, state=TokenState.GOOD
    ).update(refresh_lease_until=timezone.now() + span, refresh_epoch=F("refresh_epoch") + 1)
    if taken != 1:
        return None
    held = OAuthToken.objects.get(pk=token.pk)
    return _Lease(held, held.refresh_epoch)


def _mine(lease: _Lease) -> Q:
    return Q(pk=lease.token.pk, refresh_epoch=lease.epoch, version=lease.token.version)


def _record_success(lease: _Lease, grant: Grant, at: datetime) -> Outcome:
    """Commit the new pair; it is the one thing the network will not repeat."""
    key = lease.token.pk
    kept = OAuthToken.objects.filter(_mine(lease)).update(
        access_sealed=seal(grant.access_token, f"token:{key}:access"),
        refresh_sealed=seal(grant.refresh_token, f"token:{key}:refresh"),
        scopes=" ".join(grant.scopes),
        host=grant.host or lease.token.host,
        expires_at=at + grant.lifetime if grant.lifetime else None,
        version=F("version") + 1,
        refresh_lease_until=None,
        refresh_after=None,
        refresh_failures=0,
        refreshed_at=at,
        problem="",
    )
    return Outcome.REFRESHED if kept else Outcome.SKIPPED


def _record_failure(
    lease: _Lease, provider: Provider, problem: NetworkError, at: datetime
) -> Outcome:
    """Keep the old pair; only a refused grant is dead, and our own fault blames nobody."""
    if isinstance(problem, Unauthorized):
        mark_dead(lease.token, lease.token.version, problem.words)
        return Outcome.DEAD
    in_doubt = isinstance(problem, Uncertain) and provider.family is Family.ROTATING
    failures = lease.token.refresh_failures + 1
    cap = timedelta(hours=1) if isinstance(problem, Misconfigured) else BACKOFF_CAP
    pause = min(cap, timedelta(seconds=10 * 2 ** min(failures, 12)))
    OAuthToken.objects.filter(_mine(lease)).update(
        refresh_lease_until=at if in_doubt else None,
        refresh_after=at + pause * random.uniform(0.5, 1),  # noqa: S311 - spreads load
        refresh_failures=failures,
        problem=problem.words,
    )
    return Outcome.TRANSIENT


def _wait_for_winner(token: OAuthToken) -> None:
    """Give the other refresher a moment; its result is in the row when this returns."""
    ends_at = time.monotonic() + WAIT_FOR_WINNER_S
    while time.monotonic() < ends_at:
        row = OAuthToken.objects.filter(pk=token.pk).first()
        if row is None or row.version != token.version or row.refresh_lease_until is None:
            return
        if row.refresh_lease_until <= timezone.now():
            return
        time.sleep(0.1)
