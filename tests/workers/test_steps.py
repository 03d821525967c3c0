"""A post of several steps: each is kept in its row, sealed, and nothing of it is done twice."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from posting import compose, results
from posting.models import Attempt, PostResult
from posting.models.result import SAVED
from posting.states import State
from posting.steps import Kept, Lease
from providers.kit.content import Kind
from providers.kit.errors import Unavailable
from tests.cast import Cast, Street, connected, edit, only, written
from tests.workers.conftest import Elsewhere, said
from tests.workers.engine import run, turn
from tests.workers.shown import attach
from tokens.models import SocialAccount
from tokens.vault import new_key, unseal
from workers.sweep import deliveries

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(seconds=100)
PICTURES = ("x", "bluesky", "mastodon")


def kept(result: PostResult) -> dict[str, str]:
    """The steps of a delivery, opened."""
    steps: dict[str, str] = json.loads(unseal(result.saved, SAVED.format(pk=result.pk)) or "{}")
    return steps


def begun(cast: Cast, account: SocialAccount) -> results.Delivery:
    """A post that a worker has just begun to send."""
    post = written(cast, "Step by step.", [account])
    PostResult.objects.queue_due(timezone.now())
    delivery = results.begin(only(post).pk, timezone.now(), LEASE)
    assert delivery is not None
    return delivery


def uploads(street: Street, name: str) -> int:
    """How many files reached the network."""
    return Counter(r["purpose"] for r in street.requests_of(name))["upload"]


# --- the row ------------------------------------------------------------------------------------
def test_a_step_is_sealed_renews_the_lease_and_is_there_for_whoever_comes_next(
    cast: Cast, street: Street
) -> None:
    delivery = begun(cast, connected(street, cast.team, "x"))
    before = delivery.result.lease_until
    assert before is not None
    PostResult.objects.filter(pk=delivery.result.pk).update(lease_until=before - LEASE)
    delivery.kept.keep("upload", "https://files.example/session?key=whoever-holds-me")
    row = PostResult.objects.get(pk=delivery.result.pk)
    assert "whoever" not in row.saved
    assert row.lease_until is not None
    assert row.lease_until >= before
    assert kept(row) == {"upload": "https://files.example/session?key=whoever-holds-me"}
    next_one = Kept(row, row.epoch, State.SENDING, Lease(LEASE))
    assert next_one.get("upload").endswith("holds-me")
    next_one.keep("upload", "")
    assert PostResult.objects.get(pk=row.pk).saved == ""


def test_whoever_was_given_up_learns_it_at_the_next_step(cast: Cast, street: Street) -> None:
    delivery = begun(cast, connected(street, cast.team, "x"))
    assert results.abandon(timezone.now() + 2 * LEASE, timedelta(0)) == 1
    with pytest.raises(Unavailable, match="taken this over"):
        delivery.kept.keep("upload", "1")
    assert PostResult.objects.get(pk=delivery.result.pk).saved == ""


def test_who_has_too_little_time_left_goes_no_further(
    cast: Cast, street: Street, settings: Settings
) -> None:
    delivery = begun(cast, connected(street, cast.team, "x"))
    settings.HTTP_DEADLINE_S = 2 * LEASE.total_seconds()
    with pytest.raises(Unavailable, match="too little time"):
        delivery.kept.keep("upload", "1")
    assert kept(PostResult.objects.get(pk=delivery.result.pk)) == {"upload": "1"}


def test_the_clock_starts_anew_with_every_step(cast: Cast, street: Street) -> None:
    delivery = begun(cast, connected(street, cast.team, "x"))
    delivery.lease.started -= LEASE.total_seconds()
    assert not delivery.lease.enough()
    delivery.kept.keep("upload", "1")
    assert delivery.lease.enough()


def test_steps_of_one_delivery_do_not_open_in_another(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    one, other = begun(cast, account), begun(cast, account)
    one.kept.keep("upload", "1")
    row = PostResult.objects.get(pk=one.result.pk)
    other.result.saved = row.saved
    with pytest.raises(Unavailable, match="does not open"):
        other.kept.get("upload")


def test_steps_are_sealed_again_with_all_other_keys(
    cast: Cast, street: Street, settings: Settings
) -> None:
    delivery = begun(cast, connected(street, cast.team, "x"))
    delivery.kept.keep("upload", "1")
    settings.TOKEN_KEYS = f"{new_key('k2')},{settings.TOKEN_KEYS}"
    call_command("rotate_keys", stdout=StringIO())
    row = PostResult.objects.get(pk=delivery.result.pk)
    assert row.saved.startswith("k2.")
    assert kept(row) == {"upload": "1"}


# --- the whole way ------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PICTURES)
def test_a_later_try_goes_on_behind_the_steps_and_uses_no_attempt_for_what_got_on(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    attach(monkeypatch, Kind.IMAGE, 2)
    post = written(cast, "Two pictures.", [connected(street, cast.team, name)])
    street.trouble(name, "error", on="upload", after=1)
    turn()
    result = only(post)
    assert (result.state, result.attempts) == (State.SCHEDULED, 0)
    assert kept(result)
    assert run(post) == [State.POSTED]
    assert uploads(street, name) == 3
    [shown] = street.board(name)
    assert len(shown["media"]) == 2
    assert only(post).saved == ""


@pytest.mark.parametrize("name", PICTURES)
def test_a_lost_answer_at_the_end_is_looked_up_and_nothing_goes_up_again(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    attach(monkeypatch, Kind.IMAGE, 2)
    post = written(cast, "Where is it?", [connected(street, cast.team, name)])
    street.trouble(name, "drop_before")
    turn()
    assert only(post).state == State.UNCERTAIN
    assert run(post) == [State.POSTED]
    assert (uploads(street, name), len(street.board(name))) == (2, 1)


def test_what_was_refused_begins_anew_and_what_was_not_reached_goes_on(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    attach(monkeypatch, Kind.IMAGE)
    settings.MAX_ATTEMPTS, settings.BREAKER_AFTER = 1, 1000
    account = connected(street, cast.team, "x")
    for kind, again in (("rejected", 2), ("forbidden", 1)):
        before = uploads(street, "x")
        post = written(cast, f"Once more, {kind}.", [account])
        street.trouble("x", kind)
        assert run(post) == [State.FAILED]
        assert kept(only(post))
        assert compose.try_again(post, timezone.now()) == 1
        assert run(post) == [State.POSTED]
        assert uploads(street, "x") - before == again


def test_other_words_and_a_cancelled_post_forget_the_steps(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(monkeypatch, Kind.IMAGE, 2)
    account = connected(street, cast.team, "x")
    post = written(cast, "First draft.", [account])
    street.trouble("x", "error", on="upload", after=1)
    turn()
    assert kept(only(post))
    edit(post, seen=post.version, at=timezone.now(), due_at=timezone.now())
    assert kept(only(post))
    post.refresh_from_db()
    edit(post, seen=post.version, at=timezone.now(), text="Second draft.")
    assert only(post).saved == ""
    street.trouble("x", "error", on="upload", after=1)
    turn()
    assert kept(only(post))
    assert compose.cancel(post) == 1
    assert only(post).saved == ""


def test_nothing_of_the_steps_is_in_the_history(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(monkeypatch, Kind.IMAGE, 2)
    post = written(cast, "Quietly.", [connected(street, cast.team, "x")])
    street.trouble("x", "error", on="upload", after=1)
    turn()
    values = [value for value in kept(only(post)).values() if len(value) > 4]
    assert values
    told = str(list(Attempt.objects.values())) + only(post).words + repr(only(post))
    assert [value for value in values if value in told] == []


def test_a_key_that_is_gone_makes_nothing_begin_anew(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    attach(monkeypatch, Kind.IMAGE, 2)
    account = connected(street, cast.team, "x")
    post = written(cast, "Locked.", [account])
    street.trouble("x", "error", on="upload", after=1)
    turn()
    sealed, old = only(post).saved, settings.TOKEN_KEYS
    settings.TOKEN_KEYS = new_key("k2")
    PostResult.objects.update(due_at=timezone.now())
    turn()
    assert only(post).state in (State.SCHEDULED, State.PROCESSING)
    assert only(post).saved == sealed
    settings.TOKEN_KEYS = old
    PostResult.objects.update(due_at=timezone.now())
    assert run(post) == [State.POSTED]
    assert uploads(street, "x") == 3


# --- killed -------------------------------------------------------------------------------------
DELIVER = """
from posting import results
from providers.kit.content import Kind
from tests.workers.shown import some
from workers.publish import deliver
results.attached = lambda post, part, provider, limits: some(provider, Kind(%r), %d)
deliver(%d)
"""
STEPS = {
    "x": ["after_fence", "kept media.0", "kept media.1", "before_record"],
    "bluesky": ["after_fence", "kept media.0", "kept media.1", "before_record"],
    "mastodon": ["after_fence", "kept media.0", "kept ready.0", "kept media.1", "before_record"],
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_worker_killed_at_any_step_leaves_one_post_and_repeats_no_upload(
    cast: Cast,
    street: Street,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: os.PathLike[str],
    name: str,
) -> None:
    attach(monkeypatch, Kind.IMAGE, 2)
    account = connected(street, cast.team, name)
    for number, point in enumerate(STEPS[name]):
        before = uploads(street, name)
        post = written(cast, f"Killed at {point}.", [account])
        assert PostResult.objects.queue_due(timezone.now())
        flag = f"{tmp_path}/crash{number}"
        with open(flag, "w"):
            pass
        lines = f"import os; os.environ['CRASH_AT'] = {f'{point}:{flag}'!r}\n"
        worker = elsewhere(lines + DELIVER % ("image", 2, only(post).pk))
        assert worker.wait_for_end(120) == -9, worker.logs().decode()
        assert only(post).state == State.SENDING
        PostResult.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        deliveries(timezone.now())
        assert only(post).state == State.UNCERTAIN
        assert run(post) == [State.POSTED]
        assert uploads(street, name) - before == 2
        [shown] = [p for p in street.board(name) if p["text"] == post.text]
        assert len(shown["media"]) == 2
        first = Attempt.objects.filter(result=only(post)).first()
        assert first is not None
        assert first.outcome == "lost"


def test_a_killed_worker_is_followed_by_one_in_another_process(
    cast: Cast, street: Street, elsewhere: Elsewhere
) -> None:
    """What one kept the other has: the row is all that they share."""
    post = written(cast, "Handed on.", [connected(street, cast.team, "bluesky")])
    assert PostResult.objects.queue_due(timezone.now())
    worker = elsewhere(DELIVER % ("image", 2, only(post).pk) + "print('done')")
    assert "done" in said(worker)
    assert run(post) == [State.POSTED]
    assert only(post).external_url
