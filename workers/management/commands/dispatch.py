"""The dispatcher's loop: find what is due and ring for it; any number may run side by side."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection
from django.db.backends.signals import connection_created
from django.utils import timezone

from posting import lateness
from workers import dispatch, pulse
from workers.dispatch import NobodyThere
from workers.models import DISPATCHER, Pulse
from workers.outlook import outlook
from workers.sweep import abandoned
from workers.wake import Ear, my_name

logger = logging.getLogger(__name__)
PAUSE_AFTER_TROUBLE_S = 1.0
PULSE_S = 5.0


class Command(BaseCommand):
    """`manage.py dispatch`: runs until SIGTERM or Ctrl-C."""

    help = "Find due posts and ring for workers, until stopped. Any number may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--once` for scripts and tests."""
        parser.add_argument("--once", action="store_true", help="one round, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop; a broker or database that is away is waited for."""
        if options["once"]:
            self.stdout.write(f"{round_trip()} due")
            return
        connection_created.connect(_hurry, dispatch_uid="workers.dispatcher")
        dispatcher = Dispatcher()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: dispatcher.stop())
        logger.info("dispatcher ready")
        dispatcher.run()
        logger.info("dispatcher stopped")


def _hurry(connection: Any = None, **_: Any) -> None:
    """On PostgreSQL this process does not wait for the disk: what it writes can be made again.

    A claim that a crash undoes is made once more; and a worker's fence, which does wait, comes
    after it in the same log, so it can never stand without the claim.
    https://www.postgresql.org/docs/current/wal-async-commit.html
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO OFF")


def round_trip() -> int:
    """One round: dead owners, due rows; returns how many were due."""
    at = timezone.now()
    abandoned(at)
    return dispatch.ring_due(at)


class Dispatcher:
    """Sleeps until the next moment that the rows hold, or until the bell; then rings for them.

    It keeps one database connection and one to the broker open. The rows are looked at in any case
    every DISPATCH_LOOK_S, and every DISPATCH_EVERY_S while the bell is out of order.
    """

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.ear = Ear(self.wake)
        self.name = my_name(os.getpid())
        self.stopping = False
        self.skew = timedelta(0)  # the database's clock less ours
        self.seen_at = -PULSE_S

    def stop(self) -> None:
        """End after this round; safe in a signal handler."""
        self.stopping = True
        self.wake.set()

    def run(self) -> None:
        """Rounds until stopped."""
        self.ear.start()
        troubled = ""
        hurried = True
        while not self.stopping:
            self.wake.clear()
            trouble, seconds = self._try_round(hurried)
            if trouble != troubled:
                logger.warning("dispatching: %s", trouble or "goes on")
                troubled = trouble
            pulse.supervisor.feel()
            hurried = self.wake.wait(seconds) or seconds < settings.DISPATCH_EVERY_S
            if trouble and not self.stopping:
                time.sleep(settings.DISPATCH_EVERY_S)  # a bell does not mend it
        self._leave()

    def _try_round(self, hurried: bool) -> tuple[str, float]:
        """One round: "" or the trouble in a word, and how long to sleep."""
        try:
            return "", self._round(hurried)
        except NobodyThere:
            return "the broker does not answer; due posts wait", PAUSE_AFTER_TROUBLE_S
        except Error as problem:
            connection.close()
            return f"the database does not answer ({type(problem).__name__})", PAUSE_AFTER_TROUBLE_S

    def _round(self, hurried: bool) -> float:
        """Look and do what needs a hand; returns how long to sleep.

        Woken by the bell or for a known moment it is `hurried`: it claims first and looks then.
        """
        moved = dispatch.queue_due(self._now()) if hurried else 0
        seen = outlook(dispatch.patience())
        self.skew = seen.at - timezone.now()
        if seen.is_time(seen.due):
            moved += dispatch.queue_due(seen.at)
        if seen.is_time(seen.late):
            moved += lateness.judge(seen.at)
        if seen.is_time(seen.abandoned):
            moved += abandoned(seen.at)
        if seen.is_time(seen.unanswered):
            moved += dispatch.ring_again(seen.at)
        if seen.is_time(seen.doubtful):
            moved += dispatch.look_due(seen.at)
        self._felt(seen.at)
        return self._pause(seen.seconds, moved)

    def _now(self) -> datetime:
        return timezone.now() + self.skew

    def _pause(self, seconds: float | None, moved: int) -> float:
        """Until the next moment; never longer than a look, never busy over what cannot be moved."""
        longest: float = (
            settings.DISPATCH_LOOK_S if self.ear.listening else settings.DISPATCH_EVERY_S
        )
        if seconds is None or seconds >= longest:
            return longest
        if seconds > 0 or moved:
            return max(seconds, 0.0)
        return float(min(settings.DISPATCH_EVERY_S, longest))

    def _felt(self, at: datetime) -> None:
        """Every few seconds: the rounds are made; the canaries, if it is our turn."""
        if time.monotonic() - self.seen_at < min(PULSE_S, settings.CANARY_S):
            return
        self.seen_at = time.monotonic()
        try:
            pulse.dispatcher_works(self.name, at)
        except pulse.AWAY:
            raise NobodyThere from None

    def _leave(self) -> None:
        """It ends in order, so nobody needs to miss it."""
        self.ear.stopped.set()
        try:
            Pulse.objects.gone(DISPATCHER, self.name)
        except Error:
            connection.close()
