"""What a run says: a line now and then, a line for each promise, and a file."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import Any

from posting.states import State
from tests.chaos.books import Verdict
from tests.chaos.plan import ROOT, Plan
from tests.chaos.storm import Storm

MOST_COMPLAINTS = 20
FIGURES = (
    *("asked", "posted", "cancelled", "at_network"),
    *("lost", "duplicated", "unconfirmed", "left_to_a_person", "wrong_state"),
)


def say(words: str) -> None:
    """One plain line, at once."""
    print(f"chaos  {words}", flush=True)  # noqa: T201 - a program that talks to a person


def progress(
    elapsed: float, written: int, wanted: int, states: Counter[str] | None, storm: Storm
) -> None:
    """How far it is."""
    if states is None:
        told = "the database is away"
    else:
        doubt, held = states[State.UNCERTAIN], states[State.HELD]
        under_way = states[State.SCHEDULED] + states[State.QUEUED] + states[State.SENDING]
        told = (
            f"posted {states[State.POSTED]}, under way {under_way}, in doubt {doubt}, held {held}"
        )
    down = [kept.name for kept in storm.house.everybody if not kept.runs]
    down += [f"host {host.number} cut" for host in storm.house.hosts if host.cuts]
    away = f"; down: {', '.join(down)}" if down else ""
    struck = storm.struck.total()
    say(f"{elapsed:4.0f} s  written {written}/{wanted}; {told}; {struck} blows{away}")


@dataclass(frozen=True)
class Outcome:
    """Everything that is known at the end of a run."""

    plan: Plan
    verdict: Verdict
    faults: dict[str, int]
    forms: int
    posts: int
    repeats: int
    connected_again: int
    own_exits: dict[str, int]
    failed_rotations: int
    attempts: dict[str, int]
    by_network: dict[str, dict[str, int]]
    troubles_by_network: dict[str, int]
    quiet: bool
    seconds: float

    @property
    def too_rare(self) -> dict[str, int]:
        """Kinds that did not strike often enough to prove anything."""
        return {kind: n for kind, n in self.faults.items() if n < self.plan.least}

    @property
    def good(self) -> bool:
        """Whether the run came out as it should: clean, or, as a control, not clean."""
        if self.plan.naive:
            return bool(self.verdict.duplicated or self.verdict.lost)
        kept = self.verdict.clean and self.quiet and self.posts == self.forms
        return kept and not self.too_rare

    def as_json(self) -> dict[str, Any]:
        """What is kept of the run."""
        verdict = self.verdict
        return {
            **{name: getattr(verdict, name) for name in FIGURES},
            "max_recovery_s": round(verdict.max_recovery_s, 1),
            "faults": self.faults,
            "seed": self.plan.seed,
            "commit": commit(),
            "broker": self.plan.broker,
            "database": self.plan.database,
            "hosts": self.plan.hosts,
            "control": "naive" if self.plan.naive else "",
            "by_network": {
                name: {**ends, "troubles": self.troubles_by_network.get(name, 0)}
                for name, ends in self.by_network.items()
            },
            "posts": self.posts,
            "forms_sent_again": self.repeats,
            "connected_again": self.connected_again,
            "attempts_not_posted": self.attempts,
            "own_exits": self.own_exits,
            "seconds": round(self.seconds),
            "good": self.good,
        }


def commit() -> str:
    """Which state of the code ran."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def finish(outcome: Outcome) -> bool:
    """Print a line for each promise, keep the file, say whether it is good."""
    verdict, plan = outcome.verdict, outcome.plan
    for fine, words in _promises(outcome):
        say(f"{'ok  ' if fine else 'FAIL'}  {words}")
    for complaint in verdict.complaints[:MOST_COMPLAINTS]:
        say(f"      {complaint}")
    text = json.dumps(outcome.as_json(), indent=2) + "\n"
    (plan.folder / "result.json").write_text(text)
    (plan.folder.parent / "latest.json").write_text(text)
    (plan.folder / "complaints.txt").write_text("\n".join(verdict.complaints) + "\n")
    if plan.naive:
        say("the control failed as it should" if outcome.good else "the control did NOT fail")
    say(f"seed {plan.seed}, {outcome.seconds:.0f} s; kept in {plan.folder.parent}/latest.json")
    return outcome.good


def _promises(outcome: Outcome) -> list[tuple[bool, str]]:
    verdict, least = outcome.verdict, outcome.plan.least
    stand = f"{verdict.at_network} stand there, {verdict.cancelled} were cancelled"
    rare = ", ".join(f"{kind} ({n})" for kind, n in outcome.too_rare.items())
    struck = f"{sum(outcome.faults.values())} faults of {len(outcome.faults)} kinds struck"
    return [
        (not verdict.lost, f"never lost: {verdict.lost} of {verdict.asked} are missing; {stand}"),
        (not verdict.duplicated, f"never twice: {verdict.duplicated} copies too many"),
        (not verdict.unconfirmed, f"no doubt is left: {verdict.unconfirmed} unconfirmed"),
        (not verdict.wrong_state, f"every row tells the truth: {verdict.wrong_state} do not"),
        (
            outcome.posts == outcome.forms,
            f"one form, one post: {outcome.posts} posts for {outcome.forms} forms,"
            f" {outcome.repeats} times sent again",
        ),
        (outcome.quiet, f"it came to rest; the longest way took {verdict.max_recovery_s:.1f} s"),
        (not rare, f"{struck}, each at least {least} times" + (f"; too rare: {rare}" * bool(rare))),
    ]
