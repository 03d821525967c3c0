"""Drafts: posts that somebody writes and nobody has scheduled; nothing is overwritten silently.

A draft may be incomplete: without text, accounts or a moment. It is a post whose results stand in
`draft`, so that scheduling it is one move and its page stays where it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import Team, User
from posting import enqueue, lateness
from posting.compose import CannotCompose, check
from posting.doorbell import ring
from posting.lateness import Lateness
from posting.models import Post, PostQuerySet, PostResult
from posting.rules import Words
from posting.states import State
from tokens.models import SocialAccount


@dataclass(frozen=True, slots=True)
class Content:
    """What stands in a draft; everything may still be missing. `late` None: as the team wants."""

    text: str = ""
    accounts: tuple[SocialAccount, ...] = ()
    wish: datetime | None = None
    late: Lateness | None = None


class Conflict(Exception):
    """Nothing was saved: somebody else has saved since. `newest` and `version` are what stands."""

    def __init__(self, newest: Content, version: int) -> None:
        super().__init__("Somebody else has changed this draft meanwhile; nothing was saved.")
        self.newest = newest
        self.version = version


class NoDraft(Exception):
    """There is no such draft any more; the text says what became of it."""


def begin(
    *, team: Team, author: User, key: uuid.UUID, at: datetime, content: Content | None = None
) -> Post:
    """A new draft; the same `key` again gives that of the first time. Raises CannotCompose."""
    if made := Post.objects.filter(team=team, key=key).first():
        return made
    content = content or Content()
    _refuse_strangers(team, content.accounts)
    late = content.late or lateness.of_team(team)
    try:
        with transaction.atomic():
            draft = Post.objects.create(
                team=team,
                author=author,
                key=key,
                text=content.text,
                due_at=content.wish or at,
                wish=content.wish,
                late_after=late.after,
                when_late=late.then,
                created_at=at,
                saved_at=at,
                draft=True,
            )
            _choose(draft, content.accounts)
    except IntegrityError:  # the same form came twice at the same moment
        return Post.objects.get(team=team, key=key)
    return draft


def save(draft: Post, content: Content, *, seen: int, at: datetime) -> int:
    """Put `content` in the place of what stands there; returns the new version.

    `seen` is the version that the person wrote upon. The same content again changes nothing, so a
    save whose answer was lost may be sent anew. Raises Conflict, NoDraft or CannotCompose.
    """
    _refuse_strangers(draft.team, content.accounts)
    late = content.late or lateness.of_post(draft)
    with transaction.atomic():
        fresh = _open(draft).filter(version=seen)
        changed = fresh.update(
            version=F("version") + 1,
            text=content.text,
            due_at=content.wish or at,
            wish=content.wish,
            late_after=late.after,
            when_late=late.then,
            saved_at=at,
        )
        if not changed:
            return _stands_already(draft, content)
        draft.refresh_from_db()
        _choose(draft, content.accounts)
    return draft.version


def content_of(draft: Post) -> Content:
    """What stands in a draft now."""
    rows = draft.results.filter(state=State.DRAFT).select_related("account__team")
    accounts = tuple(result.account for result in rows.order_by("pk"))
    return Content(draft.text, accounts, draft.wish, lateness.of_post(draft))


def schedule(
    draft: Post, when: datetime | None, *, seen: int, at: datetime, next_slot: bool = False
) -> Post:
    """It goes out at `when` (None: now), or at the next free slot of each account.

    Checked like any new post; scheduled twice, it goes out once. Raises CannotCompose, Conflict or
    NoDraft; then it stays a draft.
    """
    with transaction.atomic():
        accounts = list(content_of(draft).accounts)
        if next_slot and accounts:
            enqueue.lock(accounts)
        taken = _open(draft).filter(version=seen).update(version=F("version") + 1, draft=False)
        if not taken:
            return _scheduled_already(draft, None if next_slot else when, seen)
        moments = enqueue.next_moments(accounts, at) if next_slot else {}
        due_at = min(moments.values(), default=None) if next_slot else when
        draft.refresh_from_db()
        if wrong := check(Words(draft.text), accounts, draft.team, due_at, at):
            raise CannotCompose(wrong)
        _send(draft, due_at or at, moments)
    draft.refresh_from_db()
    return draft


def discard(draft: Post, at: datetime) -> bool:
    """Put it away; `restore` brings it back. False if it is none any more."""
    return bool(_open(draft).update(deleted_at=at))


def restore(draft: Post) -> bool:
    """Bring a discarded draft back; False if it is not away."""
    away = Post.objects.filter(pk=draft.pk, draft=True, deleted_at__isnull=False)
    return bool(away.update(deleted_at=None))


def of_team(team: Team) -> PostQuerySet:
    """The drafts of a team, what was saved last first."""
    return Post.objects.drafts(team).prefetch_related("results__account", "labels")


def copy(post: Post, *, author: User, key: uuid.UUID, at: datetime) -> Post:
    """A new draft with the text and the accounts of a post, whatever became of that."""
    accounts = [result.account for result in post.results.select_related("account").order_by("pk")]
    content = Content(post.text, tuple(accounts), None, lateness.of_post(post))
    return begin(team=post.team, author=author, key=key, at=at, content=content)


def _open(draft: Post) -> PostQuerySet:
    return Post.objects.filter(pk=draft.pk, draft=True, deleted_at__isnull=True)


def _send(draft: Post, due_at: datetime, moments: dict[int, datetime]) -> None:
    plan = lateness.plan(due_at, lateness.of_post(draft))
    draft.results.all().move([State.DRAFT], State.SCHEDULED, **plan)
    enqueue.spread(draft, moments)
    Post.objects.filter(pk=draft.pk).update(due_at=due_at, wish=None)
    ring()


def _stands_already(draft: Post, content: Content) -> int:
    """The version, if what stands there is this very content; else it is said what stands there."""
    _refuse_gone(draft)
    newest = content_of(draft)
    same = (newest.text, newest.wish) == (content.text, content.wish)
    late = content.late or newest.late
    if same and late == newest.late and set(newest.accounts) == set(content.accounts):
        return draft.version
    raise Conflict(newest, draft.version)


def _scheduled_already(draft: Post, when: datetime | None, seen: int) -> Post:
    """The post of the first click; else somebody has saved, scheduled or discarded it since."""
    draft.refresh_from_db()
    first = draft.deleted_at is None and not draft.draft and draft.version == seen + 1
    if first and when in (None, draft.due_at):
        return draft
    _refuse_gone(draft)
    raise Conflict(content_of(draft), draft.version)


def _refuse_gone(draft: Post) -> None:
    draft.refresh_from_db()
    if draft.deleted_at is not None:
        raise NoDraft("This draft was discarded meanwhile; nothing was saved.")
    if not draft.draft:
        raise NoDraft("This post has been scheduled meanwhile; nothing was saved.")


def _refuse_strangers(team: Team, accounts: Sequence[SocialAccount]) -> None:
    if any(account.team_id != team.pk for account in accounts):
        raise CannotCompose({"accounts": ["One of these accounts is not yours."]})


def _choose(draft: Post, accounts: Sequence[SocialAccount]) -> None:
    """A result in `draft` for each of these accounts and no others; none was ever sent."""
    kept = draft.results.filter(account__in=accounts, state=State.DRAFT)
    draft.results.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    known = set(kept.values_list("account", flat=True))
    PostResult.objects.bulk_create(
        PostResult(
            post=draft,
            account=account,
            provider=account.provider,
            state=State.DRAFT,
            due_at=draft.due_at,
        )
        for account in dict.fromkeys(accounts)
        if account.pk not in known
    )
