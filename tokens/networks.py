"""The networks as this site has set them up: adapters with their settings and one HTTP client."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

import providers
from providers.kit.contract import Family, Provider
from providers.kit.http import Patience, Wire


class UnknownNetwork(Exception):
    """There is no adapter of that name."""


@lru_cache(maxsize=1)
def wire() -> Wire:
    """The HTTP client that all networks share in this process."""
    patience = Patience(settings.HTTP_CONNECT_S, settings.HTTP_READ_S, settings.HTTP_DEADLINE_S)
    trusted = frozenset(origin.rstrip("/") for origin in settings.TRUSTED_ORIGINS)
    return Wire(patience=patience, trusted=trusted)


@lru_cache(maxsize=64)
def network(name: str) -> Provider:
    """The adapter called `name`, set up from the settings; raises UnknownNetwork."""
    if name not in providers.ADAPTERS:
        raise UnknownNetwork(f"There is no network called {name!r}.")
    return providers.adapter(name)(settings.PROVIDER_OPTIONS.get(name, {}), wire())


def family_of(provider: Provider, own: str) -> Family:
    """How a grant's tokens stay alive: by its own family if it has one, else as its network's."""
    return Family(own) if own else provider.family


def everything() -> list[Provider]:
    """All networks, by label."""
    return sorted((network(name) for name in providers.names()), key=lambda n: n.label.lower())


def forget() -> None:
    """Build adapters anew on the next use; for tests that change settings."""
    wire.cache_clear()
    network.cache_clear()
