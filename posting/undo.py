"""Move, cancel and delete posts, each with a token that takes it back for a few seconds.

An act is written down with what was before it and what it left behind. Undoing compares first:
whatever changed since, by a person or by the engine, is never overwritten.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from accounts.models import Team
from posting import amend, enqueue
from posting.compose import CannotCompose
from posting.compose import cancel as stop
from posting.doorbell import ring
from posting.models import Post, PostResult, Undoable
from posting.schedule import resolve
from posting.states import CANCELLABLE, State
from tokens.models import SocialAccount

WINDOW, GRACE = timedelta(seconds=10), timedelta(seconds=20)
"""How long a page offers to undo, and how much longer it works: somebody may be at the button, or
the page slow. What changed since is compared at any moment."""
KEPT = timedelta(days=1)
PLAN = ("due_at", "planned_at", "late_at", "waited", "slotted", "held_for", "error", "words")
MOMENTS = ("due_at", "planned_at", "late_at")


class Kind(StrEnum):
    """What can be taken back."""

    MOVE = "move"
    CANCEL = "cancel"
    DELETE = "delete"


DONE = {Kind.MOVE: "moved", Kind.CANCEL: "cancelled", Kind.DELETE: "deleted"}


class CannotUndo(Exception):
    """Nothing was changed; the text says why it is too late."""


def move(team: Team, pk: int, to: datetime, *, at: datetime, seen: int | None = None) -> Undoable:
    """Another moment for a post, or for a draft. `seen` None: whatever version stands.

    Raises amend.TooLate for what is out, Outrun, CannotCompose for the past, Post.DoesNotExist.
    """
    return move_all(team, [pk], to, at=at, seen=seen)


def move_all(
    team: Team,
    pks: Sequence[int],
    to: datetime | timedelta,
    *,
    at: datetime,
    seen: int | None = None,
    zone: ZoneInfo | None = None,
) -> Undoable:
    """Several posts to one moment, or each by a span; all of them or none.

    By a span on the clocks of `zone` a post keeps its time on the wall, whatever the clocks do.
    """
    with transaction.atomic():
        entries = []
        for post in _posts(team, pks):
            before = _entry(post)
            moment = to if isinstance(to, datetime) else _later(post, to, zone)
            if post.draft:
                _wish(post, moment, at, seen)
            else:
                amend.reschedule(post, moment, seen=seen or post.version, at=at)
            entries.append(_left(before))
        return _remember(team, Kind.MOVE, entries, at)


def cancel(team: Team, pk: int, *, at: datetime, result: int | None = None) -> Undoable:
    """Stop what has not gone out, everywhere or for one result; raises amend.TooLate for nothing.

    A draft is deleted, not cancelled. Raises Post.DoesNotExist.
    """
    with transaction.atomic():
        post = _posts(team, [pk])[0]
        if post.draft:
            raise amend.TooLate("This is a draft: nothing of it goes out. Delete it instead.")
        before = _entry(post)
        if not stop(post, result):
            where = amend.standing_in_the_way(list(post.results.select_related("account")))
            why = f"{where}." if where else "Nothing of it waits any more."
            raise amend.TooLate(f"It is too late to cancel this post. {why} Nothing was changed.")
        return _remember(team, Kind.CANCEL, [_left(before)], at)


def accounts_of(act: Undoable) -> int:
    """On how many accounts an act changed how something stands."""
    results = [one for entry in act.before["posts"] for one in entry["results"]]
    changed = [one["pk"] for one in results if one["left"] != one["state"]]
    return PostResult.objects.filter(pk__in=changed).values("account").distinct().count()


def delete(team: Team, pk: int, *, at: datetime) -> Undoable:
    """Take a post off every page; what waits of it is cancelled.

    What is or may be out is not hidden: raises amend.TooLate. Raises Post.DoesNotExist.
    """
    with transaction.atomic():
        post = _posts(team, [pk])[0]
        before = _entry(post)
        rows = list(post.results.select_related("account"))
        if where := amend.standing_in_the_way(rows):
            raise amend.TooLate(f"This post cannot be deleted here. {where}. Nothing was changed.")
        if not post.draft:
            stop(post)
        Post.objects.filter(pk=pk).update(deleted_at=at, version=F("version") + 1)
        return _remember(team, Kind.DELETE, [_left(before)], at)


def put(account: SocialAccount, pk: int, to: datetime, *, at: datetime) -> Undoable:
    """One result to another place in the line of its account, as `enqueue.put` says and raises."""
    return _arranged(account, lambda: enqueue.put(account, pk, to, at), at)


def shuffle(account: SocialAccount, seed: int, *, at: datetime) -> Undoable:
    """Mix what waits in the slots of an account."""
    return _arranged(account, lambda: enqueue.shuffle(account, at, seed), at)


def join(team: Team, tokens: Collection[uuid.UUID], at: datetime) -> Undoable | None:
    """Several acts of one kind as one, to be taken back together; None if there are none."""
    with transaction.atomic():
        rows = Undoable.objects.select_for_update().filter(team=team, token__in=tokens)
        acts = list(rows.filter(used_at=None).order_by("pk"))
        if len(acts) < 2:
            return acts[0] if acts else None
        Undoable.objects.filter(pk__in=[act.pk for act in acts]).update(used_at=at)
        entries = [entry for act in acts for entry in act.before["posts"]]
        return _remember(team, Kind(acts[0].kind), entries, at)


def undo(team: Team, token: uuid.UUID | str, at: datetime) -> str:
    """Take an act back, all of it or nothing; returns words about it. Raises CannotUndo."""
    with transaction.atomic():
        act = _claimed(team, token, at)
        for entry in act.before["posts"]:
            _restore(Kind(act.kind), entry)
        ring()
    return f"Undone: {act.words}"


def forget(at: datetime) -> int:
    """Acts that nobody can take back any more; returns how many went."""
    return Undoable.objects.filter(until__lt=at - KEPT).delete()[0]


def _arranged(account: SocialAccount, act: Callable[[], int], at: datetime) -> Undoable:
    """What `act` does to the order of an account's line, with the posts it changed."""
    with transaction.atomic():
        enqueue.lock([account])
        waiting = PostResult.objects.filter(account=account, state=State.SCHEDULED)
        pks = sorted(set(waiting.filter(planned_at__gt=at).values_list("post", flat=True)))
        before = {post.pk: (post.version, _entry(post)) for post in _some(account.team, pks)}
        act()
        now = dict(Post.objects.filter(pk__in=pks).values_list("pk", "version"))
        changed = [entry for pk, (seen, entry) in before.items() if now[pk] != seen]
        return _remember(account.team, Kind.MOVE, [_left(entry) for entry in changed], at)


