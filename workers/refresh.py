"""refresh_expired_tokens and its fan-out: one task per grant."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from tokens import refresh
from tokens.models import OAuthToken

AHEAD = timedelta(hours=1)
MOST_AT_ONCE = 500


@shared_task(name="workers.refresh_expired_tokens", ignore_result=False)
def refresh_expired_tokens() -> dict[str, int]:
    """Send for every grant that expires within the hour or has expired already."""
    at = timezone.now()
    due = OAuthToken.objects.due(at, at + AHEAD).order_by("expires_at")
    keys = [str(key) for key in due.values_list("pk", flat=True)[:MOST_AT_ONCE]]
    for key in keys:
        refresh_token.apply_async(args=[key], expires=300)
    return {"due": len(keys)}


@shared_task(name="workers.refresh_token", ignore_result=True)
def refresh_token(key: str) -> str:
    """Renew one grant if it is still due; returns how it ended."""
    at = timezone.now()
    token = OAuthToken.objects.due(at, at + AHEAD).filter(pk=key).first()
    return str(refresh.refresh(token, at) if token else refresh.Outcome.STILL_GOOD)
