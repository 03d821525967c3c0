"""Three books compared: what was asked, what stands at the networks, what the rows say.

Plain values, no database: so that planted losses, duplicates and wrong states can be tested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from posting.states import ENDED, State

Key = tuple[str, str, str]
"""Network, account, text: every text is written once, so this names one delivery."""
NOT_OUT = frozenset({State.FAILED, State.CANCELLED, State.MISSED})


class Wanted(StrEnum):
    """What has to become of a delivery."""

    OUT = "out"  # it must stand there once
    STOPPED = "stopped"  # cancelled well before its moment: it must not
    EITHER = "either"  # cancelled at the last moment: one of the two, and the row says which


@dataclass(frozen=True, slots=True)
class Ask:
    """One delivery that the site accepted; `due_at` in epoch seconds, `files` that it carries."""

    network: str
    account: str
    text: str
    wanted: Wanted = Wanted.OUT
    due_at: float = 0.0
    files: int = 0

    @property
    def key(self) -> Key:
        """Its name in all three books."""
        return self.network, self.account, self.text


@dataclass(frozen=True, slots=True)
class Row:
    """What our database says about one delivery; `posted_at` in epoch seconds."""

    network: str
    account: str
    text: str
    state: str
    words: str = ""
    posted_at: float = 0.0

    @property
    def key(self) -> Key:
        """Its name in all three books."""
        return self.network, self.account, self.text


@dataclass(slots=True)
class Verdict:
    """What the comparison came to; a storm is passed when the four in the middle are 0."""

    asked: int = 0
    cancelled: int = 0
    posted: int = 0
    at_network: int = 0
    lost: int = 0
    duplicated: int = 0
    unconfirmed: int = 0
    left_to_a_person: int = 0
    wrong_state: int = 0
    max_recovery_s: float = 0.0
    complaints: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Never lost, never twice, nothing in doubt, every row right."""
        return not (self.lost or self.duplicated or self.unconfirmed or self.wrong_state)

    def complain(self, what: str, key: Key, detail: str) -> None:
        """Name one deviation, so that its cause can be looked for in the logs."""
        network, account, text = key
        self.complaints.append(f"{what}: {text!r} on {network} {account}: {detail}")


def compare(
    asks: Sequence[Ask],
    rows: Iterable[Row],
    standing: Iterable[Key],
    unsearchable: Collection[str] = (),
    shown: Mapping[Key, int] | None = None,
) -> Verdict:
    """Hold the books against each other; `unsearchable` networks may leave a doubt to a person.

    `shown`: how many files stand beside each post, where that is to be compared too.
    """
    said: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        said[row.key].append(row)
    copies = Counter(standing)
    verdict = Verdict(asked=len(asks))
    for ask in asks:
        _judge(verdict, ask, said.pop(ask.key, []), copies.pop(ask.key, 0), unsearchable)
        if shown and shown.get(ask.key, ask.files) != ask.files:
            verdict.wrong_state += 1
            verdict.complain("files", ask.key, f"{shown[ask.key]} of {ask.files} stand there")
    for key, strange in said.items():
        verdict.wrong_state += len(strange)
        verdict.complain("unasked row", key, strange[0].state)
    for key, count in copies.items():
        verdict.wrong_state += count
        verdict.complain("unasked post", key, f"stands there {count} times")
    return verdict


def _judge(
    verdict: Verdict, ask: Ask, rows: list[Row], copies: int, unsearchable: Collection[str]
) -> None:
    states = [row.state for row in rows]
    verdict.posted += states.count(State.POSTED)
    verdict.cancelled += states.count(State.CANCELLED)
    verdict.at_network += copies
    for row in rows:
        if row.state == State.POSTED and ask.due_at:
            verdict.max_recovery_s = max(verdict.max_recovery_s, row.posted_at - ask.due_at)
    told = ", ".join(f"{row.state} {row.words}".strip() for row in rows) or "no row"
    if copies > 1:
        verdict.duplicated += copies - 1
        verdict.complain("duplicated", ask.key, f"stands there {copies} times; {told}")
    if State.UNCONFIRMED in states and ask.network in unsearchable:
        verdict.left_to_a_person += 1
    elif State.UNCONFIRMED in states:
        verdict.unconfirmed += 1
        verdict.complain("unconfirmed", ask.key, told)
    if not copies and _is_lost(ask, states, unsearchable):
        verdict.lost += 1
        verdict.complain("lost", ask.key, told)
    if wrong := _wrong(ask, states, copies):
        verdict.wrong_state += 1
        verdict.complain("wrong state", ask.key, f"{wrong}; {told}; {copies} at the network")


def _is_lost(ask: Ask, states: list[str], unsearchable: Collection[str]) -> bool:
    """Not there although it should be; only a cancellation and a told doubt excuse that."""
    if ask.wanted is Wanted.STOPPED or (ask.wanted is Wanted.EITHER and State.CANCELLED in states):
        return False
    return not (State.UNCONFIRMED in states and ask.network in unsearchable)


def _wrong(ask: Ask, states: list[str], copies: int) -> str:
    """What is untrue in what the row says; "" if nothing is."""
    if len(states) != 1:
        return f"{len(states)} rows instead of one"
    [state] = states
    if state not in ENDED:
        return "it has not ended"
    if state == State.POSTED and not copies:
        return "posted, but it is not there"
    if state in NOT_OUT and copies:
        return f"{state}, but it is there"
    if ask.wanted is Wanted.STOPPED and state != State.CANCELLED:
        return "it was cancelled in time"
    if ask.wanted is Wanted.OUT and state == State.CANCELLED:
        return "nobody cancelled it"
    return ""