def _some(team: Team, pks: Sequence[int]) -> list[Post]:
    """As `_posts`, but none are none."""
    return _posts(team, pks) if pks else []


def _posts(team: Team, pks: Sequence[int]) -> list[Post]:
    """These posts of a team, locked; raises Post.DoesNotExist if one is not there."""
    wanted = sorted(set(pks))
    # Results before posts, as whoever changes a post does.
    mine = Post.objects.kept(team).filter(pk__in=wanted)
    list(PostResult.objects.select_for_update(of=("self",)).filter(post__in=mine).order_by("pk"))
    rows = Post.objects.select_for_update(of=("self",)).kept(team).select_related("team")
    found = list(rows.filter(pk__in=wanted).order_by("due_at", "pk"))
    if not found or len(found) < len(wanted):
        raise Post.DoesNotExist("One of these posts is not there any more; nothing was changed.")
    return found


def _entry(post: Post) -> dict[str, Any]:
    """How a post and its results stand."""
    return {
        "post": post.pk,
        "due_at": _exactly(post.due_at),
        "wish": _exactly(post.wish),
        "results": [
            {"pk": r.pk, "state": r.state, "digest": r.digest_id}
            | {name: getattr(r, name) for name in PLAN if name not in MOMENTS}
            | {name: _exactly(getattr(r, name)) for name in MOMENTS}
            for r in post.results.order_by("pk")
        ],
    }


