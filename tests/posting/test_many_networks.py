"""One post on several networks: none waits for another, and each tells its own end."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from posting.compose import try_again
from posting.models import Post, PostResult
from posting.states import PostState, State
from providers.kit.contract import Account, Message, Receipt
from tests.cast import Cast, Street, connected, only, written
from tests.pages.conftest import browser
from tests.workers.engine import run, turn
from tokens.networks import network
from workers.publish import deliver

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_networks_refusal_stops_no_other_and_the_words_are_its_own(
    cast: Cast, street: Street
) -> None:
    accounts = [connected(street, cast.team, name) for name in ("bluesky", "mastodon", "x")]
    post = written(cast, "Mixed.", accounts)
    street.trouble("mastodon", "rejected")
    assert run(post) == [State.POSTED, State.FAILED, State.POSTED]
    assert Post.objects.get(pk=post.pk).state == PostState.PARTIAL
    said = post.results.get(provider="mastodon").words
    page = browser(cast.bob).get(f"/posts/{post.pk}/").content.decode()
    assert said
    assert said in page
    street.trouble("mastodon", "rejected")
    assert try_again(post, timezone.now()) == 1
    run(post)
    assert Post.objects.get(pk=post.pk).state == PostState.PARTIAL
    assert try_again(post, timezone.now()) == 1
    run(post)
    assert Post.objects.get(pk=post.pk).state == PostState.POSTED
    assert len(street.board()) == 3


def test_the_history_of_a_failed_try_stays_when_it_is_tried_again(
    cast: Cast, street: Street
) -> None:
    post = written(cast, "Once more.", [connected(street, cast.team, "x")])
    planned = only(post).post.created_at
    street.trouble("x", "rejected")
    run(post)
    try_again(post, timezone.now())
    run(post)
    tries = only(post).attempts_made.values_list("outcome", flat=True)
    assert list(tries) == ["rejected", "posted"]
    assert only(post).post.created_at == planned


def test_posts_are_listed_newest_first_and_their_results_by_network(
    cast: Cast, street: Street
) -> None:
    accounts = [connected(street, cast.team, name) for name in ("x", "bluesky")]
    for number in range(3):
        post = written(cast, f"Post number {number}.", accounts)
        moment = timezone.now() + timedelta(seconds=number)
        Post.objects.filter(pk=post.pk).update(created_at=moment)
    page = browser(cast.bob).get("/posts/").content.decode()
    places = [page.index(f"Post number {number}.") for number in (2, 1, 0)]
    assert places == sorted(places)
    shown = browser(cast.bob).get(f"/posts/{post.pk}/").content.decode()
    x, bluesky = accounts
    assert shown.index(bluesky.handle) < shown.index(x.handle)  # by network, however chosen


def test_a_message_about_a_result_that_is_not_there_does_nothing(db: None) -> None:
    deliver(999_999)
    assert not PostResult.objects.exists()


def test_what_breaks_on_our_side_is_in_the_log_with_the_result_and_its_network(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(message: Message, account: Account) -> Receipt:
        raise RuntimeError("a slip of ours")

    post = written(cast, "It breaks.", [connected(street, cast.team, "x")])
    monkeypatch.setattr(network("x"), "publish", broken)
    with caplog.at_level(logging.ERROR):
        turn()
    [line] = [r for r in caplog.records if r.name == "workers.publish"]
    assert line.getMessage() == f"result {only(post).pk} on x broke off"
    assert only(post).state == State.UNCERTAIN
    assert "slip" not in only(post).words


def test_an_account_has_one_result_and_an_id_may_be_long(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "bluesky")
    post = written(cast, "Only once.", [account])
    twin = {"post": post, "account": account, "provider": "bluesky", "due_at": timezone.now()}
    with pytest.raises(IntegrityError), transaction.atomic():
        PostResult.objects.create(**twin, marker=uuid.uuid4())
    run(post)
    assert only(post).external_id.startswith("at://")
    PostResult.objects.filter(post=post).update(external_id="at://" + "a" * 400)
    assert len(only(post).external_id) == 405


def test_a_state_that_nobody_knows_is_refused_by_the_database(cast: Cast, street: Street) -> None:
    post = written(cast, "Where is it?", [connected(street, cast.team, "x")])
    with pytest.raises(IntegrityError), transaction.atomic():
        PostResult.objects.filter(post=post).update(state="nowhere")
