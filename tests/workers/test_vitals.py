"""How the house knows that it is alive, and how it says so: in plain words, with a cure."""

from __future__ import annotations

import io
import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from posting.models import PostResult
from posting.states import LATE as TOO_LATE
from posting.states import State
from tests.cast import Cast, Street, connected, only, written
from workers import vitals
from workers.alarm import AGAIN, ALARM, CLEAR, Watch
from workers.management.commands.dispatch import Dispatcher
from workers.models import BEAT, DISPATCHER, QUEUE, TURN, WORKER, Pulse, clock
from workers.outlook import oldest_due, outlook
from workers.queues import LANES
from workers.vitals import Finding, TookTooLong, within

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = timedelta(seconds=15)
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATE, SILENT = Finding("overdue", "Late.", "Look."), Finding("beat", "Silent.", "Start it.")


def everybody_at_work(at: datetime) -> None:
    Pulse.objects.felt(
        [(BEAT, BEAT), (DISPATCHER, "here:1"), (WORKER, "all@here")]
        + [(QUEUE, name) for name in LANES],
        "somebody",
        at,
    )


def about(found: list[Finding]) -> set[str]:
    return {finding.about for finding in found}


# --- the rows -------------------------------------------------------------------------------------
def test_the_outlook_tells_when_each_kind_of_row_needs_a_hand(cast: Cast, street: Street) -> None:
    assert outlook(PATIENCE).seconds is None
    at = clock()
    account = connected(street, cast.team, "x")
    rows = [written(cast, f"Number {n}.", [account]).results for n in range(4)]
    rows[0].update(due_at=at + 5 * MINUTE, late_at=at + 9 * MINUTE)
    rows[1].update(state=State.QUEUED, queued_at=at + MINUTE, late_at=at + 8 * MINUTE)
    rows[2].update(state=State.SENDING, lease_until=at + 3 * MINUTE)
    rows[3].update(state=State.UNCERTAIN, due_at=at + 4 * MINUTE)
    seen = outlook(PATIENCE)
    assert seen.due == at + 5 * MINUTE
    assert seen.unanswered == at + MINUTE + PATIENCE
    assert seen.abandoned == at + 3 * MINUTE
    assert seen.doubtful == at + 4 * MINUTE
    assert seen.seconds == pytest.approx(75, abs=5)
    assert seen.late == at + 8 * MINUTE
    rows[1].update(late_at=at + 2 * MINUTE)
    rows[0].update(late_at=at + MINUTE / 2)
    assert outlook(PATIENCE).late == at + MINUTE / 2
    assert outlook(PATIENCE).seconds == pytest.approx(30, abs=5)
    rows[3].update(queued_at=at)
    assert outlook(PATIENCE).doubtful == at + PATIENCE


def test_what_becomes_late_while_it_is_put_off_is_found_without_the_sweep(
    cast: Cast, street: Street
) -> None:
    """A closed gate has given it a later time than it may go out at."""
    post, at = written(cast, "Not today.", [connected(street, cast.team, "x")]), clock()
    post.results.update(due_at=at + MINUTE, late_at=at - timedelta(seconds=1))
    Dispatcher()._try_round(hurried=False)
    assert (only(post).state, only(post).held_for) == (State.HELD, TOO_LATE)


def test_the_oldest_due_post_is_one_that_nobody_holds_back(cast: Cast, street: Street) -> None:
    at = clock()
    account = connected(street, cast.team, "x")
    rows = [written(cast, f"Number {n}.", [account]).results for n in range(4)]
    rows[0].update(due_at=at - 9 * MINUTE, state=State.HELD)
    rows[1].update(due_at=at - 8 * MINUTE, late_at=at - 2 * MINUTE)
    rows[2].update(due_at=at - 7 * MINUTE, state=State.QUEUED, queued_at=at)
    rows[3].update(due_at=at + MINUTE)
    assert oldest_due(at) == at - 7 * MINUTE
    assert vitals.overdue_s(at) == 420
    PostResult.objects.all().delete()
    assert vitals.overdue_s(at) == 0


# --- the pulses -----------------------------------------------------------------------------------
def test_of_all_who_ask_one_has_the_turn() -> None:
    assert Pulse.objects.take_turn("canaries", NOON, MINUTE)
    assert not Pulse.objects.take_turn("canaries", NOON + MINUTE / 2, MINUTE)
    assert Pulse.objects.take_turn("canaries", NOON + MINUTE, MINUTE)
    assert not Pulse.objects.take_turn("canaries", NOON + MINUTE, MINUTE)


def test_processes_that_never_came_back_are_forgotten_and_queues_are_not() -> None:
    Pulse.objects.felt([(WORKER, "old"), (QUEUE, "publish.x"), (BEAT, BEAT)], "old", NOON)
    Pulse.objects.felt([(WORKER, "new")], "new", NOON + timedelta(days=2))
    assert Pulse.objects.forget_old(NOON + timedelta(days=2)) == 1
    assert set(Pulse.objects.values_list("name", flat=True)) == {"publish.x", BEAT, "new"}


def test_nobody_is_missed_while_everybody_is_at_work() -> None:
    everybody_at_work(clock())
    assert vitals.at_work() == []


