"""The comparison itself: what is planted is found, and what is in order is left alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from posting.states import State
from tests.chaos.books import Ask, Key, Row, Verdict, Wanted, compare

ASK = Ask("here", "ada", "Hello.", due_at=100.0)
KEY = ASK.key


def row(state: str, *, text: str = "Hello.", posted_at: float = 0.0) -> Row:
    return Row("here", "ada", text, state, posted_at=posted_at)


def faults(verdict: Verdict) -> dict[str, int]:
    names = ("lost", "duplicated", "unconfirmed", "wrong_state")
    return {name: count for name in names if (count := getattr(verdict, name))}


def judged(wanted: Wanted, states: Sequence[str], copies: int) -> dict[str, int]:
    ask = Ask("here", "ada", "Hello.", wanted)
    verdict = compare([ask], [row(state) for state in states], [KEY] * copies)
    assert verdict.clean is (not faults(verdict))
    assert bool(verdict.complaints) is bool(faults(verdict))
    return faults(verdict)


@pytest.mark.parametrize(
    ("wanted", "state", "copies"),
    [
        (Wanted.OUT, State.POSTED, 1),
        (Wanted.STOPPED, State.CANCELLED, 0),
        (Wanted.EITHER, State.POSTED, 1),
        (Wanted.EITHER, State.CANCELLED, 0),
    ],
)
def test_what_is_in_order_is_clean(wanted: Wanted, state: State, copies: int) -> None:
    assert judged(wanted, [state], copies) == {}


@pytest.mark.parametrize("state", sorted(set(State) - {State.POSTED}))
def test_a_post_that_is_not_there_is_lost_whatever_its_row_says(state: State) -> None:
    assert judged(Wanted.OUT, [state], 0)["lost"] == 1


def test_a_post_that_is_not_there_but_called_posted_is_lost_and_wrong() -> None:
    assert judged(Wanted.OUT, [State.POSTED], 0) == {"lost": 1, "wrong_state": 1}


def test_a_post_without_any_row_is_lost() -> None:
    assert judged(Wanted.OUT, [], 0) == {"lost": 1, "wrong_state": 1}


@pytest.mark.parametrize("copies", [2, 3])
def test_every_copy_too_many_is_counted(copies: int) -> None:
    assert judged(Wanted.OUT, [State.POSTED], copies) == {"duplicated": copies - 1}


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.MISSED])
def test_a_post_that_is_there_although_its_row_says_no_is_wrong(state: State) -> None:
    assert judged(Wanted.EITHER, [state], 1) == {"wrong_state": 1}


@pytest.mark.parametrize("state", sorted(set(State) - {State.POSTED, State.UNCONFIRMED}))
def test_a_post_that_is_there_needs_a_row_that_says_so(state: State) -> None:
    assert judged(Wanted.OUT, [state], 1) == {"wrong_state": 1}


def test_a_cancelled_post_that_went_out_is_wrong() -> None:
    assert judged(Wanted.STOPPED, [State.POSTED], 1) == {"wrong_state": 1}


def test_a_last_moment_cancellation_that_left_nothing_is_lost() -> None:
    assert judged(Wanted.EITHER, [State.FAILED], 0) == {"lost": 1}


def test_two_rows_for_one_form_are_wrong() -> None:
    twice = [State.POSTED, State.POSTED]
    assert judged(Wanted.OUT, twice, 2) == {"duplicated": 1, "wrong_state": 1}


def test_a_doubt_is_counted_where_the_network_could_have_been_asked() -> None:
    assert judged(Wanted.OUT, [State.UNCONFIRMED], 1) == {"unconfirmed": 1}
    verdict = compare([ASK], [row(State.UNCONFIRMED)], [], unsearchable={"here"})
    assert (faults(verdict), verdict.left_to_a_person) == ({}, 1)


def test_what_nobody_asked_for_is_found_in_both_books() -> None:
    strange: Key = ("here", "ada", "Not ours.")
    rows = [row(State.POSTED), row(State.POSTED, text="Not ours.")]
    assert faults(compare([ASK], rows, [KEY])) == {"wrong_state": 1}
    assert faults(compare([ASK], rows[:1], [KEY, strange])) == {"wrong_state": 1}


def test_a_post_without_its_pictures_is_wrong() -> None:
    ask, rows = Ask("here", "ada", "Hello.", files=2), [row(State.POSTED)]
    assert compare([ask], rows, [KEY], shown={KEY: 2}).clean
    short = compare([ask], rows, [KEY], shown={KEY: 1})
    assert faults(short) == {"wrong_state": 1}
    assert "1 of 2" in short.complaints[0]


def test_the_sums_are_right() -> None:
    asks = [ASK, Ask("here", "ada", "Stop.", Wanted.STOPPED)]
    rows = [row(State.POSTED, posted_at=112.5), row(State.CANCELLED, text="Stop.")]
    verdict = compare(asks, rows, [KEY])
    assert (verdict.asked, verdict.posted, verdict.cancelled) == (2, 1, 1)
    assert (verdict.at_network, verdict.max_recovery_s) == (1, 12.5)
    assert verdict.clean
