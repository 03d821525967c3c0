"""The weather: strikes fall when their moment has come, on victims that the seed chooses."""

from __future__ import annotations

import contextlib
import heapq
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from django.utils import timezone

from tests.cast import Street
from tests.chaos import faults, reading
from tests.chaos.faults import Strike
from tests.chaos.house import House
from tests.chaos.kept import Kept
from tests.chaos.plan import ROOT, SHORT
from tokens.models import OAuthToken

AGAIN_S = 1.0
PAST_LEASE_S = float(SHORT["LEASE_S"]) + float(SHORT["SETTLE_S"]) + 3.0
# A request that the network carries out late is found by the second look: read time-out and two
# settling times lie behind the sender by then.
STALL_S = 2.5
WAIT_S = 1.5
# Workers that fall in the middle of sending: the networks are made to stall a moment before.
AMBUSHED = ("kill worker", "pause worker past its lease")
LURE_S = 0.8
SLOW_AFTER = 0.6
# Kinds that are rare at each network are ordered at all of them.
ONE_BY_ONE = ("publish", "token")
# When it is looked which kinds have struck too seldom: so many of the posts have been written.
SHARES_OF_WRITING = (0.4, 0.55, 0.7, 0.8, 0.9, 0.97)
INSIST = "insist"


def chosen(draw: float, victims: Sequence[Kept]) -> Kept | None:
    """One of those that run now."""
    running = [victim for victim in victims if victim.runs]
    return running[int(draw * len(running))] if running else None


