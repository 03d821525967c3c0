"""A network in trouble is left alone: its posts wait, one tries, and then all go out in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings
from requests.structures import CaseInsensitiveDict

from posting.models import Attempt, Post, PostResult
from posting.states import MOVING, State
from providers.kit.errors import Rejected, Unavailable, Uncertain, Unexpected
from providers.kit.http import Reply
from tests.cast import Cast, Street, connected, only, written
from tests.workers.conftest import Elsewhere, said
from tests.workers.engine import run, turn
from tokens import networks
from tokens.models import SocialAccount
from workers import breaker

pytestmark = pytest.mark.django_db(transaction=True)
LOST = Unavailable("The network could not be reached.")


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    """Breakers open after three troubles and try again after a second, two, two."""
    settings.BREAKER_AFTER, settings.BREAKER_FIRST_S, settings.BREAKER_CAP_S = 3, 1.0, 2.0


@contextmanager
def unreachable(settings: Settings, name: str = "x") -> Iterator[None]:
    """Nothing listens where the network was; a refused connection is certainly not a post."""
    real = settings.PROVIDER_OPTIONS
    options = {
        key: "http://127.0.0.1:9" if "API_URL" in key else v for key, v in real[name].items()
    }
    settings.PROVIDER_OPTIONS = {**real, name: options}
    settings.TRUSTED_ORIGINS = [*settings.TRUSTED_ORIGINS, "http://127.0.0.1:9"]
    networks.forget()
    yield
    settings.PROVIDER_OPTIONS = real
    networks.forget()


def turn_until(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Turn the engine until something is so."""
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, [str(result) for result in PostResult.objects.all()]
        if not turn():
            time.sleep(0.02)


def two(street: Street, cast: Cast) -> list[SocialAccount]:
    """Two accounts at X."""
    return [connected(street, cast.team, "x", name) for name in ("ada", "bo")]


def fail(account: SocialAccount, times: int = 1) -> breaker.Verdict:
    """The network fails an account so many times; what came of the last."""
    line = breaker.line_of(account)
    verdicts = [breaker.report(line, LOST, [LOST], probing=False) for _ in range(times)]
    return verdicts[-1]


def names() -> list[str]:
    """Whose breakers are open."""
    return [trouble.name for trouble in breaker.view()]


