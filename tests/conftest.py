"""Fixtures for every test: the cast, and a practice street that the adapters speak to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from pytest_django import Settings

import providers
from providers.kit.contract import practice_options
from sandbox.kit.server import Street as StreetServer
from tests import cast as people
from tokens import networks

# The browser's stories are there only for who has what drives it (make test-browser).
collect_ignore = [] if find_spec("playwright") else ["browser"]


LONGEST = ("tests/flows/test_storm.py", "tests/flows/", "tests/deploy/")
"""Where the long stories stand, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that nobody waits for it alone in the end."""
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in LONGEST])


def pytest_configure() -> None:
    """Passwords of the cast need no slow hash."""
    project_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A test database that worker processes can see: a file, not memory."""
    database = project_settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        database.setdefault("TEST", {})["NAME"] = str(
            Path(project_settings.VAR_DIR) / f"test{worker}.db"
        )


@pytest.fixture(scope="session")
def street_server() -> Iterator[StreetServer]:
    """One street for the whole run."""
    with StreetServer() as server:
        yield server


@pytest.fixture
def street(street_server: StreetServer, settings: Settings) -> Iterator[people.Street]:
    """An empty street, with every adapter pointed at its twin."""
    url = street_server.url
    settings.TRUSTED_ORIGINS = [url]
    settings.PROVIDER_OPTIONS = {
        name: {
            **{s.name: s.default for s in providers.adapter(name).settings},
            **practice_options(providers.adapter(name), url),
        }
        for name in providers.names()
    }
    networks.forget()
    outside = people.Street(url)
    outside.tell("reset")
    yield outside
    networks.forget()


@pytest.fixture
def cast(db: Any) -> people.Cast:
    """Alice, Bob and Charlie."""
    return people.gather()
