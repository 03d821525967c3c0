"""A thread: written at once, out part by part, each as the answer to the one before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import providers
from accounts.states import WhenLate
from posting import amend, chain, compose, lateness, results
from posting.compose import CannotCompose
from posting.lateness import Lateness
from posting.models import Part, Post, PostResult
from posting.rules import placed
from posting.states import CHAIN, PostState, State
from posting.templatetags import wording
from providers.kit.content import Limits, TextRule, Unit
from providers.kit.contract import Field
from providers.kit.errors import Unavailable
from tests.cast import Cast, Street, connected, edit, samples, tells_of_the_lost, threaders
from tests.workers.engine import run, turn
from tokens.disconnect import pause
from tokens.models import SocialAccount
from workers.sweep import deliveries

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = threaders()
PLAIN = Limits(TextRule(100, Unit.CODE_POINTS))
PARTS = ("And then.", "The end.")


def thread(
    cast: Cast, accounts: list[SocialAccount], parts: tuple[str, ...] = PARTS, **more: Any
) -> Post:
    """A thread by Alice, due now."""
    return compose.compose(
        team=cast.team,
        author=cast.alice,
        text="Once upon a time.",
        accounts=accounts,
        at=timezone.now(),
        parts=parts,
        **more,
    )


def states(post: Post) -> list[str]:
    """Of its parts, in order."""
    return list(post.results.order_by("account", "part").values_list("state", flat=True))


def part(post: Post, number: int) -> PostResult:
    """One of them, as it stands."""
    return PostResult.objects.get(post=post, part=number)


def alone(monkeypatch: pytest.MonkeyPatch, name: str, **more: Any) -> None:
    """This network can answer no posts."""
    kind = providers.adapter(name)
    other = type(kind.__name__, (kind,), {"limits": PLAIN, **more})
    monkeypatch.setitem(providers.ADAPTERS, name, other)


# --- out it goes --------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_a_thread_goes_out_in_order_and_each_answers_the_one_before(
    cast: Cast, street: Street, name: str
) -> None:
    post = thread(cast, [connected(street, cast.team, name)])
    assert states(post) == [State.SCHEDULED, State.HELD, State.HELD]
    assert part(post, 2).held_for == CHAIN
    assert post.state == PostState.SCHEDULED
    turn()
    assert states(post) == [State.POSTED, State.SCHEDULED, State.HELD]
    assert Post.objects.get(pk=post.pk).state == PostState.POSTING
    assert run(post) == [State.POSTED] * 3
    assert street.texts(name) == ["The end.", "And then.", "Once upon a time."]
    last, second, first = street.board(name)
    flat = providers.adapter(name).limits.flat_threads  # all answer the first there
    assert (second["reply_to"], last["reply_to"]) == (
        first["id"],
        (first if flat else second)["id"],
    )


@pytest.mark.parametrize("name", [n for n in samples() if tells_of_the_lost(n)])
@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_part_whose_answer_is_lost_is_looked_up_before_the_next_goes(
    cast: Cast, street: Street, name: str, kind: str
) -> None:
    post = thread(cast, [connected(street, cast.team, name)])
    turn()
    street.trouble(name, kind)
    turn()
    assert states(post) == [State.POSTED, State.UNCERTAIN, State.HELD]
    assert run(post) == [State.POSTED] * 3
    assert len(street.board(name)) == 3


def test_a_release_that_was_lost_is_made_good(cast: Cast, street: Street) -> None:
    post = thread(cast, [connected(street, cast.team, "x")])
    turn()
    PostResult.objects.filter(post=post, part=1).update(state=State.HELD, held_for=CHAIN)
    deliveries(timezone.now())
    assert part(post, 1).state == State.SCHEDULED
    assert run(post) == [State.POSTED] * 3


def test_a_thread_that_has_begun_is_never_late(cast: Cast, street: Street) -> None:
    late = Lateness(timedelta(minutes=5), WhenLate.SKIP)
    post = thread(cast, [connected(street, cast.team, "x")], late=late)
    turn()
    lateness.judge(timezone.now() + timedelta(days=7))
    assert part(post, 1).state == State.SCHEDULED
    assert run(post) == [State.POSTED] * 3


def test_a_part_waits_for_its_account_like_any_post(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    post = thread(cast, [account])
    turn()
    pause(account)
    deliveries(timezone.now())
    assert part(post, 1).held_for == "paused"
    assert part(post, 2).held_for == CHAIN


def test_without_what_it_answers_nothing_is_sent(cast: Cast, street: Street) -> None:
    post = thread(cast, [connected(street, cast.team, "x")])
    for number in (1, 2):
        with pytest.raises(Unavailable, match="is not out"):
            chain.receipts(part(post, number))
    assert chain.receipts(part(post, 0)) == (None, None)


# --- what follows from an end -------------------------------------------------------------------
def test_behind_a_failed_part_the_rest_waits_and_follows_another_try(
    cast: Cast, street: Street
) -> None:
    post = thread(cast, [connected(street, cast.team, "x")])
    turn()
    street.trouble("x", "rejected")
    turn()
    deliveries(timezone.now())
    assert states(post) == [State.POSTED, State.FAILED, State.HELD]
    post = Post.objects.get(pk=post.pk)
    assert (post.state, post.moving) == (PostState.PARTIAL, False)
    assert "part 2, which did not go out" in wording.result_words(part(post, 2)).means
    assert wording.post_words(post).label == "Waiting for you"
    assert compose.try_again(post, timezone.now()) == 1
    assert part(post, 1).late_at is None
    assert run(post) == [State.POSTED] * 3


def test_what_a_person_confirms_without_a_number_cannot_be_answered(
    cast: Cast, street: Street
) -> None:
    post = thread(cast, [connected(street, cast.team, "x")])
    row = PostResult.objects.filter(post=post, part=0)
    PostResult.objects.filter(pk=row.get().pk).update(state=State.UNCONFIRMED)
    assert compose.confirm(post, row.get().pk, there=True, at=timezone.now()) == 1
    assert states(post) == [State.POSTED, State.CANCELLED, State.CANCELLED]
    assert "nobody knows its number" in part(post, 1).words


def test_cancelling_a_part_cancels_what_follows_and_nothing_else(
    cast: Cast, street: Street
) -> None:
    one, other = (connected(street, cast.team, name) for name in ("x", "mastodon"))
    post = thread(cast, [one, other])
    mine = PostResult.objects.get(post=post, account=one, part=1)
    assert compose.cancel(post, mine.pk) == 2
    assert sorted(run(post)) == [State.CANCELLED] * 2 + [State.POSTED] * 4
    assert len(street.board("x")) == 1
    assert len(street.board("mastodon")) == 3


def test_a_missed_thread_is_missed_as_a_whole_and_comes_back_as_a_whole(
    cast: Cast, street: Street
) -> None:
    late = Lateness(timedelta(minutes=5), WhenLate.SKIP)
    post = thread(cast, [connected(street, cast.team, "x")], late=late)
    PostResult.objects.filter(post=post, part=0).update(late_at=timezone.now())
    deliveries(timezone.now())
    assert states(post) == [State.MISSED] * 3
    assert compose.try_again(post, timezone.now()) == 3
    assert states(post) == [State.SCHEDULED, State.HELD, State.HELD]
    assert run(post) == [State.POSTED] * 3


# --- what may be written ------------------------------------------------------------------------
def refused(make: Callable[[], object]) -> dict[str, list[str]]:
    """What stands in the way."""
    with pytest.raises(CannotCompose) as caught:
        make()
    assert not Post.objects.exists()
    return caught.value.problems


def test_a_network_that_cannot_answer_is_named_unless_it_has_words_of_its_own(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    able, unable = (connected(street, cast.team, name) for name in ("x", "mastodon"))
    alone(monkeypatch, "mastodon")
    said = refused(lambda: thread(cast, [able, unable]))
    assert list(said) == ["parts"]
    assert said["parts"][0].startswith("Mastodon cannot continue a thread")
    post = thread(cast, [able, unable], versions={unable.pk: "All of it at once."})
    assert sorted(run(post)) == [State.POSTED] * 4
    assert street.texts("mastodon") == ["All of it at once."]
    assert len(street.board("x")) == 3


def test_every_part_must_fit_and_say_something(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    said = refused(lambda: thread(cast, [account], (" ", "x" * 281)))
    assert said["parts"][0] == "Part 2 is empty."
    assert said["parts"][1].startswith("X, part 3: ")


def test_an_account_says_its_own_words_and_they_must_fit(cast: Cast, street: Street) -> None:
    one, other = (connected(street, cast.team, name) for name in ("x", "bluesky"))
    said = refused(lambda: thread(cast, [one, other], (), versions={one.pk: "x" * 281}))
    assert str(one) in said["text"][0]
    post = thread(cast, [one, other], ("More.",), versions={one.pk: "On X I say it shorter."})
    assert run(post) == [State.POSTED] * 4
    assert street.texts("x") == ["More.", "On X I say it shorter."]
    assert street.texts("bluesky") == ["More.", "Once upon a time."]


def test_needed_blanks_of_a_network_are_asked_for_by_name(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Field("board", "Board", needed=True)
    alone(monkeypatch, "x", post_fields=(board, Field("title", "Title")))
    account = connected(street, cast.team, "x")
    said = refused(lambda: thread(cast, [account], ()))
    assert said == {"options": [f"{account}: fill in “Board”."]}
    wrong = {account.pk: {"board": "Trees", "colour": "green"}}
    said = refused(lambda: thread(cast, [account], (), options=wrong))
    assert said == {"options": [f"{account}: its network knows no blank “colour”."]}
    post = thread(cast, [account], (), options={account.pk: {"board": "Trees"}})
    PostResult.objects.queue_due(timezone.now())
    delivery = results.begin(part(post, 0).pk, timezone.now(), timedelta(seconds=100))
    assert delivery is not None
    assert delivery.message.options == {"board": "Trees"}


@pytest.mark.parametrize(
    ("limits", "beside_media", "expected"),
    [
        (PLAIN, False, ("Look!\n\nhttps://example.org/a", "")),
        (Limits(PLAIN.text, links=True), False, ("Look!", "https://example.org/a")),
        (Limits(PLAIN.text, links=True), True, ("Look!\n\nhttps://example.org/a", "")),
        (
            Limits(PLAIN.text, links=True, links_beside_media=True),
            True,
            ("Look!", "https://example.org/a"),
        ),
        (None, False, ("Look!\n\nhttps://example.org/a", "")),
    ],
)
def test_a_link_stands_apart_where_it_may_and_behind_the_text_elsewhere(
    limits: Limits | None, beside_media: bool, expected: tuple[str, str]
) -> None:
    assert placed("Look!", "https://example.org/a", limits, beside_media=beside_media) == expected


def test_a_link_is_counted_and_never_said_twice(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = "https://example.org/" + "a" * 75
    alone(monkeypatch, "mastodon")
    account = connected(street, cast.team, "mastodon")
    said = refused(lambda: thread(cast, [account], (), link=link))
    assert list(said) == ["text"]
    assert placed(f"See {link}", link, PLAIN, beside_media=False) == (f"See {link}", "")
    assert placed("", link, PLAIN, beside_media=False) == (link, "")


# --- changed before it begins -------------------------------------------------------------------
def test_a_thread_can_be_rewritten_until_it_begins(cast: Cast, street: Street) -> None:
    able, other = (connected(street, cast.team, name) for name in ("x", "bluesky"))
    post = thread(cast, [able, other], due_at=timezone.now() + timedelta(hours=1))
    now = timezone.now()
    edit(post, seen=1, at=now, parts=("Only one.",), versions={able.pk: "My own."})
    assert list(Part.objects.filter(post=post).values_list("text", flat=True)) == ["Only one."]
    assert PostResult.objects.filter(post=post).count() == 4
    edit(post, seen=2, at=now, parts=("One.", "Two.", "Three."), due_at=now)
    assert PostResult.objects.filter(post=post).count() == 8
    assert run(post) == [State.POSTED] * 8
    assert street.texts("x") == ["Three.", "Two.", "One.", "My own."]
    post.refresh_from_db()
    with pytest.raises(amend.TooLate):
        edit(post, seen=3, at=now, parts=("Too late.",))


def test_a_rewritten_thread_must_fit_too(cast: Cast, street: Street) -> None:
    post = thread(cast, [connected(street, cast.team, "x")])
    with pytest.raises(CannotCompose) as caught:
        edit(post, seen=1, at=timezone.now(), parts=("x" * 281,))
    assert list(caught.value.problems) == ["parts"]
    assert list(Part.objects.filter(post=post).values_list("text", flat=True)) == list(PARTS)
