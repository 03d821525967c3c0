"""The practice street: fake networks that speak the real wire, found by file name.

Each `sandbox/<name>.py` holds one Twin subclass. Standard library only; the street knows the wire
and nothing of the rooms that speak to it.
"""

from __future__ import annotations

import importlib
import pkgutil

from sandbox.kit.network import Twin


def _discover() -> dict[str, type[Twin]]:
    found: dict[str, type[Twin]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg or module.name.startswith("_"):
            continue
        path = f"{__name__}.{module.name}"
        here = vars(importlib.import_module(path)).values()
        mine = [c for c in here if isinstance(c, type) and c.__module__ == path]
        [twin] = [c for c in mine if issubclass(c, Twin)]
        if twin.name != module.name:
            raise ValueError(f"{path}: name must be {module.name!r}, not {twin.name!r}")
        found[module.name] = twin
    return found


TWINS: dict[str, type[Twin]] = _discover()
