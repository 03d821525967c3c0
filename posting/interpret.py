"""What a table means: its columns guessed, every row tried as the post that it would become.

Nothing is written here; `imports` keeps what was found and makes the posts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Team
from posting.compose import check
from posting.library import LONGEST_LABEL
from posting.models import Slot
from posting.rules import Words
from posting.schedule import NotUnderstood, said, typed, zone_named
from posting.sheet import Sheet
from tokens.models import SocialAccount

SPLIT = ";"
NO_SLOTS = "Write a time, or make weekly slots in the queue for"
GUESSES = {
    "text": ("text", "post", "content", "message", "caption"),
    "when": ("when", "date", "time", "datetime", "scheduled", "scheduled at", "publish at"),
    "accounts": ("accounts", "account", "channels", "profiles", "networks"),
    "labels": ("labels", "label", "tags"),
}


class Blank(StrEnum):
    """What becomes of a row without a time."""

    DRAFT = "draft"
    SLOT = "slot"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Which column holds what ("" none), and what holds where a row says nothing."""

    text: str
    when: str = ""
    accounts: str = ""
    labels: str = ""
    zone: str = "UTC"
    usual: tuple[SocialAccount, ...] = ()
    blank: Blank = Blank.DRAFT


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one row: its line in the file, the column, and what to do."""

    number: int
    column: str
    words: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One row as it would become a post; `said` is its moment in words, "" for none."""

    number: int
    text: str
    accounts: tuple[SocialAccount, ...]
    when: datetime | None
    labels: tuple[str, ...]
    said: str
    warning: str = ""


def guess(columns: Collection[str]) -> dict[str, str]:
    """Which column probably holds what, by its name; "" where none does."""
    known = {column.casefold(): column for column in columns}
    return {
        field: next((known[name] for name in names if name in known), "")
        for field, names in GUESSES.items()
    }


class Reading:
    """A table with its mapping: what each row says, and what is wrong with it."""

    def __init__(self, team: Team, sheet: Sheet, mapped: Mapped, at: datetime) -> None:
        self.team, self.mapped, self.at = team, mapped, at
        self.places = {name: place for place, name in enumerate(sheet.columns)}
        self.accounts = list(SocialAccount.objects.for_team(team))
        slots = Slot.objects.filter(account__team=team)
        self.slotted: Collection[int] = set(slots.values_list("account", flat=True))

    def unusable(self) -> Sequence[Wrong]:
        """What is wrong with the mapping itself; its rows have number 0."""
        named = {field: getattr(self.mapped, field) for field in GUESSES}
        found = [
            Wrong(0, field, f"The table has no column “{column}”.")
            for field, column in named.items()
            if column and column not in self.places
        ]
        if not self.mapped.text:
            found.append(Wrong(0, "text", "Choose the column that holds the text."))
        try:
            zone_named(self.mapped.zone)
        except NotUnderstood as problem:
            found.append(Wrong(0, "zone", str(problem)))
        return found

    def row(self, number: int, cells: Sequence[str]) -> tuple[Planned, list[Wrong]]:
        """One row; all that is wrong with it, each with its column."""
        wrong: list[Wrong] = []

        def reading(field: str, read: Callable[[str], Any], without: Any) -> Any:
            column = getattr(self.mapped, field)
            try:
                return read(cells[self.places[column]] if column else "")
            except (NotUnderstood, LookupError) as problem:
                wrong.append(Wrong(number, column or field, str(problem.args[0])))
                return without

        text = reading("text", lambda cell: cell.replace("\r\n", "\n"), "")
        when, warning = reading("when", self._when, (None, ""))
        accounts = reading("accounts", self._accounts, None)
        labels = reading("labels", self._labels, ())
        if accounts is not None:
            wrong += self._misfits(number, text, accounts, when)
        zone = ZoneInfo(self.mapped.zone)
        told = said(when, zone, self.at) if when else ""
        return Planned(number, text, accounts or (), when, labels, told, warning), wrong

    def _when(self, cell: str) -> tuple[datetime | None, str]:
        if not cell.strip():
            if self.mapped.blank is Blank.REFUSE:
                raise NotUnderstood("Say when.")
            return None, ""
        moment = typed(cell, ZoneInfo(self.mapped.zone), self.at)
        return moment.at, moment.warning

    def _accounts(self, cell: str) -> tuple[SocialAccount, ...]:
        names = [name.strip() for name in cell.split(SPLIT) if name.strip()]
        found = dict.fromkeys(self._account(name) for name in names)
        return tuple(found) or self.mapped.usual

    def _account(self, name: str) -> SocialAccount:
        wanted = name.casefold()
        exact = [a for a in self.accounts if wanted in _names(a)]
        if not exact:
            raise LookupError(f"The team has no account “{name}”.")
        if len(exact) > 1:
            which = ", ".join(str(account) for account in exact)
            raise LookupError(f"“{name}” may be any of: {which}. Write it like that.")
        return exact[0]

    def _labels(self, cell: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in cell.split(SPLIT) if name.strip()))
        if long := next((name for name in names if len(name) > LONGEST_LABEL), None):
            raise LookupError(f"The label “{long[:20]}…” is longer than {LONGEST_LABEL} letters.")
        return names

    def _misfits(
        self, number: int, text: str, accounts: Sequence[SocialAccount], when: datetime | None
    ) -> list[Wrong]:
        """What compose would say; a draft may be incomplete."""
        wrong = check(Words(text), accounts, self.team, when, self.at)
        if when is None and self.mapped.blank is Blank.DRAFT:
            wrong = {} if text.strip() else {"text": ["The row is empty."]}
        elif when is None and (bare := [a for a in accounts if a.pk not in self.slotted]):
            names = ", ".join(str(account) for account in bare)
            wrong.setdefault("when", []).append(f"{NO_SLOTS} {names}.")
        columns = {field: getattr(self.mapped, field, "") or field for field in wrong}
        return [Wrong(number, columns[f], words) for f, said_ in wrong.items() for words in said_]


def _names(account: SocialAccount) -> set[str]:
    """How people may write an account: as it is shown, by its handle, by its network."""
    handle = account.handle.casefold()
    network = {account.provider, account.label}
    spelled = {str(account), handle, handle.removeprefix("@"), account.name, *network}
    return {name.casefold() for name in spelled if name}
