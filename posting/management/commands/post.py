"""`manage.py post TEXT --to NETWORK,… --as EMAIL [--at TIME]`: write a post from a script."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.access import team_of
from accounts.models import User
from posting.compose import CannotCompose, compose
from tokens.models import SocialAccount


class Command(BaseCommand):
    """Writes a post as a person and prints its number."""

    help = "Write a post: manage.py post TEXT --to NETWORK,… --as EMAIL [--at 2026-12-24T18:00]"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Text, networks (or handles), person, moment."""
        parser.add_argument("text")
        parser.add_argument("--to", required=True, help="networks or handles, separated by commas")
        parser.add_argument("--as", required=True, dest="email", help="who posts")
        parser.add_argument("--at", default="", help="when, in that person's time zone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuses with the field's name and reason; prints the post's number."""
        author = User.objects.filter(email__iexact=options["email"]).first()
        if author is None:
            raise CommandError(f"--as: nobody here has the e-mail address {options['email']}.")
        team = team_of(author)
        try:
            post = compose(
                team=team,
                author=author,
                text=options["text"],
                accounts=_chosen(options["to"], list(SocialAccount.objects.for_team(team))),
                at=timezone.now(),
                due_at=_moment(options["at"], author.time_zone),
            )
        except CannotCompose as problem:
            names = {"accounts": "--to", "when": "--at", "text": "TEXT"}
            said = [f"{names[f]}: {' '.join(words)}" for f, words in problem.problems.items()]
            raise CommandError("\n".join(said)) from None
        self.stdout.write(f"post {post.pk} to {post.results.count()} accounts")


def _chosen(wanted: str, accounts: list[SocialAccount]) -> list[SocialAccount]:
    chosen: list[SocialAccount] = []
    for name in [part.strip() for part in wanted.split(",") if part.strip()]:
        named = [a for a in accounts if name in (a.provider, a.handle, a.handle.lstrip("@"))]
        if not named:
            raise CommandError(f"--to: there is no connected account {name!r}.")
        chosen += [account for account in named if account not in chosen]
    return chosen


def _moment(typed: str, zone: str) -> datetime | None:
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise CommandError(f"--at: {typed!r} is not a moment like 2026-12-24T18:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
