"""What the stories about the list of accounts share: asking for it, and a cache to keep it in."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

import providers
from project.cache import Client
from providers.kit.contract import Family
from tests.cast import Cast
from tokens.status import AccountStatus, statuses

NAME = next(p.name for p in providers.ADAPTERS.values() if p.family is Family.ROTATING)


def use(settings: Settings, url: str) -> None:
    """The cache is there from now on."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": url}}
    Client.away_until = 0.0


def asked(cast: Cast, at: datetime | None = None) -> tuple[tuple[AccountStatus, ...], int]:
    """The list of Alice's team, and how many questions it cost the database."""
    with CaptureQueriesContext(connection) as queries:
        found = statuses(cast.team, at or timezone.now())
    return found, len(queries)


def worked_out(cast: Cast, at: datetime) -> tuple[AccountStatus, ...]:
    """The list as the rows say it, past every cache."""
    with transaction.atomic():
        return statuses(cast.team, at)


def word(cast: Cast, at: datetime | None = None) -> str:
    """How the one account stands."""
    [status] = asked(cast, at)[0]
    return status.word
