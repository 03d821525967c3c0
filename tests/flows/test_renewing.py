"""A worker is killed in the middle of a wave of renewals: no key is shown twice, none is lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from django.utils import timezone
from pytest_celery import CeleryTestSetup

from tests.cast import Cast, Street, granted
from tests.flows.wait import eventually
from tokens import spool
from tokens.models import OAuthToken, Renewal
from tokens.refresh import Outcome, refresh_all
from tokens.states import TokenState
from tokens.vault import unseal
from workers.queues import refresh_queue
from workers.refresh import refresh_tokens

pytestmark = pytest.mark.django_db(transaction=True)
WAVE = 20
STEPS = ("before_request", "after_answer", "after_spool", "after_commit")
POINTS = [f"refresh_{step}" for step in STEPS]


def shown(street: Street) -> list[str]:
    """The keys that reached the network, in order (a request that was cut off has none)."""
    calls = [parse_qs(r["body"]) for r in street.requests_of("x") if r["purpose"] == "token"]
    return [token for form in calls for token in form.get("refresh_token", [])]


def last_known(token: OAuthToken) -> str:
    return unseal(token.refresh_sealed, f"token:{token.pk}:refresh")


@pytest.mark.parametrize("crash_at", POINTS, indirect=True)
def test_a_worker_killed_in_a_wave_burns_nothing_and_loses_nothing_it_had(
    celery_setup: CeleryTestSetup, cast: Cast, street: Street
) -> None:
    worker = celery_setup.worker.container
    assert worker.ready()
    soon = timezone.now() + timedelta(minutes=30)
    keys = [granted(street, cast.team, "x")[0].pk for _ in range(WAVE)]
    OAuthToken.objects.update(expires_at=soon, refresh_at=timezone.now() - timedelta(seconds=1))
    refresh_tokens.apply_async(args=[[str(key) for key in keys]], queue=refresh_queue("x"))
    eventually(lambda: worker.process.status == "exited")

    files = len(list(spool._folder().glob("*.json")))
    assert spool.replay() <= files
    OAuthToken.objects.filter(refresh_lease_until__isnull=False).update(
        refresh_lease_until=timezone.now() - timedelta(seconds=1)
    )
    rows = list(OAuthToken.objects.all())
    again = refresh_all(rows, timezone.now())

    renewed, doubtful = [t for t in rows if t.version > 1], [t for t in rows if t.refresh_sent_at]
    assert len(renewed) + len(doubtful) == WAVE
    assert {again[t.pk] for t in renewed} <= {Outcome.REFRESHED}
    assert {again[t.pk] for t in doubtful} <= {Outcome.SKIPPED}
    assert max(Counter(shown(street)).values(), default=1) == 1, "a key was shown twice"
    assert not OAuthToken.objects.exclude(state=TokenState.GOOD).exists()
    assert Renewal.objects.filter(epoch=1).count() == WAVE
    assert len({last_known(t) for t in OAuthToken.objects.all()}) == WAVE
