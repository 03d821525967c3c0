"""Many posts at once: move, cancel, try again, label; each is told what became of it.

One that cannot is left as it was and keeps nobody else from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Team
from posting import compose, library, undo
from posting.amend import Outrun, TooLate
from posting.compose import CannotCompose
from posting.models import Label, Post, Undoable
from posting.schedule import PASSED

MOST = 500
GONE = "It is not there any more."
Act = Callable[[int], tuple[str, Undoable | None]]


def nowhere(pk: int) -> None:
    """Nobody writes down what was done."""


@dataclass(frozen=True, slots=True)
class How:
    """`noted`: what else belongs to the act on one post, by its number; with it or not at all.

    `dry`: the very same is done and taken back at once, before anybody can see it, so that a
    rehearsal says what would become of each.
    """

    dry: bool = False
    noted: Callable[[int], None] = nowhere


PLAINLY = How()


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one of them; `undo` takes it back, if that can be."""

    pk: int
    done: bool
    words: str
    undo: UUID | None = None


def move(
    team: Team,
    pks: Sequence[int],
    to: datetime | timedelta,
    at: datetime,
    zone: ZoneInfo | None = None,
    how: How = PLAINLY,
) -> list[Told]:
    """To one moment, or each by a span; on the clocks of `zone` each keeps its time on the wall."""

    def one(pk: int) -> tuple[str, Undoable | None]:
        return "Moved.", undo.move_all(team, [pk], to, at=at, zone=zone)

    return _each(pks, one, how)


def cancel(team: Team, pks: Sequence[int], at: datetime, how: How = PLAINLY) -> list[Told]:
    """Stop what has not gone out."""

    def one(pk: int) -> tuple[str, Undoable | None]:
        return "Cancelled.", undo.cancel(team, pk, at=at)

    return _each(pks, one, how)


def delete(team: Team, pks: Sequence[int], at: datetime, how: How = PLAINLY) -> list[Told]:
    """Take them off every page."""

    def one(pk: int) -> tuple[str, Undoable | None]:
        return "Deleted.", undo.delete(team, pk, at=at)

    return _each(pks, one, how)


def try_again(team: Team, pks: Sequence[int], at: datetime, how: How = PLAINLY) -> list[Told]:
    """Order another try of what failed; what was planned first goes first."""
    step = timedelta(milliseconds=1)
    planned = Post.objects.kept(team).filter(pk__in=pks).order_by("due_at", "pk")
    order = {pk: place for place, pk in enumerate(planned.values_list("pk", flat=True))}

    def one(pk: int) -> tuple[str, Undoable | None]:
        post = Post.objects.kept(team).select_related("team").get(pk=pk)
        if not compose.try_again(post, at + order[pk] * step):
            raise TooLate("Nothing of it can be tried again.")
        return "It goes out again.", None

    return _each(pks, one, how)


def label(
    team: Team,
    pks: Sequence[int],
    with_label: Label,
    how: How = PLAINLY,
    *,
    on: bool = True,
) -> list[Told]:
    """Put a label on them, or take it off."""
    if with_label.team_id != team.pk:
        return [Told(pk, done=False, words="This label is not yours.") for pk in pks]
    change = library.put_on if on else library.take_off

    def one(pk: int) -> tuple[str, Undoable | None]:
        if not change(with_label, [pk]):
            raise Post.DoesNotExist(GONE)
        return "Labelled." if on else "Label taken off.", None

    return _each(pks, one, how)


def _each(pks: Sequence[int], act: Act, how: How) -> list[Told]:
    if len(pks) > MOST:
        raise CannotCompose({"posts": [f"Choose {MOST} posts at most at a time."]})
    return [_one(pk, act, how) for pk in dict.fromkeys(pks)]


def _one(pk: int, act: Act, how: How) -> Told:
    try:
        with transaction.atomic():
            words, act_done = act(pk)
            how.noted(pk)
            transaction.set_rollback(how.dry)
    except Post.DoesNotExist:
        return Told(pk, done=False, words=GONE)
    except CannotCompose as problem:
        return Told(pk, done=False, words=str(problem) or PASSED)
    except (TooLate, Outrun) as problem:
        return Told(pk, done=False, words=str(problem))
    return Told(
        pk, done=True, words=words, undo=act_done.token if act_done and not how.dry else None
    )
