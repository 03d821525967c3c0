"""Change a post until it goes out; whoever comes too late is told so and changes nothing.

The results are locked first, then looked at, then changed, in one transaction. A worker's fence
locks the same rows: it comes before, and the change is refused, or after, and reads the new text.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from posting import chain, lateness
from posting.compose import CannotCompose
from posting.doorbell import ring
from posting.lateness import Lateness
from posting.media import of_parts, of_post
from posting.models import Post, PostResult
from posting.rules import Words, continues, wrong
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
    link: str | None = None,
    parts: Sequence[str] | None = None,
    versions: Mapping[int, str] | None = None,
    options: Mapping[int, Mapping[str, str]] | None = None,
) -> None:
    """Give a post that has not begun to go out other words, moment or lateness; None: as it is.

    `seen` is the version that the person saw. Raises TooLate, Outrun or CannotCompose; then nothing
    has changed anywhere. Otherwise nothing but the new will ever go out.
    """
    said = {"text": text, "link": link, "parts": parts, "versions": versions, "options": options}
    new = _given(said)
    plan = {"late_after": late.after, "when_late": late.then} if late else {}
    with transaction.atomic():
        results = _locked(post)
        _refuse_if_out(results)
        waiting = [result for result in results if result.is_open]
        words = replace(words_of(post, waiting), **new)
        _refuse_if_wrong(words if new else None, due_at, at, waiting)
        fresh = Post.objects.filter(pk=post.pk, version=seen)
        change = _given({"text": text, "link": link, "due_at": due_at, **plan})
        if not fresh.update(version=F("version") + 1, **change):
            raise Outrun("Somebody else has changed this post meanwhile; nothing was saved.")
        wish = late or lateness.of_post(post)
        for result in waiting:
            own = _own(result, words) if {"versions", "options"} & new.keys() else {}
            _amend(result, wish, due_at, anew=bool(new), own=own)
            vars(result).update(own)
        if parts is not None:
            chain.rewrite(post, parts, [r for r in waiting if not r.part and continues(r.account)])
        ring()


def words_of(post: Post, results: Sequence[PostResult]) -> Words:
    """All that a post says as it stands, on the accounts of these results."""
    firsts = [result for result in results if not result.part]
    parts = tuple(post.parts.values_list("text", flat=True))
    return Words(
        post.text,
        post.link,
        parts,
        {r.account_id: r.text for r in firsts if r.text is not None},
        {r.account_id: r.options for r in firsts if r.options},
        of_post(post.pk),
        of_parts(post.pk, len(parts)),
    )


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


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is to change."""
    return {name: value for name, value in values.items() if value is not None}


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
    words: Words | None, due_at: datetime | None, at: datetime, waiting: Sequence[PostResult]
) -> None:
    """`words`: all that it would say, None where nothing of that is new."""
    said: dict[str, list[str]] = {}
    accounts = [result.account for result in waiting if not result.part]
    silent = words and not words.text.strip() and not words.media
    if words and silent and any(a.pk not in words.versions for a in accounts):
        said["text"] = ["Write something first."]
    elif words:
        said = wrong(words, accounts)
    if due_at is not None and due_at < at:
        said["when"] = ["This moment has passed; choose a later one or leave it empty for now."]
    if said:
        raise CannotCompose(said)


def _own(result: PostResult, words: Words) -> dict[str, Any]:
    """What is this account's own; a text only of its first part."""
    options = dict(words.options.get(result.account_id, {}))
    text = None if result.part else words.versions.get(result.account_id)
    return {"text": text, "options": options}


def _amend(
    result: PostResult,
    late: Lateness,
    due_at: datetime | None,
    *,
    anew: bool,
    own: Mapping[str, Any],
) -> None:
    """One waiting result as the post is now; the queue's bell for it counts no more."""
    one = PostResult.objects.filter(pk=result.pk)
    change: dict[str, Any] = dict(own)
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
