"""`manage.py seed_demo`: a person and a team to try Postrider with."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.access import found_team
from accounts.models import Membership, User


class Command(BaseCommand):
    """Makes the demo person and team if they are missing; sets the password each time."""

    help = "Make the demo person and team (again and again without harm)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who and with which password."""
        parser.add_argument("--email", default="demo@postrider.test")
        parser.add_argument("--password", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Idempotent; refuses a password that is too short to be one."""
        if len(options["password"]) < 8:
            raise CommandError("--password: use at least 8 characters.")
        person = User.objects.filter(email__iexact=options["email"]).first()
        if person is None:
            person = User.objects.create_superuser(options["email"], name="Demo")
        person.set_password(options["password"])
        person.save(update_fields=["password"])
        if not Membership.objects.filter(user=person).exists():
            found_team(person, "Demo team")
        self.stdout.write(f"{person.email} is ready")
