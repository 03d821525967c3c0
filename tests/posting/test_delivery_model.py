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
from pytest_django import Settings

import providers
from accounts.states import WhenLate
from posting import amend, compose, lateness, models, results
from posting.lateness import Lateness
from posting.models import Attempt, Post, PostResult
from posting.states import ENDED, LATE, MOVES, State
from providers.kit.contract import Account, Limits, Message, Provider, Receipt, TextRule, Unit
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from tests.cast import Cast, Street, connected
from tokens.models import SocialAccount
from tokens.states import AccountState, TokenState
from workers import publish, reconcile

MOST_LOOKS, MOST_ATTEMPTS = 2, 2
WEEK = timedelta(days=7)


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


class Modelled(Provider):
    """A network that does what the explorer wants: `arrives` or not, then `says` or is silent."""

    name = "modelled"
    label = "Modelled"
    limits = Limits(TextRule(100, Unit.GRAPHEMES))
    settle = timedelta(0)
    copies: ClassVar[int] = 0
    sent: ClassVar[int] = 0
    arrives: ClassVar[bool] = True
    says: ClassVar[BaseException | None] = None
    meanwhile: ClassVar[Callable[[], object] | None] = None

    def publish(self, message: Message, account: Account) -> Receipt:
        """One request."""
        kind = type(self)
        known = kind.copies > 0 and bool(self.resend_window)
        Modelled.sent += 1
        Modelled.copies += int(kind.arrives and not known)
        if kind.meanwhile:
            kind.meanwhile()
        if kind.says:
            raise kind.says
        return Receipt("1", "https://network.test/1")


