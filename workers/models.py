"""Pulse: who of the house was last seen at work, and when.

It stands in this room because only the hands have a pulse. The pages and the watchdog read it from
the database, not from the broker: what watches the queue must not travel through it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, models
from django.db.utils import IntegrityError
from django.utils import timezone

BEAT = "beat"
DISPATCHER = "dispatcher"
WORKER = "worker"
QUEUE = "queue"
TURN = "turn"  # not a process: whose turn it was, so that of many only one acts
KEPT = timedelta(days=1)


def clock() -> datetime:
    """The database's time; machines may differ, and every moment is compared inside of it."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


class PulseQuerySet(models.QuerySet["Pulse"]):
    """Questions about pulses, and the ways to write them."""

    def felt(self, seen: Iterable[tuple[str, str]], who: str, at: datetime) -> None:
        """Write down in one statement that each (kind, name) was at work, by the word of `who`.

        In a fixed order, so that two processes never wait for each other in a circle.
        """
        self.bulk_create(
            [Pulse(kind=kind, name=name, who=who, at=at) for kind, name in sorted(set(seen))],
            update_conflicts=True,
            unique_fields=["kind", "name"],
            update_fields=["who", "at"],
        )

    def take_turn(self, name: str, at: datetime, every: timedelta) -> bool:
        """Whether it is the caller's turn: of all who ask within `every`, one is told yes."""
        mine = self.filter(kind=TURN, name=name)
        if mine.filter(at__lte=at - every).update(at=at):
            return True
        if mine.exists():
            return False
        try:
            self.create(kind=TURN, name=name, at=at)
        except IntegrityError:
            return False
        return True

    def of(self, kind: str) -> dict[str, Pulse]:
        """All of one kind, by name."""
        return {pulse.name: pulse for pulse in self.filter(kind=kind)}

    def gone(self, kind: str, name: str) -> None:
        """It ended in order: nobody misses it."""
        self.filter(kind=kind, name=name).delete()

    def forget_old(self, at: datetime) -> int:
        """Processes that have not come back for a day are forgotten; returns how many."""
        old = self.filter(kind__in=[DISPATCHER, WORKER], at__lt=at - KEPT)
        return old.delete()[0]


class Pulse(models.Model):
    """One sign of life: what was at work (`kind`, `name`), when, and by whose word."""

    kind = models.CharField(max_length=12)
    name = models.CharField(max_length=200)
    who = models.CharField(max_length=200, blank=True, db_default="")
    at = models.DateTimeField()

    objects = PulseQuerySet.as_manager()

    class Meta:
        """One row for each thing that can be at work."""

        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_pulse_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} at {self.at:%d %b %H:%M:%S}"
