"""Put posts into the free slots of their accounts, show the coming slots, and mix what waits there.

Whoever fills slots of an account locks its row first, so that a slot is given away once. A queue
is paused by pausing its account: what is due then waits, and goes on when it is resumed.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, F, Min

from accounts.models import Team, User
from posting import lateness, slots
from posting.amend import TooLate
from posting.compose import CannotCompose, compose
from posting.doorbell import ring
from posting.lateness import Lateness
from posting.models import Post, PostResult, firsts, of_group
from posting.schedule import PASSED
from posting.states import State
from tokens.models import SocialAccount

UNPLACED = (State.CANCELLED, State.DRAFT, State.MISSED)
SHOWN, COUNTED = 20, 200
"""How much of a line is shown, and how far what is behind it is counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """A coming slot, or the time of something that waits beside the slots; empty: no result."""

    moment: datetime
    result: PostResult | None
    in_slot: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What an account has ahead, in order; `has_slots` is False where nobody has made any yet.

    `more` says how many wait behind what is shown, "312" or "500+"; "" for none.
    """

    account: SocialAccount
    places: tuple[Place, ...]
    has_slots: bool
    more: str = ""


def enqueue(
    *,
    team: Team,
    author: User,
    text: str,
    accounts: Sequence[SocialAccount],
    at: datetime,
    late: Lateness | None = None,
    key: uuid.UUID | None = None,
    **more: Any,
) -> Post:
    """Write a post that goes out at the next free slot of each of its accounts.

    `more` is what else `compose` takes. The same `key` again gives the post of the first time.
    Raises CannotCompose.
    """
    key = key or uuid.uuid4()
    with transaction.atomic():
        lock(accounts)
        if made := Post.objects.filter(team=team, key=key).first():
            return made
        moments = next_moments(accounts, at)
        first = min(moments.values(), default=None)
        post = compose(
            team=team,
            author=author,
            text=text,
            accounts=accounts,
            at=at,
            due_at=first,
            late=late,
            key=key,
            **more,
        )
        spread(post, moments)
    return post


def next_moments(
    accounts: Collection[SocialAccount], at: datetime, without: Post | None = None
) -> dict[int, datetime]:
    """The next free slot of each account, by its id; CannotCompose names those that have none.

    `without`: a post that is being planned anew takes nothing from itself.
    """
    found = slots.next_each(accounts, at, without)
    if lost := [account for account in accounts if found[account.pk] is None]:
        names = ", ".join(str(account) for account in lost)
        raise CannotCompose({"when": [f"No free slot: {names}. Add slots or choose a time."]})
    return {pk: moment for pk, moment in found.items() if moment is not None}


def spread(post: Post, moments: dict[int, datetime]) -> None:
    """Each waiting result of a post that nobody has rung for yet at the moment of its account."""
    late = lateness.of_post(post)
    for account, moment in moments.items():
        mine = post.results.filter(account=account, state=State.SCHEDULED)
        mine.update(**lateness.plan(moment, late))


def lines(
    accounts: Sequence[SocialAccount], at: datetime, days: int = 14, show: int = SHOWN
) -> tuple[Line, ...]:
    """The coming days of each account, empty slots and what waits beside them included.

    Three queries, and of each account `show` results are read, however much waits. Where more
    wait, the line ends with the last one that is shown: which slots are free behind it is not said.
    """
    until = at + timedelta(days=days)
    places = slots.of_accounts(accounts)
    rows = PostResult.objects.filter(
        account=of_group(0, BigIntegerField()),
        planned_at__gt=at,
        planned_at__lte=until,
        post__deleted_at=None,
    ).exclude(state__in=UNPLACED)
    groups = [[account.pk] for account in accounts]
    found = firsts(rows.order_by("planned_at", "pk"), groups, show, show + COUNTED)
    shown = [pk for line in found for pk in line.pks]
    results = PostResult.objects.select_related("post", "account").in_bulk(shown)
    made = []
    for account, line in zip(accounts, found, strict=True):
        mine = [results[pk] for pk in line.pks if pk in results]
        left, slotted = line.count - len(line.pks), places[account.pk]
        last = max((r.planned_at for r in mine if r.planned_at), default=until)
        coming = slots.moments(slotted, at, last if left else until)
        more = f"{left}+" if left >= COUNTED else str(left or "")
        made.append(Line(account, tuple(_line(mine, coming)), bool(slotted), more))
    return tuple(made)


def shuffle(account: SocialAccount, at: datetime, seed: int) -> int:
    """Mix what waits in the slots of an account; the same seed gives the same order.

    Only what waits there and is nobody's at the moment changes its place; returns how many did.
    """
    with transaction.atomic():
        lock([account])
        places = slots.of_accounts([account])[account.pk]
        results = _waiting(account, at)
        last = max((r.due_at for r in results), default=at)
        in_slots = set(slots.moments(places, at, last))
        mixed = sorted((r for r in results if r.due_at in in_slots), key=lambda r: r.due_at)
        order = [result.due_at for result in mixed]
        random.Random(seed).shuffle(order)  # noqa: S311 - no secret
        pairs = zip(mixed, order, strict=True)
        moved = sum(_place(result, moment) for result, moment in pairs)
        if moved:
            ring()
    return moved


def put(account: SocialAccount, pk: int, to: datetime, at: datetime) -> int:
    """One waiting result to another place in its account's line; returns how many changed theirs.

    A place where another one waits is made free: those between the two places move up by one.
    Raises CannotCompose for the past, amend.TooLate for what waits here no more.
    """
    if to <= at:
        raise CannotCompose({"when": [PASSED]})
    with transaction.atomic():
        lock([account])
        line = sorted(_waiting(account, at), key=lambda result: (result.due_at, result.pk))
        mine = next((result for result in line if result.pk == pk), None)
        if mine is None:
            raise TooLate("It is too late: this does not wait here any more. Nothing was changed.")
        moved = sum(_place(result, moment) for result, moment in _order(line, mine, to))
        if moved:
            ring()
    return moved


def _order(
    line: Sequence[PostResult], mine: PostResult, to: datetime
) -> list[tuple[PostResult, datetime]]:
    """Who goes where, if one of a line takes the moment `to`."""
    if not any(result.due_at == to for result in line):
        return [(mine, to)]
    first, last = sorted((mine.due_at, to))
    between = [result for result in line if first <= result.due_at <= last]
    places = [result.due_at for result in between]
    between.remove(mine)
    between.insert(0 if to < mine.due_at else len(between), mine)
    return list(zip(between, places, strict=True))


def _waiting(account: SocialAccount, at: datetime) -> list[PostResult]:
    """What waits in the line of an account and is nobody's at the moment, locked."""
    rows = PostResult.objects.select_for_update(of=("self",)).select_related("post__team")
    waiting = rows.filter(account=account, state=State.SCHEDULED, planned_at__gt=at)
    return list(waiting.filter(planned_at=F("due_at")).order_by("pk"))


