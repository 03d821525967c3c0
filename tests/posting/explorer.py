"""The whole machine of a delivery, walked through: every state it can get into, every way out.

The explorer knows no rules of its own. It puts a row into a state, lets the real verbs act on it
(dispatcher, worker, reconciler, sweep, people), with a network that arrives or not, answers or not,
and a worker that is killed at any of these points, and walks on from whatever the row says then.
Time may pass between any two steps, so what is due later counts as due and every lease as ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Generic, TypeVar

import pytest
from django.db import transaction
from django.utils import timezone

import providers
from accounts.states import WhenLate
from posting import amend, chain, compose, lateness, results, undo
from posting.lateness import Lateness
from posting.models import Post, PostResult
from posting.models import result as rows
from posting.states import State
from tests.cast import Cast, Street, connected, edit
from tests.posting.worlds import (
    ANSWERS,
    IN_STEPS,
    LOOKS,
    LOOKS_IN_STEPS,
    MOST_LOOKS,
    Answer,
    Killed,
    Modelled,
    Mood,
    Stepping,
    World,
    judge,
)
from tokens.models import SocialAccount
from tokens.states import AccountState
from workers import poll, publish, reconcile

Place = TypeVar("Place")
Act = Callable[[], object]


class Walk(ABC, Generic[Place]):
    """Every world that can be reached from the first, and every step between them."""

    def __init__(self) -> None:
        self.at = timezone.now()
        self.seen: dict[Place, int] = {}
        self.edges: dict[Place, set[tuple[str, Place]]] = defaultdict(set)

    @abstractmethod
    def happens(self, world: Place, act: Act) -> Place:
        """What `world` becomes; everything is put back afterwards."""

    @abstractmethod
    def events(self, world: Place) -> Iterator[tuple[str, Act]]:
        """Everything that the house itself may do, in any order, rung for or not."""

    @abstractmethod
    def people(self, world: Place) -> Iterator[tuple[str, Act]]:
        """What people may do at any moment; of what they have looked at they say the truth."""

    @abstractmethod
    def surroundings(self, world: Place) -> Iterator[tuple[str, Place]]:
        """What happens around it: it becomes late, its account goes and comes back."""

    def explore(self, first: Place) -> None:
        """From there, everywhere."""
        todo = [first]
        while todo:
            world = todo.pop()
            if world in self.seen:
                continue
            self.seen[world] = len(self.seen)
            steps = [(f"· {n}", self.happens(world, act)) for n, act in self.events(world)]
            steps += [(n, self.happens(world, act)) for n, act in self.people(world)]
            steps += list(self.surroundings(world))
            self.edges[world] |= {(name, after) for name, after in steps if after != world}
            todo += [after for _, after in steps]

    def by_itself(self, world: Place) -> set[Place]:
        """Where the house alone may bring it."""
        return {after for name, after in self.edges[world] if name.startswith("· ")}

    def housekeeping(self) -> Iterator[tuple[str, Act]]:
        """What the sweep and the dispatchers do, whatever there is."""
        every, at = PostResult.objects, self.at
        yield "judge", lambda: lateness.judge(at)
        yield "queue", lambda: every.queue_due(at)
        yield "ring again", lambda: every.ring_again(at, timedelta(0))
        yield "abandon", lambda: results.abandon(at, timedelta(0))
        yield "hold", results.hold_unusable
        yield "release", lambda: results.release(at)
        yield "skip held", lambda: lateness.skip_held(at)
        yield "follow", lambda: chain.follow(at)
        yield "give up", lambda: results.give_up(at + timedelta(hours=2))


class Explorer(Walk[World]):
    """One delivery."""

    def __init__(self, cast: Cast, account: SocialAccount, then: WhenLate) -> None:
        super().__init__()
        self.account = account
        self.post = written(cast, account, then)
        self.pk = PostResult.objects.get(post=self.post).pk
        kind = providers.adapter(account.provider)
        self.stepping = issubclass(kind, Stepping)
        self.answers = IN_STEPS if self.stepping else ANSWERS
        self.looks = LOOKS_IN_STEPS if self.stepping else LOOKS
        self.after_that: list[World] = []

    def read(self) -> World:
        """The world after something happened."""
        return World.read(self.pk, self.at, Modelled.mood.copies)

    def happens(self, world: World, act: Act) -> World:
        """What `world` becomes; everything is put back afterwards."""
        with transaction.atomic():
            world.put(self.pk, self.at)
            surround(self.account, world.account)
            Modelled.mood = Mood(copies=world.copies)
            self.after_that.clear()
            with suppress(Killed):
                act()
            after = self.read()
            for theirs in self.after_that[-1:]:
                same = replace(theirs, account=after.account, copies=after.copies)
                assert after == same, f"who woke up late wrote {after}"
            judge(world, after, Modelled.mood)
            transaction.set_rollback(True)
        return after

    def events(self, world: World) -> Iterator[tuple[str, Act]]:
        """Everything that the house itself may do, in any order, rung for or not."""
        yield from self.housekeeping()
        # A bell may ring at any moment; what the network says matters only if it is asked.
        for state, act, answers in (
            (State.QUEUED, publish.deliver, self.answers),
            (State.PROCESSING, poll.ask, self.answers),
            (State.UNCERTAIN, reconcile.look, self.looks),
        ):
            name = act.__name__
            for answer in answers if world.state == state else answers[:1]:
                yield name, self.network(answer, act)
                if act is not reconcile.look:
                    yield f"{name}, wake up late", self.network(answer, act, self.given_up)

    def network(
        self, answer: Answer, act: Callable[[int], object], meanwhile: Act | None = None
    ) -> Act:
        """The network's mood, then the worker's task."""

        def acting() -> None:
            mood = Modelled.mood
            mood.answer, mood.meanwhile = answer, meanwhile
            act(self.pk)
            if meanwhile and answer.at == "upload":
                assert not (mood.uploads and mood.sent), "sent by somebody whose row was taken"

        return acting

    def given_up(self) -> None:
        """While the request is on its way its lease ends and the row is given up for dead."""
        later = timezone.now() + timedelta(hours=1)
        assert results.abandon(later, timedelta(0)) == 1
        self.after_that.append(self.read())

    def taken_over(self) -> None:
        """And more than that: meanwhile somebody else has begun to send it again."""
        self.given_up()
        mine = PostResult.objects.filter(pk=self.pk)
        mine.move([State.UNCERTAIN], State.SCHEDULED, due_at=self.at, late_at=None)
        mine.move([State.SCHEDULED], State.QUEUED)
        assert results.begin(self.pk, self.at, timedelta(seconds=10))
        self.after_that.append(self.read())

    def people(self, world: World) -> Iterator[tuple[str, Act]]:
        """What people may do at any moment; of what they have looked at they say the truth."""
        yield from orders(self.post, [self.pk], [world.copies > 0], self.at)
        # Whatever an owner hears whose row is another's by now: nothing of it is written.
        if world.state == State.QUEUED and not world.late and world.account == "connected":
            for answer in self.answers:
                self.happens(world, self.network(answer, publish.deliver, self.taken_over))
                assert self.after_that or answer.at, "nobody was taken over"

    def surroundings(self, world: World) -> Iterator[tuple[str, World]]:
        """What happens around it: it becomes late, its account goes and comes back."""
        yield "time", replace(world, late=True)
        # A worker without room hands it back; nothing may depend on that.
        yield "give back", self.happens(world, lambda: publish.give_back([self.pk]))
        # With steps it is not paused as well: that is between the house and the row, not the steps.
        for state in (AccountState.CONNECTED, AccountState.PAUSED)[: 1 if self.stepping else 2]:
            yield f"account {state}", replace(world, account=state)


def orders(
    post: Post, results_of: list[int], there: list[bool], at: object
) -> Iterator[tuple[str, Act]]:
    """What somebody of the team may order about a post and each of its results."""
    post, now = Post.objects.get(pk=post.pk), timezone.now()

    def change(**new: object) -> None:
        with suppress(amend.TooLate):
            edit(post, seen=post.version, at=now, **new)
            assert not any(there), "the old text is out after the new was saved"

    def cancel_and_undo() -> None:
        """It stands as before; only a bell that rang for it is unrung."""
        told = PostResult.objects.filter(post=post).order_by("pk").values_list
        before = list(told("state", "held_for", "doubts", "part"))
        with suppress(amend.TooLate):
            act = undo.cancel(post.team, post.pk, at=now)
            undo.undo(post.team, act.token, now)
        unrung = [(State.SCHEDULED if s == State.QUEUED else s, *rest) for s, *rest in before]
        assert list(told("state", "held_for", "doubts", "part")) in (unrung, before)

    yield "cancel", lambda: compose.cancel(post)
    yield "cancel and undo", cancel_and_undo
    yield "skip", lambda: lateness.skip(post.results.all())
    yield "try again", lambda: compose.try_again(post, now)
    yield "edit", lambda: change(text="Changed.")
    yield "reschedule", lambda: change(due_at=now)
    for pk, is_there in zip(results_of, there, strict=True):
        yield f"cancel {pk}", lambda pk=pk: compose.cancel(post, pk)  # type: ignore[misc]
        yield (
            f"confirm {pk}",
            lambda pk=pk, is_there=is_there: compose.confirm(post, pk, there=is_there, at=now),  # type: ignore[misc]
        )


def surround(account: SocialAccount, state: str) -> None:
    """The account in this state; it was connected, and its grant good: all is put back."""
    if state != AccountState.CONNECTED:
        SocialAccount.objects.filter(pk=account.pk).update(state=state)


def written(
    cast: Cast, account: SocialAccount, then: WhenLate, parts: tuple[str, ...] = ()
) -> Post:
    """A post by Alice that may be an hour late."""
    return compose.compose(
        team=cast.team,
        author=cast.alice,
        text="A model.",
        accounts=[account],
        at=timezone.now(),
        late=Lateness(timedelta(hours=1), then),
        parts=parts,
    )


def modelled(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, kind: type[Modelled]
) -> SocialAccount:
    """An account at a network of this kind; whoever looks gives up soon."""
    monkeypatch.setitem(providers.ADAPTERS, "modelled", kind)
    monkeypatch.setattr(reconcile, "MOST_LOOKS", MOST_LOOKS)
    monkeypatch.setattr(rows, "MOST_LOOKS", MOST_LOOKS + 1)
    monkeypatch.setattr(results, "MOST_LOOKS", MOST_LOOKS + 1)
    account = connected(street, cast.team, "x")
    SocialAccount.objects.filter(pk=account.pk).update(provider="modelled")
    account.refresh_from_db()
    return account


def explored(
    cast: Cast,
    street: Street,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Modelled],
    then: WhenLate,
) -> Explorer:
    """The machine at one kind of network."""
    found = Explorer(cast, modelled(cast, street, monkeypatch, kind), then)
    found.explore(World())
    return found
