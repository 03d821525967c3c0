"""How long a network asks us to wait, in the dialects networks speak.

RFC 9110 section 10.2.3 (Retry-After: seconds or an HTTP date), X and Bluesky (reset as epoch
seconds), Mastodon (reset as an ISO 8601 moment).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from providers.kit.http import Reply

LONGEST = timedelta(days=1)


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


def _until(moment: datetime, reply: Reply) -> timedelta:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _clamped(aware - reply.received_at)


def _clamped(wait: timedelta) -> timedelta:
    return min(max(wait, timedelta(0)), LONGEST)
