"""Lateness is a decision: how late a post may go out, and what becomes of it afterwards.

A result carries the moment after which it does not go out by itself (`late_at`). Queueing and the
fence refuse it from then on, whatever had delayed it; `judge` says what becomes of it.

What was to take the next free slot does so once. It is not moved for that: it waits as before,
with a new plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, CharField, Value, When
from django.db.models.functions import Coalesce, NullIf

from accounts.models import Team
from accounts.states import WhenLate
from posting import slots
from posting.models import Post, PostResult, ResultQuerySet
from posting.results import LIMITED
from posting.states import LATE, State
from providers.kit.errors import Throttled
from tokens.models import SocialAccount

TIME = "time"
LATE_WORDS = "It could not go out in time: send it now, give it a new time, skip it or cancel it."
NO_SLOT = "It could not go out in time, and its account has no free slot: give it a new time."
SLOT_USED = (
    "It could not go out in time, took the next free slot and could not go out then either:"
    " send it now, give it a new time, skip it or cancel it."
)
SKIPPED = "It could not go out in time and was not to go out later."
SKIPPED_BY_HAND = "Somebody decided that it is not to go out any more."


@dataclass(frozen=True, slots=True)
class Lateness:
    """A post may go out until `after` behind its time; `then` says what happens to it."""

    after: timedelta
    then: WhenLate


def of_team(team: Team) -> Lateness:
    """What a team's new posts begin with."""
    return Lateness(team.patience, WhenLate(team.when_late))


def of_post(post: Post) -> Lateness:
    """What a post asks for; its team's wish where it was written before there was one."""
    after = post.team.patience if post.late_after is None else post.late_after
    return Lateness(after, WhenLate(post.when_late))


def plan(moment: datetime, late: Lateness) -> dict[str, Any]:
    """The columns of a result that a person wants to go out at `moment`; it has not waited yet."""
    told: dict[str, Any] = {"waited": "", "digest": None, "slotted": False}
    return {"due_at": moment, "planned_at": moment, "late_at": moment + late.after, **told}


def judge(at: datetime) -> int:
    """What waits and is too late goes where its post says; returns how many.

    A result that was ever in doubt is never skipped in silence: a person is asked.
    """
    if not (ids := PostResult.objects.late(at)):
        return 0
    late = PostResult.objects.filter(pk__in=ids, late_at__lte=at)
    waiting = [State.SCHEDULED, State.QUEUED]
    moved = _skip(late, waiting) + _into_slots(late, at)
    hopeful = late.filter(post__in=Post.objects.filter(when_late=WhenLate.NEXT_SLOT), doubts=0)
    why: dict[str, Any] = {"held_for": LATE, **_noted()}
    moved += hopeful.filter(slotted=True).move(waiting, State.HELD, words=SLOT_USED, **why)
    moved += hopeful.filter(slotted=False).move(waiting, State.HELD, words=NO_SLOT, **why)
    return moved + late.move(waiting, State.HELD, words=LATE_WORDS, **why)


def skip_held(at: datetime) -> int:
    """What is held for its account and not to go out late is skipped once it is; how many."""
    held = PostResult.objects.filter(state=State.HELD, late_at__lte=at).exclude(held_for=LATE)
    return _skip(held, [State.HELD])


def late_of(team: Team) -> ResultQuerySet:
    """What could not go out in time and waits for somebody of this team to decide."""
    mine = Post.objects.filter(team=team)
    return PostResult.objects.filter(post__in=mine, state=State.HELD, held_for=LATE)


def skip(late: ResultQuerySet) -> int:
    """A person's decision: these late results are not to go out any more; returns how many."""
    return late.filter(held_for=LATE).move(
        [State.HELD], State.MISSED, held_for="", error="", words=SKIPPED_BY_HAND
    )


def _skip(late: ResultQuerySet, before: list[State]) -> int:
    unwanted = Post.objects.filter(when_late=WhenLate.SKIP)
    return late.filter(post__in=unwanted, doubts=0).move(
        before, State.MISSED, held_for="", words=SKIPPED, **_noted()
    )


def _into_slots(late: ResultQuerySet, at: datetime) -> int:
    """Those that were to take the next free slot and have not yet do so; returns how many."""
    wanted = Post.objects.filter(when_late=WhenLate.NEXT_SLOT)
    rows = late.filter(post__in=wanted, doubts=0, slotted=False)
    waiting = rows.filter(state__in=[State.SCHEDULED, State.QUEUED])
    accounts = sorted(set(waiting.values_list("account", flat=True)))
    return sum(_into_slots_of(account, waiting, at) for account in accounts)


def _into_slots_of(account: int, waiting: ResultQuerySet, at: datetime) -> int:
    """The oldest first; whoever else fills slots of this account waits."""
    with transaction.atomic():
        owner = SocialAccount.objects.select_for_update(no_key=True, of=("self",)).get(pk=account)
        mine = waiting.filter(account=owner).select_related("post__team")
        results = list(mine.order_by("planned_at", "pk"))
        free = slots.free(owner, at)
        moved = 0
        for result in results:
            if (moment := next(free, None)) is None:
                break
            moved += _replan(result, moment, at)
    return moved


def _replan(result: PostResult, moment: datetime, at: datetime) -> int:
    """Unless it went on meanwhile; it has waited, and that stays known."""
    anew = {**plan(moment, of_post(result.post)), **_noted(), "slotted": True, "words": ""}
    del anew["digest"]
    one = PostResult.objects.filter(pk=result.pk, late_at__lte=at)
    waited = one.filter(state=State.SCHEDULED).update(**anew)
    return waited or one.move([State.QUEUED], State.SCHEDULED, **anew)


def _noted() -> dict[str, Any]:
    """It waited: for its account, for a limit, for the reason that is known already, or just so.

    Only the last, "time", is a reason for whoever runs the site to look.
    """
    known = Coalesce(NullIf("waited", Value("")), NullIf("held_for", Value("")), Value(TIME))
    slow = When(waited__in=["", TIME], error__in=[LIMITED, Throttled.outcome], then=Value(LIMITED))
    waited = Case(slow, default=known, output_field=CharField())
    return {"waited": waited, "queued_at": None, "error": ""}
