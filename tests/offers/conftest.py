"""A street with the towns on it, and the steps by which somebody connects an account there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

import providers
import sandbox
from accounts.models import Team, User
from providers.kit.contract import practice_options
from sandbox.kit.server import Street as StreetServer
from tests import cast as people
from tests.cast import Cast
from tests.tokens.dance import SESSION, consent
from tokens import choose, connect, networks
from tokens.models import SocialAccount

from . import adapter, twin


@pytest.fixture(scope="session")
def town_server() -> Iterator[StreetServer]:
    """One street for all these stories; the others do not see it."""
    known = dict(sandbox.TWINS)
    sandbox.TWINS.update({town.name: town for town in twin.TOWNS})
    try:
        server = StreetServer()
    finally:
        sandbox.TWINS.clear()
        sandbox.TWINS.update(known)
    with server:
        yield server


@pytest.fixture
def street(
    town_server: StreetServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[people.Street]:
    """An empty street, and the adapters of its towns."""
    for town in adapter.TOWNS:
        monkeypatch.setitem(providers.ADAPTERS, town.name, town)
    settings.TRUSTED_ORIGINS = [town_server.url]
    settings.PROVIDER_OPTIONS = {
        town.name: practice_options(town, town_server.url) for town in adapter.TOWNS
    }
    networks.forget()
    outside = people.Street(town_server.url)
    outside.tell("reset")
    yield outside
    networks.forget()


class Visit:
    """Somebody connects accounts at a town, step by step."""

    def __init__(self, cast: Cast, server: StreetServer, name: str) -> None:
        self.cast, self.server, self.name = cast, server, name

    @property
    def town(self) -> twin.Town:
        """The town itself, for what a story arranges there."""
        found = self.server.twins[self.name]
        assert isinstance(found, twin.Town)
        return found

    def granted(self, user: User | None = None, team: Team | None = None) -> connect.Granted:
        """The dance, up to the grant."""
        who: dict[str, Any] = {"user": user or self.cast.alice, "team": team or self.cast.team}
        who |= {"session": SESSION, "at": timezone.now()}
        return connect.finish(consent(connect.begin(self.name, {}, **who)), **who)

    def settled(self, user: User | None = None, team: Team | None = None) -> choose.Connected:
        """The dance, and what came of it."""
        return choose.settle(self.granted(user, team), timezone.now())

    def chosen(
        self, connected: choose.Connected, *names: str, user: User | None = None
    ) -> choose.Connected:
        """The stalls of these names are chosen."""
        keys = [row.pk for row in connected.offered if row.name in names]
        assert len(keys) == len(names)
        token = connected.token
        return choose.choose(
            token.pk, keys, team=token.team, user=user or self.cast.alice, at=timezone.now()
        )

    def account(self, name: str) -> SocialAccount:
        """The account of a stall, as it stands now."""
        return SocialAccount.objects.select_related("token").get(name=name, team=self.cast.team)


@pytest.fixture
def fair(cast: Cast, street: people.Street, town_server: StreetServer) -> Visit:
    """Stalls with keys of their own, behind a key that is short at first and renews itself."""
    return Visit(cast, town_server, "fair")


@pytest.fixture
def plaza(cast: Cast, street: people.Street, town_server: StreetServer) -> Visit:
    """The same, but the lasting key ends one day."""
    return Visit(cast, town_server, "plaza")


@pytest.fixture
def lodge(cast: Cast, street: people.Street, town_server: StreetServer) -> Visit:
    """One account, behind a key that is short at first and renews itself."""
    return Visit(cast, town_server, "lodge")


@pytest.fixture
def guild(cast: Cast, street: people.Street, town_server: StreetServer) -> Visit:
    """Stalls without keys of their own, and a refresh token that stays the same."""
    return Visit(cast, town_server, "guild")


@pytest.fixture
def inn(cast: Cast, street: people.Street, town_server: StreetServer) -> Visit:
    """One account, and a refresh token that rotates with some grace."""
    return Visit(cast, town_server, "inn")
