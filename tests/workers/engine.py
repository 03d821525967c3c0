"""The engine without a broker: the same dispatching and the same deliveries, in this thread."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from posting.models import Post, PostResult
from posting.states import MOVING
from workers.poll import ask
from workers.publish import deliver
from workers.reconcile import look
from workers.sweep import deliveries

NEVER = timedelta(days=1)


def turn() -> int:
    """One round of everything that is due now; returns how many deliveries and looks."""
    at = timezone.now()
    deliveries(at)
    due = PostResult.objects.queue_due(at)
    doubtful = PostResult.objects.look_due(at, timedelta(0))
    at_work = PostResult.objects.poll_due(at, timedelta(0))
    for pk, _ in due:
        deliver(pk)
    for pk, _ in doubtful:
        look(pk)
    for pk, _ in at_work:
        ask(pk)
    return len(due) + len(doubtful) + len(at_work)


def run(post: Post, seconds: float = 20) -> list[str]:
    """Turn until nothing of `post` moves any more; returns the states, by network."""
    ends_at = time.monotonic() + seconds
    while post.results.filter(state__in=MOVING).exists():
        assert time.monotonic() < ends_at, [str(result) for result in post.results.all()]
        if not turn():
            time.sleep(0.05)
    return list(post.results.order_by("provider").values_list("state", flat=True))
