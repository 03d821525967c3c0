"""Many keys at once: one claim, all requests together, and nobody pays for another's trouble."""

from __future__ import annotations

import os
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from providers.x import X
from tests.cast import Cast, Street, granted
from tokens import ask, spool
from tokens.lease import claim
from tokens.models import OAuthToken, Renewal
from tokens.refresh import Outcome, refresh_all
from tokens.states import TokenState
from workers.refresh import plan, refresh_tokens

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 8


def due(cast: Cast, street: Street, count: int = MANY, name: str = "x") -> list[OAuthToken]:
    """Keys whose time has come."""
    past = timezone.now() - timedelta(minutes=1)
    keys = [granted(street, cast.team, name)[0].pk for _ in range(count)]
    OAuthToken.objects.filter(pk__in=keys).update(refresh_at=past, expires_at=past)
    return list(OAuthToken.objects.filter(pk__in=keys))


def asked(street: Street, name: str = "x") -> int:
    return len([r for r in street.requests_of(name) if r["purpose"] == "token"])


def versions() -> list[int]:
    return sorted(OAuthToken.objects.values_list("version", flat=True))


def test_many_are_renewed_with_a_line_each_and_nothing_is_left_on_the_disk(
    cast: Cast, street: Street
) -> None:
    tokens = due(cast, street)
    before = set(spool._folder().iterdir())  # what killed workers of other stories left
    outcomes = refresh_all(tokens, timezone.now())
    assert outcomes == dict.fromkeys({t.pk for t in tokens}, Outcome.REFRESHED)
    assert versions() == [2] * MANY
    assert asked(street) == MANY
    lines = Renewal.objects.values_list("outcome", "epoch")
    assert list(lines) == [("refreshed", 1)] * MANY
    assert set(spool._folder().iterdir()) <= before


def test_each_ends_in_its_own_way(cast: Cast, street: Street) -> None:
    tokens = due(cast, street)
    street.trouble("x", "drop_after", on="token")
    street.trouble("x", "invalid_grant", on="token")
    street.trouble("x", "error", on="token")
    outcomes = Counter(refresh_all(tokens, timezone.now()).values())
    assert outcomes == {Outcome.REFRESHED: MANY - 3, Outcome.TRANSIENT: 2, Outcome.DEAD: 1}
    doubtful = OAuthToken.objects.filter(refresh_sent_at__isnull=False)
    assert [(t.state, t.version) for t in doubtful] == [(TokenState.GOOD, 1)]
    assert OAuthToken.objects.filter(state=TokenState.DEAD).count() == 1
    assert Renewal.objects.filter(ended_at__isnull=True).count() == 0


def test_two_who_take_the_same_keys_share_them_out(cast: Cast, street: Street) -> None:
    tokens = due(cast, street)
    found: list[Outcome] = []

    def renew(mine: list[OAuthToken]) -> None:
        try:
            found.extend(refresh_all(mine, timezone.now()).values())
        finally:
            connection.close()

    threads = [threading.Thread(target=renew, args=(t,)) for t in (tokens, tokens[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(found) == {Outcome.REFRESHED: MANY, Outcome.SKIPPED: MANY}
    assert asked(street) == MANY
    assert versions() == [2] * MANY


def test_a_key_that_does_not_open_costs_the_others_nothing(cast: Cast, street: Street) -> None:
    tokens = due(cast, street)
    tokens[0].refresh_sealed = tokens[1].refresh_sealed
    tokens[0].save()
    outcomes = refresh_all(tokens, timezone.now())
    assert outcomes.pop(tokens[0].pk) is Outcome.TRANSIENT
    assert set(outcomes.values()) == {Outcome.REFRESHED}
    assert "does not open" in OAuthToken.objects.get(pk=tokens[0].pk).problem


def test_a_fault_of_ours_at_one_key_costs_the_others_nothing(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = due(cast, street)
    sealed, struck = ask._sealed, threading.Lock()

    def broken(*args: object) -> object:
        if struck.acquire(blocking=False):
            raise ZeroDivisionError
        return sealed(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ask, "_sealed", broken)
    with pytest.raises(ZeroDivisionError):
        refresh_all(tokens, timezone.now())
    assert versions() == [1] + [2] * (MANY - 1)
    left = OAuthToken.objects.get(version=1)
    assert left.refresh_sent_at, "its answer is gone, so it is in doubt"


def test_a_full_disk_does_not_cost_a_key(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = due(cast, street, 2)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert set(refresh_all(tokens, timezone.now()).values()) == {Outcome.REFRESHED}
    assert versions() == [2, 2]


def test_a_row_that_changed_since_it_was_read_is_not_claimed(cast: Cast, street: Street) -> None:
    tokens = due(cast, street, 4)
    OAuthToken.objects.filter(pk=tokens[0].pk).update(version=2)
    OAuthToken.objects.filter(pk=tokens[1].pk).update(refresh_epoch=1)
    held = timezone.now() + timedelta(minutes=1)
    OAuthToken.objects.filter(pk=tokens[2].pk).update(refresh_lease_until=held)
    outcomes = refresh_all(tokens, timezone.now())
    assert [outcomes[t.pk] for t in tokens] == [Outcome.SKIPPED] * 3 + [Outcome.REFRESHED]
    assert claim([], timezone.now()) == []


def test_a_chunk_that_is_taken_up_late_asks_nobody_and_counts(cast: Cast, street: Street) -> None:
    keys = [str(t.pk) for t in due(cast, street, 3)]
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    assert refresh_tokens(keys, past) == {"skipped": 3}
    assert asked(street) == 0
    later = (timezone.now() + timedelta(minutes=1)).isoformat()
    assert refresh_tokens(keys, later) == {"refreshed": 3}


def test_a_network_with_a_pace_is_asked_no_more_than_that_in_a_minute(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = due(cast, street, 5)
    monkeypatch.setattr(X, "renewals_per_minute", 3)
    refresh_all(tokens[:2], timezone.now())
    now, later = plan(timezone.now())
    assert (len(now["x"]), later) == (1, 2)
    now, later = plan(timezone.now() + timedelta(minutes=2))
    assert (len(now["x"]), later) == (3, 0)


def test_the_most_urgent_go_first(cast: Cast, street: Street) -> None:
    first, second, third = due(cast, street, 3)
    for token, minutes in ((first, 5), (second, 60), (third, 1)):
        token.refresh_at = timezone.now() - timedelta(minutes=minutes)
        token.save()
    now, _ = plan(timezone.now())
    assert now["x"] == [str(second.pk), str(first.pk), str(third.pk)]
