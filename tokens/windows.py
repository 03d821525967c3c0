"""When a grant is renewed: ahead of need, by family, and not all at the same moment."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from providers.kit.contract import Family

Window = tuple[float, float]
WINDOWS: Mapping[Family, Window] = {
    # A pair that gets lost on the wire must leave time to connect again: half a life ahead.
    Family.ROTATING: (0.5, 0.8),
    Family.GRACE: (0.5, 0.8),
    Family.REUSABLE: (0.7, 0.9),
    # Cannot be renewed once it has expired.
    Family.SELF_RENEWING: (0.5, 0.75),
}
SPREAD = 0.15
AHEAD = timedelta(hours=1)


def refresh_moment(
    family: Family,
    at: datetime,
    lifetime: timedelta | None,
    draw: Callable[[float, float], float] = random.uniform,
) -> datetime | None:
    """When a grant that was given at `at` for `lifetime` is renewed; None: never.

    Somewhere in the family's window (fractions of the lifetime), and where the lifetime allows it
    at least an hour before the end, so that nothing expires within the hour unrenewed.
    """
    if lifetime is None or family not in WINDOWS:
        return None
    low, high = WINDOWS[family]
    if lifetime >= 2 * AHEAD:
        high = min(high, 1 - AHEAD / lifetime)
        low = min(low, high - SPREAD)
    return at + lifetime * draw(low, high)
