"""A model network: it remembers every token it gave and was shown, and plays what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from hypothesis import currently_in_test_context, note

from accounts.models import Team
from providers.kit import errors
from providers.kit.contract import App, Family, Grant, Identity, Limits, TextRule, Unit
from providers.kit.errors import NetworkError
from providers.kit.oauth import OAuthProvider

LIFE = timedelta(hours=2)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NETWORK_ERRORS: dict[str, NetworkError] = {
    "unavailable": errors.Unavailable("Not taken."),
    "throttled": errors.Throttled("Slower.", wait=timedelta(seconds=30)),
    "misconfigured": errors.Misconfigured("Your app's secret is wrong."),
    "lost_before": errors.Uncertain("No answer; it had not been taken."),
    "trouble": errors.Uncertain("Trouble.", status=502),
    "no_token": errors.Unavailable("An answer without a token.", status=200),
}
ANSWERS = ("ok", "ok", "ok", "lost_after", "trouble_after", "dead", *NETWORK_ERRORS)
POINTS: tuple[str, ...] = ("before_intent", "refresh_before_request", "at_the_network", "rotated")
POINTS += ("refresh_after_answer", "spool_written", "spool_named", "refresh_after_spool")
POINTS += ("database_away", "committed", "refresh_after_commit")
BEFORE_THE_SPOOL = {"refresh_after_answer", "spool_written"}
CALLS = ("fresh", "due", "renew", "renew", "refused", "refused", "replay", "copy")
PAUSES = (timedelta(0), timedelta(seconds=3), timedelta(seconds=30), LIFE / 2, LIFE)


def tell(line: str) -> None:
    """A line of the story that Hypothesis prints."""
    if currently_in_test_context():
        note(line)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Event:
    """What happens, once, when the code comes past `point`."""

    point: str
    kind: str
    wait: timedelta
    call: str
    stale: bool


@dataclass
class World:
    """The clock, what strikes in this step, and the network's side: what it gave and was shown."""

    team: Team
    clock: datetime = BEGIN
    event: Event | None = None
    struck: str = ""
    syncs: int = 0
    meanwhile: Callable[[Event], None] | None = None
    given: int = 0
    good: set[str] = field(default_factory=set)
    delivered: int = 0
    asked: int = 0
    burnt: list[str] = field(default_factory=list)
    harmless: bool = False
    revoked: bool = False
    vague: bool = False
    answers: list[str] = field(default_factory=list)

    def here(self, point: str) -> None:
        """The code comes past `point`."""
        if self.event is None or self.event.point != point:
            return
        event, self.event, self.struck = self.event, None, point
        tell(f"at {point}: {event}")
        if event.kind == "crash":
            raise Crash(point)
        self.clock += event.wait
        if self.meanwhile:
            self.meanwhile(event)

    def fsync(self, handle: int) -> None:
        """The disk: the file first, its name second."""
        self.syncs += 1
        self.here("spool_written" if self.syncs % 2 else "spool_named")

    def issue(self) -> Grant:
        """The next pair; the one before is spent."""
        self.given += 1
        self.good = {f"r-{self.given}"}
        return Grant(f"a-{self.given}", f"r-{self.given}", LIFE)

    def renew(self, shown: str) -> Grant:
        """Reuse of a spent token ends everything, as rotating networks do."""
        self.asked, self.vague = self.asked + 1, False
        if shown not in self.good:
            self.burnt += [] if self.harmless else [shown]
            self.good, self.revoked = set(), True
            raise errors.Unauthorized("This token was used before.")
        self.here("at_the_network")
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer in NETWORK_ERRORS:
            raise NETWORK_ERRORS[answer]
        if answer == "dead":
            self.good, self.revoked = set(), True
            raise errors.Unauthorized("The person took the permission back.")
        pair = self.issue()
        self.here("rotated")
        if answer in ("lost_after", "trouble_after"):
            self.vague = answer == "trouble_after"
            raise errors.Uncertain("It had been taken.", status=502 if self.vague else None)
        self.delivered = self.given
        return pair


class Model(OAuthProvider):
    """A network with single-use refresh tokens."""

    name = "model"
    label = "Model"
    colour = "#000000"
    family = Family.ROTATING
    limits = Limits(TextRule(limit=500, unit=Unit.CODE_POINTS))
    world: ClassVar[World]

    def app(self, host: str) -> App | None:
        """Asked for between the lease and the intent."""
        self.world.here("before_intent")
        return App("model", "our-secret")

    def identify(self, grant: Grant, host: str) -> Identity:
        """Nobody dances here."""
        raise NotImplementedError

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation."""
        return self.world.renew(grant.refresh_token)
