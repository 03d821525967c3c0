"""refresh_expired_tokens and its fan-out: chunks of grants, each to the queue of its network."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from celery import chord, shared_task
from django.utils import timezone

import providers
from tokens import spool
from tokens.models import OAuthToken, Renewal
from tokens.refresh import Outcome, refresh_all
from workers.queues import REFRESH_CHUNK, refresh_queue

MOST_AT_ONCE = 10_000
STALE_AFTER = timedelta(minutes=5)
PACE_SPAN = timedelta(minutes=1)


@shared_task(name="workers.refresh_expired_tokens", ignore_result=False)
def refresh_expired_tokens() -> dict[str, int]:
    """Send for every grant whose time has come, expired ones included; counts follow by themselves.

    Returns {due, saved, later}; `later` were left to the next run, so that their network is not
    asked too often. The stored result of `workers.refresh_counts` holds how the others ended.
    """
    saved, at = spool.replay(), timezone.now()
    now, later = plan(at)
    until = (at + STALE_AFTER).isoformat()
    chunks = [
        refresh_tokens.s(keys[n : n + REFRESH_CHUNK], until).set(queue=refresh_queue(name))
        for name, keys in now.items()
        for n in range(0, len(keys), REFRESH_CHUNK)
    ]
    if chunks:
        chord(chunks)(refresh_counts.s())
    return {"due": sum(map(len, now.values())), "saved": saved, "later": later}


@shared_task(name="workers.refresh_tokens", ignore_result=False)
def refresh_tokens(keys: Sequence[str], until: str | None = None) -> dict[str, int]:
    """Renew those of the grants `keys` that are still due, all at once; counts by outcome.

    Taken up after `until` (ISO 8601) it does nothing: the next run has sent for them again. (The
    message itself does not expire, since the counts wait for every chunk.)
    """
    at = timezone.now()
    if until and at > datetime.fromisoformat(until):
        return {str(Outcome.SKIPPED): len(keys)}
    due = list(OAuthToken.objects.due(at).filter(pk__in=keys))
    counts = Counter(str(outcome) for outcome in refresh_all(due, at).values())
    if still_good := len(keys) - len(due):
        counts[str(Outcome.STILL_GOOD)] += still_good
    return dict(counts)


@shared_task(name="workers.refresh_counts", ignore_result=False)
def refresh_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """The counts of all chunks together: {due, refreshed, still_good, transient, dead, skipped}."""
    total: Counter[str] = Counter({str(outcome): 0 for outcome in Outcome})
    for part in counts:
        total.update(part)
    return {"due": sum(total.values()), **total}


def plan(at: datetime) -> tuple[dict[str, list[str]], int]:
    """The grants to renew now, by network, the most urgent first; and how many must wait."""
    found: dict[str, list[str]] = defaultdict(list)
    due = OAuthToken.objects.due(at).filter(provider__in=providers.names())
    for key, name in due.order_by("refresh_at").values_list("pk", "provider")[:MOST_AT_ONCE]:
        found[name].append(str(key))
    now = {name: keys[: _allowance(name, at)] for name, keys in found.items()}
    return now, sum(map(len, found.values())) - sum(map(len, now.values()))


def _allowance(name: str, at: datetime) -> int:
    """How many renewals its network may be asked for now: its pace less what the journal shows."""
    pace = providers.adapter(name).renewals_per_minute
    if pace is None:
        return MOST_AT_ONCE
    lately = Renewal.objects.filter(provider=name, started_at__gt=at - PACE_SPAN).count()
    return max(0, pace - lately)
