"""Everything that goes wrong on purpose: the kinds, and when each strikes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

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
TROUBLE_EVERY_S = 1.0
SPARE = 1.5
# The last strike falls while there is still something under way for it to meet.
UNTIL = 0.9


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that goes wrong: when (seconds from the start), what, and a number to choose by."""

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
    return _spread(kinds(plan), times, plan, random.Random(f"{plan.seed} processes"))


def for_networks(plan: Plan) -> list[Strike]:
    """A trouble a second, every kind equally often."""
    names = [named(*trouble) for trouble in TROUBLES]
    times = max(plan.least + 2, int(plan.span_s / TROUBLE_EVERY_S / len(names)))
    return _spread(names, times, plan, random.Random(f"{plan.seed} networks"))


def _spread(names: Sequence[str], times: int, plan: Plan, chance: random.Random) -> list[Strike]:
    order = [name for name in names for _ in range(times)]
    chance.shuffle(order)
    step = plan.span_s * UNTIL / len(order)
    return [
        Strike((n + chance.random()) * step, name, chance.random()) for n, name in enumerate(order)
    ]
