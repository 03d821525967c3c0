"""`manage.py check_provider NAME`: what is set up for a network, what is missing, what to do."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import providers
from tokens.examine import Finding, examine


class Command(BaseCommand):
    """The doctor: plain words, exit code 1 if something stands in the way."""

    help = "Check one network (or all): credentials, return address, scopes, reachability."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which network; all without a name."""
        parser.add_argument("name", nargs="?", help="a network; all if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints every finding; fails if one is bad."""
        wanted = options["name"]
        if wanted and wanted not in providers.names():
            known = ", ".join(providers.names())
            raise CommandError(f"There is no network called {wanted!r}; there are: {known}.")
        findings: list[Finding] = []
        for name in [wanted] if wanted else providers.names():
            self.stdout.write(f"{providers.adapter(name).label}")
            for finding in examine(name):
                self.stdout.write(f"  {'ok ' if finding.good else 'NO '} {finding.words}")
                findings.append(finding)
        bad = sum(not finding.good for finding in findings)
        if bad:
            raise CommandError(f"{bad} thing(s) stand in the way.")
