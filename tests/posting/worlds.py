"""The worlds that the explorers walk through: a delivery, its network, and what may happen to both.

A network arrives or not, answers or not, in one step or in three: an upload that is kept, the step
that makes the post visible, and a ticket that is kept behind it. A worker may be killed at any of
these points, and may have lost its row at any of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from posting.models import PostResult
from posting.models import result as rows
from posting.models.result import SAVED
from posting.states import ENDED, MOVES, State
from providers.kit.contract import Account, Limits, Message, Provider, Receipt, TextRule, Unit
from providers.kit.errors import (
    Forbidden,
    NotFetched,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.steps import TAKEN, once
from tokens.states import AccountState
from tokens.vault import seal, unseal

MOST_LOOKS, MOST_ATTEMPTS = 1, 1
"""Small, so that every counter reaches its end; with 2 and 2 there are about four times as many."""
STEPS = ("upload", TAKEN)
Says = Callable[[], BaseException]


class Killed(BaseException):
    """The worker's process ends here: nothing after this line ever runs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the post arrives, what the network says then, and at which step that is.

    `at`: "" the step that makes it visible, "upload" before the first is kept, "kept" behind it,
    "after" behind the ticket.
    """

    arrives: bool
    says: Says | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """One delivery as it stands, what is kept of it, and how often its post stands out there."""

    state: str = State.SCHEDULED
    held_for: str = ""
    doubts: int = 0
    negatives: int = 0
    looks: int = 0
    attempts: int = 0
    kept: int = 0
    late: bool = False
    account: str = AccountState.CONNECTED
    copies: int = 0
    receipt: bool = False

    @property
    def ended(self) -> bool:
        """Whether it has come to an end, or a person knows that it waits for them."""
        return self.state in ENDED or self.state == State.HELD

    def put(self, pk: int, at: datetime, *, late: bool = True) -> None:
        """The row as it is in this world, whoever held it dead and everything due."""
        past = at - timedelta(minutes=1)
        leased = self.state in (State.SENDING, State.UNCERTAIN)
        steps = dict.fromkeys(STEPS[: self.kept], "1")
        patience = (past if self.late else at + timedelta(days=1)) if late else None
        PostResult.objects.filter(pk=pk).update(
            state=self.state,
            held_for=self.held_for,
            doubts=self.doubts,
            negatives=self.negatives,
            looks=self.looks,
            attempts=self.attempts,
            saved=seal(json.dumps(steps), SAVED.format(pk=pk)) if steps else "",
            epoch=10,
            due_at=past,
            queued_at=past,
            lease_until=past if leased else None,
            late_at=patience,
            first_sent_at=past if self.attempts else None,
            processing_since=past if self.state == State.PROCESSING else None,
            external_id="1" if self.receipt else "",
        )

    @staticmethod
    def read(pk: int, at: datetime, copies: int) -> World:
        """The world as the row is in now."""
        row = PostResult.objects.select_related("account").get(pk=pk)
        steps = json.loads(unseal(row.saved, SAVED.format(pk=pk)) or "{}")
        assert list(steps) == list(STEPS[: len(steps)]), steps
        return World(
            state=row.state,
            held_for=row.held_for,
            doubts=min(row.doubts, 1),
            negatives=row.negatives,
            looks=min(row.looks, rows.MOST_LOOKS),
            attempts=min(row.attempts, MOST_ATTEMPTS + 1),
            kept=len(steps),
            late=row.late_at is not None and row.late_at <= at,
            account=row.account.state,
            copies=copies,
            receipt=bool(row.external_id),
        )


@dataclass
class Mood:
    """What the network has, and what it does next."""

    copies: int = 0
    sent: int = 0
    uploads: int = 0
    answer: Answer = Answer(arrives=True)
    meanwhile: Callable[[], object] | None = None

    def reached(self, step: str) -> None:
        """A step is done: what was to happen there happens."""
        if self.answer.at != step:
            return
        if self.meanwhile:
            self.meanwhile()
        if self.answer.says:
            raise self.answer.says()


class Modelled(Provider):
    """A network that does what the explorer wants; it can neither be searched nor asked twice."""

    name = "modelled"
    label = "Modelled"
    limits = Limits(TextRule(100, Unit.GRAPHEMES), replies=True)
    settle = timedelta(0)
    mood: ClassVar[Mood] = Mood()

    def publish(self, message: Message, account: Account) -> Receipt:
        """One request."""
        mood = self.mood_for(message)
        known = mood.copies > 0 and bool(self.resend_window)
        mood.sent += 1
        # a receipt is not given for nothing
        arrives = mood.answer.arrives or mood.answer.says is None or bool(mood.answer.at)
        mood.copies += int(arrives and not known)
        mood.reached("")
        return Receipt("1", "https://network.test/1")

    def mood_for(self, message: Message) -> Mood:
        """What it has and does of this very message."""
        return self.mood


class Finding(Modelled):
    """One that can be searched, and tells the truth."""

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Whether it is there, if it answers at all."""
        says = self.mood.answer.says
        if says and not (self.resend_window and self.mood.sent):
            raise says()
        return Receipt("1", "https://network.test/1") if self.mood.copies else None


class Recognising(Finding):
    """One that knows a repeat by its key."""

    resend_window = timedelta(days=1)


