"""Due rows become tasks: claimed once, rung again when nobody answers, chunked when many."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from hypothesis import given
from hypothesis import strategies as st

from posting.compose import compose
from posting.models import PostResult
from posting.states import State
from providers.kit.contract import Family
from tests.cast import Cast, Street, connected, only, written
from tokens.models import OAuthToken
from tokens.windows import WINDOWS, refresh_moment
from workers import dispatch, gates, mend, publish, queues, retry
from workers.jobs import ensure_jobs

pytestmark = pytest.mark.django_db(transaction=True)


def test_due_rows_are_claimed_once_and_oldest_first(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    at = timezone.now()
    posts = [written(cast, f"Number {n}.", [account]) for n in range(3)]
    for n, post in enumerate(posts):
        moment = at - timedelta(minutes=n)
        post.results.update(due_at=moment, planned_at=moment)
    first = PostResult.objects.queue_due(at, limit=2)
    assert {pk for pk, _ in first} == {only(posts[2]).pk, only(posts[1]).pk}
    assert PostResult.objects.queue_due(at) == [(only(posts[0]).pk, "x")]
    assert PostResult.objects.queue_due(at) == []


def test_a_post_of_tomorrow_is_not_due(cast: Cast, street: Street) -> None:
    at = timezone.now()
    compose(
        team=cast.team,
        author=cast.alice,
        text="Tomorrow.",
        accounts=[connected(street, cast.team, "x")],
        at=at,
        due_at=at + timedelta(days=1),
    )
    assert PostResult.objects.queue_due(at) == []
    assert len(PostResult.objects.queue_due(at + timedelta(days=1, seconds=1))) == 1


def test_an_unanswered_bell_is_rung_again(cast: Cast, street: Street) -> None:
    post = written(cast, "Hello?", [connected(street, cast.team, "x")])
    at = timezone.now()
    PostResult.objects.queue_due(at)
    patience = timedelta(seconds=15)
    assert PostResult.objects.ring_again(at + timedelta(seconds=14), patience) == []
    later = at + timedelta(seconds=16)
    assert PostResult.objects.ring_again(later, patience) == [(only(post).pk, "x")]
    assert PostResult.objects.ring_again(later, patience) == []


def test_with_the_broker_away_rows_stay_and_the_dispatcher_says_so(
    cast: Cast, street: Street
) -> None:
    post = written(cast, "Nobody there.", [connected(street, cast.team, "x")])
    with pytest.raises(dispatch.NobodyThere):
        dispatch.ring_due(timezone.now())
    assert only(post).state == State.QUEUED


@given(st.lists(st.integers(), unique=True, max_size=300))
def test_chunks_lose_nothing_and_stay_small(ids: list[int]) -> None:
    made = dispatch.chunks(ids)
    assert [pk for chunk in made for pk in chunk] == ids
    assert all(len(chunk) <= dispatch.LARGEST_CHUNK for chunk in made)
    if len(ids) <= dispatch.SMALL:
        assert all(len(chunk) == 1 for chunk in made)


def test_a_stalled_network_cannot_take_every_slot(cast: Cast, street: Street) -> None:
    post = written(cast, "No room.", [connected(street, cast.team, "x")])
    [(pk, name)] = PostResult.objects.queue_due(timezone.now())
    size = queues.LANES[queues.publish_queue(name)].bulkhead
    with ExitStack() as full:
        assert all(full.enter_context(gates.bulkhead(name)) for _ in range(size))
        publish.publish(name, [pk])
        assert only(post).state == State.SCHEDULED
        assert only(post).attempts == 0
        with gates.bulkhead("mastodon") as elsewhere:
            assert elsewhere
    with gates.bulkhead(name) as free:
        assert free


def test_migrating_makes_the_jobs_of_the_house() -> None:
    PeriodicTask.objects.all().delete()
    call_command("migrate", verbosity=0)
    made = set(PeriodicTask.objects.values_list("task", flat=True))
    assert {job.task for job in queues.JOBS} <= made


def test_the_jobs_of_the_house_are_made_once_and_edits_stay() -> None:
    ensure_jobs()
    job = PeriodicTask.objects.get(task="workers.dispatch")
    job.enabled = False
    job.save()
    assert ensure_jobs() == 0
    job.refresh_from_db()
    assert job.enabled is False


def test_every_route_and_job_leads_to_a_queue_that_exists() -> None:
    assert {route["queue"] for route in queues.ROUTES.values()} <= set(queues.LANES)
    for job in queues.JOBS:
        assert queues.ROUTES[job.task]["queue"] == job.queue


def test_backoff_grows_has_full_jitter_and_a_ceiling() -> None:
    highest = [retry.backoff(n, max).total_seconds() for n in range(12)]
    lowest = [retry.backoff(n, min).total_seconds() for n in range(12)]
    assert highest == sorted(highest)
    assert highest[0] == pytest.approx(0.2)
    assert highest[-1] == pytest.approx(2)
    assert lowest == [0.0] * 12


def test_kombu_is_still_in_need_of_mending() -> None:
    """When this fails, upstream has moved: check whether `workers.mend` can go."""
    assert mend.needed()


@given(
    st.sampled_from(list(WINDOWS)),
    st.timedeltas(timedelta(minutes=1), timedelta(days=400)),
    st.floats(0, 1),
)
def test_a_grant_is_renewed_ahead_of_need(family: Family, life: timedelta, draw: float) -> None:
    """Nothing that lives two hours or more enters its last hour unrenewed."""
    at = timezone.now()
    moment = refresh_moment(family, at, life, lambda low, high: low + draw * (high - low))
    assert moment is not None
    assert at < moment < at + life
    if life >= timedelta(hours=2):
        assert moment <= at + life - timedelta(hours=1) + timedelta(milliseconds=1)


def test_refreshing_finds_what_is_due_and_what_has_expired(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    assert account.token is not None
    token, at = account.token, timezone.now()
    assert token.expires_at is not None
    assert not OAuthToken.objects.due(at).exists()
    assert OAuthToken.objects.due(token.expires_at - timedelta(hours=1)).exists()
    assert OAuthToken.objects.due(token.expires_at + timedelta(days=30)).exists()
