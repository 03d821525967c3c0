"""The rules of the networks as one table of plain JSON, for whoever counts and warns elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import timedelta
from typing import Any

from providers.kit import text
from providers.kit.content import Limits
from providers.kit.contract import Provider

RULES = ("text", "caption", "images", "video")
SPANS = ("shortest", "longest")


def table(kinds: Iterable[type[Provider]]) -> dict[str, Any]:
    """Every network with its limits, and what is needed to count by them.

    The names are those of `Limits` and its rules; spans are seconds; what is not offered is null.
    """
    networks = {
        kind.name: row(kind.label, kind.limits)
        for kind in sorted(kinds, key=lambda kind: kind.name)
    }
    return {"networks": networks, **text.table()}


def row(label: str, limits: Limits) -> dict[str, Any]:
    """One line of the table."""
    return {"label": label, **_plain(asdict(limits))}


def differences(told: Limits, known: Limits) -> dict[str, dict[str, Any]]:
    """What a network told otherwise than its adapter knows, rule by rule, as plain JSON."""
    found: dict[str, dict[str, Any]] = {}
    for name in RULES:
        new, old = getattr(told, name), getattr(known, name)
        if new is None or old is None or new == old:  # what is told changes rules, and makes none
            continue
        pairs = {f.name: (getattr(new, f.name), getattr(old, f.name)) for f in fields(new)}
        found[name] = {name: _plain(now) for name, (now, was) in pairs.items() if now != was}
    return found


def with_differences(known: Limits, said: Mapping[str, Mapping[str, Any]]) -> Limits:
    """The limits of an adapter as its network told them; what no rule has any more is left out."""
    rules: dict[str, Any] = {}
    for name in RULES:
        old, news = getattr(known, name), said.get(name)
        if old is not None and news:
            own = {f.name for f in fields(old)}
            rules[name] = replace(old, **{n: _whole(n, v) for n, v in news.items() if n in own})
    return replace(known, **rules)


def _whole(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return timedelta(seconds=value) if name in SPANS and value is not None else value


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
