"""Rows are claimed by one statement each: UPDATE … RETURNING, the same on both databases.

Whoever claims skips what others hold; whoever waits for it waits in the order of the rows' numbers.
So nobody ever waits in a circle.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models.expressions import RawSQL

Row = TypeVar("Row", bound=models.Model)


def claim(
    model: type[models.Model],
    change: str,
    chosen: str,
    still: str,
    limit: int,
    first: str = "",
    **values: datetime,
) -> list[tuple[int, str]]:
    """One UPDATE … RETURNING over at most `limit` rows: (id, provider) of each, as planned.

    `first`: tables that `chosen` speaks of.

    The limit is a literal on purpose: with a bound parameter PostgreSQL plans for any limit
    and may leave the partial index. The choice is materialized, because PostgreSQL may run a
    plain subquery several times, and SKIP LOCKED then chooses other rows each time.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    skip = " FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update else ""
    sql = (
        f"WITH {first}chosen AS MATERIALIZED"  # noqa: S608 - no outside text in it
        f" (SELECT id FROM {table} WHERE {chosen} LIMIT {int(limit)}{skip})"
        f" UPDATE {table} SET {change} WHERE {among('chosen')}"
        f" AND {still} RETURNING id, provider, COALESCE(planned_at, due_at)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted(values))
        rows = sorted(cursor.fetchall(), key=lambda row: (row[2], row[0]))
        return [(int(pk), str(provider)) for pk, provider, _ in rows]


def in_order(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """The same rows for an update, which locks them in the order of their numbers before it writes.

    By itself PostgreSQL locks what it changes in the order of its plan: two updates of the same
    rows may each hold what the other waits for, and one of them is broken off ("deadlock
    detected"). As an array, so that the choice is made once; what was waited for is looked at again
    with all its conditions, joins included. SQLite has one writer, and nothing to lock.
    """
    if not connection.features.has_select_for_update:
        return rows
    table = connection.ops.quote_name(rows.model._meta.db_table)
    try:
        sql, values = rows.order_by("pk").values("pk").query.sql_with_params()
    except EmptyResultSet:  # it can be seen without asking
        return rows.none()
    chosen = f"id = ANY(ARRAY({sql} FOR UPDATE OF {table}))"  # no outside text in it
    locked = RawSQL(chosen, values, models.BooleanField())  # noqa: S611
    return rows.model._base_manager.filter(locked)


def among(name: str) -> str:
    """The condition that a row is one of the few in the table `name`.

    As an array, since PostgreSQL may answer `IN` by going through every waiting row there is.
    """
    if connection.vendor == "postgresql":
        return f"id = ANY(ARRAY(SELECT id FROM {name}))"  # noqa: S608 - no outside text in it
    return f"id IN (SELECT id FROM {name})"  # noqa: S608 - no outside text in it


def shares(
    model: type[models.Model], waiting: str, *, account: int, provider: int, limit: int
) -> str:
    """The table `fair`: which of the rows `waiting` have a turn, for `first` of `claim`.

    By turns of the accounts: everybody's first, then everybody's second. An account has no more
    than `account` rows in the hands of workers, a network no more than `provider`; what is there
    already counts. Two literals for two partial indexes, whose rows are few by this very rule.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    busy = " UNION ALL ".join(
        f"SELECT account_id, provider FROM {table} WHERE state = '{state}' AND {since} IS NOT NULL"  # noqa: S608
        for state, since in (("queued", "queued_at"), ("sending", "lease_until"))
    )
    return (
        f"busy AS MATERIALIZED ({busy}),"  # noqa: S608 - no outside text in it
        " of_account AS (SELECT account_id, COUNT(*) AS n FROM busy GROUP BY account_id),"
        " of_provider AS (SELECT provider, COUNT(*) AS n FROM busy GROUP BY provider),"
        " turns AS (SELECT id, provider, account_id, due_at, ROW_NUMBER() OVER"
        " (PARTITION BY account_id ORDER BY COALESCE(planned_at, due_at), id) AS turn"
        f" FROM {table} WHERE {waiting}"
        f" AND account_id NOT IN (SELECT account_id FROM of_account WHERE n >= {int(account)})"
        f" AND provider NOT IN (SELECT provider FROM of_provider WHERE n >= {int(provider)})),"
        " places AS (SELECT t.id, COALESCE(p.n, 0) + ROW_NUMBER() OVER"
        " (PARTITION BY t.provider ORDER BY t.turn, t.due_at, t.id) AS place"
        " FROM turns t LEFT JOIN of_account a ON a.account_id = t.account_id"
        " LEFT JOIN of_provider p ON p.provider = t.provider"
        f" WHERE t.turn + COALESCE(a.n, 0) <= {int(account)}),"
        f" fair AS (SELECT id FROM places WHERE place <= {int(provider)}"
        f" ORDER BY place LIMIT {int(limit)}), "
    )


def fence(model: type[models.Model], change: str, condition: str, **values: Any) -> int | None:
    """Raise the epoch of one row that fulfils the condition: the new epoch, else None."""
    table = connection.ops.quote_name(model._meta.db_table)
    sql = (
        f"UPDATE {table} SET epoch = epoch + 1, lease_until = %(until)s, {change}"  # noqa: S608
        f" WHERE id = %(pk)s AND {condition} RETURNING epoch"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted(values))
        row = cursor.fetchone()
    return int(row[0]) if row else None


def late(model: type[models.Model], at: datetime, limit: int) -> list[int]:
    """Ids of waiting rows that may not go out by themselves any more, the latest last."""
    table = connection.ops.quote_name(model._meta.db_table)
    waiting = " UNION ALL ".join(  # two literals, for two partial indexes
        f"SELECT id, late_at FROM {table} WHERE state = '{state}' AND late_at <= %(at)s"  # noqa: S608
        for state in ("scheduled", "queued")
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{waiting} ORDER BY 2 LIMIT {int(limit)}", adapted({"at": at}))
        return [int(pk) for pk, _ in cursor.fetchall()]


def adapted(values: dict[str, Any]) -> dict[str, Any]:
    """Moments in the form in which Django stores them in this database."""
    adapt = connection.ops.adapt_datetimefield_value
    return {k: adapt(v) if isinstance(v, datetime) else v for k, v in values.items()}
