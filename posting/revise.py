"""Change all of a post that still waits: whom it is for, what it says, and when; or put it back.

As in `amend`, its results are locked first: what is saved here is what goes out, or nothing was
changed and it is said why. What was never tried may be changed in its place or go; what was tried
stays on the page of the post, whatever becomes of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from posting import amend, chain, enqueue, lateness
from posting.amend import Outrun, TooLate
from posting.compose import CannotCompose, check
from posting.doorbell import ring
from posting.drafts import Content, content_of
from posting.lateness import Lateness
from posting.media import attach
from posting.models import Attachment, Attempt, Post, PostResult
from posting.rules import continues
from posting.states import CANCELLABLE, CHAIN, STOPPED, State
from tokens.models import SocialAccount

TAKEN_AWAY = "Its account was taken away from this post."
A_DRAFT = "Somebody has put this post back to the drafts meanwhile; nothing was changed."
TRIED = (
    "It has been tried already, and that stays on its page. Duplicate it as a draft, or cancel it;"
    " nothing was changed."
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision comes to. `moments`: by account; `anew`: it says something else now."""

    post: Post
    content: Content
    late: Lateness
    at: datetime
    moments: Mapping[int, datetime]
    moved: bool
    anew: bool

    def moment(self, account: SocialAccount) -> datetime:
        """When the account's own result goes out, if it is planned anew."""
        wish = self.content.wish if self.moved else max(self.post.due_at, self.at)
        return self.moments.get(account.pk) or wish or self.at

    def own(self, account: SocialAccount, part: int = 0) -> dict[str, Any]:
        """What a result of this account has alone; a text only in its first part."""
        content = self.content
        text = None if part else content.versions.get(account.pk)
        return {"text": text, "options": dict(content.options.get(account.pk, {}))}


def standing(post: Post) -> Content:
    """What a scheduled post is to be, as its form shows it: for the accounts where it waits.

    An account where it has ended without going out is not among them; chosen again, it is tried
    again. `wish` is the moment that the post has.
    """
    whole = content_of(post)
    waiting = {r.account_id for r in post.results.filter(part=0) if r.is_open}
    accounts = tuple(account for account in whole.accounts if account.pk in waiting)
    return replace(whole, accounts=accounts, wish=post.due_at)


def revise(
    post: Post, content: Content, *, seen: int, at: datetime, next_slot: bool = False
) -> None:
    """Make a post that has not begun to go out what `content` says, everywhere or nowhere.

    `seen` is the version that the person saw. The moment of the post as `content.wish` leaves every
    result where it is planned, None is now; `next_slot`: each account's next free slot. Raises
    TooLate, Outrun or CannotCompose; then nothing has changed anywhere.
    """
    with transaction.atomic():
        if next_slot:
            enqueue.lock(content.accounts)
        results = amend.locked(post)
        amend.refuse(results)
        now = Post.objects.select_related("team").get(pk=post.pk)
        before = standing(now)
        if now.draft:
            raise TooLate(A_DRAFT)
        try:
            amend.claim(now, seen, text=content.text, link=content.link)
        except Outrun:
            if not next_slot and _same(content, before):  # the same form came twice
                return
            raise
        change = _change(now, content, before, at, next_slot=next_slot)
        _judge(change, before)
        _write(change, before, results)
        ring()


def put_back(post: Post, *, seen: int, at: datetime) -> None:
    """A scheduled post becomes a draft again: nothing of it goes out. Raises TooLate or Outrun."""
    with transaction.atomic():
        amend.refuse(amend.locked(post))
        if Attempt.objects.filter(result__post=post).exists():
            raise TooLate(TRIED)
        wish = post.due_at if post.due_at > at else None
        amend.claim(post, seen, draft=True, wish=wish, saved_at=at)
        rows = PostResult.objects.filter(post=post)
        rows.filter(part__gt=0).delete()
        rows.exclude(state__in=CANCELLABLE).delete()
        rows.move(CANCELLABLE, State.CANCELLED)
        unplanned: dict[str, Any] = dict.fromkeys(("planned_at", "late_at", "queued_at"))
        unplanned |= dict.fromkeys(("held_for", "words", "error", "waited"), "")
        rows.move([State.CANCELLED], State.DRAFT, **unplanned)


def _change(
    post: Post, content: Content, before: Content, at: datetime, *, next_slot: bool
) -> Change:
    accounts = content.accounts
    moments = enqueue.next_moments(accounts, at, without=post) if next_slot else {}
    if next_slot:
        content = replace(content, wish=min(moments.values(), default=None))
    return Change(
        post,
        content,
        content.late or lateness.of_post(post),
        at,
        moments,
        moved=next_slot or content.wish != before.wish,
        anew=_mine(content).words != _mine(before).words,
    )


def _judge(change: Change, before: Content) -> None:
    """By the rules of a new post; an account that it waits for already may wait on."""
    content, wish = change.content, change.content.wish
    when = wish if change.moved and wish != change.at else None
    known = {account.pk for account in before.accounts}
    team = change.post.team
    if wrong := check(content.words, content.accounts, team, when, change.at, known=known):
        raise CannotCompose(wrong)