def test_an_outage_holds_posts_instead_of_failing_them(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS = 4
    accounts = two(street, cast)
    posts = [written(cast, f"Number {n}.", [accounts[n % 2]]) for n in range(8)]
    elsewhere = written(cast, "I go on.", [connected(street, cast.team, "mastodon")])
    with unreachable(settings):
        turn_until(lambda: names() == [breaker.line_of(accounts[0]).name])
        probes = breaker.view()[0].probe_at
        turn_until(lambda: breaker.view()[0].probe_at > probes + timedelta(seconds=3))
        waiting = PostResult.objects.filter(provider="x")
        assert set(waiting.values_list("state", flat=True)) == {State.SCHEDULED}
        assert max(waiting.values_list("attempts", flat=True)) < 4
        told = waiting.filter(error="trouble").first()
        assert told is not None
        assert told.words.startswith("X (127.0.0.1")
        assert "has trouble. This waits and goes on by itself" in told.words
        late = written(cast, "Just now.", [accounts[0]])
        turn()
        assert (only(late).state, only(late).attempts) == (State.SCHEDULED, 0)
        [shown] = breaker.view()
        assert shown.since < shown.probe_at
        assert shown.words == "The network could not be reached."
    for post in [*posts, late]:
        assert run(post) == [State.POSTED]
    assert breaker.view() == []
    assert run(elsewhere) == [State.POSTED]


def test_what_waited_is_let_go_in_its_order(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    account = connected(street, cast.team, "x")
    posts = [written(cast, f"Number {n}.", [account]) for n in range(6)]
    with unreachable(settings):
        turn_until(lambda: names())
    turn_until(lambda: not PostResult.objects.filter(state__in=MOVING).exists())
    assert street.texts("x") == [f"Number {n}." for n in (5, 4, 3, 2, 1, 0)]
    assert {only(post).state for post in posts} == {State.POSTED}


def test_nothing_is_let_go_before_its_time(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    account = connected(street, cast.team, "x")
    early, later = written(cast, "Now.", [account]), written(cast, "In an hour.", [account])
    moment = timezone.now() + timedelta(hours=1)
    PostResult.objects.filter(post=later).update(due_at=moment, planned_at=moment, error="trouble")
    fail(account, times=3)
    assert names() == [f"x#{account.pk}"]
    assert run(early) == [State.POSTED]
    assert names() == []
    assert only(later).due_at == moment


def test_doubts_count_as_trouble_and_are_looked_up_when_it_is_over(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    account = connected(street, cast.team, "x")
    posts = [written(cast, f"Number {n}.", [account]) for n in range(5)]
    street.trouble("x", "drop_after", times=3)
    turn()
    states = sorted(only(post).state for post in posts)
    assert states == [State.SCHEDULED] * 2 + [State.UNCERTAIN] * 3
    assert names() == [f"x#{account.pk}"]
    for post in posts:
        assert run(post) == [State.POSTED]
    assert len(street.texts("x")) == 5
    looks = Attempt.objects.filter(kind="look")
    assert {look.outcome for look in looks} == {"posted"}


def test_looks_in_an_outage_are_not_counted(
    cast: Cast, street: Street, shared: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a person would be asked about every doubtful post of a long outage."""
    monkeypatch.setattr("workers.reconcile.MOST_LOOKS", 2)
    post = written(cast, "Still there?", [connected(street, cast.team, "x")])
    street.trouble("x", "drop_after")
    turn()
    street.trouble("x", "error", on="find", times=4)
    assert run(post, 40) == [State.POSTED]
    assert Attempt.objects.filter(kind="look", outcome="unavailable").count() == 4


def test_of_all_workers_one_makes_the_probe(
    cast: Cast, street: Street, elsewhere: Elsewhere
) -> None:
    accounts = two(street, cast)
    for account in accounts:
        fail(account, times=2)
    line = breaker.line_of(accounts[0])
    assert names() == [line.name]
    probe_at = breaker.view()[0].probe_at
    while datetime.now(UTC) <= probe_at:
        time.sleep(0.05)
    ask = "; ".join(
        [
            "from django.utils import timezone",
            "from workers import breaker",
            "from tokens.models import SocialAccount as S",
            "line = breaker.line_of(S.objects.get(pk={}))",
            "print(breaker.ask(line, timezone.now()))",
        ]
    )
    workers = [elsewhere(ask.format(account.pk)) for account in accounts]
    answers = [said(worker) for worker in workers]
    assert sum(f"(None, ('{line.name}',))" in answer for answer in answers) == 1, answers
    until, probing = breaker.ask(line, timezone.now())
    assert until is not None
    assert not probing
    breaker.leave(line)
    assert breaker.ask(line, timezone.now()) == (None, (line.name,))


def test_a_failed_probe_doubles_the_pause_up_to_a_ceiling(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.BREAKER_FIRST_S, settings.BREAKER_CAP_S = 0.01, 0.03
    account = connected(street, cast.team, "x")
    line = breaker.line_of(account)
    key = f"postrider:breaker:x#{account.pk}"
    fail(account, times=3)
    pauses = [shared.hget(key, "pause")]
    for _ in range(3):
        while breaker.ask(line, timezone.now())[0]:
            time.sleep(0.005)
        fail(account)
        pauses.append(shared.hget(key, "pause"))
        fail(account)  # one that had been under way does not count as a probe
        assert shared.hget(key, "pause") == pauses[-1]
    assert pauses == [b"10", b"20", b"30", b"30"]


def test_one_odd_account_stops_nobody_else(cast: Cast, street: Street, shared: redis.Redis) -> None:
    ada, bo = two(street, cast)
    fail(ada, times=10)
    assert names() == [f"x#{ada.pk}"]
    assert run(written(cast, "I am well.", [bo])) == [State.POSTED]
    assert breaker.ask(breaker.line_of(ada), timezone.now())[0] is not None


def test_an_instance_that_is_down_stops_no_other_instance(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    ada, bo = (connected(street, cast.team, "mastodon", name) for name in ("ada", "bo"))
    other = breaker.Line("mastodon", "Mastodon", "https://elsewhere.example", 0)
    for account in (ada, bo):
        fail(account, times=2)
    assert names() == [breaker.line_of(ada).name]
    assert "127.0.0.1" in breaker.line_of(ada).place
    assert breaker.ask(breaker.line_of(bo), timezone.now())[0] is not None
    assert breaker.ask(other, timezone.now()) == (None, ())


def test_any_clear_answer_begins_the_count_anew(
    cast: Cast, street: Street, shared: redis.Redis
) -> None:
    account = connected(street, cast.team, "x")
    line = breaker.line_of(account)
    no = Rejected("Not like this.", status=400)
    for _ in range(3):
        fail(account, times=2)
        breaker.report(line, no, [reply(400)], probing=False)
    assert names() == []
    fail(account, times=3)
    assert names() == [line.mine]


def reply(status: int) -> Reply:
    return Reply(status, CaseInsensitiveDict(), b"", safe=False, received_at=datetime.now(UTC))


@pytest.mark.parametrize(
    ("heard", "trouble"),
    [
        ([], False),
        ([LOST], True),
        ([reply(200), Uncertain("Lost.")], True),
        ([reply(503)], True),
        ([reply(408)], True),
        ([reply(503), reply(200)], False),
        ([reply(429)], False),
        ([Unexpected("Its address is not public.")], False),
    ],
)
def test_trouble_is_what_the_network_said_last(heard: list[Reply], trouble: bool) -> None:
    assert breaker.in_trouble(heard) is trouble


def test_with_redis_away_an_outage_never_ends_a_post(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS = 1
    post = written(cast, "Patience.", [connected(street, cast.team, "x")])
    with unreachable(settings):
        turn_until(lambda: only(post).attempts >= 3)
    assert run(post) == [State.POSTED]


def test_a_network_that_fails_one_post_alone_still_ends_it(
    cast: Cast, street: Street, shared: redis.Redis, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS, settings.BREAKER_AFTER = 2, 100
    post: Post = written(cast, "Enough.", [connected(street, cast.team, "x")])
    with unreachable(settings):
        assert run(post) == [State.FAILED]
