"""The right to renew grants: taken for many rows at once, with the intent to send, and journalled.

A claim is the committed intent: whoever holds it sends at once. A claim that ran out leaves a
refresh in doubt, so nobody takes a single-use one twice.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from providers.kit.contract import App, Family, Grant, Provider, Refreshes
from providers.kit.http import correlation
from tokens.models import OAuthToken, Renewal
from tokens.networks import family_of

MOST_CALLS = 4
"""A renewal may need to find its server first and to answer a challenge."""
_SKIP_LOCKED = " FOR UPDATE SKIP LOCKED"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One grant that is ready to be renewed: opened, with its network and our app there."""

    token: OAuthToken
    provider: Provider
    renewer: Refreshes
    grant: Grant
    app: App | None

    @property
    def family(self) -> Family:
        """How this grant's tokens stay alive."""
        return family_of(self.provider, self.token.family)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to renew one grant, until its epoch changes; `line` is its line in the journal."""

    attempt: Attempt
    epoch: int
    line: int

    @property
    def token(self) -> OAuthToken:
        """The grant as it was read before the claim."""
        return self.attempt.token

    @property
    def row(self) -> Q:
        """The row, as long as this lease counts."""
        return Q(pk=self.token.pk, refresh_epoch=self.epoch, version=self.token.version)


def claim(attempts: Sequence[Attempt], at: datetime) -> list[Lease]:
    """Those of `attempts` that are ours now, by compare-and-set on their rows.

    A row is ours if nobody has renewed it or tried to since it was read, nobody holds it, and (for
    a single-use token) nothing is in doubt. Rows that somebody else is writing are left to them.
    """
    if not attempts:
        return []
    single_use = [a for a in attempts if a.family is Family.ROTATING]
    others = [a for a in attempts if a.family is not Family.ROTATING]
    with transaction.atomic():
        epochs = {
            **_taken(single_use, at, " AND refresh_sent_at IS NULL"),
            **_taken(others, at, ""),
        }
        held = [a for a in attempts if a.token.pk in epochs]
        lines = Renewal.objects.bulk_create([_line(a, epochs[a.token.pk], at) for a in held])
    return [Lease(a, epochs[a.token.pk], line.pk) for a, line in zip(held, lines, strict=True)]


def _taken(attempts: Sequence[Attempt], at: datetime, only: str) -> dict[object, int]:
    """The new epochs of the rows that were free, by primary key."""
    if not attempts:
        return {}
    key, moment = OAuthToken._meta.pk, OAuthToken._meta.get_field("refresh_lease_until")
    known = {key.get_db_prep_value(a.token.pk, connection): a.token.pk for a in attempts}
    rows = [
        value
        for a in attempts
        for value in (
            key.get_db_prep_value(a.token.pk, connection),
            a.token.version,
            a.token.refresh_epoch,
        )
    ]
    now = timezone.now()
    until = now + timedelta(seconds=MOST_CALLS * settings.HTTP_DEADLINE_S)
    moments = [moment.get_db_prep_value(m, connection) for m in (at, until, now)]
    table = connection.ops.quote_name(OAuthToken._meta.db_table)
    skip = _SKIP_LOCKED if connection.features.has_select_for_update else ""
    free = f"state = 'good' AND (refresh_lease_until IS NULL OR refresh_lease_until <= %s){only}"
    sql = (
        "WITH chosen AS MATERIALIZED"  # noqa: S608 - no outside text in it
        f" (SELECT id FROM {table} WHERE (id, version, refresh_epoch) IN"
        f" (VALUES {', '.join(['(%s, %s, %s)'] * len(attempts))}) AND {free}{skip})"
        f" UPDATE {table} SET refresh_epoch = refresh_epoch + 1, refresh_lease_until = %s,"
        " refresh_sent_at = %s WHERE id IN (SELECT id FROM chosen) RETURNING id, refresh_epoch"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*rows, *moments])
        return {known[row[0]]: int(row[1]) for row in cursor.fetchall()}


def _line(attempt: Attempt, epoch: int, at: datetime) -> Renewal:
    return Renewal(
        token_id=attempt.token.pk,
        team_id=attempt.token.team_id,
        provider=attempt.token.provider,
        epoch=epoch,
        by=f"{socket.gethostname()}:{os.getpid()}",
        started_at=at,
        correlation_id=correlation.get(),
    )
