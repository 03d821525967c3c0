"""What a refusal over XRPC means, where its name is missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from providers.kit.errors import NetworkError, Rejected, Unauthorized, Unavailable, Uncertain
from providers.kit.http import Reply
from providers.kit.xrpc import refusal


def refused(body: bytes, *, safe: bool = False) -> NetworkError:
    return refusal(Reply(400, {}, body, safe, datetime.now(UTC)))


@pytest.mark.parametrize("body", [b"", b"\x00 not JSON", b"{}"])
def test_a_refusal_without_a_name_is_not_blamed_on_the_content(body: bytes) -> None:
    """An expired key is a 400 too: its body lost on the way, the post must not fail for good."""
    assert isinstance(refused(body), Uncertain)
    assert isinstance(refused(body, safe=True), Unavailable)


def test_a_refusal_with_a_name_means_what_the_name_says() -> None:
    named = {"InvalidRequest": Rejected, "ExpiredToken": Unauthorized}
    for name, kind in named.items():
        assert isinstance(refused(json.dumps({"error": name}).encode()), kind)
