"""Tell a team something, once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from accounts.models import Notice, Team


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


def retell(notice: Notice, words: str, *, asks: bool, path: str = "") -> bool:
    """An unread notice says how things stand by now; whether anything in it changed."""
    said = {"words": words, "asks": asks, "path": path}
    if all(getattr(notice, name) == value for name, value in said.items()):
        return False
    return bool(Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(**said))


def open_about(prefix: str) -> list[Notice]:
    """The unread notices of all teams whose occasion begins with `prefix`."""
    return list(Notice.objects.filter(read_at__isnull=True, key__startswith=prefix))


def settle(notices: Iterable[Notice], at: datetime) -> int:
    """What these were about is over; returns how many went."""
    keys = [notice.pk for notice in notices]
    return Notice.objects.filter(pk__in=keys, read_at__isnull=True).update(read_at=at)


def dismiss(team: Team, pk: int, at: datetime) -> bool:
    """Somebody has read it; False if there is no such notice of this team."""
    return bool(Notice.objects.for_team(team).filter(pk=pk).update(read_at=at))
