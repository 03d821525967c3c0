"""Queues, pools, limits, routes and jobs: one table.

`python -m workers.queues` prints the queue names for `celery worker -Q`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import providers

RECONCILE = "reconcile"
DISPATCH = "dispatch"
HOUSEKEEPING = "housekeeping"


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue: its pool, how many tasks at once, the limit of one task in seconds.

    `bulkhead`: how many of its tasks one process runs at once when it serves several queues.
    The threads pool has no time limits of its own: there the HTTP deadline is the limit.
    """

    name: str
    pool: str
    concurrency: int
    limit_s: int | None
    bulkhead: int


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the house, kept in beat's table: harmless when doubled, gone if not taken."""

    name: str
    task: str
    every_s: int
    queue: str


def refresh_queue(provider: str) -> str:
    """The queue for renewing keys of one network."""
    return f"refresh.{provider}"


def publish_queue(provider: str) -> str:
    """The queue of one network."""
    return f"publish.{provider}"


BULKHEAD = 6
REFRESH_CHUNK = 25
TABLE: tuple[Lane, ...] = (
    *(Lane(publish_queue(name), "threads", 16, None, BULKHEAD) for name in providers.names()),
    Lane(RECONCILE, "threads", 4, None, 4),
    *(Lane(refresh_queue(name), "threads", 4, None, 4) for name in providers.names()),
    Lane(DISPATCH, "threads", 2, None, 2),
    Lane(HOUSEKEEPING, "threads", 2, None, 2),
)
LANES: dict[str, Lane] = {lane.name: lane for lane in TABLE}


def lane_of(provider: str) -> Lane:
    """Where posts for a network wait; a network that is gone is served by housekeeping."""
    return LANES.get(publish_queue(provider), LANES[HOUSEKEEPING])


ROUTES: dict[str, dict[str, Any]] = {
    "workers.reconcile": {"queue": RECONCILE},
    "workers.poll": {"queue": RECONCILE},
    "workers.refresh_expired_tokens": {"queue": HOUSEKEEPING},
    "workers.refresh_counts": {"queue": HOUSEKEEPING},
    "workers.dispatch": {"queue": DISPATCH},
    "workers.sweep": {"queue": HOUSEKEEPING},
    "workers.repeats": {"queue": HOUSEKEEPING},
    "workers.imports": {"queue": HOUSEKEEPING},
    "workers.mail": {"queue": HOUSEKEEPING},
    "workers.sweep_files": {"queue": HOUSEKEEPING},
    "workers.canary": {"queue": HOUSEKEEPING},
    "workers.own_canary": {"queue": HOUSEKEEPING},
}
JOBS: tuple[Job, ...] = (
    Job("refresh expired tokens", "workers.refresh_expired_tokens", 60, HOUSEKEEPING),
    Job("dispatch due posts", "workers.dispatch", 5, DISPATCH),
    Job("sweep", "workers.sweep", 10, HOUSEKEEPING),
    Job("repeats", "workers.repeats", 300, HOUSEKEEPING),
    Job("imports", "workers.imports", 5, HOUSEKEEPING),
    Job("mail", "workers.mail", 60, HOUSEKEEPING),
    Job("sweep files", "workers.sweep_files", 3600, HOUSEKEEPING),
)


if __name__ == "__main__":
    print(",".join(LANES))  # noqa: T201
