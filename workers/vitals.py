"""Is the house alive? Every finding in plain words, with what to do about it.

Read straight from the database and the broker, never through the queue. No question is waited for
longer than a few seconds, whatever hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from celery import current_app
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

import providers
from workers import breaker
from workers.models import BEAT, DISPATCHER, QUEUE, TURN, Pulse, clock
from workers.outlook import oldest_due, strange, too_late
from workers.pulse import BEGAN
from workers.queues import LANES

PATIENCE_S = 3.0
NAMED = 4
MOST_SKEW = timedelta(seconds=1)
Answer = TypeVar("Answer")


class Kind(StrEnum):
    """What can be wrong; docs/operating.md says of each what it means and what to do."""

    BROKER = "broker"
    DATABASE = "database"
    MIGRATIONS = "migrations"
    OVERDUE = "overdue"
    DISPATCHER = "dispatcher"
    BEAT = "beat"
    QUEUE = "queue"
    LATE = "late"
    TROUBLE = "trouble"
    STRANGE = "strange"


OF_ROWS = (Kind.OVERDUE, Kind.LATE, Kind.TROUBLE, Kind.STRANGE)
"""What the rows say by themselves, whoever else is away."""


class TookTooLong(Exception):
    """There was no answer in time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is about, what happened, what to do.

    `which` of several, where the same can be wrong with more than one.
    """

    about: str
    words: str
    cure: str
    which: str = ""

    def __str__(self) -> str:
        return f"{self.words} {self.cure}"

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.about} {self.which}".strip()


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """The answer, or its error; raises TookTooLong when the time is over.

    The question is asked in a thread of its own, with its own database connection; one that hangs
    for ever is left behind.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def asked() -> None:
        try:
            answers.append(ask())
        except BaseException as problem:  # noqa: BLE001 - it is raised again by who asked
            errors.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=asked, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TookTooLong
    if errors:
        raise errors[0]
    return answers[0]


def broker() -> Finding | None:
    """Whether the broker takes messages."""

    def ask() -> None:
        with current_app.connection_for_write() as line:
            line.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=2)
            line.default_channel  # noqa: B018 - opens it, and with Redis asks for a PING

    try:
        within(PATIENCE_S, ask)
    except Exception as problem:  # noqa: BLE001 - each transport has errors of its own
        return Finding(
            Kind.BROKER,
            f"The broker does not answer ({type(problem).__name__}).",
            "Start it; due posts wait in the database and lose nothing.",
        )
    return None


def database() -> Finding | None:
    """Whether the database answers."""
    try:
        within(PATIENCE_S, clock)
    except (Error, TookTooLong) as problem:
        return Finding(
            Kind.DATABASE,
            f"The database does not answer ({type(problem).__name__}).",
            "Start it or make it reachable; nothing goes out until then, and nothing is lost.",
        )
    return None


def migrations() -> Finding | None:
    """Whether the tables are those of this code."""

    def ask() -> int:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))

    try:
        missing = within(PATIENCE_S, ask)
    except (Error, TookTooLong) as problem:
        words = f"The migrations are unknown ({type(problem).__name__})."
        return Finding(Kind.MIGRATIONS, words, "Look again.")
    if not missing:
        return None
    words = f"{missing} migrations are missing."
    return Finding(Kind.MIGRATIONS, words, "Run manage.py migrate.")


def at_work(since: datetime | None = None) -> list[Finding]:
    """Overdue posts and silent processes, as the database knows them.

    Before `since`, when who asks was started, nobody is missed. Raises Error, TookTooLong.
    """

    def ask() -> list[Finding]:
        at = clock()
        seen = [overdue(at), *_dispatchers(at, since), *_beat(at, since)]
        if not any(finding and finding.about == Kind.DISPATCHER for finding in seen):
            seen += _queues(at, since)  # it is the dispatchers who send the canaries
        return [finding for finding in seen if finding]

    return within(PATIENCE_S, ask)


def outgoing() -> list[Finding]:
    """Why posts do not go out though everybody is at work. Raises Error, TookTooLong."""

    def ask() -> list[Finding]:
        at = clock()
        return [*_late(at), *_troubles(at), *_strange(at)]

    return within(PATIENCE_S, ask)


def findings(since: datetime | None = None) -> list[Finding]:
    """Everything that is wrong now; what follows from something else is left out."""
    if away := database():
        return [away]
    silent_broker = broker()
    try:
        found = at_work(since) + outgoing()
    except (Error, TookTooLong) as problem:
        words = f"The database answers, but not to questions ({type(problem).__name__})."
        return [Finding(Kind.DATABASE, words, "Run manage.py migrate, or look at its load.")]
    if silent_broker:
        # With the broker away nobody can be seen at work.
        return [silent_broker, *(one for one in found if one.about in OF_ROWS)]
    return found


