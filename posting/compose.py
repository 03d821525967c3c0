"""From a form to a post with its results; cancel, try again, confirm."""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, TextField, Value, When

from accounts.models import Team, User
from posting import chain, lateness
from posting.doorbell import ring
from posting.forecast import forecast
from posting.lateness import Lateness
from posting.media import Files, attach, even, not_ours, nudges
from posting.models import WRITTEN, ImportRow, Occurrence, Post, PostResult
from posting.rules import Words, continues, wrong
from posting.states import CANCELLABLE, LATE, REPEATABLE, State
from providers.kit.errors import Duplicate, Rejected
from tokens.models import SocialAccount

MINUTE = timedelta(minutes=1)


class CannotCompose(Exception):
    """A post cannot be made like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


def check(
    words: Words,
    accounts: Sequence[SocialAccount],
    team: Team,
    due_at: datetime | None,
    at: datetime,
    known: Collection[int] = (),
) -> dict[str, list[str]]:
    """What is wrong with a post, by field; {} when nothing is.

    `known`: accounts, by number, for which it waits already; they need not be ready.
    """
    said: dict[str, list[str]] = {}
    spoken = {account.pk for account in accounts} <= words.versions.keys() if accounts else False
    if not words.text.strip() and not spoken and not words.media:
        said["text"] = ["Write something first."]
    if not accounts:
        said["accounts"] = ["Choose at least one account."]
    if any(account.team_id != team.pk for account in accounts):
        said["accounts"] = ["One of these accounts is not yours."]
    elif lost := [a for a in accounts if not a.usable and a.pk not in known]:
        names = ", ".join(str(account) for account in lost)
        said["accounts"] = [f"Not ready to post, see Accounts: {names}."]
    elif strange := not_ours(words.every_file, team) if words.every_file else "":
        said["media"] = [strange]
    else:
        for name, sentences in wrong(words, accounts).items():
            said.setdefault(name, []).extend(sentences)
    if due_at is not None and due_at <= at:
        said["when"] = ["This moment has passed; choose a later one or leave it empty for now."]
    return said


def warnings(
    accounts: Sequence[SocialAccount],
    due_at: datetime | None,
    at: datetime,
    zone: tzinfo,
    changed: Post | None = None,
    parts: int = 0,
    media: Files = (),
) -> list[str]:
    """What will be different from the plan, though nothing is wrong with it.

    `changed`: the post that this plan is for, if it had another one before; `parts`: how many
    follow it where a network continues threads.
    """
    long = [account for account in accounts if parts and continues(account)]
    short = [account for account in accounts if account not in long]
    found = [
        *forecast(short, due_at or at, at, without=changed),
        *forecast(long, due_at or at, at, more=1 + parts, without=changed),
    ]
    return [*(over.words(zone) for over in found), *nudges(media, accounts)]


def too_fast(author: User, at: datetime) -> str:
    """Why a person has to wait before the next post by hand, and how long; "" if they need not.

    Nobody writes so fast: it is a script or a stuck key. What imports and repeats make in a
    person's name is neither asked about nor counted.
    """
    most = settings.POSTS_PER_MINUTE
    if not most:
        return ""
    of_machines = (rows.objects.filter(post=OuterRef("pk")) for rows in (ImportRow, Occurrence))
    lately = Post.objects.written_by(author, at - MINUTE)
    lately = lately.filter(*(~Exists(rows) for rows in of_machines))
    times = lately.values_list(WRITTEN, flat=True)
    first = next(iter(times[most - 1 : most]), None)
    free_at = first + MINUTE if first else at
    if free_at <= at:
        return ""
    wait = math.ceil((free_at - at).total_seconds())
    return (
        f"You have written {most} posts within a minute, and this site takes no more."
        f" Send this one again in {wait} second{'s' * (wait > 1)}; what you typed stands here."
    )


def made_by(team: Team, key: uuid.UUID) -> Post | None:
    """The post that a form with this number has made already, if it has."""
    return Post.objects.filter(team=team, key=key).first()


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
    link: str = "",
    parts: Sequence[str] = (),
    versions: Mapping[int, str] | None = None,
    options: Mapping[int, Mapping[str, str]] | None = None,
    media: Files = (),
    part_media: Sequence[Files] = (),
) -> Post:
    """Write a post and its results, then ring, or raise CannotCompose; `due_at` None means now.

    `parts` follow the text, with `part_media`, where a network can answer posts; `versions` are
    texts, `options` values of post_fields by account number. A `key` gives the same post again.
    """
    key = key or uuid.uuid4()
    if made := made_by(team, key):
        return made
    behind = even(part_media, len(parts))
    words = Words(text, link, tuple(parts), versions or {}, options or {}, media, behind)
    if said := check(words, accounts, team, due_at, at):
        raise CannotCompose(said)
    late = late or lateness.of_team(team)
    about: dict[str, Any] = {"team": team, "author": author, "key": key, "created_at": at}
    try:
        return _write(words, accounts, late, {**about, "due_at": due_at or at})
    except IntegrityError:  # the same form came twice at the same moment
        return Post.objects.get(team=team, key=key)


@transaction.atomic
def _write(
    words: Words, accounts: Sequence[SocialAccount], late: Lateness, about: Mapping[str, Any]
) -> Post:
    """The post with its parts, files and results, all of it or nothing."""
    wish = {"late_after": late.after, "when_late": late.then}
    post = Post.objects.create(text=words.text, link=words.link, **about, **wish)
    chain.write(post, words.parts)
    attach(post, words.media, words.part_media)
    PostResult.objects.bulk_create(_results(post, accounts, late, words))
    ring()
    return post


def _results(
    post: Post, accounts: Sequence[SocialAccount], late: Lateness, words: Words
) -> Iterator[PostResult]:
    plan = lateness.plan(post.due_at, late)
    for account in accounts:
        wanted: dict[str, Any] = {"post": post, "account": account, "provider": account.provider}
        wanted["options"] = dict(words.options.get(account.pk, {}))
        own = words.versions.get(account.pk)
        yield PostResult(**wanted, text=own, state=State.SCHEDULED, **plan)
        if continues(account):
            yield from chain.plan(len(words.parts), {**wanted, "due_at": post.due_at})


def cancel(post: Post, pk: int | None = None) -> int:
    """Cancel what has not gone out, everywhere or for the result `pk`; returns how many stopped."""
    chosen = post.results.all() if pk is None else post.results.filter(pk=pk)
    with transaction.atomic():
        said: dict[str, Any] = {"words": "Cancelled before it went out.", "error": ""}
        moved = chosen.move(CANCELLABLE, State.CANCELLED, saved="", held_for="", **said)
        return moved + chain.cut(post.pk)


def try_again(post: Post, at: datetime, pk: int | None = None) -> int:
    """Order another try of what failed or was missed, and send what is late; returns how many.

    Everywhere or for the result `pk` alone.

    A result that was never in doubt gets a new moment; one that was keeps its old one, so that
    the network still recognises it. Its patience begins anew with this order. What its steps came
    to is used again, unless the network had refused it.
    """
    refused = When(error__in=[Rejected.outcome, Duplicate.outcome], then=Value(""))
    anew = {**_anew(post, at), "saved": Case(refused, default=F("saved"), output_field=TextField())}
    results = post.results.all() if pk is None else post.results.filter(pk=pk)
    with transaction.atomic():
        moved = chain.wait_again(results)
        for rows, plan in (
            (results.filter(part=0), anew),
            (results.filter(part__gt=0), {**anew, **chain.BEGUN}),
        ):
            fresh = rows.filter(doubts=0)
            moved += fresh.move(REPEATABLE, State.SCHEDULED, first_sent_at=None, **plan)
            moved += rows.move(REPEATABLE, State.SCHEDULED, **plan)
        moved += _send_late(post, at, pk)
        moved += chain.follow(at, post.pk)
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


def send_late(post: Post, at: datetime, pk: int | None = None) -> int:
    """What could not go out in time goes out now, everywhere or for the result `pk`; how many."""
    if moved := _send_late(post, at, pk):
        ring()
    return moved


def _send_late(post: Post, at: datetime, pk: int | None = None) -> int:
    """Each keeps its old due time, so that an account's older posts go first."""
    anew = _planned(post, at)
    del anew["due_at"]
    late = post.results.filter(held_for=LATE)
    late = late if pk is None else late.filter(pk=pk)
    return late.move([State.HELD], State.SCHEDULED, held_for="", **anew)


