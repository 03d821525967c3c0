"""How the whole house stands, for whoever runs it: one look, every question with its time limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from tokens.networks import everything
from workers import breaker, gates, vitals
from workers.breaker import Trouble
from workers.dispatch import depths
from workers.gates import Closed
from workers.models import BEAT, DISPATCHER, QUEUE, WORKER, clock
from workers.queues import TABLE, Lane
from workers.vitals import Finding

NAMES = {DISPATCHER: "Dispatcher", WORKER: "Worker", BEAT: "Beat"}


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the house; `silent` says for how long it has not been heard, or ""."""

    kind: str
    name: str
    seen_at: datetime
    silent: str


@dataclass(frozen=True, slots=True)
class Pool:
    """One queue with its hands: how many messages wait (None: unknown), when it was last served."""

    lane: Lane
    waiting: int | None
    served_at: datetime | None
    silent: str


@dataclass(frozen=True, slots=True)
class NotSetUp:
    """A network that this site cannot speak to, and the settings that are empty."""

    label: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """All that can be said now; without its database only `findings` says something."""

    findings: tuple[Finding, ...]
    overdue_s: float | None = None
    processes: tuple[Process, ...] = ()
    pools: tuple[Pool, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    closed: tuple[Closed, ...] = ()
    networks: tuple[NotSetUp, ...] = ()


def survey() -> Survey:
    """Ask everybody; what does not answer is a finding, never an error."""
    found = tuple(vitals.findings())
    waiting = {} if any(one.about == "broker" for one in found) else _depths()
    try:
        at = clock()
        seen = Survey(
            found,
            vitals.overdue_s(at),
            tuple(_processes(at)),
            tuple(_pools(at, waiting)),
        )
    except Error:
        return Survey(found)
    return Survey(
        seen.findings,
        seen.overdue_s,
        seen.processes,
        seen.pools,
        tuple(breaker.view()),
        tuple(gates.view()),
        tuple(NotSetUp(n.label, n.missing()) for n in everything() if n.missing()),
    )


def _processes(at: datetime) -> list[Process]:
    return [
        Process(NAMES[kind], name, seen_at, vitals.silence(seen_at, at))
        for kind in NAMES
        for name, seen_at in vitals.known(kind).items()
    ]


def _pools(at: datetime, waiting: dict[str, int]) -> list[Pool]:
    served = vitals.known(QUEUE)
    return [
        Pool(one, waiting.get(one.name), last, vitals.silence(last, at))
        for one in TABLE
        for last in [served.get(one.name)]
    ]


def _depths() -> dict[str, int]:
    """What waits in each queue; nothing if the broker does not say in time."""
    try:
        return vitals.within(vitals.PATIENCE_S, depths)
    except Exception:  # noqa: BLE001 - each transport has errors of its own
        return {}
