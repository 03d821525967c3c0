"""Whether a plan fits what a network takes is said when it is made, and never refused for that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

import providers
from posting.compose import compose
from posting.forecast import caps_of, forecast, outgoing
from posting.models import Post, PostResult
from posting.states import State
from providers.kit.rates import Cap
from tests.cast import Cast, Street, connected
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
MORNING = datetime(2031, 3, 14, 8, tzinfo=UTC)


def plan(cast: Cast, account: SocialAccount, moments: Sequence[datetime]) -> None:
    """Posts of one account for these moments."""
    posts = Post.objects.bulk_create(
        Post(team=cast.team, text="Planned.", due_at=moment) for moment in moments
    )
    PostResult.objects.bulk_create(
        PostResult(
            post=post,
            account=account,
            provider=account.provider,
            state=State.SCHEDULED,
            due_at=post.due_at,
            planned_at=post.due_at,
        )
        for post in posts
    )


def test_the_sixtieth_post_of_a_day_of_fifty_is_said_to_be_late(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(50, DAY),)}
    account, at = connected(street, cast.team, "x"), timezone.now()
    plan(cast, account, [MORNING + timedelta(minutes=n) for n in range(49)])
    assert forecast([account], MORNING + timedelta(minutes=49), at) == []
    plan(cast, account, [MORNING + timedelta(minutes=n) for n in range(49, 59)])
    [over] = forecast([account], MORNING + timedelta(minutes=59), at)
    assert (over.planned, over.fits) == (60, 50)
    assert (over.start, over.end) == (MORNING, MORNING + DAY)
    assert over.last_at == MORNING + timedelta(days=1, minutes=9)
    words = over.words(ZoneInfo("Europe/Paris"))
    assert "takes 50 posts in 1 day, and with this one 60 are planned" in words
    assert "last would go out at 15 March 2031, 09:09" in words


def test_a_post_that_pushes_others_back_is_said_too(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(2, DAY),)}
    account = connected(street, cast.team, "x")
    plan(cast, account, [MORNING + timedelta(hours=1), MORNING + timedelta(hours=2)])
    [over] = forecast([account], MORNING, timezone.now())
    assert over.planned == 3
    assert over.last_at == MORNING + DAY
    assert forecast([account], MORNING + timedelta(days=3), timezone.now()) == []


def test_what_went_out_already_counts(cast: Cast, street: Street, settings: Settings) -> None:
    settings.CAPS = {"x": (Cap(1, DAY),)}
    account, at = connected(street, cast.team, "x"), timezone.now()
    plan(cast, account, [at - timedelta(hours=5)])
    PostResult.objects.update(state=State.POSTED, posted_at=at - timedelta(hours=4))
    [over] = forecast([account], at, at)
    assert over.last_at == at + timedelta(hours=20)


def test_a_cap_of_the_whole_app_counts_every_account(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.CAPS = {"x": (Cap(2, DAY, "app"),)}
    ada, bo = (connected(street, cast.team, "x", name) for name in ("ada", "bo"))
    plan(cast, ada, [MORNING, MORNING + timedelta(minutes=1)])
    assert [
        over.account for over in forecast([bo], MORNING + timedelta(hours=1), timezone.now())
    ] == [bo]


def test_the_author_reads_it_and_the_post_is_made(
    cast: Cast, street: Street, settings: Settings, client: Client
) -> None:
    settings.CAPS = {"x": (Cap(1, DAY),)}
    account = connected(street, cast.team, "x")
    plan(cast, account, [MORNING])
    client.force_login(cast.alice)
    form = client.get(reverse("new-post")).context["form"]
    typed = {
        "key": str(form.initial["key"]),
        "accounts": [account.pk],
        "when": "2031-03-14T12:00",
    }
    empty = client.post(reverse("new-post"), {**typed, "text": ""})
    assert empty.status_code == 422
    assert "Only 1 fit" in empty.content.decode()
    made = client.post(reverse("new-post"), {**typed, "text": "One more."}, follow=True)
    assert "Only 1 fit" in made.content.decode()
    assert Post.objects.filter(text="One more.").exists()


def test_a_plan_that_fits_is_not_commented(cast: Cast, street: Street, client: Client) -> None:
    account = connected(street, cast.team, "x")
    compose(team=cast.team, author=cast.alice, text="Fine.", accounts=[account], at=timezone.now())
    assert forecast([account], MORNING, timezone.now()) == []


def test_every_networks_caps_can_be_met(settings: Settings) -> None:
    for name in providers.names():
        assert all(cap.posts >= 1 and cap.per > timedelta(0) for cap in caps_of(name))


@given(
    st.lists(st.integers(0, 500), max_size=40),
    st.integers(1, 5),
    st.integers(1, 100),
    st.integers(1, 3),
)
def test_a_forecast_is_never_early_and_never_over_the_cap(
    seconds: list[int], count: int, per: int, cost: int
) -> None:
    planned = [MORNING + timedelta(seconds=s) for s in sorted(seconds)]
    cap = Cap(count * cost, timedelta(seconds=per), cost=cost)
    out = outgoing(planned, cap)
    assert out == sorted(out)
    assert all(went >= moment for went, moment in zip(out, planned, strict=True))
    assert all(out[n + count] - out[n] >= cap.per for n in range(len(out) - count))
    for n, (went, moment) in enumerate(zip(out, planned, strict=True)):  # nobody waits for nothing
        held_by = (n >= count and went == out[n - count] + cap.per) or (n and went == out[n - 1])
        assert went == moment or held_by
