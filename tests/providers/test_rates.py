"""Every dialect of "wait" gives the same span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from providers.kit.http import Reply
from providers.kit.rates import LONGEST, epoch_reset, iso_reset, retry_after

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SOON = timedelta(seconds=30)


def reply(name: str, value: str) -> Reply:
    """An answer with one header, received at NOW."""
    return Reply(429, CaseInsensitiveDict({name: value}), b"", safe=True, received_at=NOW)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("30", SOON),
        (" 30 ", SOON),
        ("0.5", timedelta(seconds=0.5)),
        ("Sat, 21 Nov 2026 10:00:30 GMT", SOON),
        ("Sat, 21 Nov 2026 09:00:00 GMT", timedelta(0)),
        ("-5", timedelta(0)),
        ("99999999", LONGEST),
        ("", None),
        ("soon", None),
        ("nan", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str, wait: timedelta | None) -> None:
    assert retry_after(reply("retry-after", value)) == wait


def test_a_reset_is_read_as_epoch_seconds_and_as_a_moment() -> None:
    at = NOW + SOON
    assert (
        epoch_reset(reply("X-Rate-Limit-Reset", str(int(at.timestamp()))), "x-rate-limit-reset")
        == SOON
    )
    moment = "2026-11-21T10:00:30.000000Z"
    assert iso_reset(reply("X-RateLimit-Reset", moment), "x-ratelimit-reset") == SOON
    assert iso_reset(reply("X-RateLimit-Reset", moment[:-1]), "x-ratelimit-reset") == SOON


@given(st.text(max_size=40))
def test_no_header_is_too_strange_to_be_read(value: str) -> None:
    strange = reply("strange", value)
    waits = (epoch_reset(strange, "strange"), iso_reset(strange, "strange"))
    for wait in (*waits, retry_after(reply("Retry-After", value))):
        assert wait is None or timedelta(0) <= wait <= LONGEST
