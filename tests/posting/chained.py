"""A thread of two parts, walked through: the second never goes before the first, nor without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from django.db import transaction

from accounts.states import WhenLate
from posting.models import PostResult
from posting.states import CHAIN, State
from providers.kit.contract import Message
from tests.cast import Cast, Street
from tests.posting.explorer import Act, Walk, modelled, orders, surround, written
from tests.posting.worlds import ANSWERS, LOOKS, Answer, Killed, Modelled, Mood, World, judge
from tokens.models import SocialAccount
from tokens.states import AccountState
from workers import poll, publish, reconcile

WAITING = {State.HELD, State.CANCELLED, State.MISSED}
FIRST, SECOND = World(), World(state=State.HELD, held_for=CHAIN)
SAYS = {"", "Uncertain", "Killed", "StillWorking", "Unavailable", "Rejected", "Unauthorized"}


@dataclass(frozen=True, slots=True)
class Thread:
    """How both parts stand."""

    first: World = FIRST
    second: World = SECOND

    @property
    def ended(self) -> bool:
        """Whether nothing waits, or a person knows of the one for which the rest waits."""
        if self.second.held_for == CHAIN:
            return self.first.state in (State.FAILED, State.UNCONFIRMED, State.HELD)
        return self.first.ended and self.second.ended


class Threaded(Modelled):
    """A network where the second may only answer the first, once that stands."""

    moods: ClassVar[list[Mood]] = [Mood(), Mood()]

    def mood_for(self, message: Message) -> Mood:
        """By what it answers."""
        if message.reply_to is None:
            assert message.root is None
            return self.moods[0]
        assert message.root == message.reply_to
        assert message.root.external_id == "1"
        assert self.moods[0].copies == 1, "an answer to nothing"
        return self.moods[1]


class Chains(Walk[Thread]):
    """Two parts on one account."""

    def __init__(self, cast: Cast, account: SocialAccount, then: WhenLate) -> None:
        super().__init__()
        self.account = account
        self.post = written(cast, account, then, ("And more.",))
        rows = PostResult.objects.filter(post=self.post).order_by("part")
        self.ids = list(rows.values_list("pk", flat=True))

    def happens(self, thread: Thread, act: Act) -> Thread:
        """What the two become; everything is put back afterwards."""
        before = (thread.first, thread.second)
        with transaction.atomic():
            for place, (pk, world) in enumerate(zip(self.ids, before, strict=True)):
                world.put(pk, self.at, late=not place)
            surround(self.account, thread.first.account)
            Threaded.moods = [Mood(copies=world.copies) for world in before]
            with suppress(Killed):
                act()
            after = [
                World.read(pk, self.at, mood.copies)
                for pk, mood in zip(self.ids, Threaded.moods, strict=True)
            ]
            for was, now, mood in zip(before, after, Threaded.moods, strict=True):
                judge(was, now, mood)
            transaction.set_rollback(True)
        found = Thread(*after)
        in_order(thread, found)
        return found

    def events(self, thread: Thread) -> Iterator[tuple[str, Act]]:
        """Everything that the house itself may do; a bell may ring for either at any moment."""
        yield from self.housekeeping()
        for place, world in enumerate((thread.first, thread.second)):
            for state, act, answers in (
                (State.QUEUED, publish.deliver, ANSWERS),
                (State.PROCESSING, poll.ask, ANSWERS),
                (State.UNCERTAIN, reconcile.look, LOOKS),
            ):
                few = [a for a in answers if type(a.says and a.says()).__name__ in SAYS] or []
                few = [answers[0], *few]
                for answer in few if world.state == state else few[:1]:
                    yield f"{act.__name__} {place}", self.network(place, answer, act)

    def network(self, place: int, answer: Answer, act: object) -> Act:
        """The network's mood, then the worker's task."""
        assert callable(act)

        def acting() -> None:
            Threaded.moods[place].answer = answer
            act(self.ids[place])

        return acting

    def people(self, thread: Thread) -> Iterator[tuple[str, Act]]:
        """What people may do at any moment."""
        there = [thread.first.copies > 0, thread.second.copies > 0]
        yield from orders(self.post, self.ids, there, self.at)

    def surroundings(self, thread: Thread) -> Iterator[tuple[str, Thread]]:
        """The first becomes late; the account goes and comes back."""
        yield "time", replace(thread, first=replace(thread.first, late=True))
        for state in (AccountState.CONNECTED, AccountState.PAUSED):
            both = [replace(world, account=state) for world in (thread.first, thread.second)]
            yield f"account {state}", Thread(*both)


def in_order(before: Thread, after: Thread) -> None:
    """The second has begun only if the first is out and can be answered."""
    told = f"{before} → {after}"
    first, second = after.first, after.second
    begun = second.state not in WAITING or (second.state == State.HELD and second.held_for != CHAIN)
    if begun or second.copies:
        assert first.state == State.POSTED, f"out of order: {told}"
        assert first.receipt, f"an answer to nobody knows what: {told}"
    assert not second.late, f"a thread that was begun is not finished: {told}"


def chained(cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch, then: WhenLate) -> Chains:
    """A thread of two at a network that can neither be searched nor asked twice."""
    found = Chains(cast, modelled(cast, street, monkeypatch, Threaded), then)
    found.explore(Thread())
    return found
