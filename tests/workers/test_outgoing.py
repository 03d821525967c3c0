"""Everybody is at work and yet nothing goes out: the house says that too, and why."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.states import WhenLate
from posting import lateness, results
from posting.compose import send_all_late
from posting.models import Attempt, Post, PostResult
from posting.results import LIMITED
from posting.states import State
from project.survey import survey
from providers.kit.errors import Unavailable
from tests.cast import Cast, Street, connected, only, written
from tests.workers.engine import run, turn
from tests.workers.test_vitals import everybody_at_work
from tokens.disconnect import pause
from tokens.models import SocialAccount
from workers import breaker, vitals
from workers.alarm import ALARM, CLEAR, Watch
from workers.models import clock
from workers.outlook import too_late
from workers.vitals import Kind

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LOST = Unavailable("The network could not be reached.")


def found() -> dict[str, str]:
    """What is said about posts that do not go out, by kind."""
    return {finding.about: finding.words for finding in vitals.outgoing()}


def stalled(cast: Cast, account: SocialAccount, many: int = 1, **row: Any) -> list[Post]:
    """Posts that were due two hours ago, late since an hour and a bit less."""
    posts = [written(cast, f"Number {n}.", [account]) for n in range(many)]
    past = {"due_at": clock() - 2 * HOUR, "late_at": clock() - HOUR + MINUTE}
    PostResult.objects.filter(post__in=posts).update(**{**past, **row})
    return posts


def test_a_backlog_that_became_too_late_is_no_all_clear(cast: Cast, street: Street) -> None:
    """The watchdog alarmed that posts are overdue; now they are held, and nothing is overdue."""
    watch, at = Watch(HOUR), clock()
    account = connected(street, cast.team, "x")
    everybody_at_work(at)
    stalled(cast, account, 3, late_at=at + HOUR)
    looks = [watch.look(vitals.at_work() + vitals.outgoing(), at) for _ in range(2)]
    assert looks[-1] == ALARM
    PostResult.objects.update(late_at=at - MINUTE)
    assert lateness.judge(at) == 3
    assert vitals.at_work() == []
    assert found() == {Kind.LATE: "3 posts became too late in the last hour."}
    looks = [watch.look(vitals.at_work() + vitals.outgoing(), at) for _ in range(3)]
    assert CLEAR not in looks
    send_all_late(cast.team, at)
    assert found() == {}
    assert [watch.look(vitals.outgoing(), at) for _ in range(2)][-1] == CLEAR


def test_what_nobody_has_judged_yet_is_counted_and_what_is_long_past_is_not(
    cast: Cast, street: Street
) -> None:
    account, at = connected(street, cast.team, "x"), clock()
    stalled(cast, account)
    assert too_late(at) == 1
    lateness.judge(at)
    assert too_late(at) == 1
    assert too_late(at + HOUR) == 0


def test_what_was_skipped_for_being_late_counts(cast: Cast, street: Street) -> None:
    [post] = stalled(cast, connected(street, cast.team, "x"))
    Post.objects.filter(pk=post.pk).update(when_late=WhenLate.SKIP)
    lateness.judge(clock())
    assert only(post).state == State.MISSED
    assert too_late(clock()) == 1


def test_what_waited_behind_a_limit_or_for_its_account_is_no_alarm(
    cast: Cast, street: Street
) -> None:
    limited = stalled(cast, connected(street, cast.team, "x"), error=LIMITED)
    account = connected(street, cast.team, "mastodon")
    [paused] = stalled(cast, account)
    Post.objects.filter(pk=paused.pk).update(when_late=WhenLate.SKIP)
    pause(account)
    results.hold_unusable()
    assert too_late(clock()) == 0
    lateness.judge(clock())
    lateness.skip_held(clock())
    assert (only(limited[0]).waited, only(paused).waited) == (LIMITED, "paused")
    assert only(paused).state == State.MISSED
    assert found() == {}


def test_a_network_in_trouble_for_long_is_named_with_what_waits_for_it(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.BREAKER_AFTER, settings.BREAKER_FIRST_S = 3, 60.0
    ada, bo = (connected(street, cast.team, "x", person) for person in ("ada", "bo"))
    for account in (ada, bo, ada, bo):
        verdict = breaker.report(breaker.line_of(account), LOST, [LOST], probing=False)
    breaker.spread(verdict, timezone.now())
    settings.TROUBLE_LIMIT_S = 900
    line, long_ago = breaker.line_of(ada), clock() - 16 * MINUTE
    shared.hset(f"postrider:breaker:{line.name}", "since", int(long_ago.timestamp() * 1000))
    assert found() == {}, "no post waits for it"
    posts = [written(cast, f"Wait {n}.", [ada]) for n in range(2)]
    later: dict[str, Any] = {"error": results.TROUBLE, "words": "It waits."}
    results.put_off(PostResult.objects.all(), timezone.now(), timezone.now() + HOUR, **later)
    assert {only(post).state for post in posts} == {State.SCHEDULED}
    [finding] = vitals.outgoing()
    assert finding.words == f"{line.place} has been in trouble for 16 min; 2 posts wait."
    assert finding.name == f"trouble {line.name}"
    assert "could not be reached" in finding.cure
    settings.TROUBLE_LIMIT_S = 3600
    assert found() == {}


def test_the_trouble_of_one_account_names_the_account(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.BREAKER_AFTER = 1
    ada = connected(street, cast.team, "x")
    breaker.report(breaker.line_of(ada), LOST, [LOST], probing=False)
    written(cast, "Wait.", [ada])
    PostResult.objects.update(error=results.TROUBLE)
    [trouble] = breaker.view()
    assert trouble.place == str(ada)
    assert trouble.waiting.count() == 1


def test_two_networks_in_trouble_are_two_alarms() -> None:
    watch = Watch(HOUR)
    one, other = (vitals.Finding(Kind.TROUBLE, "Away.", "Wait.", name) for name in ("x@", "y@"))
    at = timezone.now()
    assert [watch.look([one], at) for _ in range(2)][-1] == ALARM
    assert [watch.look([one, other], at) for _ in range(2)][-1] == ALARM


def test_answers_that_nobody_understands_are_the_operators(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    street.trouble("x", "misconfigured", times=2)
    posts = [written(cast, f"Number {n}.", [account]) for n in range(2)]
    turn()
    assert {only(post).state for post in posts} == {State.FAILED}
    words = "Answers not understood from X (2 in the last hour)."
    assert found() == {Kind.STRANGE: words}
    assert words in [finding.words for finding in survey().findings]
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=out)
    assert f"NO  {words} Run manage.py check_provider x" in out.getvalue()
    Attempt.objects.update(started_at=clock() - HOUR - MINUTE)
    assert found() == {}


def test_a_refusal_that_is_the_authors_is_no_alarm(cast: Cast, street: Street) -> None:
    street.trouble("x", "rejected")
    assert run(written(cast, "No.", [connected(street, cast.team, "x")])) == [State.FAILED]
    assert found() == {}


def test_a_look_at_it_costs_two_questions(cast: Cast) -> None:
    at = clock()
    with CaptureQueriesContext(connection) as asked:
        list(vitals._late(at))
        list(vitals._strange(at))
    assert len(asked) == 2
