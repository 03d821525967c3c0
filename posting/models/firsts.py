"""The first rows of each of many groups, in one question that never reads a group to its end.

A window function would number every row of every group first. Here the groups are a short table,
and for each of them the index is followed only as far as something is shown or counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models.expressions import RawSQL

from posting import claims

Row = TypeVar("Row", bound=models.Model)
JOINED = {"sqlite": "GROUP_CONCAT(id, ',')", "postgresql": "STRING_AGG(id::text, ',')"}


@dataclass(frozen=True, slots=True)
class Firsts:
    """The ids of the first rows of a group, and how many there are: no more than were counted."""

    pks: tuple[int, ...]
    count: int


def of_group(place: int, kind: models.Field[Any, Any]) -> RawSQL:
    """What the rows of `firsts` are compared with: this value of their group."""
    return RawSQL(f"groups.v{int(place)}", (), output_field=kind)  # noqa: S611 - no outside text


def firsts(
    rows: models.QuerySet[Row], groups: Sequence[Sequence[Any]], show: int, most: int
) -> list[Firsts]:
    """The first `show` of the `rows` of each group, counted up to `most`; one question.

    `rows` are in order and say by `of_group` to which group they belong.
    """
    try:
        shown, values = rows.values("id")[: max(1, show)].query.sql_with_params()
        counted, again = rows.order_by().values("id")[:most].query.sql_with_params()
    except EmptyResultSet:  # it can be seen without asking
        return [Firsts((), 0) for _ in groups]
    if not groups:
        return []
    columns = ", ".join(f"v{place}" for place in range(len(groups[0])))
    line = f"({', '.join(['%s'] * (1 + len(groups[0])))})"
    sql = (
        f"WITH groups(place, {columns}) AS (VALUES {', '.join([line] * len(groups))})"  # noqa: S608
        f" SELECT (SELECT {JOINED[connection.vendor]} FROM ({shown}) shown),"
        f" (SELECT COUNT(*) FROM ({counted}) counted) FROM groups ORDER BY place"
    )
    wanted = [_adapted(value) for place, group in enumerate(groups) for value in (place, *group)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*wanted, *values, *again])
        return [Firsts(_numbers(said)[:show], int(count)) for said, count in cursor.fetchall()]


def _adapted(value: Any) -> Any:
    return claims.adapted({"it": value})["it"] if isinstance(value, datetime) else value


def _numbers(said: str | None) -> tuple[int, ...]:
    return tuple(int(pk) for pk in str(said).split(",")) if said else ()
