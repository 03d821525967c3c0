"""`manage.py watchdog`: alarms when posts are late or somebody is silent, past the queue."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from workers import alarm, pulse
from workers.alarm import Told, Watch
from workers.vitals import findings

OUTAGES = ("broker", "database")
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Looks every few seconds until SIGTERM or Ctrl-C."""

    help = "Watch the oldest due post and the pulses; alarm by e-mail, webhook and ping."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--test` sends one message over every channel."""
        parser.add_argument("--test", action="store_true", help="send one test message, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        """The loop."""
        if options["test"]:
            failed = alarm.tell(Told("test", "Postrider: a test of the alarm", (), timezone.now()))
            self.stdout.write(f"not working: {', '.join(failed)}" if failed else "sent")
            return
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        if not (settings.ALARM_EMAIL or settings.ALARM_WEBHOOK or settings.ALARM_PING_URL):
            logger.warning("the watchdog only writes to the log: no ALARM_… is set")
        logger.info("watchdog ready")
        dog = Watchdog(timezone.now())
        while not stop.is_set():
            dog.look(timezone.now())
            pulse.supervisor.feel()
            stop.wait(settings.WATCH_EVERY_S)


class Watchdog:
    """One look after the other: what it found, told and could not tell."""

    def __init__(self, at: datetime) -> None:
        self.since = at  # nobody is missed before this
        self.pinged_at: datetime | None = None
        self.unsent: list[str] = []
        self.last: Told | None = None
        self.path = settings.VAR_DIR / "watchdog.json"
        self.watch = Watch(timedelta(seconds=settings.ALARM_REPEAT_S))
        self.watch.recall(self.path)

    def look(self, at: datetime) -> None:
        """One look, and what follows from it."""
        found = findings(self.since)
        if any(finding.about in OUTAGES for finding in found):
            self.since = at  # who could not be seen gets time to come back
        if event := self.watch.look(found, at):
            self.last = alarm.message(event, found, at)
            self.unsent = alarm.tell(self.last)
            self.watch.keep(self.path)
        elif self.unsent and self.last:
            self.unsent = alarm.again(self.last, self.unsent)
        if not found and not self.watch.on:
            self._ping(at)

    def _ping(self, at: datetime) -> None:
        if self.pinged_at and at - self.pinged_at < alarm.PING_EVERY:
            return
        if alarm.ping():
            self.pinged_at = at
