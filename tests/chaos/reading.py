"""The site from inside: people and accounts to begin with, and its own book at the end."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence

from django.core.management import call_command
from django.db import Error, close_old_connections, connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.access import found_team
from accounts.models import User
from posting.models import Attempt, Post, PostResult
from posting.states import MOVING, State
from tests.cast import PASSWORD, Street, connected, talkers
from tests.chaos.books import Key, Row
from tests.chaos.feed import Account
from tokens import speak
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.vault import unseal
from workers.jobs import ensure_jobs

OFTEN = ("workers.sweep", "workers.refresh_expired_tokens")
WAITING = (*MOVING, State.HELD, State.DRAFT)


class Gone(Exception):
    """The database does not answer at this moment."""


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """A question to a database that may be away; raises Gone then."""
    try:
        yield
    except Error as problem:
        with contextlib.suppress(Error):
            connection.close()
        raise Gone(type(problem).__name__) from None
    finally:
        close_old_connections()


def furnish(street: Street, teams: Sequence[Sequence[str]]) -> tuple[list[str], list[Account]]:
    """Tables, busier jobs for beat, teams with an account of each person at each network.

    Returns the e-mail address of each team's owner, and the accounts.
    """
    call_command("migrate", verbosity=0, interactive=False)
    ensure_jobs()
    often, _ = IntervalSchedule.objects.get_or_create(every=2, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(task__in=OFTEN).update(interval=often)
    emails, found = [], []
    for number, people in enumerate(teams):
        owner = User.objects.create_user(f"owner{number}@example.org", PASSWORD)
        team = found_team(owner, f"Team {number}")
        emails.append(owner.email)
        for name in talkers():
            for person in people:
                row = connected(street, team, name, person)
                found.append(Account(number, row.pk, name, row.external_id, person))
    return emails, found


def unsearchable() -> set[str]:
    """Networks that can neither be asked for a post nor recognise a repeat."""
    return {
        name
        for name in talkers()
        if not speak.can_find(network(name)) and not network(name).resend_window
    }


def states() -> Counter[str]:
    """How many deliveries are in which state; raises Gone."""
    with asking():
        return Counter(PostResult.objects.values_list("state", flat=True))


def moving() -> int:
    """How many deliveries have not ended; raises Gone."""
    with asking():
        return PostResult.objects.filter(state__in=WAITING).count()


def rows() -> list[Row]:
    """Our own book; raises Gone."""
    with asking():
        found = PostResult.objects.select_related("post", "account")
        return [
            Row(
                row.provider,
                row.account.external_id,
                row.post.text,
                row.state,
                f"({row.error or row.held_for}) {row.words}".removeprefix("() "),
                row.posted_at.timestamp() if row.posted_at else 0.0,
            )
            for row in found
        ]


def standing(street: Street) -> list[Key]:
    """The networks' book."""
    return [(post["network"], post["account"], post["text"]) for post in street.board()]


def posts() -> int:
    """How many posts there are; raises Gone."""
    with asking():
        return Post.objects.count()


def doubts() -> dict[str, int]:
    """How many attempts ended otherwise than posted: what the engine had to settle."""
    with asking():
        outcomes = Attempt.objects.exclude(outcome="posted").values_list("kind", "outcome")
        return dict(Counter(f"{kind} {outcome}".strip() for kind, outcome in outcomes))


def renewable() -> list[tuple[str, str]]:
    """Every account that renews its key: the network and the present access token; raises Gone."""
    with asking():
        living = SocialAccount.objects.filter(token__can_refresh=True, state="connected")
        return [
            (account.provider, _access(account.token))
            for account in living.select_related("token").order_by("pk")
            if account.token
        ]


def _access(token: OAuthToken) -> str:
    return unseal(token.access_sealed, f"token:{token.pk}:access")
