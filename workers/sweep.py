"""What was lost comes back; what is old goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from posting import chain, imports, lateness, results, undo, uploads
from tokens import disconnect
from tokens.models import Handshake
from workers.notices import notices

logger = logging.getLogger(__name__)
DEFAULT_SETTLE_S = 30.0


@shared_task(name="workers.sweep", ignore_result=True)
def sweep() -> dict[str, int]:
    """Every part once; returns counts. A part that breaks off does not keep the others waiting."""
    at, counts = timezone.now(), dict[str, int]()
    for part in PARTS:
        try:
            counts |= part(at)
        except Exception:
            logger.exception("a part of the sweep broke off: %s", part.__name__)
    return counts


@shared_task(name="workers.sweep_files", ignore_result=True)
def sweep_files() -> dict[str, int]:
    """Files that nobody finished, uses or knows of; once an hour, because the store is listed."""
    return uploads.sweep(timezone.now())


def deliveries(at: datetime) -> dict[str, int]:
    """What brings every delivery on: dead owners, accounts that went or came, what became late,
    parts of threads whose forerunner came to its end."""
    return {
        "abandoned": abandoned(at),
        "held": results.hold_unusable(),
        "released": results.release(at),
        "late": lateness.judge(at) + lateness.skip_held(at),
        "chained": chain.follow(at),
        "given_up": results.give_up(at),
    }


def told(at: datetime) -> dict[str, int]:
    """What teams have to know."""
    return {"told": notices(at)}


def keys(at: datetime) -> dict[str, int]:
    """Grants that nobody holds, and networks that have still to hear of it."""
    return {"orphans": disconnect.forget_orphans(at), **disconnect.revoke_due(at)}


def handshakes(at: datetime) -> dict[str, int]:
    """Dances that ended long ago."""
    old = Handshake.objects.filter(expires_at__lt=at - timedelta(days=1))
    return {"handshakes": old.delete()[0]}


def abandoned(at: datetime) -> int:
    """Results whose worker died while sending become uncertain; returns how many."""
    settle = timedelta(seconds=float(settings.SETTLE_S or DEFAULT_SETTLE_S))
    return results.abandon(at, settle)


def acts(at: datetime) -> dict[str, int]:
    """What nobody can take back any more, and tables that nobody has confirmed."""
    return {"acts": undo.forget(at), "tables": imports.forget(at)}


PARTS: tuple[Callable[[datetime], dict[str, int]], ...] = (
    deliveries,
    told,
    keys,
    handshakes,
    acts,
)