def _write(change: Change, before: Content, results: list[PostResult]) -> None:
    post, content, late = change.post, change.content, change.late
    plan: dict[str, Any] = {"late_after": late.after, "when_late": late.then}
    if change.moved:
        plan["due_at"] = content.wish or change.at
    Post.objects.filter(pk=post.pk).update(**plan)
    files = (content.media, content.words.part_media)
    if files != (before.media, before.words.part_media):
        Attachment.objects.filter(post=post).delete()
        attach(post, *files)
    if content.parts != before.parts:
        post.parts.all().delete()
        chain.write(post, content.parts)
        surplus = PostResult.objects.filter(post=post, part__gt=len(content.parts))
        surplus.filter(attempts_made__isnull=True).delete()
    left = {account.pk for account in before.accounts} - {a.pk for a in content.accounts}
    for pk in sorted(left):
        _take_away(post, pk)
    if change.anew:
        _forget(results)
    for account in dict.fromkeys(content.accounts):
        mine = [result for result in results if result.account_id == account.pk]
        _on(change, account, {result.part: result for result in mine})


def _forget(results: list[PostResult]) -> None:
    """What ended and is tried again one day must not bring back what was said before."""
    for result in results:
        if not result.is_open:
            anew: dict[str, Any] = {"marker": uuid.uuid4(), "first_sent_at": None, "saved": ""}
            PostResult.objects.filter(pk=result.pk, doubts=0).update(**anew)


def _take_away(post: Post, account: int) -> None:
    """What was tried is cancelled and stays to be read; what was not was never there."""
    rows = PostResult.objects.filter(post=post, account=account)
    if Attempt.objects.filter(result__in=rows).exists():
        ended: dict[str, Any] = {"held_for": "", "saved": "", "error": "", "words": TAKEN_AWAY}
        rows.move(CANCELLABLE, State.CANCELLED, **ended)
    else:
        rows.delete()


def _on(change: Change, account: SocialAccount, known: Mapping[int, PostResult]) -> None:
    """The results of one account, made, planned anew or left, as the post is now."""
    moment = change.moment(account)
    first = known.get(0)
    if first is None:
        late = lateness.plan(moment, change.late)
        own = {**_named(change.post, account), **change.own(account)}
        PostResult.objects.create(state=State.SCHEDULED, **late, **own)
    elif first.is_open:
        due_at = moment if change.moved else None
        amend.plan(first, change.late, due_at, anew=change.anew, own=change.own(account))
    else:
        _wake(change, first, moment)
    if continues(account):
        _behind(change, account, known, moment)


def _wake(change: Change, ended: PostResult, moment: datetime) -> None:
    """What ended without going out is tried again, with what the post says now."""
    counted: dict[str, Any] = dict.fromkeys(("attempts", "negatives", "looks", "polls"), 0)
    empty = dict.fromkeys(("saved", "error", "words", "held_for"), "")
    anew = {
        **counted,
        **empty,
        "first_sent_at": None,
        **lateness.plan(moment, change.late),
        **change.own(ended.account),
    }
    one = PostResult.objects.filter(pk=ended.pk, doubts=0)
    one.move(STOPPED, State.SCHEDULED, processing_since=None, **anew)


def _behind(
    change: Change, account: SocialAccount, known: Mapping[int, PostResult], moment: datetime
) -> None:
    """The parts that follow on one account: those that wait, those that are new."""
    parts = len(change.content.parts)
    waking = 0 in known and not known[0].is_open
    for number, result in known.items():
        if not 0 < number <= parts:
            continue
        own = change.own(account, number)
        if result.is_open:
            due_at = moment if change.moved else None
            amend.plan(result, change.late, due_at, anew=change.anew, own=own)
        elif waking:
            one = PostResult.objects.filter(pk=result.pk, doubts=0)
            waits: dict[str, Any] = {"held_for": CHAIN, "words": "", "error": "", **own}
            one.move([State.CANCELLED, State.MISSED], State.HELD, **waits)
    wanted = {**_named(change.post, account), "due_at": moment, **change.own(account, 1)}
    fresh = chain.plan(parts, wanted)
    PostResult.objects.bulk_create(result for result in fresh if result.part not in known)


def _named(post: Post, account: SocialAccount) -> dict[str, Any]:
    return {"post": post, "account": account, "provider": account.provider}


def _mine(content: Content) -> Content:
    """With what is of its own accounts alone, in one order."""
    pks = {account.pk for account in content.accounts}
    return replace(
        content,
        accounts=tuple(sorted(content.accounts, key=lambda account: account.pk)),
        versions={pk: said for pk, said in content.versions.items() if pk in pks},
        options={pk: said for pk, said in content.options.items() if pk in pks},
    )


def _same(content: Content, before: Content) -> bool:
    return _mine(replace(content, late=content.late or before.late)) == _mine(before)