class Stepping(Finding):
    """One that wants an upload first, and answers with a ticket."""

    def publish(self, message: Message, account: Account) -> Receipt:
        """Two steps that are kept, and a question; none is ever taken twice."""
        mood, shows = self.mood_for(message), super().publish

        def upload() -> str:
            mood.uploads += 1
            mood.reached("upload")
            return "1"

        once(message.saved, "upload", upload)
        mood.reached("kept")
        once(message.saved, TAKEN, lambda: shows(message, account).external_id)
        mood.reached("after")
        return Receipt("1", "https://network.test/1")


class SteppingRecognising(Stepping):
    """And knows a repeat by its key."""

    resend_window = timedelta(days=1)


ANSWERS: tuple[Answer, ...] = (
    Answer(arrives=True),
    Answer(arrives=True, says=lambda: Uncertain("lost")),
    Answer(arrives=True, says=lambda: Killed("after sending")),
    Answer(arrives=True, says=lambda: RuntimeError("a bug of ours")),
    Answer(arrives=False, says=lambda: StillWorking("at work on what belongs to it")),
    Answer(arrives=False, says=lambda: Uncertain("lost")),
    Answer(arrives=False, says=lambda: Killed("before sending")),
    Answer(arrives=False, says=lambda: Unavailable("away")),
    Answer(arrives=False, says=lambda: NotFetched("where is the file")),
    Answer(arrives=False, says=lambda: Throttled("slow down", wait=timedelta(seconds=1))),
    Answer(arrives=False, says=lambda: Unauthorized("who are you")),
    Answer(arrives=False, says=lambda: Rejected("no")),
    Answer(arrives=False, says=lambda: Forbidden("not you")),
    Answer(arrives=False, says=lambda: Unexpected("what")),
)
IN_STEPS: tuple[Answer, ...] = (
    *(answer for answer in ANSWERS if not isinstance((answer.says or str)(), StillWorking)),
    Answer(arrives=False, says=lambda: Killed("while uploading"), at="upload"),
    Answer(arrives=False, says=lambda: Unavailable("away"), at="upload"),
    Answer(arrives=False, says=lambda: NotFetched("where is the file"), at="upload"),
    Answer(arrives=False, says=lambda: Killed("behind the upload"), at="kept"),
    Answer(arrives=False, says=lambda: NotFetched("where is the file"), at="kept"),
    Answer(arrives=False, says=lambda: Unavailable("away"), at="kept"),
    Answer(arrives=False, says=lambda: StillWorking("at work on the upload"), at="kept"),
    Answer(arrives=True, says=lambda: Killed("behind the ticket"), at="after"),
    Answer(arrives=True, says=lambda: StillWorking("at work on the post"), at="after"),
    Answer(arrives=True, says=lambda: Throttled("slow", wait=timedelta(seconds=1)), at="after"),
    Answer(arrives=True, says=lambda: Unauthorized("who are you"), at="after"),
)
LOOKS: tuple[Answer, ...] = (
    Answer(arrives=True),
    Answer(arrives=False),
    Answer(arrives=True, says=lambda: Killed("after sending")),
    Answer(arrives=False, says=lambda: Killed("before sending")),
    Answer(arrives=False, says=lambda: Unavailable("away")),
    Answer(arrives=True, says=lambda: Uncertain("lost")),
    Answer(arrives=False, says=lambda: StillWorking("at work on what belongs to it")),
    Answer(arrives=False, says=lambda: Rejected("no")),
    Answer(arrives=False, says=lambda: Unauthorized("who are you")),
)
LOOKS_IN_STEPS: tuple[Answer, ...] = (
    *LOOKS,
    Answer(arrives=False, says=lambda: Killed("while uploading"), at="upload"),
    Answer(arrives=False, says=lambda: Unavailable("away"), at="upload"),
    Answer(arrives=False, says=lambda: StillWorking("at work on the upload"), at="kept"),
    Answer(arrives=True, says=lambda: Killed("behind the ticket"), at="after"),
    Answer(arrives=True, says=lambda: StillWorking("at work on the post"), at="after"),
)


def judge(before: World, after: World, mood: Mood) -> None:
    """What must be true of every single step of a delivery."""
    told = f"{before} → {after}"
    assert after.copies <= 1, f"twice: {told}"
    steps = {before.state} | MOVES[State(before.state)]
    for _ in range(2):  # a worker claims, sends and records in one event
        steps |= {far for near in steps for far in MOVES[State(near)]}
    assert after.state in steps, f"not in the table: {told}"
    assert not (before.kept and mood.uploads), f"uploaded again: {told}"
    if after.state == State.POSTED:
        assert after.copies == 1, f"said to be posted: {told}"
        assert not after.kept, f"steps are kept for nothing: {told}"
    if after.state in (State.FAILED, State.CANCELLED, State.MISSED):
        assert after.copies == 0, f"out, and said not to be: {told}"
    if after.state in (State.SCHEDULED, State.QUEUED, State.HELD):
        assert after.kept < len(STEPS), f"taken, and said to wait: {told}"
    if after.state == State.HELD:
        assert after.held_for, f"held for nothing: {told}"
    if before.late and before.state != State.PROCESSING:
        assert after.copies == before.copies, f"sent too late: {told}"


def late(world: World) -> World:
    """The same, when its time is over."""
    return replace(world, late=True)
