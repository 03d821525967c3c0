"""The site from inside: people and accounts to begin with, and its own book at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.core.management import call_command
from django.db.models import Exists, OuterRef
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.access import found_team
from accounts.models import User
from posting.chain import words_of
from posting.models import Attempt, Post, PostResult, ResultQuerySet
from posting.states import CHAIN, MOVING, State
from tests.cast import PASSWORD, Street, each_connected
from tests.chaos.asking import Gone as Gone
from tests.chaos.asking import asking as asking
from tests.chaos.books import Key, Row
from tests.chaos.feed import Account
from tests.chaos.plan import Plan
from tokens import speak
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.vault import unseal
from workers.jobs import ensure_jobs

OFTEN = ("workers.sweep", "workers.refresh_expired_tokens")
WAITING = (*MOVING, State.HELD, State.DRAFT)


def furnish(street: Street, plan: Plan) -> tuple[list[str], list[Account]]:
    """Tables, busier jobs for beat, teams with the accounts of each person at each network.

    Returns the e-mail address of each team's owner, and the accounts.
    """
    call_command("migrate", verbosity=0, interactive=False)
    ensure_jobs()
    often, _ = IntervalSchedule.objects.get_or_create(every=2, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(task__in=OFTEN).update(interval=often)
    emails, found = [], []
    for number, people in enumerate(plan.teams):
        owner = User.objects.create_user(f"owner{number}@example.org", PASSWORD)
        team = found_team(owner, f"Team {number}")
        emails.append(owner.email)
        for name in plan.networks:
            for person in people:
                found += [
                    Account(number, row.pk, name, row.external_id, person)
                    for row in each_connected(street, team, name, person)
                ]
    return emails, found


def unsearchable(names: Sequence[str]) -> set[str]:
    """Networks that can neither be asked for a post nor recognise a repeat."""
    return {
        name
        for name in names
        if not speak.can_find(network(name)) and not network(name).resend_window
    }


def states() -> Counter[str]:
    """How many deliveries are in which state; raises Gone."""
    with asking():
        return Counter(PostResult.objects.values_list("state", flat=True))


def by_network() -> dict[str, dict[str, int]]:
    """How many deliveries of each network ended how; raises Gone."""
    with asking():
        ends = Counter(PostResult.objects.values_list("provider", "state"))
    found: dict[str, dict[str, int]] = {}
    for (name, state), count in sorted(ends.items()):
        found.setdefault(name, {})[state] = count
    return found


def moving() -> int:
    """How many deliveries have not ended; raises Gone."""
    with asking():
        waiting: ResultQuerySet = PostResult.objects.filter(state__in=WAITING)
        return waiting.exclude(_behind_a_doubt()).count()


def _behind_a_doubt() -> Exists:
    """A part of a thread that waits until a person has said whether the one before it is out."""
    doubtful = PostResult.objects.filter(
        post=OuterRef("post"),
        account=OuterRef("account"),
        part__lt=OuterRef("part"),
        state=State.UNCONFIRMED,
    )
    return Exists(doubtful)


def rows() -> list[Row]:
    """Our own book; raises Gone."""
    with asking():
        behind = _behind_a_doubt()
        found = PostResult.objects.select_related("post", "account").annotate(behind=behind)
        return [
            Row(
                row.provider,
                row.account.external_id,
                words_of(row),
                State.UNCONFIRMED if _waits_for_a_person(row) else row.state,
                f"({row.error or row.held_for}) {row.words}".removeprefix("() "),
                row.posted_at.timestamp() if row.posted_at else 0.0,
            )
            for row in found
        ]


def _waits_for_a_person(row: Any) -> bool:
    """Left to a person with the part that it follows."""
    return bool(row.behind) and row.state == State.HELD and row.held_for == CHAIN


def standing(street: Street) -> list[Key]:
    """The networks' book."""
    return [(post["network"], post["account"], post["text"]) for post in street.board()]


def shown(street: Street) -> dict[Key, int]:
    """How many files stand beside each post there."""
    return {
        (post["network"], post["account"], post["text"]): len(post["media"])
        for post in street.board()
    }


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
