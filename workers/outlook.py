"""What falls due next, what waits for how long, what came too late: cheap looks at the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Min, Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from posting.models import Attempt, PostResult
from posting.states import State

# Literals on purpose: each of these is the first entry of a partial index, or all of a small one.
MOMENTS = (
    "(SELECT MIN(due_at) FROM {t} WHERE state = 'scheduled')",
    "(SELECT MIN(queued_at) FROM {t} WHERE state = 'queued')",
    "(SELECT MIN(lease_until) FROM {t} WHERE state = 'sending')",
    "(SELECT MIN(due_at) FROM {t} WHERE state = 'uncertain' AND queued_at IS NULL)",
    "(SELECT MIN(queued_at) FROM {t} WHERE state = 'uncertain')",
    "(SELECT MIN(late_at) FROM {t} WHERE state = 'scheduled')",
    "(SELECT MIN(late_at) FROM {t} WHERE state = 'queued')",  # shares keep these few
    "(SELECT MIN(due_at) FROM {t} WHERE state = 'processing' AND queued_at IS NULL)",
    "(SELECT MIN(queued_at) FROM {t} WHERE state = 'processing')",
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The database's clock, and when each kind of row next needs a dispatcher (None: never).

    `doubtful`: when a network is next to be asked, for what is in doubt or still at work.
    """

    at: datetime
    due: datetime | None
    unanswered: datetime | None
    abandoned: datetime | None
    doubtful: datetime | None
    late: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long from now until the first of them; None if nothing waits."""
        moments = [self.due, self.unanswered, self.abandoned, self.doubtful, self.late]
        known = [moment for moment in moments if moment is not None]
        return (min(known) - self.at).total_seconds() if known else None

    def is_time(self, moment: datetime | None) -> bool:
        """Whether this moment has come."""
        return moment is not None and moment <= self.at


def outlook(patience: timedelta) -> Outlook:
    """One statement that only reads; `patience` is how long a bell may stay unanswered."""
    table = connection.ops.quote_name(PostResult._meta.db_table)
    clock = "clock_timestamp()" if connection.vendor == "postgresql" else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {clock}, {', '.join(MOMENTS).format(t=table)}")
        row = [_moment(value) for value in cursor.fetchone()]
    now, due, queued, leased, doubtful, looked, *late, at_work, polled = row
    rung = [moment + patience for moment in (looked, polled) if moment]
    again = [doubtful, at_work, *rung]
    return Outlook(
        at=now or timezone.now(),
        due=due,
        unanswered=queued + patience if queued else None,
        abandoned=leased,
        doubtful=min((moment for moment in again if moment), default=None),
        late=min((moment for moment in late if moment), default=None),
    )


LATELY = timedelta(hours=1)
# Literals here too: each part is one entry of a partial index, or few.
TOO_LATE = (
    "(SELECT COUNT(*) FROM {t} WHERE waited = 'time' AND late_at > %s AND late_at <= %s"
    " AND (state = 'missed' OR (state = 'held' AND held_for = 'late')))",
    "(SELECT COUNT(*) FROM {t} WHERE state = 'scheduled' AND late_at <= %s"
    " AND error NOT IN ('limited', 'throttled'))",
    "(SELECT COUNT(*) FROM {t} WHERE state = 'queued' AND late_at <= %s)",
)
STRANGE = (
    "SELECT {t}.provider, COUNT(*) FROM {a} JOIN {t} ON {t}.id = {a}.result_id"
    " WHERE {a}.outcome IN ('unexpected', 'misconfigured') AND {a}.started_at > %s"
    " GROUP BY {t}.provider ORDER BY {t}.provider"
)


def too_late(at: datetime) -> int:
    """How many posts became too late in the last hour, and how many are that nobody has judged yet.

    Neither those that waited behind a limit count, nor those whose account could not post.
    """
    [row] = _asked(f"SELECT {' + '.join(TOO_LATE)}", at - LATELY, at, at, at)
    return int(row[0])


def strange(at: datetime) -> dict[str, int]:
    """How many answers of the last hour nobody understood, by network."""
    return {str(name): int(count) for name, count in _asked(STRANGE, at - LATELY)}


def _asked(sql: str, *moments: datetime) -> list[tuple[Any, ...]]:
    quoted = connection.ops.quote_name
    tables = {"t": quoted(PostResult._meta.db_table), "a": quoted(Attempt._meta.db_table)}
    with connection.cursor() as cursor:
        values = [connection.ops.adapt_datetimefield_value(moment) for moment in moments]
        cursor.execute(sql.format(**tables), values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _moment(value: datetime | str | None) -> datetime | None:
    """A moment as the database's driver gives it: SQLite has text, in UTC."""
    found = parse_datetime(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def oldest_due(at: datetime) -> datetime | None:
    """Since when the oldest post has been due that nobody holds back: the number that matters.

    Neither held posts count, nor those that were told to wait (their due time is the end of the
    wait), nor those that may not go out any more because they are too late.
    """
    waiting = PostResult.objects.filter(
        Q(late_at__isnull=True) | Q(late_at__gt=at),
        state__in=[State.SCHEDULED, State.QUEUED],
        due_at__lte=at,
    )
    oldest: datetime | None = waiting.aggregate(oldest=Min("due_at"))["oldest"]
    return oldest
