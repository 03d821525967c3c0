"""From a form to a post with its results; cancel, try again, confirm."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Team, User
from posting.doorbell import ring
from posting.models import Post, PostResult
from posting.rules import misfits
from posting.states import CANCELLABLE, LATE, REPEATABLE, State
from tokens.models import SocialAccount


class CannotCompose(Exception):
    """A post cannot be made like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


def check(
    text: str, accounts: Sequence[SocialAccount], team: Team, due_at: datetime | None, at: datetime
) -> dict[str, list[str]]:
    """What is wrong with a post, by field; {} when nothing is."""
    wrong: dict[str, list[str]] = {}
    if not text.strip():
        wrong["text"] = ["Write something first."]
    if not accounts:
        wrong["accounts"] = ["Choose at least one account."]
    if any(account.team_id != team.pk for account in accounts):
        wrong["accounts"] = ["One of these accounts is not yours."]
    elif lost := [a for a in accounts if not a.usable]:
        names = ", ".join(str(account) for account in lost)
        wrong["accounts"] = [f"Not ready to post, see Accounts: {names}."]
    elif said := misfits(text, accounts):
        wrong.setdefault("text", []).extend(said)
    if due_at is not None and due_at <= at:
        wrong["when"] = ["This moment has passed; choose a later one or leave it empty for now."]
    return wrong


def compose(
    *,
    team: Team,
    author: User,
    text: str,
    accounts: Sequence[SocialAccount],
    at: datetime,
    due_at: datetime | None = None,
    key: uuid.UUID | None = None,
) -> Post:
    """Write a post and its results, then ring; `due_at` None means now.

    The same `key` again gives the post that it made the first time. Raises CannotCompose.
    """
    key = key or uuid.uuid4()
    if made := Post.objects.filter(team=team, key=key).first():
        return made
    if wrong := check(text, accounts, team, due_at, at):
        raise CannotCompose(wrong)
    try:
        with transaction.atomic():
            post = Post.objects.create(
                team=team, author=author, key=key, text=text, due_at=due_at or at, created_at=at
            )
            PostResult.objects.bulk_create(
                PostResult(
                    post=post,
                    account=account,
                    provider=account.provider,
                    state=State.SCHEDULED,
                    due_at=post.due_at,
                )
                for account in accounts
            )
            ring()
    except IntegrityError:  # the same form came twice at the same moment
        return Post.objects.get(team=team, key=key)
    return post


def cancel(post: Post) -> int:
    """Cancel what has not gone out; returns how many results were still to be stopped."""
    return post.results.all().move(
        CANCELLABLE, State.CANCELLED, words="Cancelled before it went out.", error=""
    )


def try_again(post: Post, at: datetime) -> int:
    """Order another try of what failed, and send what has become late; returns how many.

    A result that was never in doubt gets a new moment; one that was keeps its old one, so that
    the network still recognises it.
    """
    anew: dict[str, Any] = {
        "due_at": at,
        "attempts": 0,
        "negatives": 0,
        "looks": 0,
        "error": "",
        "words": "",
    }
    failed = post.results.all()
    moved = failed.filter(doubts=0).move(REPEATABLE, State.SCHEDULED, first_sent_at=None, **anew)
    moved += failed.move(REPEATABLE, State.SCHEDULED, **anew)
    late = failed.filter(held_for=LATE)
    moved += late.move([State.HELD], State.SCHEDULED, held_for="", due_at=at, words="")
    if moved:
        ring()
    return moved


def confirm(post: Post, pk: int, *, there: bool, at: datetime) -> int:
    """A person's word on an unconfirmed result: it is there, or send it again."""
    one = post.results.filter(pk=pk)
    if there:
        return one.move([State.UNCONFIRMED], State.POSTED, posted_at=at, words="", error="")
    moved = one.move(
        [State.UNCONFIRMED], State.SCHEDULED, due_at=at, attempts=0, negatives=0, looks=0
    )
    if moved:
        ring()
    return moved
