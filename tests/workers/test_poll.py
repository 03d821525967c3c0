"""A network that has everything and is still at work: asked again when it is time, to an end."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from posting import compose, results
from posting.models import Attempt, Post, PostResult
from posting.states import State
from providers.kit.content import Kind
from providers.kit.errors import StillWorking
from tests.cast import Cast, Street, connected, only, written
from tests.workers.conftest import Elsewhere
from tests.workers.engine import run, turn
from tests.workers.shown import attach
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from workers import retry
from workers.outlook import outlook
from workers.poll import ask
from workers.publish import deliver
from workers.sweep import deliveries

pytestmark = pytest.mark.django_db(transaction=True)
WITH_VIDEOS = ("x", "mastodon")
POLLS = 2


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of the street are asked again at once."""
    monkeypatch.setattr(retry, "patience", lambda *_: timedelta(0))


def at_work(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, name: str, polls: int = POLLS
) -> PostResult:
    """A post with a video on which its network is at work."""
    attach(monkeypatch, Kind.VIDEO)
    street.tell("slow_media", network=name, polls=polls)
    post = written(cast, "A film.", [connected(street, cast.team, name)])
    sent(post)
    return only(post)


def sent(post: Post) -> None:
    """The worker alone, before anybody asks."""
    for pk, _ in PostResult.objects.queue_due(timezone.now()):
        deliver(pk)
    assert only(post).state == State.PROCESSING


def history(result: PostResult) -> list[tuple[str, str]]:
    """Kinds and outcomes of all attempts."""
    return list(Attempt.objects.filter(result=result).values_list("kind", "outcome"))


