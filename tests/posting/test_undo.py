"""Move, cancel and delete can be taken back for ten seconds, once, unless it has gone on since."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posting import drafts, lateness, undo
from posting.amend import TooLate
from posting.compose import CannotCompose, compose
from posting.drafts import Content
from posting.models import Post, PostResult, Undoable
from posting.states import LATE, State
from posting.undo import GRACE, WINDOW, CannotUndo
from tests.cast import Cast, Street, connected, edit, everywhere, only, written
from tests.workers.engine import run, turn
from tokens.disconnect import pause
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SHOWN = ("state", "due_at", "planned_at", "late_at", "held_for", "words", "error", "marker")


def ahead(cast: Cast, street: Street) -> Post:
    """A post for tomorrow on every network."""
    at = timezone.now()
    return compose(
        team=cast.team,
        author=cast.alice,
        text="Tomorrow.",
        accounts=everywhere(street, cast.team),
        at=at,
        due_at=at + DAY,
    )


def stands(post: Post) -> list[object]:
    """All that a person sees of a post."""
    now = Post.objects.get(pk=post.pk)
    rows = list(post.results.order_by("pk").values_list(*SHOWN))
    return [now.text, now.due_at, now.wish, now.deleted_at, *rows]


def moves(cast: Cast, post: Post, at: datetime) -> Undoable:
    """Three days later."""
    return undo.move(cast.team, post.pk, post.due_at + 3 * DAY, at=at)


def cancels(cast: Cast, post: Post, at: datetime) -> Undoable:
    """Everywhere."""
    return undo.cancel(cast.team, post.pk, at=at)


def cancels_one(cast: Cast, post: Post, at: datetime) -> Undoable:
    """On one account."""
    first = post.results.order_by("pk")[0]
    return undo.cancel(cast.team, post.pk, at=at, result=first.pk)


def deletes(cast: Cast, post: Post, at: datetime) -> Undoable:
    """Off every page."""
    return undo.delete(cast.team, post.pk, at=at)


Act = Callable[[Cast, Post, datetime], Undoable]
ACTS: list[Act] = [moves, cancels, cancels_one, deletes]
every_act = pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)


@every_act
def test_undone_it_stands_as_before_and_goes_out_once(cast: Cast, street: Street, act: Act) -> None:
    post, at = ahead(cast, street), timezone.now()
    before = stands(post)
    token = act(cast, post, at).token
    assert stands(post) != before
    assert "Undone" in undo.undo(cast.team, token, at + SECOND)
    assert stands(post) == before
    PostResult.objects.update(due_at=at)
    assert set(run(post)) == {State.POSTED}
    assert len(street.board()) == post.results.count()


@every_act
def test_a_token_counts_once_for_its_team_and_a_little_longer_than_it_is_shown(
    cast: Cast, street: Street, act: Act
) -> None:
    post, at = ahead(cast, street), timezone.now()
    token = act(cast, post, at).token
    for team, code, when, told in (
        (cast.other_team, token, at, "nothing to undo"),
        (cast.team, uuid.uuid4(), at, "nothing to undo"),
        (cast.team, "no token", at, "nothing to undo"),
        (cast.team, token, at + WINDOW + GRACE, "too late"),
    ):
        with pytest.raises(CannotUndo, match=told):
            undo.undo(team, code, when)
    undo.undo(cast.team, str(token), at + WINDOW + GRACE / 2)
    with pytest.raises(CannotUndo, match="already"):
        undo.undo(cast.team, token, at)


@every_act
def test_what_somebody_has_changed_since_is_not_overwritten(
    cast: Cast, street: Street, act: Act
) -> None:
    post, at = ahead(cast, street), timezone.now()
    token = act(cast, post, at).token
    if act in (moves, cancels_one):
        edit(post, seen=Post.objects.get(pk=post.pk).version, at=at, text="Bob's.")
    else:
        Post.objects.filter(pk=post.pk).update(version=9)
    now = stands(post)
    with pytest.raises(CannotUndo, match="changed it since"):
        undo.undo(cast.team, token, at)
    assert stands(post) == now
    assert Undoable.objects.get(token=token).used_at is None


def test_what_has_gone_out_since_stays_out(cast: Cast, street: Street) -> None:
    post = ahead(cast, street)
    at = timezone.now()
    token = undo.move(cast.team, post.pk, at + timedelta(minutes=5), at=at).token
    PostResult.objects.update(due_at=at)
    run(post)
    now = stands(post)
    with pytest.raises(CannotUndo, match="gone on since"):
        undo.undo(cast.team, token, at + SECOND)
    assert stands(post) == now


def test_what_was_in_line_waits_again(cast: Cast, street: Street) -> None:
    post, at = written(cast, "In line.", [connected(street, cast.team, "x")]), timezone.now()
    PostResult.objects.queue_due(timezone.now())
    token = undo.cancel(cast.team, post.pk, at=at).token
    assert turn() == 0
    undo.undo(cast.team, token, at)
    assert only(post).state == State.SCHEDULED
    assert run(post) == [State.POSTED]
    assert street.texts() == ["In line."]


def test_what_was_late_or_paused_is_so_again(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    late = written(cast, "Late.", [account])
    lateness.judge(timezone.now() + DAY)
    held = written(cast, "Paused.", [account])
    pause(account)
    turn()
    at = timezone.now()
    for post, act in ((late, moves), (late, cancels), (held, moves), (held, cancels)):
        before = stands(post)
        undo.undo(cast.team, act(cast, post, at + 2 * DAY).token, at + 2 * DAY)
        assert stands(post) == before
    assert (only(late).held_for, only(held).held_for) == (LATE, "paused")


def test_the_past_is_refused_with_the_reason(cast: Cast, street: Street) -> None:
    post, at = ahead(cast, street), timezone.now()
    draft = drafts.begin(team=cast.team, author=cast.alice, key=uuid.uuid4(), at=at)
    for pk in (post.pk, draft.pk):
        with pytest.raises(CannotCompose, match="has passed"):
            undo.move(cast.team, pk, at - SECOND, at=at)
    assert not Undoable.objects.exists()


@pytest.mark.parametrize("state", [State.POSTED, State.SENDING, State.UNCERTAIN])
@every_act
def test_what_is_out_is_refused_with_the_reason(
    cast: Cast, street: Street, act: Act, state: State
) -> None:
    post = written(cast, "Out.", [connected(street, cast.team, "x")])
    PostResult.objects.update(state=state)
    with pytest.raises(TooLate, match=r"it is out|on its way|being asked"):
        act(cast, post, timezone.now())
    assert only(post).state == state
    assert not Undoable.objects.exists()


def test_a_draft_is_moved_and_deleted_and_comes_back(cast: Cast, street: Street) -> None:
    at = timezone.now()
    draft = drafts.begin(
        team=cast.team,
        author=cast.alice,
        key=uuid.uuid4(),
        at=at,
        content=Content("Mine.", (connected(street, cast.team, "x"),)),
    )
    token = undo.move(cast.team, draft.pk, at + DAY, at=at).token
    assert Post.objects.get(pk=draft.pk).wish == at + DAY
    undo.undo(cast.team, token, at)
    assert Post.objects.get(pk=draft.pk).wish is None
    undo.undo(cast.team, undo.delete(cast.team, draft.pk, at=at).token, at)
    assert drafts.of_team(cast.team).get() == draft
    assert turn() == 0
    with pytest.raises(TooLate, match="draft"):
        undo.cancel(cast.team, draft.pk, at=at)


def test_several_are_moved_together_or_not_at_all(cast: Cast, street: Street) -> None:
    one, other, at = (
        ahead(cast, street),
        written(cast, "Out.", [connected(street, cast.team, "x", "bea")]),
        timezone.now(),
    )
    PostResult.objects.filter(post=other).update(state=State.POSTED)
    before = stands(one)
    with pytest.raises(TooLate):
        undo.move_all(cast.team, [one.pk, other.pk], DAY, at=at)
    assert stands(one) == before
    act = undo.move_all(cast.team, [one.pk], DAY, at=at)
    assert Post.objects.get(pk=one.pk).due_at == one.due_at + DAY
    assert act.words == "1 post moved."
    with pytest.raises(Post.DoesNotExist):
        undo.move_all(cast.other_team, [one.pk], DAY, at=at)


def test_a_deleted_post_is_shown_nowhere(cast: Cast, street: Street) -> None:
    post, at = ahead(cast, street), timezone.now()
    undo.delete(cast.team, post.pk, at=at)
    assert not Post.objects.for_team(cast.team).exists()
    with pytest.raises(Post.DoesNotExist):
        undo.delete(cast.team, post.pk, at=at)
    assert undo.forget(at) == 0
    assert undo.forget(at + 2 * DAY) == 1


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.sampled_from(ACTS), min_size=1, max_size=4))
def test_after_any_row_of_acts_the_last_one_is_undone(
    cast: Cast, street: Street, acts: list[Act]
) -> None:
    """And one that is refused changes nothing."""
    at = timezone.now()
    known = SocialAccount.objects.filter(team=cast.team).first()
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="Again and again.",
        accounts=[known or connected(street, cast.team, "x")],
        at=at,
        due_at=at + DAY,
    )
    last: tuple[list[object], Undoable] | None = None
    for act in acts:
        before = stands(post)
        try:
            last = before, act(cast, post, at)
        except (TooLate, Post.DoesNotExist):
            assert stands(post) == before
    assert last is not None
    undo.undo(cast.team, last[1].token, at)
    assert stands(post) == last[0]
