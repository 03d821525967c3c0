"""The dispatcher's loop: find what is due and ring for it; any number may run side by side."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections, connection
from django.utils import timezone

from workers.dispatch import NobodyThere, ring_due
from workers.sweep import abandoned

logger = logging.getLogger(__name__)
PAUSE_AFTER_TROUBLE_S = 1.0


class Command(BaseCommand):
    """`manage.py dispatch`: runs until SIGTERM or Ctrl-C."""

    help = "Find due posts and ring for workers, until stopped. Any number may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--once` for scripts and tests."""
        parser.add_argument("--once", action="store_true", help="one round, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop; a broker or database that is away is waited for."""
        stop = threading.Event()
        if options["once"]:
            self.stdout.write(f"{round_trip()} due")
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        logger.info("dispatcher ready")
        troubled = ""
        while not stop.is_set():
            trouble = _try_round()
            if trouble != troubled:
                logger.warning("dispatching: %s", trouble or "goes on")
                troubled = trouble
            stop.wait(PAUSE_AFTER_TROUBLE_S if trouble else settings.DISPATCH_EVERY_S)
        logger.info("dispatcher stopped")


def round_trip() -> int:
    """One round: dead owners, due rows; returns how many were due."""
    at = timezone.now()
    abandoned(at)
    return ring_due(at)


def _try_round() -> str:
    """One round; "" if it went well, else the trouble in a word."""
    try:
        round_trip()
    except NobodyThere:
        return "the broker does not answer; due posts wait"
    except Error as problem:
        connection.close()
        return f"the database does not answer ({type(problem).__name__})"
    finally:
        close_old_connections()
    return ""
