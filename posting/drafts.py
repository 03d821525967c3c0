"""Drafts: posts that somebody writes and nobody has scheduled; nothing is overwritten silently.

A draft may be incomplete: without text, accounts or a moment. It is a post whose results stand in
`draft`, so that scheduling it is one move and its page stays where it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import Team, User
from posting import chain, enqueue, lateness
from posting.compose import CannotCompose, check, compose, made_by, too_fast
from posting.doorbell import ring
from posting.lateness import Lateness
from posting.media import Files, attach, even, not_ours, of_parts, of_post
from posting.models import Attachment, Post, PostQuerySet, PostResult, Upload
from posting.rules import Words, continues
from posting.states import State
from tokens.models import SocialAccount


@dataclass(frozen=True, slots=True)
class Content:
    """What stands in a draft; everything may still be missing. `late` None: as the team wants.

    `parts` follow the text, `part_media` are their files; `versions` and `options` are those of
    `accounts`, by their numbers.
    """

    text: str = ""
    accounts: tuple[SocialAccount, ...] = ()
    wish: datetime | None = None
    late: Lateness | None = None
    link: str = ""
    parts: tuple[str, ...] = ()
    versions: Mapping[int, str] = field(default_factory=dict)
    options: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    media: tuple[tuple[Upload, str], ...] = ()
    part_media: tuple[Files, ...] = ()

    @property
    def words(self) -> Words:
        """All that it says, without whom and when."""
        files = (self.media, even(self.part_media, len(self.parts)))
        return Words(self.text, self.link, self.parts, self.versions, self.options, *files)


class Conflict(Exception):
    """Nothing was saved: somebody else has saved since. `newest` and `version` are what stands."""

    def __init__(self, newest: Content, version: int, pk: int) -> None:
        super().__init__("Somebody else has changed this draft meanwhile; nothing was saved.")
        self.newest = newest
        self.version = version
        self.pk = pk


class NoDraft(Exception):
    """There is no such draft any more; the text says what became of it."""


def begin(
    *, team: Team, author: User, key: uuid.UUID, at: datetime, content: Content | None = None
) -> Post:
    """A new draft; the same `key` again gives that of the first time. Raises CannotCompose."""
    if made := made_by(team, key):
        return made
    content = content or Content()
    _refuse_strangers(team, content)
    late = content.late or lateness.of_team(team)
    try:
        with transaction.atomic():
            draft = Post.objects.create(
                team=team,
                author=author,
                key=key,
                draft=True,
                created_at=at,
                **_row(content, late, at),
            )
            _fill(draft, content)
    except IntegrityError:  # the same form came twice at the same moment
        return Post.objects.get(team=team, key=key)
    return draft


def keep(
    *, team: Team, author: User, key: uuid.UUID, content: Content, seen: int | None, at: datetime
) -> Post:
    """What a form holds as a draft: a new one, or saved over the one that the form has begun.

    `seen` None: the form has not heard of its draft yet. Raises as `begin` and `save` do.
    """
    draft = begin(team=team, author=author, key=key, at=at, content=content)
    if draft.created_at != at:
        save(draft, content, seen=seen or 1, at=at)
    return draft


def save(draft: Post, content: Content, *, seen: int, at: datetime) -> int:
    """Put `content` in the place of what stands there; returns the new version.

    `seen` is the version that the person wrote upon. The same content again changes nothing, so a
    save whose answer was lost may be sent anew. Raises Conflict, NoDraft or CannotCompose.
    """
    _refuse_strangers(draft.team, content)
    late = content.late or lateness.of_post(draft)
    with transaction.atomic():
        fresh = _open(draft).filter(version=seen)
        if not fresh.update(version=F("version") + 1, **_row(content, late, at)):
            return _stands_already(draft, content)
        draft.refresh_from_db()
        _fill(draft, content)
    return draft.version


def content_of(draft: Post) -> Content:
    """What stands in a draft now."""
    return _content(draft, draft.wish)


def schedule(
    draft: Post, when: datetime | None, *, seen: int, at: datetime, next_slot: bool = False
) -> Post:
    """It goes out at `when` (None: now), or at the next free slot of each account.

    Checked like any new post; scheduled twice, it goes out once. Raises CannotCompose, Conflict or
    NoDraft; then it stays a draft.
    """
    with transaction.atomic():
        content = content_of(draft)
        accounts = list(content.accounts)
        if next_slot and accounts:
            enqueue.lock(accounts)
        taken = _open(draft).filter(version=seen).update(version=F("version") + 1, draft=False)
        if not taken:
            return _scheduled_already(draft, None if next_slot else when, seen)
        moments = enqueue.next_moments(accounts, at) if next_slot else {}
        due_at = min(moments.values(), default=None) if next_slot else when
        draft.refresh_from_db()
        if wrong := check(content.words, accounts, draft.team, due_at, at):
            raise CannotCompose(wrong)
        _send(draft, due_at or at, moments)
    draft.refresh_from_db()
    return draft


def send(
    *,
    team: Team,
    author: User,
    key: uuid.UUID,
    content: Content,
    seen: int | None,
    at: datetime,
    next_slot: bool = False,
) -> Post:
    """What a form holds goes out at its wish (None: now) or at the next free slots.

    A draft that the form has begun becomes the post. Raises as `save` and `schedule` do; then
    nothing has changed.
    """
    draft = made_by(team, key)
    if (draft is None or draft.draft) and (said := too_fast(author, at)):
        raise CannotCompose({"when": [said]})
    if draft is None:
        draft = _straight(content, next_slot=next_slot, team=team, author=author, key=key, at=at)
        if not draft.draft:  # else the form has saved itself at this very moment
            return draft
    with transaction.atomic():
        version = save(draft, content, seen=seen or 1, at=at)
        return schedule(draft, content.wish, seen=version, at=at, next_slot=next_slot)


def of_team(team: Team) -> PostQuerySet:
    """The drafts of a team, what was saved last first."""
    return Post.objects.drafts(team).prefetch_related("results__account", "labels")


def copy(post: Post, *, author: User, key: uuid.UUID, at: datetime) -> Post:
    """A new draft with all that a post says and its accounts, whatever became of that."""
    return begin(team=post.team, author=author, key=key, at=at, content=_content(post, None))


def _straight(content: Content, *, next_slot: bool, **who: Any) -> Post:
    """A post that was never a draft; if the form saves itself at this moment, its draft."""
    words, write = content.words, enqueue.enqueue if next_slot else compose
    moment: dict[str, Any] = {} if next_slot else {"due_at": content.wish}
    return write(
        text=words.text,
        accounts=content.accounts,
        late=content.late,
        link=words.link,
        parts=words.parts,
        versions=words.versions,
        options=words.options,
        media=words.media,
        part_media=words.part_media,
        **who,
        **moment,
    )


def _content(post: Post, wish: datetime | None) -> Content:
    """What a post or a draft holds, in the order in which its accounts were chosen."""
    firsts = post.results.filter(part=0).select_related("account__team", "account__token")
    rows = list(firsts.order_by("pk"))
    parts = tuple(post.parts.values_list("text", flat=True))
    return Content(
        post.text,
        tuple(result.account for result in rows),
        wish,
        lateness.of_post(post),
        post.link,
        parts,
        {result.account_id: result.text for result in rows if result.text is not None},
        {result.account_id: result.options for result in rows if result.options},
        tuple(of_post(post.pk)),
        of_parts(post.pk, len(parts)),
    )


def _row(content: Content, late: Lateness, at: datetime) -> dict[str, Any]:
    """What of a draft stands in the post itself."""
    said: dict[str, Any] = {"text": content.text, "link": content.link}
    said |= {"due_at": content.wish or at, "wish": content.wish, "saved_at": at}
    return said | {"late_after": late.after, "when_late": late.then}


def _fill(draft: Post, content: Content) -> None:
    """What of a draft stands beside the post: accounts with what is their own, parts, files."""
    _choose(draft, content)
    draft.parts.all().delete()
    chain.write(draft, content.parts)
    Attachment.objects.filter(post=draft).delete()
    attach(draft, content.media, content.words.part_media)


def _open(draft: Post) -> PostQuerySet:
    return Post.objects.filter(pk=draft.pk, draft=True, deleted_at__isnull=True)


def _send(draft: Post, due_at: datetime, moments: dict[int, datetime]) -> None:
    plan = lateness.plan(due_at, lateness.of_post(draft))
    draft.results.all().move([State.DRAFT], State.SCHEDULED, **plan)
    enqueue.spread(draft, moments)
    _follow(draft, due_at)
    Post.objects.filter(pk=draft.pk).update(due_at=due_at, wish=None)
    ring()


def _follow(draft: Post, due_at: datetime) -> None:
    """The results of the parts, where a network continues threads."""
    parts, rows = draft.parts.count(), draft.results.filter(part=0).select_related("account")
    PostResult.objects.bulk_create(
        result
        for first in rows.order_by("pk")
        if parts and continues(first.account)
        for result in chain.plan(
            parts,
            {
                "post": draft,
                "account": first.account,
                "provider": first.provider,
                "options": first.options,
                "due_at": due_at,
            },
        )
    )


def _stands_already(draft: Post, content: Content) -> int:
    """The version, if what stands there is this very content; else it is said what stands there."""
    _refuse_gone(draft)
    newest = content_of(draft)
    late, behind = content.late or newest.late, content.words.part_media
    if set(newest.accounts) == set(content.accounts) and newest == replace(
        content, accounts=newest.accounts, late=late, part_media=behind
    ):
        return draft.version
    raise Conflict(newest, draft.version, draft.pk)


def _scheduled_already(draft: Post, when: datetime | None, seen: int) -> Post:
    """The post of the first click; else somebody has saved, scheduled or discarded it since."""
    draft.refresh_from_db()
    first = draft.deleted_at is None and not draft.draft and draft.version == seen + 1
    if first and when in (None, draft.due_at):
        return draft
    _refuse_gone(draft)
    raise Conflict(content_of(draft), draft.version, draft.pk)


def _refuse_gone(draft: Post) -> None:
    draft.refresh_from_db()
    if draft.deleted_at is not None:
        raise NoDraft("This draft was discarded meanwhile; nothing was saved.")
    if not draft.draft:
        raise NoDraft("This post has been scheduled meanwhile; nothing was saved.")


def _refuse_strangers(team: Team, content: Content) -> None:
    if any(account.team_id != team.pk for account in content.accounts):
        raise CannotCompose({"accounts": ["One of these accounts is not yours."]})
    files = content.words.every_file
    if files and (strange := not_ours(files, team)):
        raise CannotCompose({"media": [strange]})


def _choose(draft: Post, content: Content) -> None:
    """A result in `draft` for each of these accounts and no others; none was ever sent."""
    kept = draft.results.filter(account__in=content.accounts, state=State.DRAFT)
    draft.results.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    known = {result.account_id: result for result in kept}
    for account in dict.fromkeys(content.accounts):
        own = {
            "text": content.versions.get(account.pk),
            "options": dict(content.options.get(account.pk, {})),
        }
        before = known.get(account.pk)
        if before is None:
            named = {"account": account, "provider": account.provider, "due_at": draft.due_at}
            PostResult.objects.create(post=draft, state=State.DRAFT, **named, **own)
        elif (before.text, before.options) != (own["text"], own["options"]):
            PostResult.objects.filter(pk=before.pk).update(**own)
