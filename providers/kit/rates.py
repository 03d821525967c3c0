"""How much a network takes, how much is left and how long it asks us to wait, in its dialects.

RFC 9110 section 10.2.3 (Retry-After: seconds or an HTTP date), X and Bluesky (reset as epoch
seconds), Mastodon (reset as an ISO 8601 moment), Reddit (the seconds that are left).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import floor
from typing import Literal
from urllib.parse import urlsplit

from providers.kit.http import Reply

LONGEST = timedelta(days=1)
Scope = Literal["app", "account"]
"""Whom a limit counts together: everybody who comes by our app (at one host), or one account."""


@dataclass(frozen=True, slots=True)
class Cap:
    """What a network says it takes: `count` in any span of `per`; a post uses `cost` of it."""

    count: int
    per: timedelta
    scope: Scope = "account"
    cost: int = 1

    @property
    def posts(self) -> int:
        """How many posts that is."""
        return self.count // self.cost


@dataclass(frozen=True, slots=True)
class Quota:
    """What one answer said: so many more requests until then."""

    remaining: int
    resets_at: datetime
    scope: Scope


@dataclass(frozen=True, slots=True)
class Meter:
    """Where a network's answers say what is left: two headers, and how it writes the reset.

    `on`: only answers from a path that ends so are meant. `shared`: the RateLimit-Policy that
    counts everybody who comes from our address, whatever `scope` says.
    """

    remaining: str
    reset: str
    clock: Literal["epoch", "iso", "left"] = "epoch"
    scope: Scope = "account"
    on: str = ""
    shared: str = ""

    def wait(self, reply: Reply) -> timedelta | None:
        """How long until it resets; None if the answer does not say."""
        clocks = {"epoch": epoch_reset, "iso": iso_reset, "left": seconds_left}
        return clocks[self.clock](reply, self.reset)

    def read(self, reply: Reply) -> Quota | None:
        """What is left; None if the answer does not say."""
        wait = self.wait(reply)
        if wait is None or not urlsplit(reply.url).path.endswith(self.on):
            return None
        try:
            left = floor(float(reply.headers.get(self.remaining, "")))
        except (ValueError, OverflowError):
            return None
        policy = reply.headers.get("RateLimit-Policy", "").strip()
        scope: Scope = "app" if self.shared and policy == self.shared else self.scope
        return Quota(max(left, 0), reply.received_at + wait, scope)


def quotas(reply: Reply, meters: Iterable[Meter]) -> tuple[Quota, ...]:
    """Everything that an answer says about what is left."""
    return tuple(quota for meter in meters if (quota := meter.read(reply)))


def asked_wait(reply: Reply, meters: Iterable[Meter]) -> timedelta | None:
    """How long a refused request shall wait: by the network's own headers, else Retry-After."""
    waits = (meter.wait(reply) for meter in meters)
    return next((wait for wait in waits if wait), None) or retry_after(reply)


def retry_after(reply: Reply) -> timedelta | None:
    """The wait of a Retry-After header; None if it is missing or cannot be read."""
    value = reply.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return _clamped(timedelta(seconds=float(value)))
    except (ValueError, OverflowError):
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return _until(moment, reply)


def epoch_reset(reply: Reply, header: str) -> timedelta | None:
    """The wait until the epoch second in `header`; None if it is missing or cannot be read."""
    try:
        moment = datetime.fromtimestamp(float(reply.headers.get(header, "")), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return _until(moment, reply)


def iso_reset(reply: Reply, header: str) -> timedelta | None:
    """The wait until the ISO 8601 moment in `header`; None if it is missing or cannot be read."""
    try:
        moment = datetime.fromisoformat(reply.headers.get(header, ""))
    except ValueError:
        return None
    return _until(moment, reply)


def seconds_left(reply: Reply, header: str) -> timedelta | None:
    """The wait that stands in `header` in seconds; None if it is missing or cannot be read."""
    try:
        return _clamped(timedelta(seconds=float(reply.headers.get(header, ""))))
    except (ValueError, OverflowError):
        return None


def _until(moment: datetime, reply: Reply) -> timedelta:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _clamped(aware - reply.received_at)


def _clamped(wait: timedelta) -> timedelta:
    return min(max(wait, timedelta(0)), LONGEST)
