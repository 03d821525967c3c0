"""The server, the proxy before it, the people and the adapter that the stories are told with."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from providers.bluesky import Bluesky
from providers.kit.contract import Account, Grant, Identity, Message
from providers.kit.http import Wire
from tests.node import NotReadyError

from .lossy import Lossy
from .pds import Pds, Person, running


@pytest.fixture(scope="session")
def pds() -> Iterator[Pds]:
    """A real AT Protocol server, one for all stories."""
    try:
        with running() as server:
            yield server
    except NotReadyError as problem:
        pytest.exit(str(problem), returncode=1)


@pytest.fixture
def lossy(pds: Pds) -> Iterator[Lossy]:
    """A proxy before the server that loses what it is told to lose."""
    with Lossy(pds.url).serving() as proxy:
        yield proxy


@pytest.fixture
def bluesky(pds: Pds, lossy: Lossy) -> Bluesky:
    """Postrider's adapter, allowed to speak to the server and to the proxy."""
    options = {setting.name: setting.default for setting in Bluesky.settings}
    return Bluesky(options, Wire(trusted=frozenset({pds.url, lossy.url})))


@pytest.fixture
def enrol(pds: Pds) -> Callable[[str], Person]:
    """Makes a new account at the server under (nearly) the given name."""
    return pds.enrol


@pytest.fixture
def alice(enrol: Callable[[str], Person]) -> Person:
    return enrol("alice")


@pytest.fixture
def signed_in(bluesky: Bluesky, pds: Pds, alice: Person) -> tuple[Grant, Identity]:
    """What the adapter brings back when Alice types her app password."""
    values = {"host": pds.url, "identifier": alice.handle, "password": alice.app_password}
    return bluesky.sign_in(values)


@pytest.fixture
def account(signed_in: tuple[Grant, Identity]) -> Account:
    """Alice's account, spoken to directly."""
    grant, identity = signed_in
    return Account(identity.external_id, identity.handle, grant.host, grant.access_token)


@pytest.fixture
def far_account(signed_in: tuple[Grant, Identity], lossy: Lossy) -> Account:
    """Alice's account, spoken to through the proxy that loses things."""
    grant, identity = signed_in
    return Account(identity.external_id, identity.handle, lossy.url, grant.access_token)


@pytest.fixture
def message() -> Message:
    """A post that no other story has written."""
    return Message(f"Morning, world {secrets.token_hex(3)}", str(uuid.uuid4()), datetime.now(UTC))