class Finding(Modelled):
    """One that can be searched, and tells the truth."""

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Whether it is there, if it answers at all."""
        if isinstance(self.says, Unavailable | Killed):
            raise self.says
        return Receipt("1", "https://network.test/1") if self.copies else None


class Recognising(Finding):
    """One that knows a repeat by its key."""

    resend_window = timedelta(days=1)


SILENT, TOLD = "silent", "told"
ANSWERS: tuple[tuple[bool, BaseException | None], ...] = (
    (True, None),
    (True, Uncertain("lost")),
    (True, Killed()),
    (True, RuntimeError("a bug of ours")),
    (False, Uncertain("lost")),
    (False, Killed()),
    (False, Unavailable("away")),
    (False, Throttled("slow down", wait=timedelta(seconds=1))),
    (False, Unauthorized("who are you")),
    (False, Rejected("no")),
    (False, Forbidden("not you")),
    (False, Unexpected("what")),
)
LOOKS: tuple[tuple[bool, BaseException | None], ...] = (
    (True, None),
    (True, Killed()),
    (False, Killed()),
    (False, Unavailable("away")),
    (False, Uncertain("lost")),
    (False, Rejected("no")),
    (False, Unauthorized("who are you")),
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
        self.account.token.__class__.objects.filter(pk=self.account.token_id).update(
            state=TokenState.GOOD, problem=""
        )
        Modelled.copies, Modelled.sent, Modelled.meanwhile = world.copies, 0, None

    def read(self, before: World) -> World:
        """The world after something happened."""
        row = PostResult.objects.select_related("account").get(pk=self.pk)
        late = row.late_at is not None and row.late_at <= self.at
        return World(
            state=row.state,
            held_for=row.held_for,
            doubts=min(row.doubts, 1),
            negatives=row.negatives,
            looks=min(row.looks, models.MOST_LOOKS),
            attempts=min(row.attempts, MOST_ATTEMPTS + 1),
            late=late,
            account=row.account.state,
            copies=Modelled.copies,
        )

    def happens(self, world: World, act: Callable[[], object]) -> World:
        """What `world` becomes; everything is put back afterwards."""
        with transaction.atomic():
            self.put(world)
            with suppress(Killed):
                act()
            after = self.read(world)
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
            assert Modelled.copies == before.copies, f"sent too late: {told}"

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
        yield "give back", lambda: publish.give_back([self.pk])
        yield "give up", lambda: results.give_up(at + timedelta(hours=2))
        for arrives, says in ANSWERS:
            yield f"deliver {arrives} {says!r}", self.network(arrives, says, publish.deliver)
        for arrives, says in LOOKS:
            yield f"look {arrives} {says!r}", self.network(arrives, says, reconcile.look)
        yield "deliver, waking up late", self.network(True, None, publish.deliver, self.taken_over)
        late_no = Rejected("no")
        yield "refused late", self.network(False, late_no, publish.deliver, self.taken_over)

    def network(
        self,
        arrives: bool,
        says: BaseException | None,
        act: Callable[[int], object],
        meanwhile: Callable[[], object] | None = None,
    ) -> Callable[[], object]:
        """The network's mood, then the worker's task."""

        def acting() -> None:
            Modelled.arrives, Modelled.says, Modelled.meanwhile = arrives, says, meanwhile
            act(self.pk)

        return acting

    def taken_over(self) -> None:
        """While the request is on its way its lease ends and the row is given up for dead."""
        later = timezone.now() + timedelta(hours=1)
        assert results.abandon(later, timedelta(0)) == 1

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
                assert not Modelled.copies, "the old text is out after the new was saved"

        yield "edit", change
        yield "reschedule", lambda: self.rescheduled(post)

    def rescheduled(self, post: Post) -> None:
        """Somebody gives it a new moment."""
        with suppress(amend.TooLate):
            amend.reschedule(post, self.at, seen=post.version, at=self.at)

    def surroundings(self, world: World) -> Iterator[tuple[str, World]]:
        """What happens around it: it becomes late, its account goes and comes back."""
        yield "time", replace(world, late=True)
        for state in (AccountState.CONNECTED, AccountState.PAUSED, AccountState.DISCONNECTED):
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
    monkeypatch.setattr(models, "MOST_LOOKS", MOST_LOOKS + 2)
    monkeypatch.setattr(results, "MOST_LOOKS", MOST_LOOKS + 2)
    account = connected(street, cast.team, "x")
    SocialAccount.objects.filter(pk=account.pk).update(provider="modelled")
    account.refresh_from_db()
    found = Explorer(cast, account, then)
    found.explore()
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("then", WhenLate)
@pytest.mark.parametrize("kind", [Finding, Recognising, Modelled], ids=lambda k: k.__name__)
def test_no_way_leads_out_twice_and_every_way_has_an_end(
    cast: Cast,
    street: Street,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Modelled],
    then: WhenLate,
) -> None:
    settings.MAX_ATTEMPTS = MOST_ATTEMPTS
    settings.BREAKER_AFTER = 10**6
    found = explored(cast, street, monkeypatch, kind, then)
    print(f"{kind.__name__}, {then}: {len(found.seen)} worlds")
    assert_every_way_has_an_end(found)
    assert_what_is_late_goes_round_in_no_circle(found)
    reached = {world.state for world in found.seen}
    assert reached >= set(State) - {State.DRAFT, State.PROCESSING, State.UNCONFIRMED}
    assert (State.UNCONFIRMED in reached) or kind is not Modelled


def assert_every_way_has_an_end(found: Explorer) -> None:
    """From every world the house alone brings it to an end, or to a person who knows."""
    good = {world for world in found.seen if world.ended}
    growing = True
    while growing:
        more = {w for w in found.seen if w not in good and found.by_itself(late(w)) & good}
        more |= {w for w in found.seen if w not in good and found.by_itself(w) & good}
        growing = bool(more)
        good |= more
    assert set(found.seen) == good


def late(world: World) -> World:
    """The same, when its time is over."""
    return replace(world, late=True)


def assert_what_is_late_goes_round_in_no_circle(found: Explorer) -> None:
    """However unlucky: once a post is late, a bounded number of steps brings it to an end."""
    done: set[World] = set()

    def walk(world: World, way: tuple[World, ...]) -> None:
        assert world not in way, f"a circle: {[*way, world]}"
        if world in done or world.ended:
            return
        for after in found.by_itself(world):
            walk(after, (*way, world))
        done.add(world)

    for world in found.seen:
        if world.late:
            walk(world, ())


def test_the_explorer_would_see_a_blind_resend() -> None:
    """Its own rules can fail."""
    explorer = Explorer.__new__(Explorer)
    Modelled.copies = 2
    with pytest.raises(AssertionError, match="twice"):
        explorer.judge(World(State.UNCERTAIN), World(State.POSTED, copies=2))
    with pytest.raises(AssertionError, match="not in the table"):
        explorer.judge(World(State.POSTED, copies=1), World(State.QUEUED, copies=1))
    with pytest.raises(AssertionError, match="said not to be"):
        explorer.judge(World(State.SENDING), World(State.FAILED, copies=1))


def test_a_network_error_of_each_kind_is_among_the_answers() -> None:
    """A duplicate is what a repeat meets; the look-up's own tests play it."""
    given = {type(says) for _, says in ANSWERS if isinstance(says, NetworkError)}
    kinds = {kind for kind in NetworkError.__subclasses__()} - {Duplicate}
    assert {kind.__name__ for kind in kinds - given} <= {"StillWorking", "Misconfigured"}
    assert LATE
