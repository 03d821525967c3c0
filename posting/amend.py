"""Give a post that still waits another moment; whoever comes too late is told, and nothing changes.

The results are locked first, then looked at, then changed, in one transaction. A worker's fence
locks the same rows: it comes before, and the change is refused, or after, and reads the new.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from posting import lateness
from posting.compose import CannotCompose
from posting.doorbell import ring
from posting.lateness import Lateness
from posting.models import Post, PostResult
from posting.schedule import PASSED
from posting.states import State

OUT = {
    State.POSTED: "it is out",
    State.SENDING: "it is on its way",
    State.PROCESSING: "the network has it and is working on it",
    State.UNCERTAIN: "the network is being asked whether it is out",
    State.UNCONFIRMED: "it may be out",
}


class TooLate(Exception):
    """Nothing was changed: some of it is or may be out. The text says where."""


class Outrun(Exception):
    """Nothing was changed: somebody else has changed the post since it was shown."""


def reschedule(post: Post, due_at: datetime, *, seen: int, at: datetime) -> None:
    """Another moment, and nothing else; `seen` is the version that the person saw.

    Raises TooLate, Outrun or CannotCompose; then nothing has changed anywhere.
    """
    with transaction.atomic():
        results = locked(post)
        refuse(results)
        if due_at < at:
            raise CannotCompose({"when": [PASSED]})
        claim(post, seen, due_at=due_at)
        late = lateness.of_post(post)
        for result in results:
            if result.is_open:
                plan(result, late, due_at)
        ring()


def standing_in_the_way(results: Sequence[PostResult]) -> str:
    """Where a post is or may be out, in words; "" if nowhere."""
    said = [
        f"{result.account}: {OUT.get(State(result.state), 'an earlier try may have arrived')}"
        for result in results
        if result.may_be_out
    ]
    return "; ".join(said)


def locked(post: Post) -> list[PostResult]:
    """Its results, which nobody else moves until this transaction ends."""
    rows = PostResult.objects.select_for_update(of=("self",)).select_related("account__team")
    return list(rows.filter(post=post).order_by("pk"))


def refuse(results: Sequence[PostResult]) -> None:
    """Raise TooLate where some of it is or may be out, or nothing waits any more."""
    if where := standing_in_the_way(results):
        raise TooLate(f"It is too late to change this post. {where}. Nothing was changed.")
    if not any(result.is_open and not result.part for result in results):
        raise TooLate("Nothing of this post waits any more, so nothing was changed.")


def claim(post: Post, seen: int, **change: Any) -> None:
    """Write on the post itself, if it still is the scheduled one that the person saw, or Outrun."""
    fresh = Post.objects.filter(pk=post.pk, version=seen, draft=False, deleted_at=None)
    if not fresh.update(version=F("version") + 1, **change):
        raise Outrun("Somebody else has changed this post meanwhile; nothing was saved.")


def plan(
    result: PostResult,
    late: Lateness,
    due_at: datetime | None,
    *,
    anew: bool = False,
    own: Mapping[str, Any] | None = None,
) -> None:
    """One waiting result as the post is now; the queue's bell for it counts no more.

    `due_at` None: as planned before. `anew`: what it says has changed; `own`: what it has alone.
    """
    one = PostResult.objects.filter(pk=result.pk)
    change: dict[str, Any] = dict(own or {})
    if result.waits_for_part:
        change |= {} if due_at is None else {"due_at": due_at}
    elif due_at is not None:
        change |= {**lateness.plan(due_at, late), "error": ""}
    elif result.planned_at is not None:
        change["late_at"] = result.planned_at + late.after
    if anew:  # what the network may remember of earlier, refused requests belongs to the old text
        change |= {"marker": uuid.uuid4(), "first_sent_at": None, "saved": ""}
    if result.state == State.QUEUED:
        one.move([State.QUEUED], State.SCHEDULED, queued_at=None, **change)
    elif result.is_late and due_at is not None:
        one.move([State.HELD], State.SCHEDULED, held_for="", words="", **change)
    elif change:
        one.update(**change)
