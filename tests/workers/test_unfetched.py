"""A site that is away while a network fetches a file: tried again, told in the end, out once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import providers
from integrations.storage.disk import Disk
from posting import results
from posting.compose import compose, try_again
from posting.media import FETCHED_WITHIN, address
from posting.models import Post, PostResult
from posting.states import State
from providers.kit.content import Kind
from providers.kit.errors import Duplicate, NotFetched, Rejected
from providers.kit.steps import TAKEN
from tests.cast import Cast, Street, connected, filled_in, only
from tests.files import brought, drawn, encoded, film
from tests.workers.engine import run, turn
from workers import retry
from workers.breaker import Verdict, line_of
from workers.unfetched import answers, judged

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(seconds=100)
NOWHERE = "http://127.0.0.1:1"
FETCHED = [
    (name, kind)
    for name in providers.names()
    for kind, rule in (
        (Kind.IMAGE, providers.adapter(name).limits.images),
        (Kind.VIDEO, providers.adapter(name).limits.video),
    )
    if rule is not None and rule.by_url
]
SAYS_SO = [
    ("instagram", Kind.IMAGE),
    ("instagram", Kind.VIDEO),
    ("threads", Kind.VIDEO),
    ("tiktok", Kind.IMAGE),
]
"""Those that tell a file that could not be fetched from a bad one."""
WORKS_ON_IT = [case for case in SAYS_SO if case != ("instagram", Kind.IMAGE)]


@pytest.fixture(autouse=True)
def served(live_server: LiveServer, settings: Settings) -> str:
    """Networks that fetch files find them at this site."""
    settings.PUBLIC_URL = live_server.url
    return live_server.url


def with_file(cast: Cast, street: Street, name: str, kind: Kind, count: int = 1) -> Post:
    """A post that is due, with pictures or a film that its network fetches."""
    account = connected(street, cast.team, name)
    if kind is Kind.VIDEO:
        uploads = [brought(cast.team, cast.bob, film(), "tower.mp4")]
    else:
        drawings = [encoded(drawn(480, 480, seed=seed)) for seed in range(count)]
        uploads = [brought(cast.team, cast.bob, one) for one in drawings]
    return compose(
        team=cast.team,
        author=cast.alice,
        text="The tower.",
        accounts=[account],
        at=timezone.now(),
        media=[(upload, "A tower") for upload in uploads],
        options={account.pk: filled_in(name)},
    )


def now(post: Post) -> PostResult:
    """One turn of everything, whenever it is due."""
    PostResult.objects.filter(post=post).update(due_at=timezone.now())
    turn()
    return only(post)


@pytest.mark.parametrize(("name", "kind"), FETCHED)
def test_a_post_whose_file_cannot_be_fetched_now_waits_and_goes_out_once_the_site_is_back(
    name: str, kind: Kind, cast: Cast, street: Street, disk: Disk, settings: Settings, served: str
) -> None:
    post = with_file(cast, street, name, kind)
    settings.PUBLIC_URL = NOWHERE
    result = now(post)
    assert (result.state, result.error, result.attempts) == (State.SCHEDULED, "unfetched", 1)
    assert "127.0.0.1:1" in result.words
    assert result.saved == ""
    assert street.board(name) == []
    settings.PUBLIC_URL = served
    assert run(post) == [State.POSTED]
    [arrived] = street.board(name)
    assert len(arrived["media"]) == 1


@pytest.mark.parametrize(("name", "kind"), FETCHED)
def test_a_site_that_stays_away_ends_it_with_the_name_of_the_setting(
    name: str, kind: Kind, cast: Cast, street: Street, disk: Disk, settings: Settings, served: str
) -> None:
    post = with_file(cast, street, name, kind)
    settings.PUBLIC_URL, settings.MAX_ATTEMPTS = NOWHERE, 2
    now(post)
    result = now(post)
    assert (result.state, result.attempts) == (State.FAILED, 2)
    assert "Nothing is wrong with the post. PUBLIC_URL is http://127.0.0.1:1" in result.words
    assert street.board(name) == []
    settings.PUBLIC_URL = served
    assert try_again(post, timezone.now()) == 1
    assert run(post) == [State.POSTED]
    assert len(street.board(name)) == 1


@pytest.mark.parametrize(("name", "kind"), SAYS_SO)
def test_a_network_that_says_that_the_fetch_failed_is_believed(
    name: str, kind: Kind, cast: Cast, street: Street, disk: Disk
) -> None:
    post = with_file(cast, street, name, kind)
    street.tell("lose_files", network=name)
    result = now(post)
    assert (result.state, result.error) == (State.SCHEDULED, "unfetched")
    assert run(post) == [State.POSTED]
    assert len(street.board(name)) == 1


@pytest.mark.parametrize(("name", "kind"), WORKS_ON_IT)
def test_a_fetch_that_fails_while_the_network_works_makes_a_new_container_and_no_second_post(
    name: str, kind: Kind, cast: Cast, street: Street, disk: Disk
) -> None:
    post = with_file(cast, street, name, kind)
    street.tell("slow_media", network=name, polls=1)
    street.tell("lose_files", network=name)
    assert now(post).state == State.PROCESSING
    result = now(post)
    assert (result.state, result.error, result.saved) == (State.SCHEDULED, "unfetched", "")
    assert result.processing_since is None
    assert now(post).state == State.PROCESSING
    assert (now(post).state, only(post).attempts) == (State.POSTED, 2)
    assert len(street.board(name)) == 1


def test_every_fetch_that_fails_uses_an_attempt_so_that_it_ends(
    cast: Cast, street: Street, disk: Disk, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS = 3
    post = with_file(cast, street, "instagram", Kind.IMAGE, count=2)
    street.tell("lose_files", network="instagram", times=10)
    assert [now(post).state for _ in range(3)] == [State.SCHEDULED] * 2 + [State.FAILED]


def test_what_is_refused_while_our_site_answers_is_refused(
    cast: Cast, street: Street, disk: Disk
) -> None:
    post = with_file(cast, street, "pinterest", Kind.IMAGE)
    street.trouble("pinterest", "rejected")
    result = now(post)
    assert (result.state, result.error, result.attempts) == (State.FAILED, "rejected", 1)


def test_only_an_address_that_gives_the_file_answers(
    cast: Cast, street: Street, disk: Disk, served: str
) -> None:
    post = with_file(cast, street, "pinterest", Kind.IMAGE)
    from_here = post.attachments.get().upload
    assert answers(address(from_here.key, from_here.mime))
    disk.remove(from_here.key)
    assert not answers(address(from_here.key, from_here.mime))
    assert not answers(f"{served}/files/nothing-of-ours/")
    assert not answers(f"{NOWHERE}/files/")


def test_our_own_address_is_asked_only_where_that_can_change_something(
    cast: Cast, street: Street, disk: Disk, settings: Settings
) -> None:
    post = with_file(cast, street, "pinterest", Kind.IMAGE)
    settings.PUBLIC_URL = NOWHERE
    PostResult.objects.queue_due(timezone.now())
    delivery = results.begin(only(post).pk, timezone.now(), LEASE)
    assert delivery is not None
    refused = Rejected("No.", status=400)
    assert isinstance(judged(delivery, refused), NotFetched)
    for other in (Rejected("Said by us alone."), Duplicate("Had it.", status=400)):
        assert judged(delivery, other) is other
    delivery.lease.started -= LEASE.total_seconds()  # too little is left of it for one more request
    assert judged(delivery, refused) is refused


def test_a_kept_ticket_outweighs_a_fetch_that_failed(
    cast: Cast, street: Street, disk: Disk
) -> None:
    post = with_file(cast, street, "pinterest", Kind.IMAGE)
    PostResult.objects.queue_due(timezone.now())
    delivery = results.begin(only(post).pk, timezone.now(), LEASE)
    assert delivery is not None
    delivery.kept.keep(TAKEN, "ticket")
    verdict = Verdict(line_of(delivery.result.account))
    retry.follow(delivery, NotFetched("Nothing was there."), timezone.now(), verdict)
    result = only(post)
    assert result.state == State.PROCESSING
    assert result.saved


def test_an_address_lives_longer_than_a_network_may_take() -> None:
    assert timedelta(hours=1) < FETCHED_WITHIN  # TikTok's own limit for a fetch