def test_a_silent_house_names_the_dispatchers_before_the_queues() -> None:
    """Without dispatchers no canary flies, so nobody can tell about the queues."""
    assert about(vitals.at_work()) == {DISPATCHER, BEAT}
    Pulse.objects.felt([(DISPATCHER, "here:1")], "here:1", clock())
    [beat, queue] = vitals.at_work()
    assert "as far as is known" in beat.words
    assert f"and {len(LANES) - 4} more" in queue.words


def test_one_silent_queue_is_named() -> None:
    at = clock()
    everybody_at_work(at)
    Pulse.objects.felt([(QUEUE, "publish.x")], "all@here", at - 2 * MINUTE)
    [finding] = vitals.at_work()
    assert finding.words.startswith("No worker has answered for 2 min on: publish.x.")


def test_who_could_not_be_heard_is_not_missed_at_once() -> None:
    """Right after an outage, or the start of who asks, everybody gets time to come back."""
    at = clock()
    everybody_at_work(at - timedelta(hours=1))
    assert vitals.at_work(since=at) == []
    Pulse.objects.felt([(DISPATCHER, "here:1"), (BEAT, BEAT)], "here", at)
    Pulse.objects.felt([(TURN, "canaries without a break")], "here", at)
    assert vitals.at_work() == []
    Pulse.objects.felt([(TURN, "canaries without a break")], "here", at - 2 * MINUTE)
    assert about(vitals.at_work()) == {QUEUE}


def test_a_question_that_hangs_is_left_behind_and_an_error_comes_back() -> None:
    with pytest.raises(TookTooLong):
        within(0.05, lambda: time.sleep(2))
    with pytest.raises(KeyError):
        within(5, lambda: LANES["nothing"])
    assert within(5, lambda: 7) == 7


# --- what is said ---------------------------------------------------------------------------------
def test_readyz_says_what_is_wrong_and_healthz_only_that_it_lives(
    cast: Cast, street: Street
) -> None:
    at = clock()
    everybody_at_work(at)
    written(cast, "Late.", [connected(street, cast.team, "x")]).results.update(
        due_at=at - 2 * MINUTE
    )
    assert Client().get("/healthz").content == b"ok"
    answer = Client().get("/readyz")
    said = answer.json()
    assert answer.status_code == 503
    assert said["overdue"].startswith("The oldest due post is 12")
    assert said["broker"].startswith("The broker does not answer")
    assert {said[name] for name in ("database", "migrations", "beat", "queue")} == {"ok"}


def test_the_doctor_says_what_to_do(cast: Cast, street: Street, settings: Settings) -> None:
    Pulse.objects.felt([(WORKER, "all@here")], "all@here", clock() - 5 * MINUTE)
    settings.ALARM_EMAIL = []
    out = io.StringIO()
    with pytest.raises(CommandError, match="to mend"):
        call_command("doctor", stdout=out)
    lines = out.getvalue()
    assert "NO  The broker does not answer" in lines
    assert "NO  No dispatcher has been at work as far as is known. Start manage.py" in lines
    assert "--  Worker all@here has not been seen for 5 min." in lines
    assert "ok  No post is late." in lines
    assert "--  Nobody is alarmed: set ALARM_EMAIL" in lines


# --- when to alarm --------------------------------------------------------------------------------
def test_an_alarm_is_raised_once_repeated_rarely_and_taken_back() -> None:
    watch = Watch(timedelta(hours=1))
    looks = [[LATE], [LATE], [LATE], [LATE, SILENT], [LATE, SILENT], [LATE], [], [], []]
    said = [watch.look(found, NOON + n * MINUTE) for n, found in enumerate(looks)]
    assert said == ["", ALARM, "", "", ALARM, "", "", CLEAR, ""]
    assert watch.look([LATE], NOON) == ""
    assert watch.look([LATE], NOON) == ALARM
    assert watch.look([LATE], NOON + timedelta(minutes=59)) == ""
    assert watch.look([LATE], NOON + timedelta(minutes=60)) == AGAIN


def test_a_watchdog_that_was_started_again_does_not_tell_it_anew(tmp_path: Path) -> None:
    first, second = Watch(timedelta(hours=1)), Watch(timedelta(hours=1))
    second.recall(tmp_path / "nothing.json")
    assert second.on == set()
    for _ in range(2):
        first.look([LATE], NOON)
    first.keep(tmp_path / "kept.json")
    second.recall(tmp_path / "kept.json")
    assert [second.look([LATE], NOON + n * MINUTE) for n in range(3)] == ["", "", ""]
    assert [second.look([], NOON), second.look([], NOON)] == ["", CLEAR]


@given(st.lists(st.sets(st.sampled_from([LATE, SILENT]))))
def test_an_all_clear_follows_an_alarm_and_nothing_else(looks: list[set[Finding]]) -> None:
    watch = Watch(timedelta(days=9))
    said = [watch.look(list(found), NOON) for found in [*looks, set(), set()]]
    told = [event for event in said if event]
    assert not told or (told[0], told[-1]) == (ALARM, CLEAR)
    assert all(before == ALARM for before, after in itertools.pairwise(told) if after == CLEAR)
