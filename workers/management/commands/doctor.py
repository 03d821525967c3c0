"""`manage.py doctor`: how the house is, in plain words, and what to do about what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

import providers
from posting.models import PostResult
from posting.states import State
from tokens.networks import everything
from workers import breaker, gates, pulse, vitals
from workers.models import DISPATCHER, QUEUE, WORKER, clock
from workers.queues import LANES
from workers.say import moment
from workers.vitals import TookTooLong, span

Line = tuple[str, str]
OK, NOTE, BAD = "ok", "--", "NO"


class Command(BaseCommand):
    """Every line is `ok`, `--` (worth knowing) or `NO` (to be mended); exit code 1 for any `NO`."""

    help = "Look at database, broker, workers, beat, dispatchers, due posts and networks."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints every line; fails if something has to be mended."""
        bad = 0
        for mark, words in everything_about_the_house():
            self.stdout.write(f"{mark}  {words}")
            bad += mark == BAD
        if bad:
            raise CommandError(f"{bad} thing(s) to mend.")


def everything_about_the_house() -> Iterator[Line]:
    """All lines; what cannot be asked while the database is away is left out."""
    yield from _settings()
    if away := vitals.database():
        yield BAD, str(away)
        yield from _broker()
        return
    yield OK, f"The database ({connection.vendor}) answers."
    if missing := vitals.migrations():
        yield BAD, str(missing)
    yield from _broker()
    try:
        yield from _at_work()
    except (Error, TookTooLong) as problem:
        yield BAD, f"The database does not answer questions ({type(problem).__name__})."
    yield from _networks()


def _settings() -> Iterator[Line]:
    if not (settings.ALARM_EMAIL or settings.ALARM_WEBHOOK):
        yield NOTE, "Nobody is alarmed: set ALARM_EMAIL or ALARM_WEBHOOK for the watchdog."
    if not settings.ALARM_PING_URL:
        yield NOTE, "No dead-man's switch: with ALARM_PING_URL a dead watchdog is noticed too."


def _broker() -> Iterator[Line]:
    away = vitals.broker()
    yield (BAD, str(away)) if away else (OK, "The broker answers.")


def _at_work() -> Iterator[Line]:
    found = vitals.at_work() + vitals.outgoing()
    at = clock()
    for finding in found:
        yield BAD, str(finding)
    about = {finding.about for finding in found}
    if "overdue" not in about:
        waited = vitals.overdue_s(at)
        yield OK, f"The oldest due post is {waited:.0f} s late." if waited else "No post is late."
    yield from _seen(DISPATCHER, "Dispatcher")
    yield from _seen(WORKER, "Worker")
    yield from _queues(about)
    if "beat" not in about:
        yield OK, "Beat sends its jobs."
    if abs(skew := vitals.skew()) > vitals.MOST_SKEW:
        words = f"This machine's clock is {skew.total_seconds():+.1f} s from the database's."
        yield BAD, f"{words} Let both be set by NTP."
    yield from _doubts()
    yield from _breakers()


def _seen(kind: str, label: str) -> Iterator[Line]:
    """Each process with its last progress; Redis may know of one that cannot write it down."""
    at, remembered = clock(), pulse.in_redis()
    for name, last in vitals.known(kind).items():
        newer = remembered.get(f"{kind} {name}")
        quiet = vitals.silence(last, at)
        if quiet and newer and not vitals.silence(newer, at):
            yield BAD, f"{label} {name} is at work but cannot write to the database ({quiet})."
        elif quiet:
            cure = "It is gone or stuck; if it was not taken away on purpose, start it again."
            yield NOTE, f"{label} {name} has not been seen {quiet}. {cure}"
        else:
            yield OK, f"{label} {name} got on {span(at - last)} ago."


def _queues(about: set[str]) -> Iterator[Line]:
    if QUEUE not in about and DISPATCHER not in about:
        yield OK, f"All {len(LANES)} queues are served."


def _doubts() -> Iterator[Line]:
    for state, words in (
        (State.UNCONFIRMED, "wait for a person's word whether they are out"),
        (State.HELD, "are held for a person"),
    ):
        if count := PostResult.objects.filter(state=state).count():
            yield NOTE, f"{count} result(s) {words}; their posts' pages say why."


def _breakers() -> Iterator[Line]:
    """Networks that are given a rest, and limits that are reached: their posts wait."""
    for trouble in breaker.view():
        until = f"the next try is at {moment(trouble.probe_at)}"
        yield NOTE, f"{trouble.name} is in trouble ({trouble.words}); {until}."
    for closed in gates.view():
        yield NOTE, f"{closed.name} is at its limit until {moment(closed.until)}."


def _networks() -> Iterator[Line]:
    for provider in everything():
        if missing := provider.missing():
            cure = "Fill them in if you want it; see manage.py check_provider."
            yield NOTE, f"{provider.label} is not set up: {', '.join(missing)} is empty. {cure}"
    if not providers.names():
        yield BAD, "There is no network at all."
