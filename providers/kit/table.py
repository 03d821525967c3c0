"""The rules of the networks as one table of plain JSON, for whoever counts and warns elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from providers.kit import text
from providers.kit.contract import Provider


def table(kinds: Iterable[type[Provider]]) -> dict[str, Any]:
    """Every network with its limits, and what is needed to count by them.

    The names are those of `Limits` and its rules; spans are seconds; what is not offered is null.
    """
    networks = {
        kind.name: {"label": kind.label, **_plain(asdict(kind.limits))}
        for kind in sorted(kinds, key=lambda kind: kind.name)
    }
    return {"networks": networks, **text.table()}


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case tuple() | list():
            return [_plain(one) for one in value]
        case timedelta():
            return value.total_seconds()
        case _:
            return value
