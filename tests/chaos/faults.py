"""Everything that goes wrong on purpose: the kinds, and when each strikes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import providers
from providers.kit.contract import Finds
from sandbox import TWINS
from tests.cast import RENEWED
from tests.chaos.plan import Plan

# Kinds for the processes; what each does stands in `tests.chaos.storm`.
PROCESSES = (
    "kill worker",
    "kill dispatcher",
    "kill beat",
    "kill web",
    "pause worker",
    "pause worker past its lease",
    "pause dispatcher",
    "pause beat",
    "pause web",
    "kill redis",
    "flush redis",
    "rotate keys",
    "expire a key",
)
RABBIT = ("kill rabbitmq", "pause rabbitmq")
REDIS = ("pause redis",)
POSTGRES = ("kill postgres",)
# Kinds between hosts and servers.
HOSTS = ("cut a host off", "cut a host from the broker")
HOSTS_AND_POSTGRES = ("cut a host from the database",)
# Kinds for the networks, by what the request is for.
TROUBLES: tuple[tuple[str, str], ...] = (
    ("publish", "drop_after"),
    ("publish", "drop_before"),
    ("publish", "slow"),
    ("publish", "slow_after"),
    ("publish", "error"),
    ("publish", "error_after"),
    ("publish", "throttled"),
    ("publish", "garbage"),
    ("publish", "empty"),
    ("publish", "html"),
    ("find", "drop_before"),
    ("find", "error"),
    ("token", "drop_after"),
    ("token", "error"),
)
# The same for what comes before a post is seen, which only some networks know.
STEPS: tuple[tuple[str, str], ...] = (
    ("upload", "drop_after"),
    ("upload", "error"),
    ("describe", "drop_after"),
    ("container", "drop_after"),
    ("container", "error"),
    ("status", "drop_before"),
    ("status", "error"),
)
TROUBLE_EVERY_S = 1.0
SPARE = 1.5
# The last strike falls while there is still something under way for it to meet.
UNTIL = 0.9


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that goes wrong: when, what, and a number to choose by.

    `at`: seconds from the start for processes; for networks so many posts that have been written,
    since a network in trouble that nobody speaks to proves nothing.
    """

    at: float
    kind: str
    draw: float


def kinds(plan: Plan) -> tuple[str, ...]:
    """The process kinds that this run's servers allow."""
    return (
        *PROCESSES,
        *(RABBIT if plan.broker == "rabbitmq" else REDIS),
        *(POSTGRES if plan.database == "postgres" else ()),
        *(HOSTS if plan.hosts > 1 else ()),
        *(HOSTS_AND_POSTGRES if plan.hosts > 1 and plan.database == "postgres" else ()),
    )


def named(purpose: str, kind: str) -> str:
    """How the street counts a trouble."""
    return f"{purpose}: {kind}"


def for_processes(plan: Plan) -> list[Strike]:
    """Every process kind somewhat oftener than needed, in a seeded order, spread over the run."""
    times = round(plan.least * SPARE + 0.5)
    chance = random.Random(f"{plan.seed} processes")
    return _spread(kinds(plan), times, plan.span_s * UNTIL, chance)


def for_networks(plan: Plan) -> list[Strike]:
    """About a trouble a second, every kind equally often."""
    names = [named(*trouble) for trouble in troubles(plan)]
    times = max(plan.least + 2, int(plan.span_s / TROUBLE_EVERY_S / len(names)))
    return _spread(names, times, plan.posts * UNTIL, random.Random(f"{plan.seed} networks"))


def troubles(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The kinds that the networks of this run know."""
    return TROUBLES + STEPS * plan.whole_street


def who_knows(purpose: str, kind: str, plan: Plan) -> list[str]:
    """The networks that get requests of this purpose and answer them with this trouble."""
    twins = [TWINS[name] for name in plan.networks]
    asked = [
        twin.name
        for twin in twins
        if kind not in twin.unplayed and purpose in {route.purpose for route in twin.routes}
    ]
    if purpose == "token":
        return [name for name in asked if providers.adapter(name).family in RENEWED]
    if purpose == "find":
        kinds_of = {name: providers.adapter(name) for name in asked}
        return [n for n, a in kinds_of.items() if issubclass(a, Finds) and not a.resend_window]
    return asked


def _spread(names: Sequence[str], times: int, until: float, chance: random.Random) -> list[Strike]:
    order = [name for name in names for _ in range(times)]
    chance.shuffle(order)
    step = until / len(order)
    return [
        Strike((n + chance.random()) * step, name, chance.random()) for n, name in enumerate(order)
    ]