def _left(entry: dict[str, Any]) -> dict[str, Any]:
    """With what the act left behind: the version, and the state and epoch of each result."""
    rows = PostResult.objects.filter(post=entry["post"])
    after = {pk: (state, epoch) for pk, state, epoch in rows.values_list("pk", "state", "epoch")}
    for result in entry["results"]:
        result["left"], result["epoch"] = after[result["pk"]]
    version = Post.objects.values_list("version", flat=True).get(pk=entry["post"])
    return {**entry, "version": version}


def _later(post: Post, span: timedelta, zone: ZoneInfo | None) -> datetime:
    if post.draft and post.wish is None:
        raise CannotCompose({"when": ["A draft among these has no time yet; give it one first."]})
    if zone is None:
        return post.due_at + span
    return resolve(post.due_at.astimezone(zone).replace(tzinfo=None) + span, zone).at


def _remember(team: Team, kind: Kind, entries: list[dict[str, Any]], at: datetime) -> Undoable:
    count = len(entries)
    words = f"{count} post{'s' * (count != 1)} {DONE[kind]}."
    return Undoable.objects.create(
        team=team,
        kind=kind.value,
        words=words,
        before={"posts": entries},
        until=at + WINDOW + GRACE,
    )


def _wish(draft: Post, moment: datetime, at: datetime, seen: int | None) -> None:
    if moment <= at:
        raise CannotCompose({"when": ["This moment has passed; choose a later one."]})
    fresh = Post.objects.filter(pk=draft.pk, version=seen or draft.version)
    changed = fresh.update(version=F("version") + 1, wish=moment, due_at=moment, saved_at=at)
    if not changed:
        raise amend.Outrun("Somebody else has changed this draft meanwhile; nothing was saved.")


def _claimed(team: Team, token: uuid.UUID | str, at: datetime) -> Undoable:
    try:
        act = Undoable.objects.select_for_update().filter(team=team, token=uuid.UUID(str(token)))
    except ValueError:
        raise CannotUndo("There is nothing to undo.") from None
    found = act.first()
    if found is None:
        raise CannotUndo("There is nothing to undo.")
    if found.used_at is not None:
        raise CannotUndo("This was undone already.")
    if found.until <= at:
        raise CannotUndo("It is too late to undo this; nothing was changed.")
    Undoable.objects.filter(pk=found.pk).update(used_at=at)
    return found


def _restore(kind: Kind, entry: dict[str, Any]) -> None:
    """One post as it was, if it still is what the act made of it."""
    list(PostResult.objects.select_for_update(of=("self",)).filter(post=entry["post"]))
    back: dict[str, Any] = {"version": F("version") + 1}
    if kind is Kind.DELETE:
        back["deleted_at"] = None
    if kind is Kind.MOVE:
        back |= {"due_at": _moment(entry["due_at"]), "wish": _moment(entry["wish"])}
    fresh = Post.objects.filter(pk=entry["post"], version=entry["version"])
    if not fresh.update(**back):
        raise CannotUndo("Somebody has changed it since; nothing was undone.")
    for result in entry["results"]:
        _restore_result(kind, result)


def _restore_result(kind: Kind, entry: dict[str, Any]) -> None:
    before, left = State(entry["state"]), State(entry["left"])
    touched = kind is Kind.MOVE and before in CANCELLABLE
    if not touched and before == left:
        return
    fields: dict[str, Any] = {
        name: _moment(entry[name]) if name in MOMENTS else entry[name] for name in PLAN
    }
    fields |= {"digest": entry["digest"], "queued_at": None}
    after = State.SCHEDULED if before is State.QUEUED else before
    rows = PostResult.objects.filter(pk=entry["pk"], epoch=entry["epoch"])
    waiting = [State.SCHEDULED, State.QUEUED] if left is State.SCHEDULED else [left]
    moved = rows.filter(state=after, state__in=waiting).update(**fields)
    moved = moved or rows.move([state for state in waiting if state != after], after, **fields)
    if not moved:
        raise CannotUndo("Some of it has gone on since; nothing was undone.")


def _exactly(moment: datetime | None) -> str | None:
    """To the microsecond, which an encoder for JavaScript would drop."""
    return moment.isoformat() if moment else None


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
