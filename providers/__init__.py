"""The networks, found by file name: `providers/<name>.py` holds the one Provider subclass.

Plain Python; nothing here knows Django, the database or Celery.
"""

from __future__ import annotations

import importlib
import pkgutil

from providers.kit.contract import Provider


def _discover() -> dict[str, type[Provider]]:
    found: dict[str, type[Provider]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            continue
        path = f"{__name__}.{module.name}"
        here = vars(importlib.import_module(path)).values()
        mine = [c for c in here if isinstance(c, type) and c.__module__ == path]
        [adapter] = [c for c in mine if issubclass(c, Provider)]
        if adapter.name != module.name:
            raise ValueError(f"{path}: name must be {module.name!r}, not {adapter.name!r}")
        found[module.name] = adapter
    return found


ADAPTERS: dict[str, type[Provider]] = _discover()


def names() -> tuple[str, ...]:
    """Every network's name, in alphabetical order."""
    return tuple(sorted(ADAPTERS))


def adapter(name: str) -> type[Provider]:
    """The adapter class called `name`; raises KeyError for an unknown network."""
    return ADAPTERS[name]
