"""What the stories about pages share: browsers of the cast, accounts, a post, and page reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import providers
from accounts.models import User
from posting.compose import compose
from posting.models import Attempt, Post, PostResult
from posting.states import State
from tests.cast import Cast
from tokens.models import OAuthToken, SocialAccount

Put = Callable[..., PostResult]


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Remember text."""
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of every such element; `_` in a name stands for `-`."""
        asked = {name.replace("_", "-"): value for name, value in wanted.items()}
        return [
            attrs
            for found, attrs in self.elements
            if found == tag and all(attrs.get(k) == v for k, v in asked.items())
        ]


def read(answer: Any) -> Page:
    """An answer's page."""
    return Page(answer.content.decode())


def browser(user: User) -> Client:
    """A browser in which somebody is logged in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(cast: Cast) -> Client:
    """Alice's browser."""
    return browser(cast.alice)


@pytest.fixture
def bob(cast: Cast) -> Client:
    """Bob's browser."""
    return browser(cast.bob)


@pytest.fixture
def charlie(cast: Cast) -> Client:
    """Charlie's browser."""
    return browser(cast.charlie)


@pytest.fixture
def account(cast: Cast) -> SocialAccount:
    """An account of Alice's team, connected, at the first network."""
    return connect(cast, providers.names()[0])


@pytest.fixture
def post(cast: Cast, account: SocialAccount) -> Post:
    """A post by Alice on that account, due now."""
    return compose(
        team=cast.team,
        author=cast.alice,
        text="The lamp is lit again.",
        accounts=[account],
        at=timezone.now(),
    )


@pytest.fixture
def put(post: Post) -> Put:
    """Put the post's result into any state, past the table of moves, as only a test may."""

    def to(state: State, **fields: Any) -> PostResult:
        post.results.all().update(state=state, **fields)
        return PostResult.objects.get(post=post)

    return to


def connect(cast: Cast, provider: str, handle: str = "lantern") -> SocialAccount:
    """An account with a grant that nobody will use."""
    token = OAuthToken.objects.create(
        team=cast.team, provider=provider, access_sealed="sealed", can_refresh=True
    )
    return SocialAccount.objects.create(
        team=cast.team,
        token=token,
        provider=provider,
        external_id=handle,
        handle=handle,
        url="https://network.test/lantern",
    )


def tried(result: PostResult, outcome: str, **fields: Any) -> Attempt:
    """One attempt in the history of a result."""
    at = timezone.now()
    return Attempt.objects.create(
        result=result,
        number=result.attempts_made.count() + 1,
        kind=fields.pop("kind", "publish"),
        started_at=at,
        ended_at=at + timedelta(seconds=0.42),
        outcome=outcome,
        correlation_id="c0ffee",
        **fields,
    )
