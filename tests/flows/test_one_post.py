"""One post through a real form, a real broker and real workers, killed at the worst moments."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_celery import CeleryTestSetup

from posting.compose import compose
from posting.models import Attempt, Post
from posting.states import PostState, State
from tests.cast import Cast, Street, connected, everywhere, only, samples
from tests.flows.nodes import Process
from tests.flows.wait import eventually, settled
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)


def submit(cast: Cast, text: str, accounts: list[SocialAccount]) -> Post:
    """Write a post through the form, as Alice's browser does."""
    browser = Client()
    browser.force_login(cast.alice)
    form = {"key": uuid.uuid4(), "text": text, "accounts": [a.pk for a in accounts], "when": ""}
    answer = browser.post("/posts/new/", form)
    assert answer.status_code == 302, answer.content.decode()
    return Post.objects.get(text=text)


def state(post: Post) -> PostState:
    return Post.objects.get(pk=post.pk).state


def the_lease_runs_out(post: Post) -> None:
    """Its time has passed: of whoever held it nothing is left that could still send."""
    assert only(post).lease_until is not None
    post.results.update(lease_until=timezone.now())


def test_a_post_goes_through_a_real_broker_and_worker(
    celery_setup: CeleryTestSetup, cast: Cast, street: Street
) -> None:
    """No dispatcher runs here: the doorbell alone brings it about."""
    assert celery_setup.worker.container.ready()
    accounts = everywhere(street, cast.team)
    post = submit(cast, "Through the real thing.", accounts)
    eventually(lambda: settled(post))
    assert state(post) == PostState.POSTED
    assert len(street.board()) == len(accounts)


@pytest.mark.parametrize("crash_at", ["after_fence", "before_record"], indirect=True)
@pytest.mark.parametrize("name", samples())
def test_a_worker_killed_in_the_middle_leaves_exactly_one_post(
    celery_setup: CeleryTestSetup,
    dispatcher: Process,
    cast: Cast,
    street: Street,
    crash_at: str,
    name: str,
) -> None:
    """SIGKILL before the request, or between the network's acceptance and our record."""
    worker = celery_setup.worker.container
    assert worker.ready()
    account = connected(street, cast.team, name)
    post = submit(cast, f"Killed {crash_at}.", [account])
    assert worker.process.wait_for_end(20) == -9
    arrived = 0 if crash_at == "after_fence" else 1
    assert len(street.board(name)) == arrived
    assert only(post).state == State.SENDING
    the_lease_runs_out(post)
    worker.process.start()
    eventually(lambda: settled(post), 40)
    assert state(post) == PostState.POSTED
    assert street.texts(name) == [f"Killed {crash_at}."]
    first = Attempt.objects.filter(result=only(post)).first()
    assert first is not None
    assert (first.kind, first.outcome) == ("publish", "lost")
    assert only(post).external_url


def test_a_post_saved_while_the_broker_is_down_goes_out_when_it_is_back(
    celery_setup: CeleryTestSetup, dispatcher: Process, cast: Cast, street: Street
) -> None:
    assert celery_setup.worker.container.ready()
    account = connected(street, cast.team, "mastodon")
    broker = celery_setup.broker.container
    broker._container.kill("SIGKILL")
    started = time.monotonic()
    post = submit(cast, "Patience.", [account])
    assert time.monotonic() - started < 10, "the page waited for the broker"
    assert street.board() == []
    broker._container.start()
    broker.wait()
    eventually(lambda: settled(post), 60)
    assert state(post) == PostState.POSTED
    assert street.texts() == ["Patience."]


def test_a_scheduled_post_goes_out_when_it_is_due(
    celery_setup: CeleryTestSetup, dispatcher: Process, cast: Cast, street: Street
) -> None:
    assert celery_setup.worker.container.ready()
    account = connected(street, cast.team, "bluesky")
    due_at = timezone.now() + timedelta(seconds=2)
    later = compose(
        team=cast.team,
        author=cast.alice,
        text="In two seconds.",
        accounts=[account],
        at=timezone.now(),
        due_at=due_at,
    )
    assert only(later).state == State.SCHEDULED
    eventually(lambda: settled(later))
    attempt = Attempt.objects.get(result=only(later))
    assert attempt.started_at >= due_at
