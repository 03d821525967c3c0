"""What is to be run, and the environment in which every process of the run lives."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import providers
from deploy.broker import free_port
from deploy.surroundings import practice
from tests.chaos.hosts import Addresses
from tokens.vault import new_key

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
THREE = ("bluesky", "mastodon", "x")
"""The usual street: keys of ours that repeat harmlessly, keys that are kept a while, and none."""
EVERY_NETWORK = "all"
BROKERS = ("redis", "rabbitmq")
DATABASES = ("sqlite", "postgres")
# Posts and the seconds in which they are written; in between along a straight line.
SPANS = ((0, 20.0), (300, 50.0), (2000, 480.0), (10_000, 1300.0))
FULL_PROOF = 2000
FEW = 300
# No account gets more than its network takes: X, the strictest, 100 posts in 15 minutes.
POSTS_PER_PERSON = 100
MOST_PEOPLE_OF_A_TEAM = 8
THREADS = 8
# Short spans, so that minutes show what takes hours in production; each one's reason: README.md.
SHORT = {
    "HTTP_CONNECT_S": "1.5",
    "HTTP_READ_S": "1.5",
    "HTTP_DEADLINE_S": "2",
    "LEASE_S": "9",
    "SETTLE_S": "2",
    "BELL_PATIENCE_S": "3",
    "RETRY_BASE_S": "0.2",
    "RETRY_CAP_S": "2",
    "MAX_ATTEMPTS": "40",
    "BREAKER_FIRST_S": "2",
    "BREAKER_CAP_S": "5",
    "POSTS_PER_MINUTE": "0",  # a handful of people write as much as a town
}


class WrongOrderError(Exception):
    """What was asked for cannot be run; the message says why in one sentence."""


@dataclass(frozen=True)
class Plan:
    """One run. The same seed gives the same posts, moments and victims."""

    posts: int
    seed: int
    broker: str = "redis"
    database: str = "sqlite"
    naive: bool = False
    hosts: int = 1
    networks: tuple[str, ...] = THREE
    folder: Path = ROOT / "var" / "chaos"

    @property
    def whole_street(self) -> bool:
        """Whether all networks play, with pictures, threads and blanks of their own."""
        return self.networks != THREE

    @property
    def span_s(self) -> float:
        """For how long posts are written and things are broken."""
        for (fewer, short), (more, long) in pairwise(SPANS):
            if self.posts <= more:
                return short + (long - short) * (self.posts - fewer) / (more - fewer)
        return SPANS[-1][1] * self.posts / SPANS[-1][0]

    @property
    def least(self) -> int:
        """How often every kind of fault must have struck, or the run proves nothing."""
        return max(1, min(5, 5 * self.posts // FULL_PROOF))

    @property
    def teams(self) -> tuple[tuple[str, ...], ...]:
        """Whose accounts each team holds, one at each network."""
        people = max(4, -(-self.posts // POSTS_PER_PERSON))
        count = -(-people // MOST_PEOPLE_OF_A_TEAM)
        return tuple(tuple(f"p{n}" for n in range(team, people, count)) for team in range(count))

    @property
    def workers(self) -> int:
        """How many worker processes; two on every host where there are several."""
        if self.hosts > 1:
            return 2 * self.hosts
        return 2 if self.posts < FEW else 3


def planned(words: Mapping[str, str]) -> Plan:
    """The run that N, BROKER, DB, SEED, CONTROL, HOSTS, NETWORKS and FOLDER ask for."""
    numbers: dict[str, int] = {}
    for name, usual in (("N", FULL_PROOF), ("SEED", random.randrange(10**6)), ("HOSTS", 1)):
        typed = words.get(name) or str(usual)
        if not typed.isdecimal():
            raise WrongOrderError(f"{name} must be a number, not {typed!r}.")
        numbers[name] = int(typed)
    plan = Plan(
        posts=max(20, numbers["N"]),
        seed=numbers["SEED"],
        broker=_one_of("BROKER", words, BROKERS),
        database=_one_of("DB", words, DATABASES),
        naive=_one_of("CONTROL", words, ("", "naive")) == "naive",
        hosts=max(1, numbers["HOSTS"]),
        networks=_networks(words),
    )
    if plan.whole_street and (plan.naive or plan.hosts > 1):
        raise WrongOrderError("NETWORKS goes neither with CONTROL nor with HOSTS.")
    folder = Path(words["FOLDER"]) if words.get("FOLDER") else plan.folder
    return replace(plan, folder=folder / _name(plan))


def _one_of(name: str, words: Mapping[str, str], choices: tuple[str, ...]) -> str:
    typed = words.get(name) or choices[0]
    if typed not in choices:
        known = ", ".join(filter(None, choices))
        raise WrongOrderError(f"{name} must be one of {known}, not {typed!r}.")
    return typed


def _networks(words: Mapping[str, str]) -> tuple[str, ...]:
    asked = _one_of("NETWORKS", words, ("", EVERY_NETWORK))
    return tuple(sorted(providers.names())) if asked else THREE


def _name(plan: Plan) -> str:
    control = "-naive" if plan.naive else "-all" if plan.whole_street else ""
    moment = time.strftime("%Y%m%d-%H%M%S")
    return f"{moment}-{plan.broker}-{plan.database}{control}-{plan.posts}-{plan.seed}"


@dataclass(frozen=True)
class Ports:
    """Where everything of one run listens."""

    web: int
    files: int
    street: int
    redis: int
    database: int


def free_ports() -> Ports:
    """Five different free ports."""
    found: set[int] = set()
    while len(found) < 5:
        found.add(free_port())
    return Ports(*sorted(found))


def environment(plan: Plan, ports: Ports, broker_url: str, where: Addresses) -> dict[str, str]:
    """What every process of the run is told."""
    street = f"http://{where.street}:{ports.street}"
    database = f"sqlite:///{plan.folder / 'chaos.sqlite3'}"
    if plan.database == "postgres":
        database = f"postgres://postgres@{where.database}:{ports.database}/postgres"
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        **practice(street),
        **SHORT,
        "PATH": programs,
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DATABASE_URL": database,
        "DATABASE_POOL_SIZE": str(THREADS + 4),
        "REDIS_URL": f"redis://{where.broker}:{ports.redis}/0",
        "BROKER_URL": broker_url,
        "SECRET_KEY": "chaos",
        # Two keys: what is sealed under the old one is sealed again while all runs.
        "TOKEN_KEYS": f"{new_key('k1')},{new_key('k2')}",
        "TOKEN_KEYS_FILE": "",
        "VAR_DIR": str(plan.folder / "var"),
        "MEDIA_ROOT": str(plan.folder / "media"),
        "PUBLIC_URL": f"http://{LOOPBACK}:{ports.files if plan.whole_street else ports.web}",
        "ALLOWED_HOSTS": LOOPBACK,
        "PRACTICE_URL": street,
        "TRUSTED_ORIGINS": street,
        "LOG_LEVEL": "INFO",
        "DEBUG": "False",
    }