def confirm(post: Post, pk: int, *, there: bool, at: datetime) -> int:
    """A person's word on an unconfirmed result: it is there, or send it again."""
    one, doubtful = post.results.filter(pk=pk), [State.UNCONFIRMED]
    with transaction.atomic():
        if there:
            known: dict[str, Any] = {"posted_at": at, "words": "", "error": "", "saved": ""}
            moved = one.move(doubtful, State.POSTED, **known)
            chain.follow(at, post.pk)
            return moved
        anew = {**_anew(post, at), "saved": ""}
        moved = one.filter(part=0).move(doubtful, State.SCHEDULED, **anew)
        moved += one.filter(part__gt=0).move(doubtful, State.SCHEDULED, **{**anew, **chain.BEGUN})
    if moved:
        ring()
    return moved


def _anew(post: Post, at: datetime) -> dict[str, Any]:
    """A person's order begins everything that was counted anew."""
    counted: dict[str, Any] = dict.fromkeys(("attempts", "negatives", "looks", "polls"), 0)
    return {**_planned(post, at), **counted, "processing_since": None}


def _planned(post: Post, at: datetime) -> dict[str, Any]:
    """A person wants it to go out now, and what was said about it before is over."""
    return {**lateness.plan(at, lateness.of_post(post)), "error": "", "words": ""}
