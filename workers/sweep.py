"""What was lost comes back; what is old goes."""

from __future__ import annotations

from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from posting import results
from tokens import disconnect
from tokens.models import Handshake
from workers.notices import notices

DEFAULT_SETTLE_S = 30.0


@shared_task(name="workers.sweep", ignore_result=True)
def sweep() -> dict[str, int]:
    """Everything below, once; returns counts."""
    at = timezone.now()
    return {
        "abandoned": abandoned(at),
        "held": results.hold_unusable(),
        "released": results.release(at, timedelta(seconds=settings.LATE_S)),
        "orphans": disconnect.forget_orphans(at),
        "told": notices(at),
        **disconnect.revoke_due(at),
        "handshakes": Handshake.objects.filter(expires_at__lt=at - timedelta(days=1)).delete()[0],
    }


def abandoned(at: datetime) -> int:
    """Results whose worker died while sending become uncertain; returns how many."""
    settle = timedelta(seconds=float(settings.SETTLE_S or DEFAULT_SETTLE_S))
    return results.abandon(at, settle)
