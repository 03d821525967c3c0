"""Google's JSON errors: a reason for each refusal, and days of quota that end in California.

Facts: networks.md of 2026-11-21, section 10 (Limits and errors): `error.errors[0].reason`. No
answer says how long to wait: quota is counted by days of the Pacific coast, a channel's own limit
by 24 hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unexpected,
)
from providers.kit.http import Reply, objects_in, redact, text_in

CALIFORNIA = ZoneInfo("America/Los_Angeles")
DAY = timedelta(days=1)
DAILY = frozenset({"quotaExceeded", "dailyLimitExceeded"})
SLOW = DAILY | {"rateLimitExceeded", "userRateLimitExceeded", "uploadLimitExceeded"}
KEY = frozenset({"authError", "authorizationRequired", "required", "insufficientPermissions"})


def refusal(reply: Reply, label: str, wait: timedelta | None) -> NetworkError:
    """The error table; `wait` is what the answer's own headers ask for, if they do."""
    code, said = _reason(reply)
    status = reply.status
    if status == 401 or code in KEY:
        return Unauthorized(said, status=status, network_code=code)
    if code in SLOW or status == 429:
        wait = wait or _rest_of_quota(code, reply.received_at)
        return Throttled(said, wait=wait, status=status, network_code=code)
    if status >= 500 or status == 408:
        return reply.troubled()
    if code == "accessNotConfigured":
        words = f"{label} does not serve our project: {said}"
        return Misconfigured(words, status=status, network_code=code)
    if status == 403 and code != "forbiddenPrivacySetting":
        return Forbidden(said, status=status, network_code=code)
    if status in (400, 403, 404, 413) and not reply.safe:
        return Rejected(said, status=status, network_code=code)
    return Unexpected(f"{label} answered {status}: {said}", status=status, network_code=code)


def _reason(reply: Reply) -> tuple[str, str]:
    """The reason of a refusal, and its words."""
    error = reply.maybe_json().get("error")
    errors = objects_in(error, "errors")
    code = text_in(errors[0], "reason") if errors else ""
    said = redact(text_in(error, "message"), reply.secrets)
    return redact(code, reply.secrets), said or reply.said()


def _rest_of_quota(code: str, at: datetime) -> timedelta | None:
    """Until the next day of quota, or a day for a channel's own limit; None where none is known."""
    if code == "uploadLimitExceeded":
        return DAY
    if code not in DAILY:
        return None
    today = at.astimezone(CALIFORNIA).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + DAY).astimezone(UTC) - at
