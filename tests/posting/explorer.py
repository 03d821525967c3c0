"""The whole machine of a delivery, walked through: every state it can get into, every way out.

The explorer knows no rules of its own. It puts a row into a state, lets the real verbs act on it
(dispatcher, worker, reconciler, sweep, people), with a network that arrives or not, answers or not,
and a worker that is killed at any of these points, and walks on from whatever the row says then.
Time may pass between any two steps, so what is due later counts as due and every lease as ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import pytest
from django.db import transaction
from django.utils import timezone

import providers
from accounts.states import WhenLate
from posting import amend, compose, lateness, results, undo
from posting.lateness import Lateness
from posting.models import Attempt, Post, PostResult
from posting.states import ENDED, MOVES, State
from providers.kit.contract import Account, Limits, Message, Provider, Receipt, TextRule, Unit
from providers.kit.errors import (
    Forbidden,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from tests.cast import Cast, Street, connected
from tokens.models import OAuthToken, SocialAccount
from tokens.states import AccountState, TokenState
from workers import publish, reconcile

MOST_LOOKS, MOST_ATTEMPTS = 1, 1
"""Small, so that every counter reaches its end; with 2 and 2 there are about 600 worlds."""


Says = Callable[[], BaseException]


class Killed(BaseException):
    """The worker's process ends here: nothing after this line ever runs."""


@dataclass(frozen=True, slots=True)
class World:
    """One delivery as it stands, and how often its post stands at the network."""

    state: str = State.SCHEDULED
    held_for: str = ""
    doubts: int = 0
    negatives: int = 0
    looks: int = 0
    attempts: int = 0
    late: bool = False
    account: str = AccountState.CONNECTED
    copies: int = 0

    @property
    def ended(self) -> bool:
        """Whether it has come to an end, or a person knows that it waits for them."""
        return self.state in ENDED or self.state == State.HELD


@dataclass
class Mood:
    """What the network has, and what it does next: `arrives` or not, then `says` or a receipt."""

    copies: int = 0
    sent: int = 0
    arrives: bool = True
    says: Says | None = None
    meanwhile: Callable[[], object] | None = None


class Modelled(Provider):
    """A network that does what the explorer wants; it can neither be searched nor asked twice."""

    name = "modelled"
    label = "Modelled"
    limits = Limits(TextRule(100, Unit.GRAPHEMES))
    settle = timedelta(0)
    mood: ClassVar[Mood] = Mood()

    def publish(self, message: Message, account: Account) -> Receipt:
        """One request."""
        mood = self.mood
        known = mood.copies > 0 and bool(self.resend_window)
        mood.sent += 1
        arrives = mood.arrives or mood.says is None  # a receipt is not given for nothing
        mood.copies += int(arrives and not known)
        if mood.meanwhile:
            mood.meanwhile()
        if mood.says:
            raise mood.says()
        return Receipt("1", "https://network.test/1")


