"""The status page: how the house stands, for whoever runs it, and for nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

import providers
from accounts.models import User
from project.celery import app
from providers.kit.errors import Unavailable
from tests.cast import Cast, Street, connected, written
from tests.flows.conftest import point
from tests.pages.conftest import read
from tests.workers.conftest import redis_node, shared  # noqa: F401 - fixtures
from tests.workers.test_vitals import MINUTE, everybody_at_work
from workers import breaker
from workers.models import BEAT, QUEUE, Pulse, clock
from workers.queues import LANES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(cast: Cast, alice: Client) -> Client:
    """Alice, who runs this site as well."""
    User.objects.filter(pk=cast.alice.pk).update(is_staff=True)
    return alice


def test_only_operators_learn_that_there_is_such_a_page(
    alice: Client, charlie: Client, cast: Cast
) -> None:
    url = reverse("status")
    assert alice.get(url).status_code == charlie.get(url).status_code == 404
    assert Client().get(url)["Location"].startswith(reverse("login"))
    assert not read(alice.get(reverse("home"))).all("a", href=url)
    User.objects.filter(pk=cast.alice.pk).update(is_staff=True)
    assert read(alice.get(reverse("home"))).all("a", href=url)


def test_what_is_wrong_is_said_with_what_to_do(
    operator: Client, cast: Cast, street: Street
) -> None:
    everybody_at_work(clock())
    Pulse.objects.filter(kind=BEAT).update(at=clock() - timedelta(hours=1))
    written(cast, "Late.", [connected(street, cast.team, "x")]).results.update(
        due_at=clock() - 2 * MINUTE
    )
    page = read(operator.get(reverse("status")))
    assert {one["data-about"] for one in page.all("div") if "data-about" in one} >= {"broker"}
    for said in ("The broker does not answer", "The oldest due post is 12", "unknown"):
        assert said in page.text
    assert "Late." not in page.text


def test_every_queue_is_named_with_its_hands(operator: Client) -> None:
    at = clock()
    everybody_at_work(at)
    Pulse.objects.filter(kind=QUEUE, name="reconcile").update(at=at - timedelta(hours=1))
    page = read(operator.get(reverse("status")))
    assert all(name in page.text for name in LANES)
    assert "16 at once" in page.text
    assert page.text.count("Silent") == 1


def test_networks_that_are_not_set_up_name_the_settings(
    operator: Client, settings: Settings
) -> None:
    names = [s.name for n in providers.names() for s in providers.adapter(n).settings]
    settings.PROVIDER_OPTIONS = {}
    page = read(operator.get(reverse("status")))
    assert "Networks that are not set up" in page.text
    wanted = [s for n in providers.names() for s in providers.adapter(n)({}, None).missing()]  # type: ignore[arg-type]
    assert set(wanted) <= set(names)
    assert all(name in page.text for name in wanted)


def test_flower_is_linked_where_there_is_one(operator: Client, settings: Settings) -> None:
    settings.FLOWER_URL = ""
    assert "Open Flower" not in read(operator.get(reverse("status"))).text
    settings.FLOWER_URL = "http://flower.test/"
    assert read(operator.get(reverse("status"))).all("a", href="http://flower.test/")


def test_open_breakers_are_told_in_the_networks_words(
    operator: Client,
    cast: Cast,
    street: Street,
    shared: redis.Redis,  # noqa: F811
    settings: Settings,
) -> None:
    settings.BREAKER_AFTER = 1
    account = connected(street, cast.team, "x")
    line = breaker.line_of(account)
    away = Unavailable("<i>Away</i>")
    breaker.report(line, away, [away], probing=False)
    page = read(operator.get(reverse("status")))
    assert line.mine in page.text
    assert "<i>Away</i>" in page.text


def test_what_waits_in_a_queue_is_counted(
    operator: Client,
    shared: redis.Redis,  # noqa: F811
    settings: Settings,
) -> None:
    everybody_at_work(clock())
    before = app.conf.broker_url
    point(settings.REDIS_URL)
    try:
        app.send_task("workers.canary", args=["reconcile"], queue="reconcile")
        app.send_task("workers.canary", args=["reconcile"], queue="reconcile")
        page = read(operator.get(reverse("status")))
    finally:
        point(before)
    assert "The broker does not answer" not in page.text
    assert "reconcile2" in "".join(page.text.split())
