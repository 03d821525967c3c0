"""refresh_expired_tokens and its fan-out: chunks of grants, each to the queue of its network."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from celery import chord, shared_task
from django.utils import timezone

import providers
from tokens import spool
from tokens.models import OAuthToken
from tokens.refresh import Outcome, refresh
from workers.queues import REFRESH_CHUNK, refresh_queue

MOST_AT_ONCE = 10_000
EXPIRES_S = 300


@shared_task(name="workers.refresh_expired_tokens", ignore_result=False)
def refresh_expired_tokens() -> dict[str, int]:
    """Send for every grant whose time has come, expired ones included; counts follow by themselves.

    Returns {due, saved}; the stored result of `workers.refresh_counts` holds how it ended.
    """
    saved = spool.replay()
    by_provider: dict[str, list[str]] = defaultdict(list)
    due = OAuthToken.objects.due(timezone.now()).filter(provider__in=providers.names())
    for key, name in due.order_by("refresh_at").values_list("pk", "provider")[:MOST_AT_ONCE]:
        by_provider[name].append(str(key))
    chunks = [
        refresh_tokens.s(keys[n : n + REFRESH_CHUNK]).set(
            queue=refresh_queue(name), expires=EXPIRES_S
        )
        for name, keys in by_provider.items()
        for n in range(0, len(keys), REFRESH_CHUNK)
    ]
    if chunks:
        chord(chunks)(refresh_counts.s())
    return {"due": sum(map(len, by_provider.values())), "saved": saved}


@shared_task(name="workers.refresh_tokens", ignore_result=False)
def refresh_tokens(keys: Sequence[str]) -> dict[str, int]:
    """Renew the grants `keys`, those that are still due, one after the other; counts by outcome."""
    return dict(Counter(str(_one(key)) for key in keys))


@shared_task(name="workers.refresh_counts", ignore_result=False)
def refresh_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """The counts of all chunks together: {due, refreshed, still_good, transient, dead, skipped}."""
    total: Counter[str] = Counter({str(outcome): 0 for outcome in Outcome})
    for part in counts:
        total.update(part)
    return {"due": sum(total.values()), **total}


def _one(key: str) -> Outcome:
    at = timezone.now()
    token = OAuthToken.objects.due(at).filter(pk=key).first()
    return refresh(token, at) if token else Outcome.STILL_GOOD