def overdue(at: datetime) -> Finding | None:
    """Whether the oldest due post has waited for too long: the number that matters."""
    waited = overdue_s(at)
    if waited <= settings.OVERDUE_LIMIT_S:
        return None
    return Finding(
        Kind.OVERDUE,
        f"The oldest due post is {waited:.0f} s late (limit {settings.OVERDUE_LIMIT_S:.0f} s).",
        "See below who is silent; if nobody is, there are too few workers for what is due.",
    )


def overdue_s(at: datetime) -> float:
    """How many seconds the oldest due post has waited; 0 if none waits."""
    oldest = oldest_due(at)
    return max(0.0, (at - oldest).total_seconds()) if oldest else 0.0


def _dispatchers(at: datetime, since: datetime | None) -> Iterable[Finding]:
    seen = Pulse.objects.of(DISPATCHER).values()
    last = max((pulse.at for pulse in seen), default=None)
    if words := silence(last, at, since):
        cure = "Start manage.py dispatch; until then beat's job finds due posts, a little late."
        yield Finding(Kind.DISPATCHER, f"No dispatcher has been at work {words}.", cure)


def _beat(at: datetime, since: datetime | None) -> Iterable[Finding]:
    seen = Pulse.objects.of(BEAT).get(BEAT)
    if words := silence(seen.at if seen else None, at, since):
        cure = "Start celery beat; until then keys are renewed only when a post needs them."
        yield Finding(Kind.BEAT, f"Beat has sent no job {words}.", cure)


def _queues(at: datetime, since: datetime | None) -> Iterable[Finding]:
    began = Pulse.objects.of(TURN).get(BEGAN)
    if began:
        since = max(since, began.at) if since else began.at
    seen = Pulse.objects.of(QUEUE)
    last = {name: seen[name].at if name in seen else None for name in LANES}
    silent = [name for name in LANES if silence(last[name], at, since)]
    if silent:
        known = [last[name] for name in silent]
        words = silence(max((moment for moment in known if moment), default=None), at, since)
        more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        yield Finding(
            Kind.QUEUE,
            f"No worker has answered {words} on: {', '.join(silent[:NAMED])}{more}.",
            "Start a worker for these queues; their posts wait in the database.",
        )


def _late(at: datetime) -> Iterable[Finding]:
    """A backlog that nothing moves is no longer overdue once it is too late: this says so then."""
    if count := too_late(at):
        words = f"{count} post{'s' * (count > 1)} became too late in the last hour."
        cure = "Their authors decide under Late posts; find what kept them (docs/operating.md)."
        yield Finding(Kind.LATE, words, cure)


def _troubles(at: datetime) -> Iterable[Finding]:
    """Networks that have been left alone for long while posts wait for them."""
    for trouble in breaker.view():
        lasted = at - trouble.since
        if lasted.total_seconds() <= settings.TROUBLE_LIMIT_S:
            continue
        if count := trouble.waiting.count():
            wait = f"{count} post{'s wait' if count > 1 else ' waits'}"
            words = f"{trouble.place} has been in trouble for {span(lasted)}; {wait}."
            cure = f"They go on by themselves. Its last words: {trouble.words}"
            yield Finding(Kind.TROUBLE, words, cure, trouble.name)


def _strange(at: datetime) -> Iterable[Finding]:
    for provider, count in strange(at).items():
        known = providers.ADAPTERS.get(provider)
        label = known.label if known else provider
        words = f"Answers not understood from {label} ({count} in the last hour)."
        cure = f"Run manage.py check_provider {provider}; the posts' pages have its words."
        yield Finding(Kind.STRANGE, words, cure, provider)


def silence(last: datetime | None, at: datetime, since: datetime | None = None) -> str:
    """How long somebody has been silent, in words; "" while that is no reason to worry."""
    if since and (last is None or last < since):
        quiet = at - since
    elif last is None:
        return "as far as is known"
    else:
        quiet = at - last
    if quiet.total_seconds() <= settings.QUIET_LIMIT_S:
        return ""
    return f"for {span(at - last if last else quiet)}"


def span(quiet: timedelta) -> str:
    """A span as people say it."""
    seconds = max(0, int(quiet.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def skew() -> timedelta:
    """How far this machine's clock is ahead of the database's."""
    before = timezone.now()
    return before - clock()


def known(kind: str) -> dict[str, Any]:
    """Everybody of one kind, by name, with the moment at which they were last at work."""
    return {name: pulse.at for name, pulse in sorted(Pulse.objects.of(kind).items())}
