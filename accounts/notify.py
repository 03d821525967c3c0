"""Tell a team something, once; and mail it to a person, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import Mailed, Notice, Team, User


def tell(
    team: Team, key: str, words: str, at: datetime, *, path: str = "", asks: bool = False
) -> bool:
    """Leave a notice for `team` unless it was told of this occasion before; whether it was new.

    `key` names the occasion, `path` is the page on which something can be done about it, `asks`
    that somebody has to.
    """
    said = {"words": words, "path": path, "asks": asks, "created_at": at}
    _, new = Notice.objects.get_or_create(team=team, key=key, defaults=said)
    return new


def retell(notice: Notice, words: str, *, asks: bool, path: str = "", key: str = "") -> bool:
    """An unread notice says how things stand by now; whether anything in it changed.

    `key`: it tells of this occasion as well by now.
    """
    said = {"words": words, "asks": asks, "path": path, "key": key or notice.key}
    if all(getattr(notice, name) == value for name, value in said.items()):
        return False
    return bool(Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(**said))


def open_about(prefix: str) -> list[Notice]:
    """The unread notices of all teams whose occasion begins with `prefix`."""
    return list(Notice.objects.filter(read_at__isnull=True, key__startswith=prefix))


def keys_told(team: Team, prefix: str) -> list[str]:
    """The keys of all that a team was ever told of whose occasion begins with `prefix`."""
    told = Notice.objects.filter(team=team, key__startswith=prefix)
    return list(told.values_list("key", flat=True))


def claim(person: User, notices: Sequence[Notice], at: datetime, every: timedelta) -> list[Notice]:
    """Those of these notices that the caller is to mail to `person` now, and nobody else ever.

    None if the last letter is younger than `every`, or the person wants none. Two who claim at
    once wait for each other at the person's row.
    """
    due = Q(mailed_at__isnull=True) | Q(mailed_at__lte=at - every)
    with transaction.atomic():
        if not User.objects.filter(due, pk=person.pk, wants_mail=True).update(mailed_at=at):
            return []
        mailed = Mailed.objects.filter(person=person, notice__in=[n.pk for n in notices])
        known = set(mailed.values_list("notice", flat=True))
        fresh = [notice for notice in notices if notice.pk not in known]
        Mailed.objects.bulk_create(Mailed(person=person, notice=n, at=at) for n in fresh)
    return fresh


def settle(notices: Iterable[Notice], at: datetime) -> int:
    """What these were about is over; returns how many went."""
    keys = [notice.pk for notice in notices]
    return Notice.objects.filter(pk__in=keys, read_at__isnull=True).update(read_at=at)


def dismiss(team: Team, pk: int, at: datetime) -> bool:
    """Somebody has read it; False if there is no such notice of this team."""
    return bool(Notice.objects.for_team(team).filter(pk=pk).update(read_at=at))
