"""`manage.py rotate_keys`: seal every key again under the first of TOKEN_KEYS, while all runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tokens.rotate import left, rotate
from tokens.vault import current_key_id

WIDTH = 30


class Command(BaseCommand):
    """Safe to interrupt and to start again; workers may go on."""

    help = "Seal every stored key again under the first key of TOKEN_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--dry-run` only counts."""
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is")

    def handle(self, *args: Any, **options: Any) -> None:
        """Shows a bar; names what did not open and fails then, everything else being done."""
        total, done, closed = left(), 0, list[str]()
        if options["dry_run"] or not total:
            self.stdout.write(f"{total} sealed texts are not under the key {current_key_id()!r}.")
            return
        for count, words in rotate():
            done += count
            closed += words
            filled = WIDTH * min(done, total) // total
            self.stdout.write(f"\r[{'#' * filled:<{WIDTH}}] {done} of {total}", ending="")
        self.stdout.write("")
        if closed:
            raise CommandError(f"{len(closed)} did not open and stay:\n" + "\n".join(closed))
        self.stdout.write(f"All are under the key {current_key_id()!r}; older keys may go now.")
