"""Writes posts at a light, steady pace and says when each was due and when it arrived.

python -m tests.bench.paced WEB_URL NETWORK_URL COUNT RATE        (JSON on its standard output)
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import django
import requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from accounts.access import found_team  # noqa: E402
from accounts.models import Team, User  # noqa: E402
from posting.compose import compose  # noqa: E402
from posting.models import Attempt, Post  # noqa: E402
from providers.kit.contract import Grant  # noqa: E402
from tokens.connect import keep_grant  # noqa: E402
from tokens.models import SocialAccount  # noqa: E402
from tokens.networks import network  # noqa: E402

WARM_UP = 30
ACCOUNTS = 16  # so that no account comes near what its network allows
AHEAD_S = 4.0
NO_LONGER_THAN_S = 60
EMAIL, PASSWORD = "bench@example.org", "correct horse battery"
STEPS = ("taken", "arrived")
Moments = dict[str, tuple[float, float, float]]


class Writer:
    """A person with a browser, signed in, who writes one post after the other."""

    def __init__(self, url: str) -> None:
        self.url, self.browser = url, requests.Session()
        self.browser.trust_env = False
        self._send("/login/", {"username": EMAIL, "password": PASSWORD})

    def post(self, text: str, account: SocialAccount) -> None:
        """Through the real door: the form of a new post, without a time."""
        form = {"key": str(uuid.uuid4()), "text": text, "accounts": str(account.pk), "when": ""}
        self._send("/posts/new/", form)

    def _send(self, path: str, values: dict[str, str]) -> None:
        if "postrider_csrf" not in self.browser.cookies:
            self.browser.get(f"{self.url}{path}", timeout=30).raise_for_status()
        values["csrfmiddlewaretoken"] = self.browser.cookies["postrider_csrf"]
        address = f"{self.url}{path}"
        answer = self.browser.post(address, data=values, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, (path, answer.status_code, answer.text[:2000])


def accounts() -> tuple[User, Team, list[SocialAccount]]:
    """A person, a team, and accounts with living grants."""
    user = User.objects.create_user(EMAIL, PASSWORD, name="Bench")
    team = found_team(user, "Bench")
    made = []
    for number in range(ACCOUNTS):
        grant = Grant(access_token=f"access-{number}", lifetime=timedelta(hours=12))
        token = keep_grant(network("x"), team, "", grant, timezone.now())
        made.append(
            SocialAccount.objects.create(
                team=team, token=token, provider="x", external_id=str(number), handle=f"b{number}"
            )
        )
    return user, team, made


def steadily(count: int, rate: float) -> list[float]:
    """Offsets in seconds, one after the other at `rate`, each a little off its place."""
    return [(n + random.uniform(-0.4, 0.4)) / rate + 1 / rate for n in range(count)]


def now(writer: Writer, made: list[SocialAccount], count: int, rate: float, name: str) -> None:
    """`count` posts through the form, for now."""
    began = time.monotonic()
    for number, offset in enumerate(steadily(count, rate)):
        time.sleep(max(0.0, began + offset - time.monotonic()))
        writer.post(f"{name} {number} {time.time()}", made[number % len(made)])


def scheduled(user: User, team: Team, made: list[SocialAccount], count: int, rate: float) -> None:
    """`count` posts that are written beforehand, each for a moment of its own."""
    at = timezone.now()
    first = at + timedelta(seconds=AHEAD_S + count * 0.02)
    for number, offset in enumerate(steadily(count, rate)):
        compose(
            team=team,
            author=user,
            text=f"scheduled {number}",
            accounts=[made[number % len(made)]],
            at=timezone.now(),
            due_at=first + timedelta(seconds=offset),
        )
    assert timezone.now() < first, "the posts were not written in time"


def arrived(url: str, name: str, count: int) -> dict[str, list[float]]:
    """When each arrived; every one exactly once, or this fails."""
    until = time.monotonic() + count + NO_LONGER_THAN_S
    while True:
        found = requests.get(f"{url}/arrivals", timeout=10).json()
        mine = {text: at for text, at in found.items() if text.startswith(f"{name} ")}
        if len(mine) >= count:
            break
        assert time.monotonic() < until, f"only {len(mine)} of {count} arrived"
        time.sleep(0.5)
    assert all(len(at) == 1 for at in mine.values()), "a post arrived twice"
    return mine


def delays(url: str, name: str, count: int) -> list[float]:
    """Milliseconds from the due time of each post to its arrival."""
    due = dict(Post.objects.filter(text__startswith=f"{name} ").values_list("text", "due_at"))
    return [
        (at[0] - due[text].timestamp()) * 1000 for text, at in arrived(url, name, count).items()
    ]


def steps(url: str, name: str, count: int) -> dict[str, list[float]]:
    """Where the time went, in milliseconds: until a worker took it, until it arrived."""
    rows = Attempt.objects.filter(number=1, result__post__text__startswith=f"{name} ")
    seen, found = arrived(url, name, count), defaultdict(list)
    for attempt in rows.select_related("result__post"):
        post = attempt.result.post
        moments = [
            post.due_at.timestamp(),
            attempt.started_at.timestamp(),
            seen[post.text][0],
        ]
        for step, (a, b) in zip(STEPS, pairwise(moments), strict=True):
            found[f"{name}: {step}"].append((b - a) * 1000)
    return dict(found)


def main(web: str, street: str, count: int, rate: float) -> None:
    """Warm up, then both ways, one after the other."""
    user, team, made = accounts()
    writer = Writer(web)
    now(writer, made, WARM_UP, rate, "warm")
    arrived(street, "warm", WARM_UP)
    now(writer, made, count, rate, "now")
    seen = arrived(street, "now", count)
    clicked = [(at[0] - float(text.rpartition(" ")[2])) * 1000 for text, at in seen.items()]
    figures = {"now": delays(street, "now", count), "from_click": clicked}
    scheduled(user, team, made, count, rate)
    figures["scheduled"] = delays(street, "scheduled", count)
    for name in ("now", "scheduled"):
        figures |= steps(street, name, count)
    print(json.dumps(figures))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