@pytest.mark.parametrize("name", WITH_VIDEOS)
def test_it_is_asked_again_until_it_is_out_and_uses_no_attempt(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    result = at_work(cast, street, monkeypatch, name)
    assert (result.error, result.attempts, result.doubts) == ("processing", 1, 0)
    assert result.processing_since is not None
    assert result.lease_until is None
    assert run(result.post) == [State.POSTED]
    result.refresh_from_db()
    assert (result.attempts, result.doubts, result.saved) == (1, 0, "")
    assert history(result) == [("publish", "processing"), ("poll", "posted")]
    asked = Attempt.objects.get(result=result, kind="poll")
    assert asked.number == result.epoch
    assert len(street.board(name)) == 1
    kinds = Counter(r["purpose"] for r in street.requests_of(name))
    assert kinds["publish"] == 1
    assert kinds["status"] >= POLLS


def test_questions_in_a_row_share_a_line_that_counts_them(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at_work(cast, street, monkeypatch, "x", polls=4)
    started = set()
    while only(result.post).state == State.PROCESSING:
        ask(result.pk)
        told = Attempt.objects.get(result=result, kind="poll")
        started.add(told.started_at)
        if told.outcome == "processing":
            assert f"asked {only(result.post).polls} time" in told.next_step
    assert len(started) == 1
    assert only(result.post).polls > 2
    assert only(result.post).state == State.POSTED


@pytest.mark.parametrize("name", WITH_VIDEOS)
@pytest.mark.parametrize("kind", ["error", "throttled", "drop_before"])
def test_trouble_while_asking_is_no_end(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    result = at_work(cast, street, monkeypatch, name)
    street.trouble(name, kind, on="status", seconds=1)
    ask(result.pk)
    result.refresh_from_db()
    assert (result.state, result.attempts) == (State.PROCESSING, 1)
    assert run(result.post, 40) == [State.POSTED]
    assert len(street.board(name)) == 1


def test_a_lost_answer_to_a_question_is_a_doubt(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question may have been what made it visible."""
    post = at_work(cast, street, monkeypatch, "x", polls=1).post
    street.trouble("x", "drop_after")
    for _ in range(5):
        if only(post).state != State.PROCESSING:
            break
        ask(only(post).pk)
    assert only(post).state == State.UNCERTAIN
    assert run(post) == [State.POSTED]
    assert len(street.board("x")) == 1


def test_nobody_can_cancel_it_and_it_is_never_too_late(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at_work(cast, street, monkeypatch, "x")
    assert compose.cancel(result.post) == 0
    PostResult.objects.update(late_at=timezone.now() - timedelta(minutes=1))
    deliveries(timezone.now())
    assert run(result.post) == [State.POSTED]


def test_a_paused_account_is_asked_about_when_it_is_resumed(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at_work(cast, street, monkeypatch, "x")
    account = SocialAccount.objects.get(pk=result.account_id)
    pause(account)
    before = len(street.requests_of("x"))
    ask(result.pk)
    result.refresh_from_db()
    assert result.state == State.PROCESSING
    assert "paused" in result.words
    assert len(street.requests_of("x")) == before
    account.refresh_from_db()
    resume(account)
    PostResult.objects.update(due_at=timezone.now())
    assert run(result.post) == [State.POSTED]


def test_after_a_day_a_person_is_asked(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    result = at_work(cast, street, monkeypatch, "x")
    day = timedelta(seconds=settings.PROCESSING_ENDS_S)
    deliveries(timezone.now() + day - timedelta(minutes=1))
    assert only(result.post).state == State.PROCESSING
    with time_machine.travel(timezone.now() + day + timedelta(minutes=1)):
        deliveries(timezone.now())
    assert only(result.post).state == State.UNCONFIRMED
    assert "never said" in only(result.post).words
    assert compose.confirm(result.post, result.pk, there=False, at=timezone.now()) == 1
    again = only(result.post)
    assert (again.saved, again.processing_since) == ("", None)


def test_the_dispatcher_knows_when_and_rings_once(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at_work(cast, street, monkeypatch, "x")
    at, patience = timezone.now(), timedelta(seconds=15)
    due_at = at + timedelta(seconds=30)
    PostResult.objects.update(due_at=due_at)
    assert outlook(patience).doubtful == due_at
    rows = PostResult.objects
    assert rows.poll_due(at, patience) == []
    later = due_at + timedelta(seconds=1)
    assert rows.poll_due(later, patience) == [(result.pk, "x")]
    assert rows.poll_due(later, patience) == []
    assert outlook(patience).doubtful == later + patience
    assert rows.poll_due(later + patience, patience) == [(result.pk, "x")]


def test_two_who_answer_the_bell_ask_once(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at_work(cast, street, monkeypatch, "x")
    at, lease = timezone.now(), timedelta(seconds=100)
    assert results.begin_poll(result.pk, at, lease) is not None
    assert results.begin_poll(result.pk, at, lease) is None


def test_it_asks_as_the_network_says_and_less_and_less_often(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = at_work(cast, street, monkeypatch, "x")
    monkeypatch.undo()
    at = timezone.now()
    delivery = results.begin_poll(result.pk, at, timedelta(seconds=100))
    assert delivery is not None
    told = StillWorking("at work", wait=timedelta(seconds=5))
    since = delivery.result.processing_since
    assert since is not None
    waits = [
        retry.patience(delivery, told, since + so_far)
        for so_far in (timedelta(0), timedelta(minutes=10), timedelta(hours=9))
    ]
    assert waits == [timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10)]


ASK = """
from posting import results
from providers.kit.content import Kind
from tests.workers.shown import some
from workers.poll import ask
from workers.publish import deliver
results.attached = lambda post, part, provider, limits: some(provider, Kind("video"), 1)
ask(%d)
"""


@pytest.mark.parametrize("point", ["after_poll_fence", "kept ready.0", "before_record"])
def test_a_worker_killed_while_asking_leaves_a_doubt_and_one_post(
    cast: Cast,
    street: Street,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: object,
    point: str,
) -> None:
    post = at_work(cast, street, monkeypatch, "x", polls=1).post
    flag = f"{tmp_path}/crash"
    with open(flag, "w"):
        pass
    lines = f"import os; os.environ['CRASH_AT'] = {f'{point}:{flag}'!r}\n"
    worker = elsewhere(lines + ASK % only(post).pk)
    assert worker.wait_for_end(120) == -9, worker.logs().decode()
    assert only(post).state == State.SENDING
    PostResult.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    deliveries(timezone.now())
    assert only(post).state == State.UNCERTAIN
    turn()
    assert run(post, 40) == [State.POSTED]
    assert len(street.board("x")) == 1
    assert ("poll", "lost") in history(only(post))
