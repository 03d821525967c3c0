"""A stamp for what a team is shown of its accounts: whoever changes that stamps it anew.

What was worked out under a stamp counts as long as the stamp stands, in every process at once. A
stamp is random and never comes twice, so nothing old can ever count again. It stands in the cache;
while that is away nothing is stamped and nothing is kept, so everything is worked out each time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache import cache
from django.db import transaction

KEPT_S = 60
STAMP_S = 24 * 3600


def changed(team_ids: Iterable[int]) -> None:
    """What these teams are shown has changed: stamp it anew once this transaction is committed.

    Cheap (one round trip for all teams) and never in the way: a cache that is away, and so misses
    it, holds what it holds for KEPT_S at most.
    """
    teams = frozenset(team_ids)
    if teams:
        transaction.on_commit(lambda: _stamp(teams), robust=True)


def look(team_id: int) -> tuple[str, Mapping[str, Any] | None]:
    """The stamp that stands now, and what is kept under it; ("", None) without a cache."""
    stamps, kept = _stamps(team_id), _kept(team_id)
    found = cache.get_many([stamps, kept])
    stamp = found.get(stamps)
    if not stamp:
        cache.add(stamps, _new(), STAMP_S)
        return str(cache.get(stamps) or ""), None
    entry = found.get(kept)
    counts = isinstance(entry, dict) and entry.get("stamp") == stamp
    return str(stamp), entry if counts else None


def keep(team_id: int, stamp: str, entry: Mapping[str, Any]) -> None:
    """Keep what was worked out after `stamp` was looked at; it counts while that stamp stands."""
    if stamp:
        cache.set(_kept(team_id), {**entry, "stamp": stamp}, KEPT_S)


def _stamp(teams: frozenset[int]) -> None:
    cache.set_many({_stamps(team): _new() for team in teams}, STAMP_S)


def _new() -> str:
    return uuid.uuid4().hex


def _stamps(team_id: int) -> str:
    return f"stamp:{team_id}"


def _kept(team_id: int) -> str:
    return f"shown:{team_id}"
