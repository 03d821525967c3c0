"""Change a post until it goes out; whoever comes too late is told so and changes nothing.

The results are locked first, then looked at, then changed, in one transaction. A worker's fence
locks the same rows: it comes before, and the change is refused, or after, and reads the new text.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

import providers
from posting import lateness
from posting.compose import CannotCompose
from posting.doorbell import ring
from posting.lateness import Lateness
from posting.media import of_post
from posting.models import Post, PostResult
from posting.rules import Files, text_misfits
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


def edit(
    post: Post,
    *,
    seen: int,
    at: datetime,
    text: str | None = None,
    due_at: datetime | None = None,
    late: Lateness | None = None,
) -> None:
    """Give a post that has not begun to go out another text, moment or lateness; None: as it is.

    `seen` is the version that the person saw. Raises TooLate, Outrun or CannotCompose; then nothing
    has changed anywhere. Otherwise nothing but the new will ever go out.
    """
    with transaction.atomic():
        results = _locked(post)
        _refuse_if_out(results)
        waiting = [result for result in results if result.is_open]
        _refuse_if_wrong(text, due_at, at, waiting, of_post(post.pk))
        said = {
            "text": text,
            "due_at": due_at,
            "late_after": late.after if late else None,
            "when_late": late.then if late else None,
        }
        said = {name: value for name, value in said.items() if value is not None}
        fresh = Post.objects.filter(pk=post.pk, version=seen)
        if not fresh.update(version=F("version") + 1, **said):
            raise Outrun("Somebody else has changed this post meanwhile; nothing was saved.")
        wish = late or lateness.of_post(post)
        for result in waiting:
            _amend(result, wish, due_at, anew=text is not None)
        ring()


def reschedule(post: Post, due_at: datetime, *, seen: int, at: datetime) -> None:
    """Another moment, and nothing else; raises as `edit` does."""
    edit(post, seen=seen, at=at, due_at=due_at)


def standing_in_the_way(results: Sequence[PostResult]) -> str:
    """Where a post is or may be out, in words; "" if nowhere."""
    said = [
        f"{result.account}: {OUT.get(State(result.state), 'an earlier try may have arrived')}"
        for result in results
        if result.may_be_out
    ]
    return "; ".join(said)


def _locked(post: Post) -> list[PostResult]:
    """Its results, which nobody else moves until this transaction ends."""
    rows = PostResult.objects.select_for_update(of=("self",)).select_related("account")
    return list(rows.filter(post=post).order_by("pk"))


def _refuse_if_out(results: Sequence[PostResult]) -> None:
    if where := standing_in_the_way(results):
        raise TooLate(f"It is too late to change this post. {where}. Nothing was changed.")
    if not any(result.is_open for result in results):
        raise TooLate("Nothing of this post waits any more, so nothing was changed.")


def _refuse_if_wrong(
    text: str | None,
    due_at: datetime | None,
    at: datetime,
    waiting: Sequence[PostResult],
    media: Files,
) -> None:
    wrong: dict[str, list[str]] = {}
    if text is not None:
        known = [r.account for r in waiting if r.provider in providers.ADAPTERS]
        empty = not text.strip() and not media
        said = ["Write something first."] if empty else text_misfits(text, known, media)
        wrong |= {"text": said} if said else {}
    if due_at is not None and due_at < at:
        wrong["when"] = ["This moment has passed; choose a later one or leave it empty for now."]
    if wrong:
        raise CannotCompose(wrong)


def _amend(result: PostResult, late: Lateness, due_at: datetime | None, *, anew: bool) -> None:
    """One waiting result as the post is now; the queue's bell for it counts no more."""
    one = PostResult.objects.filter(pk=result.pk)
    change: dict[str, Any] = {}
    if due_at is not None:
        change |= {**lateness.plan(due_at, late), "error": ""}
    elif result.planned_at is not None:
        change["late_at"] = result.planned_at + late.after
    if anew:  # what the network may remember of earlier, refused requests belongs to the old text
        change |= {"marker": uuid.uuid4(), "first_sent_at": None}
    if result.state == State.QUEUED:
        one.move([State.QUEUED], State.SCHEDULED, queued_at=None, **change)
    elif result.is_late and due_at is not None:
        one.move([State.HELD], State.SCHEDULED, held_for="", words="", **change)
    elif change:
        one.update(**change)
