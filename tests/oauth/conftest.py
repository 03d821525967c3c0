"""The server, the people at its pages, and an account that was connected through them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.utils import timezone
from pytest_django import Settings

import providers
from tests.cast import Cast
from tests.flows.conftest import database_url
from tests.node import NotReadyError
from tokens import networks
from tokens.choose import settle
from tokens.connect import begin, finish, redirect_uri
from tokens.models import OAuthToken, SocialAccount

from .adapter import Oidc
from .elsewhere import Elsewhere, Launch
from .server import Authority, running
from .visitor import Visitor

SESSION = "the browser's session"
THREADS = 16


@pytest.fixture(scope="session")
def server() -> Iterator[Authority]:
    """A real authorization server, one for all stories."""
    try:
        with running(redirect_uri()) as authority:
            yield authority
    except NotReadyError as problem:
        pytest.exit(str(problem), returncode=1)


@pytest.fixture
def authority(
    server: Authority, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Authority]:
    """The server at the beginning of a story, known to Postrider as a network."""
    server.forget()
    monkeypatch.setitem(providers.ADAPTERS, Oidc.name, Oidc)
    settings.TRUSTED_ORIGINS = [server.url]
    settings.PROVIDER_OPTIONS = {**settings.PROVIDER_OPTIONS, Oidc.name: server.options}
    networks.forget()
    yield server
    networks.forget()


@pytest.fixture(autouse=True)
def tidy_spool() -> Iterator[None]:
    """No story leaves an answer lying about."""
    yield
    left = list((Path(project_settings.VAR_DIR) / "spool").glob("*"))
    for each in left:
        each.unlink()
    assert [each.name for each in left] == []


class Dance:
    """Alice connects an account, step by step."""

    def __init__(self, cast: Cast) -> None:
        self.who: dict[str, Any] = {"user": cast.alice, "team": cast.team, "session": SESSION}

    def url(self) -> str:
        """Where Postrider sends her browser."""
        return begin(Oidc.name, {}, **self.who, at=timezone.now())

    def back(self, visitor: Visitor) -> dict[str, str]:
        """What her browser comes back with."""
        return visitor.walk(self.url(), redirect_uri())

    def end(self, back: dict[str, str]) -> SocialAccount:
        """What Postrider makes of it."""
        [account] = settle(finish(back, **self.who, at=timezone.now()), timezone.now()).accounts
        return account


@pytest.fixture
def dance(authority: Authority, cast: Cast) -> Dance:
    """Alice is about to connect an account."""
    return Dance(cast)


@pytest.fixture
def account(dance: Dance) -> SocialAccount:
    """A connected account whose access token lives an hour."""
    return dance.end(dance.back(Visitor("ada")))


@pytest.fixture
def token(account: SocialAccount) -> OAuthToken:
    """The grant behind the account."""
    assert account.token is not None
    return account.token


@pytest.fixture
def elsewhere(authority: Authority, transactional_db: Any) -> Iterator[Launch]:
    """Starts other processes on the same database, ready to go; they end with the story."""
    env = {
        "DATABASE_URL": database_url(),
        "TRUSTED_ORIGINS": authority.url,
        "DATABASE_POOL_SIZE": str(THREADS + 1),
        **authority.options,
    }
    started: list[Elsewhere] = []

    def launch(token: OAuthToken, *words: str, **more: str) -> Elsewhere:
        started.append(Elsewhere(token, *words, env={**env, **more}))
        return started[-1]

    yield launch
    for each in started:
        each.end()
