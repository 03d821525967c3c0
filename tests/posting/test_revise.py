"""Everything of a post can be changed while it waits: whom it is for, what it says, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.storage.disk import Disk
from posting import drafts, results, slots
from posting.amend import Outrun, TooLate
from posting.compose import CannotCompose, cancel, compose, try_again
from posting.media import of_post
from posting.models import Attempt, Post, PostResult
from posting.revise import TAKEN_AWAY, put_back, revise, standing
from posting.states import CHAIN, State
from tests import files
from tests.cast import Cast, Street, connected, edit, everywhere, only, threaders, written
from tests.files import brought
from tests.posting.test_amend import begin, one_inside_the_other, queued
from tests.workers.engine import run, turn
from tokens.disconnect import pause
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def later(cast: Cast, accounts: list[SocialAccount], **more: Any) -> Post:
    """A post by Alice for tomorrow."""
    at = timezone.now()
    about: dict[str, Any] = {"text": "Planned.", "due_at": at + DAY, **more}
    return compose(team=cast.team, author=cast.alice, accounts=accounts, at=at, **about)


def states(post: Post) -> dict[int, str]:
    """How the first results stand, by account."""
    return dict(post.results.filter(part=0).values_list("account", "state"))


def tried(cast: Cast, street: Street, account: SocialAccount, *others: SocialAccount) -> Post:
    """One attempt was made on this account and has failed; it is tried again in a minute."""
    post = written(cast, "Once more.", [account, *others])
    street.trouble(account.provider, "throttled", seconds=60)
    turn()
    assert Attempt.objects.filter(result__account=account).exists()
    return post


# --- whom it is for ------------------------------------------------------------------------------
def test_an_account_comes_and_another_goes(cast: Cast, street: Street) -> None:
    one, other = everywhere(street, cast.team)[:2]
    post = later(cast, [one])
    edit(post, seen=1, at=timezone.now(), accounts=(other,))
    assert states(post) == {other.pk: State.SCHEDULED}
    assert only(post).planned_at == Post.objects.get(pk=post.pk).due_at
    at = timezone.now()
    edit(post, seen=2, at=at, due_at=at)
    assert run(post) == [State.POSTED]
    assert street.texts(one.provider) == []


def test_what_was_tried_is_cancelled_and_never_deleted(cast: Cast, street: Street) -> None:
    tryer, other = (connected(street, cast.team, name) for name in ("mastodon", "x"))
    post = tried(cast, street, tryer)
    edit(post, seen=1, at=timezone.now(), accounts=(other,))
    gone = PostResult.objects.get(post=post, account=tryer)
    assert (gone.state, gone.words) == (State.CANCELLED, TAKEN_AWAY)
    assert gone.attempts_made.count() == 1
    assert run(post) == [State.CANCELLED, State.POSTED]
    assert street.texts("mastodon") == []


def test_where_it_failed_it_is_tried_again_with_the_new_words(cast: Cast, street: Street) -> None:
    failed, other = (connected(street, cast.team, name) for name in ("mastodon", "x"))
    post = later(cast, [failed, other])
    PostResult.objects.filter(account=failed).update(
        state=State.FAILED, error="rejected", words="No.", attempts=3, saved="sealed"
    )
    stands = standing(post)
    assert stands.accounts == (other,)
    at = timezone.now()
    content = replace(stands, text="Better.", accounts=(failed, other), wish=None)
    revise(post, content, seen=1, at=at)
    woken = PostResult.objects.get(post=post, account=failed)
    assert (woken.state, woken.attempts, woken.saved, woken.words) == (State.SCHEDULED, 0, "", "")
    assert run(post) == [State.POSTED] * 2
    assert set(street.texts()) == {"Better."}


def test_tried_again_later_it_says_the_new_and_not_what_was_prepared(
    cast: Cast, street: Street
) -> None:
    failed, other = (connected(street, cast.team, name) for name in ("mastodon", "x"))
    post = later(cast, [failed, other])
    one = PostResult.objects.filter(account=failed)
    one.update(state=State.FAILED, error="unavailable", attempts=3, saved="a picture of before")
    before = one.get()
    edit(post, seen=1, at=timezone.now(), link="https://example.org/")
    after = one.get()
    assert (after.state, after.saved, after.attempts) == (State.FAILED, "", 3)
    assert after.marker != before.marker
    try_again(post, timezone.now())
    turn()
    assert "example.org" in street.texts("mastodon")[0]


def test_an_account_that_is_not_ready_may_wait_on_but_not_join(cast: Cast, street: Street) -> None:
    one, other = everywhere(street, cast.team)[:2]
    post = later(cast, [one])
    pause(one)
    pause(other)
    other.refresh_from_db()
    edit(post, seen=1, at=timezone.now(), text="Still for it.")
    with pytest.raises(CannotCompose, match="Not ready"):
        edit(post, seen=2, at=timezone.now(), accounts=(one, other))
    with pytest.raises(CannotCompose, match="at least one account"):
        edit(post, seen=2, at=timezone.now(), accounts=())
    assert states(post) == {one.pk: State.SCHEDULED}


def test_nobody_gives_a_post_to_anothers_account(cast: Cast, street: Street) -> None:
    mine, theirs = (
        connected(street, team, "x", who)
        for team, who in zip((cast.team, cast.other_team), ("ada", "ben"), strict=True)
    )
    post = later(cast, [mine])
    with pytest.raises(CannotCompose, match="not yours"):
        edit(post, seen=1, at=timezone.now(), accounts=(mine, theirs))


# --- what it says --------------------------------------------------------------------------------
def test_edited_during_a_retry_wait_it_waits_on_with_the_new(cast: Cast, street: Street) -> None:
    post = tried(cast, street, connected(street, cast.team, "mastodon"))
    before = only(post)
    edit(post, seen=1, at=timezone.now(), link="https://example.org/new")
    after = only(post)
    assert (after.due_at, after.attempts) == (before.due_at, before.attempts)
    assert after.marker != before.marker
    assert after.first_sent_at is None


def test_what_was_left_alone_keeps_its_mark_at_the_network(cast: Cast, street: Street) -> None:
    post = tried(cast, street, connected(street, cast.team, "mastodon"))
    before = only(post)
    edit(post, seen=1, at=timezone.now(), due_at=timezone.now() + DAY)
    assert only(post).marker == before.marker
    assert only(post).first_sent_at == before.first_sent_at


def test_a_version_and_a_blank_of_one_account(cast: Cast, street: Street) -> None:
    one, other = (connected(street, cast.team, name) for name in ("x", "mastodon"))
    post = later(cast, [one, other])
    edit(post, seen=1, at=timezone.now(), versions={one.pk: "Only here."}, due_at=None)
    assert run(post) == [State.POSTED] * 2
    assert street.texts("x") == ["Only here."]
    assert street.texts("mastodon") == ["Planned."]


def test_parts_come_and_go(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, threaders()[0])
    post = later(cast, [account])
    edit(post, seen=1, at=timezone.now(), parts=("Two.", "Three."))
    told = post.results.order_by("part").values_list("part", "state", "held_for")
    assert list(told) == [(0, "scheduled", ""), (1, "held", CHAIN), (2, "held", CHAIN)]
    edit(post, seen=2, at=timezone.now(), parts=("Two only.",), due_at=None)
    assert post.results.count() == 2
    assert run(post) == [State.POSTED] * 2
    assert set(street.texts(account.provider)) == {"Planned.", "Two only."}


def test_an_account_that_is_new_gets_the_thread_too(cast: Cast, street: Street) -> None:
    one, other = (connected(street, cast.team, name) for name in threaders()[:2])
    post = later(cast, [one], parts=("Two.",))
    edit(post, seen=1, at=timezone.now(), accounts=(one, other), due_at=None)
    assert run(post) == [State.POSTED] * 4


def test_pictures_are_changed_and_put_in_another_order(
    cast: Cast, street: Street, disk: Disk
) -> None:
    one, two = (brought(cast.team, cast.alice, files.telling(width=60 + n)) for n in range(2))
    post = later(cast, [connected(street, cast.team, "mastodon")], media=((one, "First"),))
    marker = only(post).marker
    edit(post, seen=1, at=timezone.now(), media=((two, "Second"), (one, "First")))
    assert of_post(post.pk) == [(two, "Second"), (one, "First")]
    assert only(post).marker != marker
    edit(post, seen=2, at=timezone.now(), media=())
    assert of_post(post.pk) == []


# --- when ----------------------------------------------------------------------------------------
def test_the_next_free_slot_of_each_account(cast: Cast, street: Street) -> None:
    one, other = (connected(street, cast.team, name) for name in ("x", "mastodon"))
    slots.add(one, range(7), time(9))
    slots.add(other, range(7), time(10))
    post, at = later(cast, [one, other], due_at=timezone.now() + 40 * DAY), timezone.now()
    coming = slots.next_each([one, other], at)
    revise(post, standing(post), seen=1, at=at, next_slot=True)
    assert dict(post.results.values_list("account", "planned_at")) == coming
    assert Post.objects.get(pk=post.pk).due_at == min(filter(None, coming.values()))
    revise(post, standing(post), seen=2, at=at, next_slot=True)  # it takes none from itself
    assert dict(post.results.values_list("account", "planned_at")) == coming


def test_without_a_slot_nothing_is_changed(cast: Cast, street: Street) -> None:
    post = later(cast, [connected(street, cast.team, "x")])
    content = replace(standing(post), text="New.")
    with pytest.raises(CannotCompose, match="No free slot"):
        revise(post, content, seen=1, at=timezone.now(), next_slot=True)
    assert Post.objects.get(pk=post.pk).text == "Planned."


# --- two at once ---------------------------------------------------------------------------------
def test_the_same_form_twice_is_saved_once_and_another_one_is_told(
    cast: Cast, street: Street
) -> None:
    post = later(cast, [connected(street, cast.team, "x")])
    for _ in range(2):
        edit(post, seen=1, at=timezone.now(), text="Alice's.")
    assert Post.objects.get(pk=post.pk).version == 2
    with pytest.raises(Outrun):
        edit(post, seen=1, at=timezone.now(), text="Bob's.")


Change = Callable[[Post, SocialAccount, SocialAccount], None]


def swaps(post: Post, one: SocialAccount, other: SocialAccount) -> None:
    """Another account in the place of the one that a worker is at."""
    edit(post, seen=1, at=timezone.now(), accounts=(other,))


def goes_back(post: Post, one: SocialAccount, other: SocialAccount) -> None:
    """It is put back to the drafts."""
    put_back(post, seen=1, at=timezone.now())


@pytest.mark.parametrize("change", [swaps, goes_back])
def test_a_fence_that_came_first_keeps_the_account(
    cast: Cast, street: Street, change: Change
) -> None:
    one, other = (connected(street, cast.team, name) for name in ("x", "mastodon"))
    post = queued(written(cast, "Going.", [one]))
    delivery, answer = one_inside_the_other(lambda: begin(post), lambda: change(post, one, other))
    assert delivery is not None
    assert isinstance(answer, TooLate)
    assert states(post) == {one.pk: State.SENDING}


@pytest.mark.parametrize("change", [swaps, goes_back])
def test_a_fence_that_comes_second_finds_nothing(
    cast: Cast, street: Street, change: Change
) -> None:
    one, other = (connected(street, cast.team, name) for name in ("x", "mastodon"))
    post = queued(written(cast, "Staying.", [one]))
    pk = only(post).pk

    def fence() -> results.Delivery | None:
        return results.begin(pk, timezone.now(), timedelta(seconds=10))

    _, delivery = one_inside_the_other(lambda: change(post, one, other), fence)
    assert delivery is None
    run(post)
    assert street.texts("x") == []


# --- back to the drafts --------------------------------------------------------------------------
def test_a_post_goes_back_to_the_drafts_whole_and_can_be_sent_from_there(
    cast: Cast, street: Street
) -> None:
    name = threaders()[0]
    post = later(cast, [connected(street, cast.team, name)], parts=("Two.",))
    before = standing(post)
    put_back(post, seen=1, at=timezone.now())
    post.refresh_from_db()
    assert post.draft
    assert drafts.content_of(post) == before
    assert states(post).popitem()[1] == State.DRAFT
    turn()
    assert street.texts(name) == []
    with pytest.raises(TooLate, match="back to the drafts"):
        revise(post, before, seen=2, at=timezone.now())
    drafts.schedule(post, None, seen=2, at=timezone.now())
    assert run(post) == [State.POSTED] * 2


def test_what_was_tried_or_is_out_does_not_go_back(cast: Cast, street: Street) -> None:
    post = tried(cast, street, connected(street, cast.team, "mastodon"))
    with pytest.raises(TooLate, match="tried already"):
        put_back(post, seen=1, at=timezone.now())
    other = written(cast, "Out.", [connected(street, cast.team, "x")])
    cancel(other)
    with pytest.raises(TooLate, match="Nothing of this post waits"):
        put_back(other, seen=1, at=timezone.now())
    assert not Post.objects.filter(draft=True).exists()
