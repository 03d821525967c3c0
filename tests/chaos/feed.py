"""Posts through the real door: the form over HTTP, sent with the same key until it is taken."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from deploy.page import Form
from tests.chaos.books import Ask, Wanted
from tests.chaos.browser import AwayError, Browser, RefusedError
from tests.chaos.desk import Desk
from tests.chaos.plan import Plan
from tests.chaos.shapes import Shape, drawn_shape, files, most, needs_blanks, takes, texts

WRITERS = 3
WRITERS_OF_MANY_TEAMS = 2
PAUSE_S = 0.4
# A scheduled post is due after some seconds; a cancellation counts as "in time" this long before.
SOONEST_S, LATEST_S, MARGIN_S = 4.0, 20.0, 3.0
SCHEDULED, CANCELLED, RACED = 0.3, 0.08, 0.04
WORDS = "Never lost, never twice: number {n} of storm {seed}."


@dataclass(frozen=True, slots=True)
class Account:
    """An account to post to, by its row, its network and its name there; `team` holds it."""

    team: int
    pk: int
    network: str
    external_id: str
    person: str


@dataclass(frozen=True, slots=True)
class Wish:
    """One post to be written: when (from the start), what, where, due when, cancelled how."""

    at: float
    text: str
    accounts: tuple[Account, ...]
    delay_s: float
    fate: Wanted
    shape: Shape = Shape.WORDS
    key: uuid.UUID | None = None

    @property
    def fits_the_form(self) -> bool:
        """Whether it goes through the form of the pages: threads and blanks are not typed there."""
        blank = any(needs_blanks(account.network) for account in self.accounts)
        return self.shape is not Shape.THREAD and not blank

    @property
    def team(self) -> int:
        """Who writes it."""
        return self.accounts[0].team


def wishes(plan: Plan, accounts: list[Account]) -> list[Wish]:
    """All posts of the run, the same for the same seed."""
    chance = random.Random(f"{plan.seed} posts")
    step = plan.span_s / plan.posts
    given = Counter[int | str]()
    return [_wish(n, n * step, plan, accounts, chance, given) for n in range(plan.posts)]


def _wish(
    n: int,
    at: float,
    plan: Plan,
    accounts: list[Account],
    chance: random.Random,
    given: Counter[int | str],
) -> Wish:
    """`given` counts the posts of each account and network: none gets more than it takes."""
    team = chance.randrange(len(plan.teams))
    ours = [account for account in accounts if account.team == team]
    shape, key = Shape.WORDS, None
    if plan.whole_street:
        shape, key = drawn_shape(chance), uuid.UUID(int=chance.getrandbits(128), version=4)
        ours = [a for a in ours if takes(a.network, shape) and has_room(a, given)]
        ours = _one_of_each(ours, chance)
    chosen = chance.sample(ours, min(len(ours), chance.choice((1, 2, 2, 3))))
    for account in chosen:
        given[account.pk] += len(texts(shape, ""))
        given[account.network] += len(texts(shape, ""))
    drawn, delay = chance.random(), 0.0
    fate = Wanted.OUT
    if drawn < SCHEDULED:
        delay = chance.uniform(SOONEST_S, LATEST_S)
    if drawn < CANCELLED:
        fate, delay = Wanted.STOPPED, max(delay, LATEST_S)
    elif drawn < CANCELLED + RACED:
        fate = Wanted.EITHER
    words = WORDS.format(n=n, seed=plan.seed)
    return Wish(at, words, tuple(chosen), delay, fate, shape, key)


def has_room(account: Account, given: Counter[int | str]) -> bool:
    """Whether neither the account nor our app at its network has had its part of a long cap."""
    network = account.network
    return given[account.pk] < most(network) and given[network] < most(network, "app")


def _one_of_each(accounts: list[Account], chance: random.Random) -> list[Account]:
    """One account of each network, so that none is played oftener for having many."""
    networks = dict.fromkeys(account.network for account in accounts)
    return [chance.choice([a for a in accounts if a.network == name]) for name in networks]


class Feed:
    """Some writers who work through the wishes; `asks` is what the site has accepted."""

    def __init__(self, url: str, emails: list[str], all_wishes: list[Wish]) -> None:
        self.waiting = [
            deque(wish for wish in all_wishes if wish.team == team) for team in range(len(emails))
        ]
        writers = WRITERS if len(emails) == 1 else WRITERS_OF_MANY_TEAMS
        self.asks: list[Ask] = []
        self.posts, self.repeats = 0, 0
        self.refusals = Counter[str]()
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.writers = [
            threading.Thread(
                target=self._write, args=(Browser(url, email), Desk(email), team), daemon=True
            )
            for team, email in enumerate(emails)
            for _ in range(writers)
        ]

    def start(self) -> None:
        """Open the doors."""
        self.began = time.monotonic()
        for writer in self.writers:
            writer.start()

    @property
    def done(self) -> bool:
        """Whether everything was written and cancelled."""
        return not any(writer.is_alive() for writer in self.writers)

    @property
    def left(self) -> int:
        """How many posts nobody has begun to write."""
        return sum(map(len, self.waiting))

    def _write(self, browser: Browser, desk: Desk, team: int) -> None:
        while wish := self._next(team):
            time.sleep(max(0.0, self.began + wish.at - time.monotonic()))
            self._bring_in(browser, desk, wish)

    def _next(self, team: int) -> Wish | None:
        with self.lock:
            return self.waiting[team].popleft() if self.waiting[team] else None

    def _bring_in(self, browser: Browser, desk: Desk, wish: Wish) -> None:
        """Write one post, until it is taken, and cancel it if that is its fate."""
        if wish.fits_the_form:
            number, due = self._by_form(browser, wish)
        else:
            number, due = self._by_desk(desk, wish)
        fate = wish.fate
        if fate is not Wanted.OUT:
            self._insist(lambda: browser.cancel(number))
            in_time = due - time.time() > MARGIN_S
            fate = Wanted.STOPPED if in_time else Wanted.EITHER
        count = len(files(wish.shape))  # a thread has none
        with self.lock:
            self.posts += 1
            self.asks += [
                Ask(account.network, account.external_id, text, fate, due, count)
                for account in wish.accounts
                for text in texts(wish.shape, wish.text)
            ]

    def _by_form(self, browser: Browser, wish: Wish) -> tuple[int, float]:
        """The post's number and when it is due."""
        form, due = self._filled_in(browser, wish)
        pressed = time.time()
        number = self._taken(browser, form, due, wish.shape)
        # For now, or its moment came while the site was away.
        return number, pressed if form.fields["when"] == [""] else due

    def _by_desk(self, desk: Desk, wish: Wish) -> tuple[int, float]:
        """The same without the form: the same key until the post is there."""
        due = float(int(time.time() + wish.delay_s)) if wish.delay_s else None
        said, accounts = texts(wish.shape, wish.text), [account.pk for account in wish.accounts]
        key, pressed = wish.key or uuid.uuid4(), time.time()
        while True:
            try:
                return desk.write(key, said, wish.shape, accounts, due), due or pressed
            except AwayError:
                with self.lock:
                    self.repeats += 1
            except RefusedError as problem:
                self.refusals[str(problem)] += 1
                due = None if due and due < time.time() + 1 else due
            time.sleep(PAUSE_S)

    def _filled_in(self, browser: Browser, wish: Wish) -> tuple[Form, float]:
        accounts = [account.pk for account in wish.accounts]
        form: list[Form] = []
        due = float(int(time.time() + wish.delay_s)) if wish.delay_s else None
        self._insist(lambda: form.append(browser.blank_post(wish.text, accounts, due)))
        return form[-1], due or 0.0

    def _taken(self, browser: Browser, form: Form, due: float, shape: Shape) -> int:
        """The number of the post: the same form, with the same key, until the site says it."""
        while True:
            try:
                return browser.send_post(form, files(shape))
            except AwayError:
                with self.lock:
                    self.repeats += 1
            except RefusedError as problem:
                self.refusals[str(problem)] += 1
                # Its moment may have passed while the site was away: then it is for now. Or an
                # account has to be connected first: then it is sent again until that is done.
                if due and due < time.time() + 1:
                    form.fields["when"] = [""]
            time.sleep(PAUSE_S)

    def _insist(self, act: Callable[[], object]) -> None:
        while True:
            try:
                act()
            except AwayError:
                time.sleep(PAUSE_S)
            else:
                return