def _place(result: PostResult, moment: datetime) -> int:
    """One waiting result at another moment; its post says the first of its moments."""
    if result.planned_at == moment:
        return 0
    anew = lateness.plan(moment, lateness.of_post(result.post))
    one = PostResult.objects.filter(pk=result.pk, state=State.SCHEDULED, planned_at=result.due_at)
    moved = one.update(**anew)
    first = result.post.results.exclude(state__in=UNPLACED).aggregate(first=Min("planned_at"))
    Post.objects.filter(pk=result.post_id).update(
        due_at=first["first"] or moment, version=F("version") + 1
    )
    return moved


def _line(results: Sequence[PostResult], coming: Iterator[datetime]) -> Iterator[Place]:
    """Slots and results in one order; of two in one slot both are shown."""
    filled = {result.planned_at for result in results}
    slots_ahead = set(coming)
    found = [Place(moment, None, in_slot=True) for moment in slots_ahead - filled]
    for result in results:
        if moment := result.planned_at:
            found.append(Place(moment, result, in_slot=moment in slots_ahead))
    yield from sorted(found, key=lambda place: place.moment)


def lock(accounts: Collection[SocialAccount]) -> None:
    """Whoever else fills their slots waits until this transaction ends."""
    ids = [account.pk for account in accounts]
    rows = SocialAccount.objects.select_for_update(no_key=True, of=("self",))
    list(rows.filter(pk__in=ids).order_by("pk").values_list("pk"))
