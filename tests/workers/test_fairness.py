"""A flood keeps nobody waiting, and the broker never holds more than the workers can take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import kombu.pools
import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from posting.models import Post, PostResult
from posting.states import State
from project.celery import app
from tests.cast import Cast, Street, connected, only, written
from tokens.models import SocialAccount
from workers import dispatch
from workers.queues import publish_queue

pytestmark = pytest.mark.django_db(transaction=True)


def flood(cast: Cast, account: SocialAccount, count: int) -> None:
    """So many posts of one account, all due an hour ago."""
    due = timezone.now() - timedelta(hours=1)
    posts = Post.objects.bulk_create(
        [Post(team=cast.team, text=f"Number {n}.", due_at=due) for n in range(count)], 1000
    )
    plan = {"provider": account.provider, "state": State.SCHEDULED, "due_at": due}
    PostResult.objects.bulk_create(
        [PostResult(post=post, account=account, planned_at=due, **plan) for post in posts], 500
    )


@pytest.fixture
def broker(shared: redis.Redis, settings: Settings) -> Iterator[redis.Redis]:
    """The shared Redis is the broker, too."""
    before = app.conf.broker_url
    _point(settings.REDIS_URL)
    yield shared
    _point(before)


def _point(url: str) -> None:
    app.conf.update(broker_url=url, broker_write_url=url, broker_read_url=url)
    kombu.pools.producers.clear()
    kombu.pools.connections.clear()
    app._pool = None
    app.amqp._producer_pool = None


def bells(broker: redis.Redis) -> int:
    """How many messages wait for X."""
    return int(broker.llen(f"postrider:{publish_queue('x')}"))


def test_one_post_goes_in_the_first_round_before_a_flood_of_ten_thousand(
    cast: Cast, street: Street, settings: Settings
) -> None:
    ada, bo = (connected(street, cast.team, "x", name) for name in ("ada", "bo"))
    flood(cast, ada, 10_000)
    one = written(cast, "Just one.", [bo])
    claimed = {pk for pk, _ in PostResult.objects.queue_due(timezone.now())}
    assert only(one).pk in claimed
    assert len(claimed) == settings.ACCOUNT_SHARE + 1


def test_accounts_take_turns_for_the_slots_of_a_network(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.ACCOUNT_SHARE, settings.PROVIDER_SHARE = 8, 10
    accounts = [connected(street, cast.team, "x", name) for name in ("ada", "bo", "cy")]
    for account in accounts:
        flood(cast, account, 20)
    other = connected(street, cast.team, "mastodon")
    flood(cast, other, 3)
    PostResult.objects.queue_due(timezone.now())
    queued = PostResult.objects.filter(state=State.QUEUED)
    share = Counter(queued.values_list("account_id", flat=True))
    assert sorted(share[account.pk] for account in accounts) == [3, 3, 4]
    assert share[other.pk] == 3


def test_what_is_in_the_hands_of_workers_counts(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.ACCOUNT_SHARE = 4
    flood(cast, connected(street, cast.team, "x"), 20)
    at = timezone.now()
    first = [pk for pk, _ in PostResult.objects.queue_due(at)]
    assert len(first) == 4
    assert PostResult.objects.queue_due(at) == []
    for pk in first[:3]:
        assert PostResult.objects.fence(pk, at, timedelta(minutes=1))
    assert PostResult.objects.queue_due(at) == []
    PostResult.objects.filter(pk__in=first[:3]).move([State.SENDING], State.POSTED)
    assert len(PostResult.objects.queue_due(at)) == 3


def test_bells_do_not_pile_up_where_nobody_answers(
    cast: Cast, street: Street, broker: redis.Redis, settings: Settings
) -> None:
    settings.PROVIDER_SHARE = 4
    flood(cast, connected(street, cast.team, "x"), 20)
    at = timezone.now()
    assert dispatch.ring_due(at) == 4
    assert bells(broker) == 4
    for n in range(1, 6):
        dispatch.ring_due(at + n * 2 * dispatch.patience())
    assert bells(broker) == 4


def test_a_lost_bell_is_rung_again(
    cast: Cast, street: Street, broker: redis.Redis, settings: Settings
) -> None:
    written(cast, "Hello?", [connected(street, cast.team, "x")])
    at = timezone.now()
    assert dispatch.ring_due(at) == 1
    assert bells(broker) == 1
    broker.flushall()
    assert dispatch.ring_again(at) == 0
    assert dispatch.ring_again(at + 2 * dispatch.patience()) == 1
    assert bells(broker) == 1


def test_behind_a_queue_that_never_empties_a_lost_bell_is_found_some_day(
    cast: Cast, street: Street, broker: redis.Redis
) -> None:
    account = connected(street, cast.team, "x")
    written(cast, "First.", [account])
    at = timezone.now()
    dispatch.ring_due(at)
    rounds = 0
    while bells(broker) == 1:
        rounds += 1
        assert rounds < 1000
        dispatch.ring_again(at + rounds * 2 * dispatch.patience())
    assert bells(broker) == 2
