"""The control of the storm, small: without the engine's safety the same troubles must show.

A proof must be able to fail: the same posts meet the same lost answers twice, once with the fence
and the look-up and once with what a plain queue would do (tests/chaos/unfenced.py), and the books
of the storm are held against each other both times.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from posting.models import PostResult
from posting.states import MOVING, State
from tests.cast import Cast, Street, connected, written
from tests.chaos import reading, unfenced
from tests.chaos.books import Ask, Key, Row, Verdict, compare
from workers import publish, reconcile
from workers.sweep import deliveries

pytestmark = pytest.mark.django_db(transaction=True)
NETWORKS = ("mastodon", "bluesky")
ARRIVED = ("drop_after", "error_after", "garbage", "empty")
"""Troubles after which the post stands there and nobody has said so."""
WITHIN_S = 30.0


@pytest.fixture
def asks(cast: Cast, street: Street) -> list[Ask]:
    """What was asked: at each network one post for every trouble, and one that meets none."""
    asked = []
    for name in NETWORKS:
        account = connected(street, cast.team, name)
        for kind in (*ARRIVED, "drop_before"):
            street.trouble(name, kind)
        for n in range(len(ARRIVED) + 2):
            text = f"Number {n} on {name}."
            written(cast, text, [account])
            asked.append(Ask(name, account.external_id, text))
    return asked


def blow_over() -> None:
    """Turn until nothing moves, with whatever stands in the place of the two functions."""
    ends_at = time.monotonic() + WITHIN_S
    while PostResult.objects.filter(state__in=MOVING).exists():
        assert time.monotonic() < ends_at, reading.rows()
        at = timezone.now()
        deliveries(at)
        for pk, _ in PostResult.objects.queue_due(at):
            publish.deliver(pk)
        for pk, _ in PostResult.objects.look_due(at, timedelta(0)):
            reconcile.look(pk)
        time.sleep(0.02)


def books(street: Street) -> tuple[list[Row], list[Key]]:
    """Our book and the networks'."""
    return reading.rows(), reading.standing(street)


def test_with_its_safety_the_books_agree_and_every_planted_fault_would_show(
    asks: list[Ask], street: Street
) -> None:
    blow_over()
    rows, standing = books(street)
    assert compare(asks, rows, standing).clean
    assert reading.doubts()["publish uncertain"] >= len(ARRIVED), "nothing was ever in doubt"

    def faults(verdict: Verdict) -> tuple[int, int, int]:
        return verdict.lost, verdict.duplicated, verdict.wrong_state

    assert faults(compare(asks, rows, standing[1:])) == (1, 0, 1), "lost, and said to be posted"
    assert faults(compare(asks, rows, [*standing, standing[0]])) == (0, 1, 0)
    failed = [replace(rows[0], state=State.FAILED), *rows[1:]]
    assert faults(compare(asks, failed, standing)) == (0, 0, 1)
    assert faults(compare(asks, rows[1:], standing)) == (0, 0, 1)
    strange = (*standing[0][:2], "Nobody asked for this.")
    assert faults(compare(asks, rows, [*standing, strange])) == (0, 0, 1)


def test_without_its_safety_the_same_troubles_make_copies(
    asks: list[Ask], street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "deliver", publish.deliver)  # put back in the end
    monkeypatch.setattr(reconcile, "look", reconcile.look)
    unfenced.replace()
    blow_over()
    verdict = compare(asks, *books(street))
    assert not verdict.clean
    assert verdict.duplicated == len(ARRIVED) * len(NETWORKS)
    assert any(words.startswith("duplicated") for words in verdict.complaints)
