"""The life of a PostResult: one table of allowed moves; a Post's state is derived from it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    """Where one post on one account stands."""

    DRAFT = "draft"
    HELD = "held"  # waits for a person (approval, reconnect, pause), or for the part before it
    SCHEDULED = "scheduled"  # waits for its due time
    QUEUED = "queued"  # a worker has been rung for
    SENDING = "sending"  # the intent is committed; the request may be on its way
    UNCERTAIN = "uncertain"  # the answer was lost; the network is being asked
    PROCESSING = "processing"  # taken; the network is still working on it
    POSTED = "posted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"  # too late by its own policy
    UNCONFIRMED = "unconfirmed"  # may be out; only a person can tell


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.HELD, State.SCHEDULED, State.CANCELLED}),
    State.HELD: frozenset({State.SCHEDULED, State.CANCELLED, State.MISSED}),
    State.SCHEDULED: frozenset({State.QUEUED, State.HELD, State.CANCELLED, State.MISSED}),
    State.QUEUED: frozenset(
        {State.SENDING, State.SCHEDULED, State.HELD, State.CANCELLED, State.MISSED}
    ),
    State.SENDING: frozenset(
        {
            State.POSTED,
            State.SCHEDULED,
            State.UNCERTAIN,
            State.PROCESSING,
            State.FAILED,
            State.HELD,
            State.UNCONFIRMED,
        }
    ),
    State.UNCERTAIN: frozenset(
        {
            State.UNCERTAIN,
            State.PROCESSING,
            State.POSTED,
            State.SCHEDULED,
            State.FAILED,
            State.UNCONFIRMED,
        }
    ),
    # Asked again, it is sending: the network may make it visible by that very request.
    State.PROCESSING: frozenset({State.SENDING, State.UNCONFIRMED}),
    State.FAILED: frozenset({State.SCHEDULED}),
    State.UNCONFIRMED: frozenset({State.POSTED, State.SCHEDULED}),
    State.POSTED: frozenset(),
    State.CANCELLED: frozenset({State.DRAFT, State.HELD, State.SCHEDULED}),  # undone
    State.MISSED: frozenset({State.SCHEDULED, State.HELD}),
}
MOVING = frozenset(
    {State.SCHEDULED, State.QUEUED, State.SENDING, State.UNCERTAIN, State.PROCESSING}
)
CANCELLABLE = frozenset({State.DRAFT, State.HELD, State.SCHEDULED, State.QUEUED})
REPEATABLE = frozenset({State.FAILED, State.MISSED})
STOPPED = frozenset({State.FAILED, State.CANCELLED, State.MISSED})
"""It has ended, and nothing of it is out, unless it was ever in doubt."""
LATE = "late"
"""Why a result is held that could not go out in time: a person decides."""
CHAIN = "chain"
"""Why a part is held: the one before it, which it answers, is not out."""
ENDED = frozenset({State.POSTED, State.FAILED, State.CANCELLED, State.MISSED, State.UNCONFIRMED})


class PostState(StrEnum):
    """Where a whole post stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    POSTING = "posting"
    POSTED = "posted"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


def allowed(before: State, after: State) -> bool:
    """Whether a result may go from `before` to `after`."""
    return after in MOVES[before]


def post_state(states: Iterable[State | str]) -> PostState:
    """The state of a post whose results are in `states`; cancelled ones count only alone."""
    every = {State(state) for state in states}
    if not every or every == {State.DRAFT}:
        return PostState.DRAFT
    live = every - {State.CANCELLED}
    if not live:
        return PostState.CANCELLED
    if live == {State.POSTED}:
        return PostState.POSTED
    if live <= ENDED:
        return PostState.PARTIAL if State.POSTED in live else PostState.FAILED
    waiting = live <= {State.DRAFT, State.HELD, State.SCHEDULED}
    return PostState.SCHEDULED if waiting else PostState.POSTING


class UploadStatus(StrEnum):
    """How far a file has come."""

    PENDING = "pending"  # a ticket was given out
    READY = "ready"  # looked into, cleaned, kept
    REFUSED = "refused"


class Stage(StrEnum):
    """How far a table of posts has come."""

    BROUGHT = "brought"  # nobody has said what its columns hold
    TRYING = "trying"
    TRIED = "tried"  # it waits for somebody's word
    GOING = "going"
    ENDED = "ended"
