"""Weekly slots: an account's places in the week, which of them are taken, and the next free one.

A slot keeps its time on the wall, whatever the clocks do: one that the clocks skip is shifted
forward, one that they show twice is taken the first time.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Team
from posting.models import Post, PostResult, Slot
from posting.schedule import WEEK, resolve, zone_named
from posting.states import STOPPED, State
from tokens.models import SocialAccount

SOON, NEAR, FAR = timedelta(days=7), timedelta(days=28), timedelta(days=366)
"""How far ahead a free slot is looked for: an account that is booked for a year has none."""
UNTAKEN = (*STOPPED, State.DRAFT)
MOST = 200
AT_ONCE = 10_000
"""So many values a question may have in any database."""


class NoSlot(Exception):
    """A slot cannot be like this, or there is none; the text says which and what to do."""


def add(
    account: SocialAccount, weekdays: Collection[int], wall_time: time, zone: str = ""
) -> list[Slot]:
    """Places for an account on these days (0 is Monday); one that was there stays as it is.

    `zone` "" reads them on the clocks of the team. Raises NoSlot, NotUnderstood for the zone.
    """
    if not weekdays or not set(weekdays) <= set(range(WEEK)):
        raise NoSlot("weekdays: choose at least one day, Monday to Sunday.")
    if zone:
        zone_named(zone)
    whole = wall_time.replace(second=0, microsecond=0)
    with transaction.atomic():
        SocialAccount.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        if Slot.objects.filter(account=account).count() + len(weekdays) > MOST:
            raise NoSlot(f"slots: an account has {MOST} at most.")
        return [
            Slot.objects.get_or_create(
                account=account, weekday=day, wall_time=whole, defaults={"zone": zone}
            )[0]
            for day in sorted(set(weekdays))
        ]


def remove(team: Team, pk: int) -> bool:
    """Take a slot away; what is planned in it keeps its time. False if the team has none such."""
    return bool(Slot.objects.filter(pk=pk, account__team=team).delete()[0])


def zone_of(slot: Slot) -> ZoneInfo:
    """The clocks on which a slot is read."""
    return zone_named(slot.zone or slot.account.team.time_zone)


def moments(places: Sequence[Slot], at: datetime, until: datetime) -> Iterator[datetime]:
    """When these slots come, after `at` and no later than `until`, each moment once, in order."""
    last: datetime | None = None
    for moment in heapq.merge(*(_coming(slot, at, until) for slot in places)):
        if moment != last:
            yield moment
        last = moment


def taken(
    accounts: Collection[SocialAccount], at: datetime, until: datetime
) -> dict[int, set[datetime]]:
    """The moments, by account, at which something goes out after `at`; one query."""
    rows = PostResult.objects.filter(
        account__in=accounts, planned_at__gt=at, planned_at__lte=until
    ).exclude(state__in=UNTAKEN)
    found: dict[int, set[datetime]] = {account.pk: set() for account in accounts}
    for account, moment in rows.values_list("account", "planned_at"):
        if moment is not None:
            found[account].add(moment)
    return found


def free(account: SocialAccount, at: datetime) -> Iterator[datetime]:
    """The free slots of an account after `at`, in order."""
    places = _places([account])[account.pk]
    for start, until in ((at, at + NEAR), (at + NEAR, at + FAR)) if places else ():
        busy = taken([account], start, until)[account.pk]
        yield from (moment for moment in moments(places, start, until) if moment not in busy)


def next_each(
    accounts: Collection[SocialAccount], at: datetime, without: Post | None = None
) -> dict[int, datetime | None]:
    """The next free slot of each account, by its id; None where it has none.

    `without`: a post that is being planned anew takes nothing from itself.
    """
    places = _places(accounts)
    found: dict[int, datetime | None] = {account.pk: None for account in accounts}
    for start, until in ((at, at + SOON), (at + SOON, at + NEAR), (at + NEAR, at + FAR)):
        lost = [pk for pk, moment in found.items() if moment is None and places[pk]]
        ahead = {pk: list(moments(places[pk], start, until)) for pk in lost}
        busy = _filled(ahead, without) if lost else {}
        for pk in lost:
            found[pk] = next((moment for moment in ahead[pk] if moment not in busy[pk]), None)
    return found


def _filled(
    ahead: Mapping[int, Collection[datetime]], without: Post | None
) -> dict[int, set[datetime]]:
    """Which of these slots, by account, are taken; what goes out beside them is not read."""
    wanted = sorted({moment for coming in ahead.values() for moment in coming})
    found: dict[int, set[datetime]] = {pk: set() for pk in ahead}
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE]
        rows = PostResult.objects.filter(account__in=ahead, planned_at__in=some)
        if without:
            rows = rows.exclude(post=without)
        pairs = rows.exclude(state__in=UNTAKEN).values_list("account", "planned_at").distinct()
        for account, moment in pairs.order_by():
            if moment is not None:
                found[account].add(moment)
    return found


def of_accounts(accounts: Collection[SocialAccount]) -> dict[int, list[Slot]]:
    """The slots of each account, by its id; one query."""
    return _places(accounts)


def _places(accounts: Collection[SocialAccount]) -> dict[int, list[Slot]]:
    found: dict[int, list[Slot]] = {account.pk: [] for account in accounts}
    for slot in Slot.objects.filter(account__in=accounts).select_related("account__team"):
        found[slot.account_id].append(slot)
    return found


def _coming(slot: Slot, at: datetime, until: datetime) -> Iterator[datetime]:
    """When one slot comes, in order; it begins a day early, for shifted clocks."""
    zone = zone_of(slot)
    day = at.astimezone(zone).date() - timedelta(days=1)
    day += timedelta(days=(slot.weekday - day.weekday()) % WEEK)
    while (moment := resolve(datetime.combine(day, slot.wall_time), zone).at) <= until:
        if moment > at:
            yield moment
        day += timedelta(days=WEEK)
