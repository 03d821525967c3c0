"""Writers of many rows lock them in one order, so that none of them is broken off by a circle.

PostgreSQL locks rows in the order in which its plan meets them, and two plans may meet the same
rows the other way round. Here both orders are forced, with a third writer holding the row between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from posting import lateness, results
from posting.compose import cancel, compose
from posting.models import Post, PostResult
from tests.cast import Cast, Street, edit, everywhere
from tokens.models import SocialAccount
from tokens.states import AccountState

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
HOUR = timedelta(hours=1)
BY_INDEX = ("enable_seqscan", "enable_bitmapscan", "enable_sort")
BY_PLACE = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
Act = Callable[[Post, datetime], Any]


def put_off(until: timedelta, post: Post, at: datetime) -> int:
    """A gate closes until then."""
    everything = PostResult.objects.all()
    return results.put_off(everything, at, at + until, error=results.LIMITED, words="Full.")


def changed(post: Post, at: datetime) -> None:
    """Somebody saves another text."""
    edit(post, seen=post.version, at=at, text="New.")


def swept(post: Post, at: datetime) -> None:
    """Its accounts were paused, and the sweep holds what waits for them."""
    SocialAccount.objects.update(state=AccountState.PAUSED)
    results.hold_unusable()


WRITERS: dict[str, Act] = {
    "another put-off": partial(put_off, 2 * HOUR),
    "an edit": changed,
    "a cancel": lambda post, _at: cancel(post),
    "the sweep": swept,
    "lateness": lambda _post, at: lateness.judge(at + 2 * HOUR),
    "news": lambda _post, at: results.bring_forward(PostResult.objects.all(), at - HOUR),
}


def alone(plans_without: tuple[str, ...], pids: list[int], act: Callable[[], Any]) -> Any:
    """Act over a connection of its own, to which these kinds of plans are forbidden."""
    try:
        with connection.cursor() as cursor:
            for kind in plans_without:
                cursor.execute(f"SET {kind} = off")
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
        return act()
    finally:
        with connection.cursor() as cursor:
            for kind in plans_without:
                cursor.execute(f"RESET {kind}")  # the connection goes back into its pool
        connection.close()


def until_waiting(pids: list[int], count: int) -> None:
    """Return when that many of these connections wait for somebody's lock."""
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM unnest(%s::int[]) pid"
                " WHERE cardinality(pg_blocking_pids(pid)) > 0",
                [list(pids)],
            )
            if cursor.fetchone()[0] == count:
                return
        time.sleep(0.01)
    raise AssertionError(f"fewer than {count} wait")


@pytest.mark.parametrize("writer", WRITERS)
def test_two_writers_of_the_same_rows_never_wait_in_a_circle(
    cast: Cast, street: Street, writer: str
) -> None:
    at = timezone.now()
    accounts = everywhere(street, cast.team)
    post = compose(team=cast.team, author=cast.alice, text="Old.", accounts=accounts, at=at)
    rows = list(PostResult.objects.order_by("pk"))
    for place, row in enumerate(rows):  # the indexes have them the other way round
        back = timedelta(minutes=place)
        times = {"due_at": at - back, "planned_at": None, "late_at": at + HOUR - back}
        PostResult.objects.filter(pk=row.pk).update(**times, error=results.TROUBLE)
    pids: list[int] = []
    acts = [
        (BY_INDEX, partial(put_off, HOUR, post, at)),
        (BY_PLACE, partial(WRITERS[writer], post, at)),
    ]
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            PostResult.objects.select_for_update().get(pk=rows[1].pk)
            both = []
            for place, (plans, act) in enumerate(acts, 1):
                both.append(pool.submit(alone, plans, pids, act))
                until_waiting(pids, place)
        assert [done.exception(30) for done in both] == [None, None]
