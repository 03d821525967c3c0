"""Every dialect of "wait" gives the same span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

import providers
from providers.kit.http import Reply
from providers.kit.rates import (
    LONGEST,
    Meter,
    Quota,
    asked_wait,
    epoch_reset,
    iso_reset,
    quotas,
    retry_after,
)

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


def said(**headers: str) -> Reply:
    """An answer from where posts are made, received at NOW."""
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Reply(
        200, named, b"", safe=False, received_at=NOW, url="https://example.org/2/posts?a=b"
    )


@pytest.mark.parametrize(
    ("meter", "left"),
    [
        (Meter("remaining", "reset"), 7),
        (Meter("Remaining", "Moment", clock="iso"), 7),
        (Meter("float", "reset"), 3),
        (Meter("below", "reset"), 0),
        (Meter("remaining", "reset", on="/posts"), 7),
        (Meter("remaining", "reset", on="/media"), None),
        (Meter("missing", "reset"), None),
        (Meter("remaining", "missing"), None),
        (Meter("odd", "reset"), None),
    ],
)
def test_what_is_left_is_read_from_two_headers(meter: Meter, left: int | None) -> None:
    at = NOW + SOON
    reply = said(
        remaining="7", float="3.9", below="-1", odd="nan", reset=f"{at.timestamp():.0f}",
        moment=at.isoformat(),
    )  # fmt: skip
    assert quotas(reply, [meter]) == (() if left is None else (Quota(left, at, "account"),))


@pytest.mark.parametrize(
    ("policy", "scope"), [("3000;w=300", "app"), ("5000;w=3600", "account"), ("", "account")]
)
def test_a_policy_tells_whose_limit_it_is(policy: str, scope: str) -> None:
    reply = said(left="1", reset=f"{(NOW + SOON).timestamp():.0f}", RateLimit_Policy=policy)
    [quota] = quotas(reply, [Meter("left", "reset", shared="3000;w=300")])
    assert quota.scope == scope


def test_the_networks_own_moment_comes_before_retry_after() -> None:
    reply = said(Retry_After="99", reset=f"{(NOW + SOON).timestamp():.0f}")
    assert asked_wait(reply, [Meter("left", "reset")]) == SOON
    assert asked_wait(reply, [Meter("left", "other")]) == timedelta(seconds=99)
    assert asked_wait(said(), [Meter("left", "reset")]) is None


@pytest.mark.parametrize("name", providers.names())
def test_what_a_network_declares_can_be_met(name: str) -> None:
    for cap in providers.adapter(name).caps:
        assert cap.posts >= 1
        assert timedelta(0) < cap.per <= LONGEST


@given(st.text(max_size=40))
def test_no_header_is_too_strange_to_be_read(value: str) -> None:
    strange = reply("strange", value)
    waits = (epoch_reset(strange, "strange"), iso_reset(strange, "strange"))
    for wait in (*waits, retry_after(reply("Retry-After", value))):
        assert wait is None or timedelta(0) <= wait <= LONGEST
    for quota in quotas(strange, [Meter("strange", "strange")]):
        assert quota.remaining >= 0
