"""`manage.py first_owner`: the first person of an installation, with a team of their own.

It is a command and not a page, so that nobody who finds a new site first can make it theirs.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from accounts.access import found_team, nobody_yet
from accounts.models import User


class Command(BaseCommand):
    """Refuses as soon as anybody is there; the password is asked for, or read from standard in."""

    help = "Make the first owner of this installation and their team."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and what the team is called; a password on a command line could be seen."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--team", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """One owner, who also runs the site, or a sentence that says why not."""
        if not nobody_yet():
            raise CommandError("Somebody has an account here already.")
        email, name, team = options["email"], options["name"].strip(), options["team"].strip()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"--email: “{email}” is no e-mail address.") from None
        if not team:
            raise CommandError("--team: give the team a name.")
        password = _password()
        with transaction.atomic():
            person = User(email=email.lower(), name=name)
            try:
                validate_password(password, person)
            except ValidationError as problem:
                raise CommandError(f"password: {' '.join(problem.messages)}") from None
            person = User.objects.create_superuser(email, password, name=name)
            found_team(person, team)
        self.stdout.write(f"{person.email} owns the team “{team}” and can log in now.")


def _password() -> str:
    """Asked for twice at a terminal; else the first line of standard in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first, second = getpass("Password: "), getpass("Again: ")
    if first != second:
        raise CommandError("password: the two are not the same.")
    return first
