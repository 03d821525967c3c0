"""Fills teams with any number of posts: every state, past and future, tries, labels, drafts."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from accounts.access import found_team
from accounts.activity import Kind
from accounts.models import Activity, Team, User
from posting import slots
from posting.models import Attempt, Label, Post, PostResult
from posting.states import LATE, State
from tests.cast import talkers
from tokens.models import OAuthToken, SocialAccount
from tokens.states import AccountState

BEHIND, AHEAD = timedelta(days=8), timedelta(days=6)
"""The posts of every team stand in the same two weeks, so that few and many fill the same pages:
what is measured is what the posts behind a page cost, not that a fuller page has more in it."""
ACCOUNTS, LABELS, AT_ONCE = 5, 3, 1000
SLOTS = (time(9), time(12), time(15, 30))
WORDS = (
    "The lamp is lit again. Come by on Friday: we read by its light until the oil is gone.",
    "New in the workshop: three chairs, one table, and a long story about where the wood is from.",
    "A long walk, told in ten pictures. The first one is a gate that has not been shut since 1911.",
)
RARE = "moth"
"""A word that stands in every third post."""
Fields = dict[str, Any]
SAID = ("Too long.", "There is no such page.", "Somebody said this before.")
# Of a hundred posts of the past so many ended like this.
PAST: tuple[tuple[int, State, Fields], ...] = (
    (54, State.POSTED, {"external_url": "https://network.test/1"}),
    (12, State.FAILED, {"error": "rejected"}),
    (15, State.HELD, {"held_for": "reconnect"}),
    (6, State.HELD, {"held_for": LATE}),
    (5, State.CANCELLED, {}),
    (4, State.MISSED, {}),
    (4, State.UNCONFIRMED, {"error": "uncertain"}),
)
FUTURE: tuple[tuple[int, State, Fields], ...] = (
    (84, State.SCHEDULED, {}),
    (6, State.CANCELLED, {}),
    (5, State.SCHEDULED, {"error": "unavailable"}),
    (5, State.SCHEDULED, {"error": "throttled"}),
)


@dataclass(frozen=True)
class Crowd:
    """A team with its posts, and whoever owns it."""

    team: Team
    owner: User
    accounts: list[SocialAccount]
    labels: list[Label]
    post: int


def crowd(many: int, at: datetime) -> Crowd:
    """A team with so many posts."""
    chance = random.Random(many)
    owner = User.objects.create_user(f"owner{many}@example.org", name=f"Owner of {many}")
    User.objects.filter(pk=owner.pk).update(is_staff=True, time_zone="Europe/Paris")
    team = found_team(owner, f"The team with {many}")
    accounts = [_account(team, name) for name in talkers()[:ACCOUNTS]]
    for account in accounts:
        for moment in SLOTS:
            slots.add(account, range(7), moment)
    # The first one stands badly, so that something waits for it.
    SocialAccount.objects.filter(pk=accounts[0].pk).update(state=AccountState.RECONNECT)
    names = [f"Label {number}" for number in range(LABELS)]
    labels = [Label.objects.create(team=team, name=name, colour="teal") for name in names]
    for begin in range(0, many, AT_ONCE):
        numbers = range(begin, min(many, begin + AT_ONCE))
        posts = Post.objects.bulk_create([_post(team, owner, n, many, at) for n in numbers])
        _results(posts, accounts, chance, at)
        _labelled(posts, labels)
        _noted(team, owner, posts, at)
    chosen = Post.objects.filter(team=team, draft=False, due_at__lt=at).order_by("-due_at")[:1]
    return Crowd(team, owner, accounts, labels, chosen[0].pk)


def _account(team: Team, provider: str) -> SocialAccount:
    token = OAuthToken.objects.create(
        team=team, provider=provider, access_sealed="sealed", can_refresh=True
    )
    return SocialAccount.objects.create(
        team=team, token=token, provider=provider, external_id=f"lantern{team.pk}", handle="lantern"
    )


def _post(team: Team, owner: User, number: int, many: int, at: datetime) -> Post:
    """The posts are spread evenly; every fifth is a draft, half of those with a wish."""
    due = at - BEHIND + (BEHIND + AHEAD) * number / many
    due = due.replace(minute=due.minute // 15 * 15, second=0, microsecond=0)
    draft = number % 5 == 2
    text = f"{WORDS[number % len(WORDS)]} Number {number}."
    return Post(
        team=team,
        author=owner,
        key=uuid.uuid4(),
        text=f"{text} About a {RARE}." if number % 3 == 1 else text,
        due_at=due,
        created_at=min(due, at) - timedelta(days=1, seconds=many - number),
        draft=draft,
        wish=due if draft and number % 10 == 2 else None,
        saved_at=at if draft else None,
    )


def _results(
    posts: list[Post], accounts: list[SocialAccount], chance: random.Random, at: datetime
) -> None:
    made = PostResult.objects.bulk_create(
        result for post in posts for result in _of(post, accounts, chance, at)
    )
    tried = (State.POSTED, State.FAILED, State.UNCONFIRMED)
    Attempt.objects.bulk_create(
        Attempt(
            result=result,
            number=number + 1,
            kind="publish",
            started_at=result.due_at,
            ended_at=result.due_at,
            outcome="posted" if result.state == State.POSTED else "rejected",
            correlation_id="bench",
        )
        for result in made
        if result.state in tried
        for number in range(1 + result.pk % 2)
    )


def _of(
    post: Post, accounts: list[SocialAccount], chance: random.Random, at: datetime
) -> Iterator[PostResult]:
    """On one account or two; how it stands is drawn by lot."""
    several = chance.sample(accounts, chance.choice((1, 1, 2)))
    for account in several:
        planned = None if post.draft else post.due_at
        state, fields = State.DRAFT, Fields()
        if not post.draft:
            table = PAST if post.due_at < at else FUTURE
            [(_, state, fields)] = chance.choices(table, [row[0] for row in table])
        words = chance.choice(SAID) if state is State.FAILED else ""
        yield PostResult(
            post=post,
            account=account,
            provider=account.provider,
            state=state,
            due_at=post.due_at,
            planned_at=planned,
            words=words,
            **fields,
        )


def _labelled(posts: list[Post], labels: list[Label]) -> None:
    through = Label.posts.through
    through._default_manager.bulk_create(
        through(label_id=labels[number % LABELS].pk, post_id=post.pk)
        for number, post in enumerate(posts)
    )


def _noted(team: Team, owner: User, posts: list[Post], at: datetime) -> None:
    Activity.objects.bulk_create(
        Activity(team=team, person=owner, who="Owner", kind=Kind.WROTE, words=post.text[:80], at=at)
        for post in posts
    )
