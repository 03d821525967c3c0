"""Fills an empty site with the cast, their accounts and posts in every state, for the browser.

python -m tests.browser.seed        (with the environment of the site)
"""

from __future__ import annotations

import os
import uuid
from datetime import time, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from django.utils import timezone  # noqa: E402

import providers  # noqa: E402
from accounts.activity import Kind, note  # noqa: E402
from accounts.models import Membership, Team, User  # noqa: E402
from accounts.notify import tell  # noqa: E402
from accounts.roles import Role  # noqa: E402
from posting import slots  # noqa: E402
from posting.compose import compose  # noqa: E402
from posting.drafts import Content, begin  # noqa: E402
from posting.enqueue import enqueue  # noqa: E402
from posting.models import PostResult  # noqa: E402
from posting.states import LATE, State  # noqa: E402
from tests.browser.habits import keep  # noqa: E402
from tests.browser.site import PASSWORD  # noqa: E402
from tests.cast import Cast, gather  # noqa: E402
from tests.pages.conftest import connect, tried  # noqa: E402
from tokens.models import SocialAccount  # noqa: E402
from tokens.states import AccountState  # noqa: E402

TEXTS = (
    "The lamp is lit again. Come by on Friday: we read by its light until the oil is gone.",
    "New in the workshop: three chairs, one table, and a long story about where the wood is from.",
    "Tomorrow we open at nine. <b>Bring an umbrella</b> & a friend.",
    "A long walk, told in ten pictures. The first one is a gate that has not been shut since 1911.",
    "We are hiring somebody who likes to mend things and to say what was broken.",
    "Thank you for two hundred letters. We answer every one of them, by hand, in order.",
)
QUEUED = (
    "How to trim a wick: short, straight, and with scissors that nobody uses for paper.",
    "The oldest lamp in the house has a name. Guess it, and you may light it.",
    "Open on Sunday, too, from now on.",
)
PUTS: tuple[tuple[State, dict[str, object], str], ...] = (
    (State.POSTED, {"external_url": "https://network.test/1"}, "posted"),
    (State.FAILED, {"error": "rejected", "words": "Too long by 12 characters."}, "rejected"),
    (State.UNCONFIRMED, {"error": "uncertain"}, "uncertain"),
    (State.HELD, {"held_for": "reconnect"}, ""),
    (State.HELD, {"held_for": LATE}, ""),
    (State.SCHEDULED, {}, ""),
)


def seed() -> None:
    """Everything once; the password of all is PASSWORD."""
    cast = gather()
    for person in User.objects.all():
        person.set_password(PASSWORD)
        person.time_zone = "Europe/Paris"
        person.save()
    User.objects.filter(pk=cast.alice.pk).update(is_staff=True)
    accounts = [connect(cast, name, f"lantern_{name}") for name in providers.names()]
    spoil(accounts)
    for number, text in enumerate(TEXTS):
        write(cast, text, accounts, number)
    plan(cast, accounts)
    keep(cast, SocialAccount.objects.get(pk=accounts[0].pk))
    tell(
        cast.team,
        "lamp",
        "The key of a lantern ends in two days.",
        timezone.now(),
        path="/accounts/",
    )
    at = timezone.now()
    note(cast.team, cast.bob, Kind.WROTE, "Wrote: “The lamp is lit again.”", at, "/posts/1/")
    note(cast.team, cast.alice, Kind.SETTINGS, "Changed the team's time zone to Europe/Paris", at)
    newcomer = User.objects.create_user("nora@example.org", PASSWORD, name="Nora")
    empty = Team.objects.create(name="Nora's empty team")
    Membership.objects.create(team=empty, user=newcomer, role=Role.OWNER)
    helper = User.objects.create_user("tom@example.org", PASSWORD, name="Tom")
    for team in (cast.team, empty):
        Membership.objects.create(team=team, user=helper, role=Role.EDITOR)


def plan(cast: Cast, accounts: list[SocialAccount]) -> None:
    """Slots on one account with posts in some of them, and a draft without a day."""
    at, account = timezone.now(), SocialAccount.objects.get(pk=accounts[0].pk)
    slots.add(account, [0, 2, 4], time(9, 30), "Europe/Paris")
    for text in QUEUED:
        enqueue(team=cast.team, author=cast.alice, text=text, accounts=[account], at=at)
    content = Content(text="About moths. It needs a better beginning.", accounts=(account,))
    begin(team=cast.team, author=cast.alice, key=uuid.uuid4(), at=at, content=content)


def spoil(accounts: list[SocialAccount]) -> None:
    """Some of them stand badly."""
    last, paused = accounts[-1], accounts[len(accounts) // 2]
    SocialAccount.objects.filter(pk=last.pk).update(
        state=AccountState.RECONNECT, problem="The key was revoked by its owner."
    )
    SocialAccount.objects.filter(pk=paused.pk).update(state=AccountState.PAUSED)


def write(cast: Cast, text: str, accounts: list[SocialAccount], number: int) -> None:
    """One post whose results stand as PUTS says, the first ones of them tried."""
    at = timezone.now()
    due = at + timedelta(days=2, hours=number) if number == len(TEXTS) - 1 else None
    good = [one for one in accounts if one.state == AccountState.CONNECTED][:3]
    post = compose(
        team=cast.team, author=cast.alice, text=text, accounts=good[:1], at=at, due_at=due
    )
    state, fields, outcome = PUTS[number]
    PostResult.objects.filter(post=post).update(state=state, **fields)
    if outcome:
        for result in PostResult.objects.filter(post=post):
            tried(result, outcome, words=str(fields.get("words", "")))


if __name__ == "__main__":
    seed()
