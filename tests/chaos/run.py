"""One run from the first process to the verdict. Imported once Django is ready."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from tests.cast import Street
from tests.chaos import books, reading, report
from tests.chaos.browser import Browser
from tests.chaos.feed import Feed, wishes
from tests.chaos.house import House
from tests.chaos.owner import Owner
from tests.chaos.plan import SHORT
from tests.chaos.storm import Storm

TICK_S = 0.05
LINE_EVERY_S = 5.0
# A request that some process still had in its hands would arrive within a lease.
STILL_S = float(SHORT["LEASE_S"]) + 1.0
QUIET_WITHIN_S = 300.0
WRITTEN_WITHIN = 3.0
LAST_S, INSIST_EVERY_S = 40.0, 4.0


class StuckError(Exception):
    """The run cannot come to an end; the message says what did not happen."""


@dataclass
class Scene:
    """Everything that takes part in one run."""

    house: House
    street: Street
    storm: Storm
    feed: Feed
    owner: Owner
    began: float
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def elapsed(self) -> float:
        """Seconds since the first post."""
        return time.monotonic() - self.began


def main(house: House) -> bool:
    """Run it; whether it came out as it should."""
    began = time.monotonic()
    logging.disable(logging.WARNING)  # servers that are away: that is what this is about
    house.open_servers()
    street = Street(house.street_url)
    emails, accounts = reading.furnish(street, house.plan)
    house.open_site()
    feed = Feed(house.url, emails, wishes(house.plan, accounts))
    browsers = [Browser(house.url, email) for email in emails]
    owner = Owner(browsers, house.street_url, accounts)
    scene = Scene(house, street, Storm(house, street), feed, owner, time.monotonic())
    report.say(f"everything runs after {scene.began - began:.0f} s; logs: {house.plan.folder}")
    feed.start()
    owner.start()
    scene.storm.start()
    lines = threading.Thread(target=_lines, args=(scene,), daemon=True)
    lines.start()
    _blow(scene)
    scene.storm.calm()
    quiet = _until_quiet(scene)
    scene.over.set()
    lines.join(30)
    owner.stop()
    return report.finish(_outcome(scene, quiet=quiet, seconds=time.monotonic() - began))


def _outcome(scene: Scene, *, quiet: bool, seconds: float) -> report.Outcome:
    """The three books compared, and what the storm did."""
    house, feed = scene.house, scene.feed
    counts = scene.storm.counts()
    blind = reading.unsearchable(house.plan.networks)
    verdict = books.compare(
        feed.asks,
        reading.rows(),
        reading.standing(scene.street),
        blind,
        reading.shown(scene.street),
    )
    return report.Outcome(
        plan=house.plan,
        verdict=verdict,
        faults=counts,
        forms=feed.posts,
        posts=reading.posts(),
        repeats=feed.repeats,
        connected_again=scene.owner.connected_again,
        own_exits=house.own_exits(),
        failed_rotations=scene.storm.failed_rotations(),
        attempts=reading.doubts(),
        by_network=reading.by_network(),
        troubles_by_network=scene.storm.by_network(),
        quiet=quiet,
        seconds=seconds,
    )


def _blow(scene: Scene) -> None:
    """Until everything is written and every strike has fallen."""
    plan = scene.house.plan
    last = Last(scene.storm)
    while not (scene.feed.done and scene.storm.over and last.done):
        scene.house.tick()
        scene.storm.blow(scene.feed.posts)
        if scene.feed.done:
            last.look()
        if scene.elapsed > plan.span_s * WRITTEN_WITHIN + 120:
            left = f"{scene.feed.left} posts and {len(scene.storm.coming)} strikes"
            why = "; ".join(f"{n} × {words}" for words, n in scene.feed.refusals.most_common(5))
            raise StuckError(f"{left} are left long after the end; see {plan.folder}. {why}")
        time.sleep(TICK_S)


class Last:
    """The end of the writing: a while in which what is under way meets what was too rare."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.until = self.next = 0.0

    @property
    def done(self) -> bool:
        """Whether every kind has struck often enough, or nothing more can be expected."""
        return bool(self.until) and (not self.storm.too_rare or time.monotonic() > self.until)

    def look(self) -> None:
        """Every now and then order what is missing once more."""
        now = time.monotonic()
        self.until = self.until or now + LAST_S
        if now >= self.next and not self.storm.in_hand:
            self.next = now + INSIST_EVERY_S
            self.storm.insist()


def _until_quiet(scene: Scene) -> bool:
    """Wait, not for ever, until nothing has moved for a while; False if it still does."""
    until, still_since = time.monotonic() + QUIET_WITHIN_S, time.monotonic()
    while time.monotonic() < until:
        scene.house.tick()
        try:
            if reading.moving():
                still_since = time.monotonic()
        except reading.Gone:
            still_since = time.monotonic()
        if time.monotonic() - still_since > STILL_S:
            return True
        time.sleep(0.25)
    return False


def _lines(scene: Scene) -> None:
    """A line now and then; the database may keep it waiting."""
    while not scene.over.wait(LINE_EVERY_S):
        try:
            states = reading.states()
        except reading.Gone:
            states = None
        wanted = scene.house.plan.posts
        report.progress(scene.elapsed, scene.feed.posts, wanted, states, scene.storm)
