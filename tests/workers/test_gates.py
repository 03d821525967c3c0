"""What a network takes is shared by all workers: nobody goes too fast, waiting costs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from pytest_django import Settings
from requests.structures import CaseInsensitiveDict

from posting.models import Attempt, Post, PostResult
from posting.states import State
from providers.kit.errors import Throttled
from providers.kit.http import Reply
from providers.kit.rates import Cap
from tests.cast import Cast, Street, connected, only, written
from tests.workers.conftest import Elsewhere, said
from tests.workers.engine import run, turn
from tokens.models import SocialAccount
from workers import breaker, gates
from workers.gates import PARTS, Ticket, Wait
from workers.shared import memory

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
numbers = itertools.count(1)


def state(post: Post) -> tuple[str, str, int]:
    """Where the one result of a post stands, why, and how many tries it has used."""
    result = only(post)
    return result.state, result.error, result.attempts


def passing(account: SocialAccount) -> bool:
    """Whether one more post of this account may go now."""
    account.refresh_from_db()
    return isinstance(gates.admit(account, timezone.now()), Ticket)


def answer(headers: dict[str, str], status: int = 200, path: str = "/2/tweets") -> Reply:
    """An answer of a network, as it comes from the wire."""
    url, at = f"https://example.org{path}", datetime.now(UTC)
    return Reply(status, CaseInsensitiveDict(headers), b"{}", safe=False, received_at=at, url=url)


def left(count: int, span: timedelta) -> dict[str, str]:
    """What X says: so many more until then."""
    reset = int((datetime.now(UTC) + span).timestamp())
    return {"x-rate-limit-remaining": str(count), "x-rate-limit-reset": str(reset)}


def test_more_than_a_network_takes_waits_and_uses_no_try(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(3, HOUR),)}
    ada, bo = (connected(street, cast.team, "x", name) for name in ("ada", "bo"))
    posts = [written(cast, f"Number {n}.", [ada]) for n in range(5)]
    turn()
    assert sorted(street.texts("x")) == ["Number 0.", "Number 1.", "Number 2."]
    assert [state(post) for post in posts[3:]] == [(State.SCHEDULED, "limited", 0)] * 2
    assert "goes on by itself" in only(posts[4]).words
    assert only(posts[3]).due_at == only(posts[4]).due_at > timezone.now() + timedelta(minutes=50)
    ada.refresh_from_db()
    assert ada.blocked_until == only(posts[3]).due_at
    assert run(written(cast, "Bo is free.", [bo])) == [State.POSTED]
    assert [gate.name for gate in gates.view()] == [f"x#{ada.pk}"]


def test_what_waited_goes_out_in_the_planned_order(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    account = connected(street, cast.team, "x")
    street.trouble("x", "retry_after", seconds=2)
    posts = [written(cast, f"Number {n}.", [account]) for n in range(4)]
    for n, post in enumerate(posts):  # the later it was written, the earlier it is wanted
        post.results.update(planned_at=post.due_at - timedelta(minutes=n))
    for post in posts:
        assert run(post) == [State.POSTED]
    assert street.texts("x") == ["Number 0.", "Number 1.", "Number 2.", "Number 3."]


def test_a_refusal_in_one_process_closes_the_gate_for_all(
    cast: Cast, street: Street, elsewhere: Elsewhere
) -> None:
    ada, bo = (connected(street, cast.team, "x", name) for name in ("ada", "bo"))
    first = written(cast, "Too fast.", [ada])
    PostResult.objects.queue_due(timezone.now())
    street.trouble("x", "throttled", seconds=600)
    there = f"from workers.publish import deliver; deliver({only(first).pk})"
    said(elsewhere(there))
    assert state(first) == (State.SCHEDULED, "throttled", 0)
    second, other = written(cast, "Me too.", [ada]), written(cast, "I am not Ada.", [bo])
    turn()
    assert state(second) == (State.SCHEDULED, "limited", 0)
    assert not Attempt.objects.filter(result__post=second).exists()
    assert state(other)[0] == State.POSTED
    SocialAccount.objects.update(blocked_until=None)
    assert not passing(ada)  # Redis knows it by itself, too
    assert passing(bo)


def test_a_limit_of_the_whole_app_closes_the_gate_for_every_account(
    cast: Cast, street: Street, elsewhere: Elsewhere
) -> None:
    """What one address may send is counted for all who send from it."""
    ada, bo = (connected(street, cast.team, "bluesky", name) for name in ("ada", "bo"))
    first = written(cast, "Too fast.", [ada])
    waiting = written(cast, "Me too.", [bo])
    [(pk, _)] = PostResult.objects.filter(post=first).queue_due(timezone.now(), limit=1)
    assert pk == only(first).pk
    street.trouble("bluesky", "throttled", seconds=600)
    said(elsewhere(f"from workers.publish import deliver; deliver({pk})"))
    assert not passing(bo)
    assert state(waiting) == (State.SCHEDULED, "limited", 0)
    assert only(waiting).due_at > timezone.now() + timedelta(minutes=5)
    bo.refresh_from_db()
    assert bo.blocked_until is None


def test_two_processes_together_send_no_more_than_the_cap(
    cast: Cast, street: Street, elsewhere: Elsewhere, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(5, HOUR),)}
    account = connected(street, cast.team, "x")
    posts = [written(cast, f"Number {n}.", [account]) for n in range(12)]
    due = [pk for pk, _ in PostResult.objects.queue_due(timezone.now())]
    lines = "from workers.publish import publish; publish('x', {})"
    workers = [elsewhere(lines.format(due[:6])), elsewhere(lines.format(due[6:]))]
    for worker in workers:
        said(worker)
    assert len(street.texts("x")) == 5
    ends = [state(post) for post in posts]
    assert ends.count((State.SCHEDULED, "limited", 0)) == 7
    assert Attempt.objects.count() == 5


def test_with_its_memory_lost_redis_learns_from_the_attempts(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(3, HOUR), Cap(4, HOUR, "app"))}
    ada, bo, cy = (connected(street, cast.team, "x", name) for name in ("ada", "bo", "cy"))
    for n in range(3):
        assert run(written(cast, f"Number {n}.", [ada])) == [State.POSTED]
    shared.flushall()
    assert not passing(ada)
    assert passing(bo)
    assert not passing(cy)  # bo's was the fourth of the app


def test_while_redis_is_away_posts_go_out_and_the_database_still_holds(
    cast: Cast, street: Street
) -> None:
    ada, bo = (connected(street, cast.team, "x", name) for name in ("ada", "bo"))
    until = timezone.now() + HOUR
    SocialAccount.objects.filter(pk=ada.pk).update(blocked_until=until)
    held, free = written(cast, "Held.", [ada]), written(cast, "Free.", [bo])
    turn()
    assert state(held) == (State.SCHEDULED, "limited", 0)
    assert only(held).due_at == until
    assert state(free)[0] == State.POSTED
    assert gates.view() == []


def test_after_redis_was_away_its_gates_hold_again(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(1, HOUR),)}
    account = connected(street, cast.team, "x")
    settings.REDIS_URL, there = "redis://127.0.0.1:1/0", settings.REDIS_URL
    assert run(written(cast, "Nobody counts.", [account])) == [State.POSTED]
    settings.REDIS_URL = there
    memory.forget()
    assert not passing(account)


def test_an_answer_that_says_nothing_is_left_closes_the_gate_before_any_refusal(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    ada, bo = (connected(street, cast.team, "x", name) for name in ("ada", "bo"))
    ticket = Ticket(breaker.line_of(ada))
    gates.told(ticket, None, [answer(left(2, HOUR))])
    assert [passing(ada) for _ in range(3)] == [True, True, False]
    assert passing(bo)
    [gate] = gates.view()
    assert timedelta(minutes=59) < gate.until - timezone.now() <= HOUR


def test_an_older_answer_gives_nothing_back_and_a_new_span_does(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    account = connected(street, cast.team, "mastodon")
    ticket = Ticket(breaker.line_of(account))

    def hear(count: int, span: timedelta) -> None:
        reset = (datetime.now(UTC) + span).isoformat()
        headers = {"X-RateLimit-Remaining": str(count), "X-RateLimit-Reset": reset}
        gates.told(ticket, None, [answer(headers, path="/api/v1/statuses")])

    hear(1, HOUR)
    hear(9, HOUR)  # it left before the one that says 1
    hear(9, timedelta(minutes=5))  # of a span that has ended
    assert [passing(account) for _ in range(2)] == [True, False]
    assert gates.view()[0].until > timezone.now() + timedelta(minutes=50)
    shared.delete("postrider:gates:shut")
    hear(1, 2 * HOUR)
    assert [passing(account) for _ in range(2)] == [True, False]


def test_only_answers_from_the_right_door_count(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    account = connected(street, cast.team, "x")
    ticket = Ticket(breaker.line_of(account))
    gates.told(ticket, None, [answer(left(0, HOUR), path="/2/oauth2/token")])
    assert passing(account)
    gates.told(ticket, Throttled("Slow.", status=429), [answer(left(0, HOUR), 429)])
    assert not passing(account)


def test_a_look_is_not_counted_as_a_post(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(1, HOUR),)}
    account = connected(street, cast.team, "x")
    for _ in range(3):
        assert isinstance(gates.admit(account, timezone.now(), posts=False), Ticket)
    assert [passing(account) for _ in range(2)] == [True, False]


@given(
    count=st.integers(1, 6),
    cost=st.integers(1, 3),
    seconds=st.sampled_from([1, 60, 900, 86_400]),
    steps=st.lists(st.floats(0, 0.4), min_size=1, max_size=30),
)
@how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_span_ever_holds_more_than_the_cap_and_nobody_waits_too_long(
    shared: redis.Redis, count: int, cost: int, seconds: int, steps: Sequence[float]
) -> None:
    """Played over moments of our own: who is told to wait comes back at the very moment named."""
    cap = Cap(count * cost, timedelta(seconds=seconds), cost=cost)
    name, at, per = f"net{next(numbers)}", timezone.now(), seconds * 1000
    shared.set("postrider:gates:ready", 1)
    line, moment = breaker.Line(name, name, "", 0), 1_000_000_000
    went: list[int] = []
    with override_settings(CAPS={name: (cap,)}):
        for step in steps:
            moment += round(step * per)
            wait = gates._enter(line, at, posts=True, moment=moment)
            if isinstance(wait, Wait):
                span = round((wait.until - at) / timedelta(milliseconds=1))
                assert 0 < span <= per + 2 * -(-per // PARTS)
                assert len([m for m in went if m > moment - per - 2 * -(-per // PARTS)]) >= count
                moment += span
                assert gates._enter(line, at, posts=True, moment=moment) is None
            went.append(moment)
    for n in range(len(went) - count):
        assert went[n + count] - went[n] >= per
