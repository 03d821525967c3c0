"""The life of a result: only moves of the table, known states, and always a way on."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from posting.models import Attempt, PostResult
from posting.states import ENDED, MOVES, MOVING, PostState, State, post_state
from tests.cast import Cast, Street, connected, only, written


def test_every_state_has_its_moves_and_the_ended_ones_need_a_person() -> None:
    assert set(MOVES) == set(State)
    assert not MOVING & ENDED
    for state in MOVING:
        assert MOVES[state], f"{state} has no way out"


def test_everything_that_moves_by_itself_can_reach_an_end() -> None:
    reach = {state: set(MOVES[state]) for state in State}
    for _ in State:
        reach = {s: set(n).union(*(MOVES[x] for x in n)) for s, n in reach.items()}
    assert all(reach[state] & ENDED for state in MOVING)


@given(st.lists(st.sampled_from(State), min_size=1))
def test_a_posts_state_follows_from_its_results(states: list[State]) -> None:
    derived = post_state(states)
    live = set(states) - {State.CANCELLED}
    if live & (MOVING - {State.SCHEDULED}):
        assert derived is PostState.POSTING
    if live == {State.POSTED}:
        assert derived is PostState.POSTED
    if live and live <= {State.FAILED, State.MISSED, State.UNCONFIRMED}:
        assert derived is PostState.FAILED
    if not live:
        assert derived is PostState.CANCELLED


def test_one_posted_and_one_failed_is_partial() -> None:
    assert post_state([State.POSTED, State.FAILED]) is PostState.PARTIAL
    assert post_state([State.POSTED, State.CANCELLED]) is PostState.POSTED
    assert post_state([State.SCHEDULED, State.HELD]) is PostState.SCHEDULED
    assert post_state([]) is PostState.DRAFT


@pytest.mark.django_db(transaction=True)
class TestInTheDatabase:
    """What the row itself guards."""

    def test_a_move_outside_the_table_is_refused(self, cast: Cast, street: Street) -> None:
        post = written(cast, "Hello.", [connected(street, cast.team, "x")])
        with pytest.raises(ValueError, match="no move from scheduled to posted"):
            post.results.all().move([State.SCHEDULED], State.POSTED)

    def test_only_the_first_of_two_moves_counts(self, cast: Cast, street: Street) -> None:
        post = written(cast, "Hello.", [connected(street, cast.team, "x")])
        results = post.results.all()
        assert results.move([State.SCHEDULED], State.QUEUED) == 1
        assert results.move([State.SCHEDULED], State.QUEUED) == 0

    def test_an_unknown_state_is_refused_by_the_database(self, cast: Cast, street: Street) -> None:
        post = written(cast, "Hello.", [connected(street, cast.team, "x")])
        table = PostResult._meta.db_table
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET state = 'queud'")
        assert only(post).state == State.SCHEDULED

    def test_a_post_has_one_result_per_account(self, cast: Cast, street: Street) -> None:
        account = connected(street, cast.team, "x")
        post = written(cast, "Hello.", [account])
        with pytest.raises(IntegrityError), transaction.atomic():
            PostResult.objects.create(
                post=post, account=account, provider="x", due_at=timezone.now()
            )

    def test_a_stale_epoch_moves_nothing(self, cast: Cast, street: Street) -> None:
        post = written(cast, "Hello.", [connected(street, cast.team, "x")])
        PostResult.objects.queue_due(timezone.now())
        rows = post.results.all()
        assert rows.move([State.QUEUED], State.SCHEDULED, epoch=7) == 0
        assert rows.move([State.QUEUED], State.SCHEDULED, epoch=0) == 1

    def test_history_keeps_a_result_from_being_deleted(self, cast: Cast, street: Street) -> None:
        post = written(cast, "Hello.", [connected(street, cast.team, "x")])
        Attempt.objects.create(
            result=only(post),
            number=1,
            kind="publish",
            started_at=timezone.now(),
            correlation_id="c",
        )
        with pytest.raises(IntegrityError), transaction.atomic():
            post.delete()