class Finding(Modelled):
    """One that can be searched, and tells the truth."""

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Whether it is there, if it answers at all."""
        if self.mood.says and not (self.resend_window and self.mood.sent):
            raise self.mood.says()
        return Receipt("1", "https://network.test/1") if self.mood.copies else None


class Recognising(Finding):
    """One that knows a repeat by its key."""

    resend_window = timedelta(days=1)


ANSWERS: tuple[tuple[bool, Says | None], ...] = (
    (True, None),
    (True, lambda: Uncertain("lost")),
    (True, lambda: Killed("after sending")),
    (True, lambda: RuntimeError("a bug of ours")),
    (False, lambda: Uncertain("lost")),
    (False, lambda: Killed("before sending")),
    (False, lambda: Unavailable("away")),
    (False, lambda: Throttled("slow down", wait=timedelta(seconds=1))),
    (False, lambda: Unauthorized("who are you")),
    (False, lambda: Rejected("no")),
    (False, lambda: Forbidden("not you")),
    (False, lambda: Unexpected("what")),
)
LOOKS: tuple[tuple[bool, Says | None], ...] = (
    (True, None),
    (False, None),
    (True, lambda: Killed("after sending")),
    (False, lambda: Killed("before sending")),
    (False, lambda: Unavailable("away")),
    (True, lambda: Uncertain("lost")),
    (False, lambda: Rejected("no")),
    (False, lambda: Unauthorized("who are you")),
)


class Explorer:
    """Puts the row into a world, lets something happen, and reads the world that follows."""

    def __init__(self, cast: Cast, account: SocialAccount, then: WhenLate) -> None:
        self.at = timezone.now()
        self.team, self.account = cast.team, account
        self.post = compose.compose(
            team=cast.team,
            author=cast.alice,
            text="A model.",
            accounts=[account],
            at=self.at,
            late=Lateness(timedelta(hours=1), then),
        )
        self.pk = PostResult.objects.get(post=self.post).pk
        self.seen: dict[World, int] = {}
        self.after_that: list[World] = []
        self.edges: dict[World, set[tuple[str, World]]] = defaultdict(set)

    def put(self, world: World) -> None:
        """The row as it is in `world`, whoever held it dead and everything due."""
        past = self.at - timedelta(minutes=1)
        leased = world.state in (State.SENDING, State.UNCERTAIN)
        PostResult.objects.filter(pk=self.pk).update(
            state=world.state,
            held_for=world.held_for,
            doubts=world.doubts,
            negatives=world.negatives,
            looks=world.looks,
            attempts=world.attempts,
            epoch=10,
            due_at=past,
            queued_at=past,
            lease_until=past if leased else None,
            late_at=past if world.late else self.at + timedelta(days=1),
            first_sent_at=past if world.attempts else None,
        )
        Attempt.objects.filter(result=self.pk).delete()
        SocialAccount.objects.filter(pk=self.account.pk).update(
            state=world.account, blocked_until=None
        )
        OAuthToken.objects.filter(accounts=self.account).update(state=TokenState.GOOD, problem="")
        Modelled.mood = Mood(copies=world.copies)

    def read(self) -> World:
        """The world after something happened."""
        row = PostResult.objects.select_related("account").get(pk=self.pk)
        late = row.late_at is not None and row.late_at <= self.at
        return World(
            state=row.state,
            held_for=row.held_for,
            doubts=min(row.doubts, 1),
            negatives=row.negatives,
            looks=min(row.looks, MOST_LOOKS + 1),
            attempts=min(row.attempts, MOST_ATTEMPTS + 1),
            late=late,
            account=row.account.state,
            copies=Modelled.mood.copies,
        )

    def happens(self, world: World, act: Callable[[], object]) -> World:
        """What `world` becomes; everything is put back afterwards."""
        with transaction.atomic():
            self.put(world)
            self.after_that.clear()
            with suppress(Killed):
                act()
            after = self.read()
            for theirs in self.after_that[-1:]:
                same = replace(theirs, account=after.account)
                assert after == same, f"who woke up late wrote {after}"
            self.judge(world, after)
            transaction.set_rollback(True)
        return after

    def judge(self, before: World, after: World) -> None:
        """What must be true of every single step."""
        told = f"{before} → {after}"
        assert after.copies <= 1, f"twice: {told}"
        steps = {before.state} | MOVES[State(before.state)]
        steps |= {far for near in steps for far in MOVES[State(near)]}
        assert after.state in steps, f"not in the table: {told}"
        if after.state == State.POSTED:
            assert after.copies == 1, f"said to be posted: {told}"
        if after.state in (State.FAILED, State.CANCELLED, State.MISSED):
            assert after.copies == 0, f"out, and said not to be: {told}"
        if after.state == State.HELD:
            assert after.held_for, f"held for nothing: {told}"
        if before.late:
            assert Modelled.mood.copies == before.copies, f"sent too late: {told}"

    def events(self, world: World) -> Iterator[tuple[str, Callable[[], object]]]:
        """Everything that the house itself may do, in any order, rung for or not."""
        rows, at = PostResult.objects, self.at
        yield "judge", lambda: lateness.judge(at)
        yield "queue", lambda: rows.queue_due(at)
        yield "ring again", lambda: rows.ring_again(at, timedelta(0))
        yield "abandon", lambda: results.abandon(at, timedelta(0))
        yield "hold", results.hold_unusable
        yield "release", lambda: results.release(at)
        yield "skip held", lambda: lateness.skip_held(at)
        yield "give up", lambda: results.give_up(at + timedelta(hours=2))
        # A bell may ring at any moment; what the network says matters only if it is asked.
        for answer in ANSWERS if world.state == State.QUEUED else ANSWERS[:1]:
            yield "deliver", self.network(answer, publish.deliver)
            yield "deliver, wake up late", self.network(answer, publish.deliver, self.given_up)
        for answer in LOOKS if world.state == State.UNCERTAIN else LOOKS[:1]:
            yield "look", self.network(answer, reconcile.look)

    def network(
        self,
        answer: tuple[bool, Says | None],
        act: Callable[[int], object],
        meanwhile: Callable[[], object] | None = None,
    ) -> Callable[[], object]:
        """The network's mood, then the worker's task."""

        def acting() -> None:
            mood = Modelled.mood
            mood.arrives, mood.says = answer
            mood.meanwhile = meanwhile
            act(self.pk)

        return acting

    def given_up(self) -> None:
        """While the request is on its way its lease ends and the row is given up for dead."""
        later = timezone.now() + timedelta(hours=1)
        assert results.abandon(later, timedelta(0)) == 1
        self.after_that.append(self.read())

    def taken_over(self) -> None:
        """And more than that: meanwhile somebody else has begun to send it again."""
        self.given_up()
        rows = PostResult.objects.filter(pk=self.pk)
        rows.move([State.UNCERTAIN], State.SCHEDULED, due_at=self.at, late_at=None)
        rows.move([State.SCHEDULED], State.QUEUED)
        assert results.begin(self.pk, self.at, timedelta(seconds=10))
        self.after_that.append(self.read())

    def wakes_up(self, world: World) -> None:
        """Whatever an owner hears whose row is another's by now: nothing of it is written."""
        if world.state == State.QUEUED and not world.late and world.account == "connected":
            for answer in ANSWERS:
                self.happens(world, self.network(answer, publish.deliver, self.taken_over))
                assert self.after_that, "nobody was taken over"

    def people(self, world: World) -> Iterator[tuple[str, Callable[[], object]]]:
        """What people may do at any moment; of what they have looked at they say the truth."""
        post, at = Post.objects.get(pk=self.post.pk), self.at
        yield "cancel", lambda: compose.cancel(post)
        yield "skip", lambda: lateness.skip(post.results.all())
        yield "try again", lambda: compose.try_again(post, at)
        there = world.copies > 0
        yield "confirm", lambda: compose.confirm(post, self.pk, there=there, at=at)

        def change() -> None:
            with suppress(amend.TooLate):
                amend.edit(post, seen=post.version, at=at, text="Changed.")
                assert not Modelled.mood.copies, "the old text is out after the new was saved"

        yield "edit", change
        yield "reschedule", lambda: self.rescheduled(post)
        yield "cancel and undo", lambda: self.undone(post)

    def rescheduled(self, post: Post) -> None:
        """Somebody gives it a new moment."""
        with suppress(amend.TooLate):
            amend.reschedule(post, self.at, seen=post.version, at=self.at)

    def undone(self, post: Post) -> None:
        """Somebody cancels it and takes that back: it stands as before, only its bell is unrung."""
        before = self.read()
        with suppress(amend.TooLate):
            act = undo.cancel(self.team, post.pk, at=self.at)
            undo.undo(self.team, act.token, self.at)
        queued = before.state == State.QUEUED
        state = State.SCHEDULED if queued else before.state
        assert self.read() == replace(before, state=state), f"undone to {self.read()}"

    def surroundings(self, world: World) -> Iterator[tuple[str, World]]:
        """What happens around it: it becomes late, its account goes and comes back."""
        yield "time", replace(world, late=True)
        # A worker without room hands it back; nothing may depend on that.
        yield "give back", self.happens(world, lambda: publish.give_back([self.pk]))
        for state in (AccountState.CONNECTED, AccountState.PAUSED):
            yield f"account {state}", replace(world, account=state)

    def explore(self) -> None:
        """Every world that can be reached from a post just written, and every step between them."""
        todo = [World()]
        while todo:
            world = todo.pop()
            if world in self.seen:
                continue
            self.seen[world] = len(self.seen)
            steps = [(f"· {n}", self.happens(world, act)) for n, act in self.events(world)]
            steps += [(n, self.happens(world, act)) for n, act in self.people(world)]
            steps += list(self.surroundings(world))
            self.wakes_up(world)
            self.edges[world] |= {(name, after) for name, after in steps if after != world}
            todo += [after for _, after in steps]

    def by_itself(self, world: World) -> set[World]:
        """Where the house alone may bring it."""
        return {after for name, after in self.edges[world] if name.startswith("· ")}


def explored(
    cast: Cast,
    street: Street,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Modelled],
    then: WhenLate,
) -> Explorer:
    """The machine at one kind of network."""
    monkeypatch.setitem(providers.ADAPTERS, "modelled", kind)
    monkeypatch.setattr(reconcile, "MOST_LOOKS", MOST_LOOKS)
    monkeypatch.setattr("posting.models.result.MOST_LOOKS", MOST_LOOKS + 1)
    monkeypatch.setattr(results, "MOST_LOOKS", MOST_LOOKS + 1)
    account = connected(street, cast.team, "x")
    SocialAccount.objects.filter(pk=account.pk).update(provider="modelled")
    account.refresh_from_db()
    found = Explorer(cast, account, then)
    found.explore()
    return found
