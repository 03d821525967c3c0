"""A thread through a real broker and a real worker that is killed between the steps of a part."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_celery import CeleryTestSetup

from posting.compose import compose
from posting.models import Attempt, Post
from posting.states import State
from tests.cast import Cast, Street, connected
from tests.flows.nodes import Process
from tests.flows.wait import eventually, settled

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = ["kept parent", "kept root", "before_record"]


def thread(cast: Cast, street: Street) -> Post:
    """Three parts, where answering takes steps."""
    return compose(
        team=cast.team,
        author=cast.alice,
        text="One.",
        accounts=[connected(street, cast.team, "bluesky")],
        at=timezone.now(),
        parts=("Two.", "Three."),
    )


@pytest.mark.parametrize("crash_at", STEPS, indirect=True)
def test_a_worker_killed_between_the_steps_of_a_part_leaves_the_thread_whole(
    celery_setup: CeleryTestSetup,
    dispatcher: Process,
    cast: Cast,
    street: Street,
    crash_at: str,
) -> None:
    worker = celery_setup.worker.container
    assert worker.ready()
    post = thread(cast, street)
    assert worker.process.wait_for_end(30) == -9
    struck = post.results.get(state=State.SENDING)
    assert struck.part == (0 if crash_at == "before_record" else 1)
    assert bool(struck.saved) == crash_at.startswith("kept")
    worker.process.start()
    eventually(lambda: settled(post), 60)
    assert list(post.results.order_by("part").values_list("state", flat=True)) == [State.POSTED] * 3
    assert street.texts("bluesky") == ["Three.", "Two.", "One."]
    third, second, first = street.board("bluesky")
    assert (second["reply_to"], third["reply_to"]) == (first["id"], second["id"])
    assert Attempt.objects.filter(result=struck, outcome="lost").exists()
