"""Who did what in a team: noted when it is done, read newest first, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import Activity, Team, User

PAGE = 30


class Kind(StrEnum):
    """What people can look for."""

    WROTE = "wrote"
    CHANGED = "changed"
    STOPPED = "stopped"
    RELEASED = "released"
    DECIDED = "decided"
    CONNECTED = "connected"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"
    SETTINGS = "settings"


LABELS: Mapping[str, str] = {
    Kind.WROTE: "Wrote a post",
    Kind.CHANGED: "Changed a post",
    Kind.STOPPED: "Cancelled or skipped",
    Kind.RELEASED: "Sent on or again",
    Kind.DECIDED: "Said whether a post is out",
    Kind.CONNECTED: "Connected an account",
    Kind.PAUSED: "Paused or resumed an account",
    Kind.DISCONNECTED: "Disconnected an account",
    Kind.SETTINGS: "Changed a setting",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list; `after` is the key of the next, older one, if there is one."""

    rows: tuple[Activity, ...]
    after: int | None


def note(team: Team, person: User, kind: Kind, words: str, at: datetime, path: str = "") -> None:
    """Keep what `person` has just done; never a secret, never the text of a post in full."""
    Activity.objects.create(
        team=team, person=person, who=str(person), kind=kind, words=words, at=at, path=path
    )


def read(
    team: Team, *, person: int | None = None, kind: str = "", before: int | None = None
) -> Page:
    """What was done, newest first: by one person, of one kind, older than the key `before`."""
    rows = Activity.objects.filter(team=team).select_related("person")
    if person is not None:
        rows = rows.filter(person=person)
    if kind:
        rows = rows.filter(kind=kind)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PAGE + 1])
    shown = tuple(found[:PAGE])
    return Page(shown, shown[-1].pk if len(found) > PAGE else None)
