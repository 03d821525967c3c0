"""From a form to a post with its results; cancel, try again, confirm."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Team, User
from posting import lateness
from posting.doorbell import ring
from posting.forecast import forecast
from posting.lateness import Lateness
from posting.media import attach, not_ours, nudges
from posting.models import Post, PostResult
from posting.rules import Files, media_misfits, text_misfits
from posting.states import CANCELLABLE, LATE, REPEATABLE, State
from tokens.models import SocialAccount


class CannotCompose(Exception):
    """A post cannot be made like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


def check(
    text: str,
    accounts: Sequence[SocialAccount],
    team: Team,
    due_at: datetime | None,
    at: datetime,
    media: Files = (),
) -> dict[str, list[str]]:
    """What is wrong with a post, by field; {} when nothing is."""
    wrong: dict[str, list[str]] = {}
    if not text.strip() and not media:
        wrong["text"] = ["Write something first."]
    if not accounts:
        wrong["accounts"] = ["Choose at least one account."]
    if any(account.team_id != team.pk for account in accounts):
        wrong["accounts"] = ["One of these accounts is not yours."]
    elif lost := [a for a in accounts if not a.usable]:
        names = ", ".join(str(account) for account in lost)
        wrong["accounts"] = [f"Not ready to post, see Accounts: {names}."]
    elif said := text_misfits(text, accounts, media):
        wrong.setdefault("text", []).extend(said)
    if said := _wrong_media(media, [] if "accounts" in wrong else accounts, team):
        wrong["media"] = said
    if due_at is not None and due_at <= at:
        wrong["when"] = ["This moment has passed; choose a later one or leave it empty for now."]
    return wrong


def _wrong_media(media: Files, accounts: Sequence[SocialAccount], team: Team) -> list[str]:
    strange = not_ours(media, team) if media else ""
    return [strange] if strange else media_misfits(media, accounts)


def warnings(
    accounts: Sequence[SocialAccount],
    due_at: datetime | None,
    at: datetime,
    zone: tzinfo,
    media: Files = (),
) -> list[str]:
    """What will be different from the plan, though nothing is wrong with it."""
    said = [over.words(zone) for over in forecast(accounts, due_at or at, at)]
    return [*said, *nudges(media, accounts)]


def compose(
    *,
    team: Team,
    author: User,
    text: str,
    accounts: Sequence[SocialAccount],
    at: datetime,
    due_at: datetime | None = None,
    late: Lateness | None = None,
    key: uuid.UUID | None = None,
    media: Files = (),
) -> Post:
    """Write a post and its results, then ring; `due_at` None means now, `late` as the team wants.

    The same `key` gives the post it made at first; `media`: files and words. Raises CannotCompose.
    """
    key = key or uuid.uuid4()
    if made := Post.objects.filter(team=team, key=key).first():
        return made
    if wrong := check(text, accounts, team, due_at, at, media):
        raise CannotCompose(wrong)
    late = late or lateness.of_team(team)
    try:
        with transaction.atomic():
            post = Post.objects.create(
                team=team,
                author=author,
                key=key,
                text=text,
                due_at=due_at or at,
                late_after=late.after,
                when_late=late.then,
                created_at=at,
            )
            attach(post, media)
            PostResult.objects.bulk_create(_results(post, accounts, late))
            ring()
    except IntegrityError:  # the same form came twice at the same moment
        return Post.objects.get(team=team, key=key)
    return post


def _results(post: Post, accounts: Sequence[SocialAccount], late: Lateness) -> Iterator[PostResult]:
    plan = lateness.plan(post.due_at, late)
    for account in accounts:
        yield PostResult(
            post=post, account=account, provider=account.provider, state=State.SCHEDULED, **plan
        )


def cancel(post: Post, pk: int | None = None) -> int:
    """Cancel what has not gone out, everywhere or for the result `pk`; returns how many stopped."""
    chosen = post.results.all() if pk is None else post.results.filter(pk=pk)
    return chosen.move(
        CANCELLABLE, State.CANCELLED, words="Cancelled before it went out.", error=""
    )


def try_again(post: Post, at: datetime) -> int:
    """Order another try of what failed or was missed, and send what is late; returns how many.

    A result that was never in doubt gets a new moment; one that was keeps its old one, so that
    the network still recognises it. Its patience begins anew with this order.
    """
    anew: dict[str, Any] = {
        **_planned(post, at),
        "attempts": 0,
        "negatives": 0,
        "looks": 0,
    }
    failed = post.results.all()
    moved = failed.filter(doubts=0).move(REPEATABLE, State.SCHEDULED, first_sent_at=None, **anew)
    moved += failed.move(REPEATABLE, State.SCHEDULED, **anew)
    moved += _send_late(post, at)
    if moved:
        ring()
    return moved


def send_all_late(team: Team, at: datetime) -> int:
    """What a team's posts could not send in time goes out now; returns how many results."""
    late = lateness.late_of(team)
    posts = Post.objects.filter(pk__in=late.values("post")).select_related("team")
    moved = sum(_send_late(post, at) for post in posts.order_by("due_at", "pk"))
    if moved:
        ring()
    return moved


def _send_late(post: Post, at: datetime) -> int:
    """Each keeps its old due time, so that an account's older posts go first."""
    anew = _planned(post, at)
    del anew["due_at"]
    late = post.results.filter(held_for=LATE)
    return late.move([State.HELD], State.SCHEDULED, held_for="", **anew)


def confirm(post: Post, pk: int, *, there: bool, at: datetime) -> int:
    """A person's word on an unconfirmed result: it is there, or send it again."""
    one = post.results.filter(pk=pk)
    if there:
        return one.move([State.UNCONFIRMED], State.POSTED, posted_at=at, words="", error="")
    moved = one.move(
        [State.UNCONFIRMED],
        State.SCHEDULED,
        **_planned(post, at),
        attempts=0,
        negatives=0,
        looks=0,
    )
    if moved:
        ring()
    return moved


def _planned(post: Post, at: datetime) -> dict[str, Any]:
    """A person wants it to go out now, and what was said about it before is over."""
    return {**lateness.plan(at, lateness.of_post(post)), "error": "", "words": ""}