class Storm:
    """All strikes of the run, and a count of those that fell.

    Whatever may have to wait is done by a hand beside the thread that thaws the frozen: questions
    to the database, which a frozen process can hold up, and bringing PostgreSQL back.
    """

    def __init__(self, house: House, street: Street) -> None:
        self.house, self.street = house, street
        self.struck: Counter[str] = Counter()
        self.rotations: list[subprocess.Popen[bytes]] = []
        self.hand, self.smith = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self.in_hand = 0
        self.lured = set[int]()
        self.done: deque[tuple[int, Strike, bool]] = deque()
        self.began = time.monotonic()
        plan = house.plan
        self.coming = [
            (strike.at, n, strike) for n, strike in enumerate(faults.for_processes(plan))
        ]
        self.orders = deque(sorted(faults.for_networks(plan), key=lambda strike: strike.at))
        self.rounds = deque(share * plan.posts for share in SHARES_OF_WRITING)
        self.too_rare = set[str]()
        heapq.heapify(self.coming)
        self.acts: dict[str, Callable[[float], bool]] = {
            **self._kills(),
            **self._pauses(),
            **self._cuts(),
            "rotate keys": self._rotate,
        }

    def _kills(self) -> dict[str, Callable[[float], bool]]:
        house = self.house
        rabbit = [house.rabbit] if house.rabbit else []
        return {
            "kill worker": lambda draw: self._kill(draw, house.workers),
            "kill dispatcher": lambda draw: self._kill(draw, house.dispatchers),
            "kill beat": lambda draw: self._kill(draw, house.beats),
            "kill web": lambda draw: self._kill(draw, [house.web]),
            "kill redis": lambda draw: self._kill(draw, [house.redis], 2 * draw),
            "kill rabbitmq": lambda draw: self._kill(draw, rabbit, 2 * draw),
        }

    def _pauses(self) -> dict[str, Callable[[float], bool]]:
        house = self.house
        rabbit = [house.rabbit] if house.rabbit else []
        return {
            "pause worker": lambda draw: self._pause(draw, house.workers, 2 + 2 * draw),
            "pause worker past its lease": lambda draw: self._pause(
                draw, house.workers, PAST_LEASE_S
            ),
            "pause dispatcher": lambda draw: self._pause(draw, house.dispatchers, 3 + 3 * draw),
            "pause beat": lambda draw: self._pause(draw, house.beats, 3 + 3 * draw),
            "pause web": lambda draw: self._pause(draw, [house.web], 2 + 3 * draw),
            "pause redis": lambda draw: self._pause(draw, [house.redis], 1 + 3 * draw),
            "pause rabbitmq": lambda draw: self._pause(draw, rabbit, 1 + 3 * draw),
        }

    def _cuts(self) -> dict[str, Callable[[float], bool]]:
        where = self.house.where
        return {
            "cut a host off": lambda draw: self._cut(draw, ""),
            "cut a host from the broker": lambda draw: self._cut(draw, where.broker),
            "cut a host from the database": lambda draw: self._cut(draw, where.database),
        }

    @property
    def over(self) -> bool:
        """Whether every strike has fallen."""
        return not (self.coming or self.orders or self.rounds or self.in_hand)

    def start(self) -> None:
        """From now on."""
        self.began = time.monotonic()

    def blow(self, written: int) -> None:
        """Let fall what is due; what finds no victim now comes again a little later.

        `written`: how many posts the site has taken, by which the networks' troubles fall.
        """
        elapsed = time.monotonic() - self.began
        self._order_by(written)
        while self.coming and self.coming[0][0] <= elapsed:
            _, n, strike = heapq.heappop(self.coming)
            if strike.kind in AMBUSHED and n not in self.lured:
                self.lured.add(n)
                self.hand.submit(self._lure, strike.draw)
                heapq.heappush(self.coming, (elapsed + LURE_S, n, strike))
                continue
            self.in_hand += 1
            if act := self.acts.get(strike.kind):
                self.done.append((n, strike, act(strike.draw)))
            else:
                hand = self.smith if strike.kind == "kill postgres" else self.hand
                hand.submit(self._by_hand, n, strike)
        while self.done:
            n, strike, fell = self.done.popleft()
            self.in_hand -= 1
            if strike.kind == INSIST:
                continue
            if fell:
                self.struck[strike.kind] += 1
            else:
                heapq.heappush(self.coming, (elapsed + AGAIN_S, n, strike))

    def _order_by(self, written: int) -> None:
        """What the networks are to do to those who speak to them from now on."""
        while self.orders and self.orders[0].at <= written:
            self.in_hand += 1
            self.hand.submit(self._by_hand, 0, self.orders.popleft())
        while self.rounds and self.rounds[0] <= written:
            self.rounds.popleft()
            self.insist()

    def insist(self) -> None:
        """Look which kinds have struck too seldom, and order them wherever they are known."""
        self.in_hand += 1
        self.hand.submit(self._by_hand, 0, Strike(0.0, INSIST, 0.5))

    def _insist(self) -> bool:
        """What is ordered already gives way; each network begins with another one of the kinds."""
        plan, fired = self.house.plan, self._told()["by_purpose"]
        named = {faults.named(*trouble): trouble for trouble in faults.troubles(plan)}
        self.too_rare = {name for name in named if fired.get(name, 0) < plan.least}
        wanted = [named[name] for name in sorted(self.too_rare)]
        for place, network in enumerate(plan.networks):
            turn = place % max(1, len(wanted))
            mine = [
                (purpose, kind)
                for purpose, kind in wanted[turn:] + wanted[:turn]
                if network in faults.who_knows(purpose, kind, plan)
            ]
            if mine:
                self._forget(network)
            for purpose, kind in mine:
                self._order_at(network, purpose, kind)
        return True

    def _order_at(self, network: str, purpose: str, kind: str) -> None:
        """One more of a rare kind, and what brings such requests about."""
        if purpose == "find":  # somebody has to be in doubt first
            self.street.trouble(network, "drop_after")
        if purpose == "token":
            self._expire(0.5, [network])
        self.street.trouble(network, kind, on=purpose, seconds=self._seconds(kind))

    def _forget(self, network: str = "") -> None:
        """What is ordered there (or everywhere) and has not struck yet."""
        url = f"{self.street.url}/_street/trouble"
        requests.delete(url, params={"network": network}, timeout=10).raise_for_status()

    def _lure(self, draw: float) -> None:
        """All networks stall, before or after they accept: so the victim is met while it sends."""
        kind = "slow_after" if draw < SLOW_AFTER else "slow"
        times = 1 if self.house.plan.whole_street else 2
        with contextlib.suppress(requests.RequestException):
            for name in self.house.plan.networks:
                self.street.trouble(name, kind, seconds=STALL_S, times=times)

    def _by_hand(self, n: int, strike: Strike) -> None:
        fell = False
        try:
            fell = self._insist() if strike.kind == INSIST else self._order(strike)
        except (reading.Gone, requests.RequestException):
            fell = False
        finally:
            self.done.append((n, strike, fell))

    def _order(self, strike: Strike) -> bool:
        if strike.kind == "kill postgres":
            self.house.kill_postgres()
            return True
        if strike.kind == "flush redis":
            return self.house.flush_redis()
        if strike.kind == "expire a key":
            return self._expire(strike.draw, self.house.plan.networks)
        return self._trouble(strike)

    def _kill(self, draw: float, victims: Sequence[Kept], down_s: float = 0.5) -> bool:
        victim = chosen(draw, victims)
        if victim is not None:
            victim.kill(down_s)
        return victim is not None

    def _pause(self, draw: float, victims: Sequence[Kept], seconds: float) -> bool:
        victim = chosen(draw, victims)
        if victim is not None:
            victim.freeze(seconds)
        return victim is not None

    def _cut(self, draw: float, server: str) -> bool:
        """Every other cut outlasts the leases of those who are cut off."""
        hosts = self.house.hosts
        nth = int(draw * 2 * len(hosts))
        return hosts[nth // 2].cut(server, PAST_LEASE_S if nth % 2 else 3 + 3 * draw)

    def _rotate(self, _: float) -> bool:
        """The other of the two keys seals for this process: so there is always work for it."""
        first, second = self.house.environment["TOKEN_KEYS"].split(",")
        order = [first, second] if len(self.rotations) % 2 else [second, first]
        with (self.house.plan.folder / "rotate.log").open("ab") as out:
            self.rotations.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", "rotate_keys"],
                    cwd=ROOT,
                    env={**self.house.environment, "TOKEN_KEYS": ",".join(order)},
                    stdout=out,
                    stderr=out,
                )
            )
        return True

    def _expire(self, draw: float, networks: Sequence[str]) -> bool:
        """One access token ends early at its network; all grants of it are due for renewal."""
        keys = [key for key in reading.renewable() if key[0] in networks]
        if not keys:
            return False
        name, access = keys[int(draw * len(keys))]
        with reading.asking():
            OAuthToken.objects.filter(provider=name, refresh_at__gt=timezone.now()).update(
                refresh_at=timezone.now()
            )
        with contextlib.suppress(requests.HTTPError):  # renewed meanwhile: the old one is gone
            self.street.tell("expire", network=name, access_token=access)
        return True

    def _trouble(self, strike: Strike) -> bool:
        """The next answers of one network; of every one for look-ups, which are rare at each."""
        purpose, _, kind = strike.kind.partition(": ")
        names = faults.who_knows(purpose, kind, self.house.plan)
        name = names[int(strike.draw * len(names))]
        if purpose == "token" and not self._expire(strike.draw, [name]):
            return False
        times = 2 if purpose == "publish" else 1
        for each in [name] if purpose in ONE_BY_ONE else names:
            self.street.trouble(each, kind, on=purpose, times=times, seconds=self._seconds(kind))
        return True

    @staticmethod
    def _seconds(kind: str) -> float:
        return WAIT_S if kind == "throttled" else STALL_S

    def _told(self) -> dict[str, Any]:
        """The street's own count of what it did."""
        told: dict[str, Any] = requests.get(f"{self.street.url}/_street/trouble", timeout=10).json()
        return told

    def calm(self) -> None:
        """No more trouble: whoever is frozen goes on, whatever is ordered is forgotten."""
        for kept in self.house.everybody:
            kept.thaw()
        for host in self.house.hosts:
            host.mend()
        self._forget()

    def counts(self) -> dict[str, int]:
        """How often each kind struck: processes as we struck them, networks as they say."""
        plan, fired = self.house.plan, self._told()["by_purpose"]
        ours = {kind: self.struck[kind] for kind in faults.kinds(plan)}
        theirs = {faults.named(*t): fired.get(faults.named(*t), 0) for t in faults.troubles(plan)}
        return {**ours, **theirs}

    def by_network(self) -> dict[str, int]:
        """How many troubles each network has made."""
        told: dict[str, int] = self._told()["by_network"]
        return told

    def failed_rotations(self) -> int:
        """How many runs of `rotate_keys` ended with an error, for example without a database."""
        return sum(process.wait(60) != 0 for process in self.rotations)
