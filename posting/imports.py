"""Import posts from a table: map its columns, try every row, confirm, and go on row by row.

A confirmed row becomes a post exactly once: its key is derived from the import and its number, and
the row is marked in the same transaction. Whoever is killed in between is simply followed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Q

from accounts.models import Team, User
from posting import drafts
from posting.compose import CannotCompose, check, compose
from posting.drafts import Content
from posting.enqueue import enqueue
from posting.library import LONGEST_LABEL
from posting.models import Import, ImportRow, Label, Post
from posting.rules import Words
from posting.schedule import NotUnderstood, said, typed, zone_named
from posting.sheet import Sheet
from tokens.models import SocialAccount

CHUNK = 100
SPLIT = ";"
DEFAULT_COLOUR = "grey"
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


@dataclass(frozen=True, slots=True)
class DryRun:
    """What an import would do; nothing of it is written."""

    rows: tuple[Planned, ...]
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is; `wrong` are the rows that could not become posts."""

    total: int
    made: int
    failed: int
    wrong: tuple[Wrong, ...]

    @property
    def done(self) -> int:
        """How many rows have been dealt with."""
        return self.made + self.failed

    @property
    def ended(self) -> bool:
        """Whether none is left."""
        return self.done >= self.total


def guess(sheet: Sheet) -> dict[str, str]:
    """Which column probably holds what, by its name; "" where none does."""
    known = {column.casefold(): column for column in sheet.columns}
    return {
        field: next((known[name] for name in names if name in known), "")
        for field, names in GUESSES.items()
    }


def try_out(team: Team, sheet: Sheet, mapped: Mapped, at: datetime) -> DryRun:
    """Every row as it would become a post, and all that is wrong, row by row."""
    reading = _Reading(team, sheet, mapped, at)
    rows, wrong = [], list(reading.unusable())
    if not wrong:
        for number, cells in sheet.rows:
            planned, problems = reading.row(number, cells)
            wrong += problems
            rows += [] if problems or planned is None else [planned]
    return DryRun(tuple(rows), tuple(wrong))


def confirm(
    team: Team,
    author: User,
    name: str,
    tried: DryRun,
    blank: Blank,
    *,
    at: datetime,
    key: uuid.UUID,
) -> Import:
    """Write down the rows that are well, for `go_on`; the same key again is the same import."""
    with transaction.atomic():
        made, new = Import.objects.get_or_create(
            team=team,
            key=key,
            defaults={"author": author, "name": name[:200], "created_at": at},
        )
        if new:
            ImportRow.objects.bulk_create(
                (ImportRow(table=made, number=r.number, plan=_plan(r, blank)) for r in tried.rows),
                batch_size=500,
            )
    return made


def go_on(table: Import, at: datetime, limit: int = CHUNK) -> int:
    """Make posts of the next rows; returns how many rows. May run twice, and after any crash."""
    done = 0
    waiting = table.rows.filter(done_at__isnull=True).order_by("number")
    for pk in list(waiting.values_list("pk", flat=True)[:limit]):
        done += _one(pk, at)
    if not waiting.exists():
        Import.objects.filter(pk=table.pk, ended_at__isnull=True).update(ended_at=at)
    return done


def go_on_all(at: datetime, limit: int = CHUNK) -> int:
    """The next rows of every import under way; returns how many rows."""
    tables = Import.objects.filter(ended_at__isnull=True).order_by("created_at", "pk")
    return sum(go_on(table, at, limit) for table in tables)


def progress(table: Import) -> Progress:
    """How far it is; two queries."""
    counts = table.rows.aggregate(
        total=Count("pk"),
        made=Count("pk", filter=Q(done_at__isnull=False, problem="")),
        failed=Count("pk", filter=~Q(problem="")),
    )
    failed = table.rows.exclude(problem="").order_by("number").values_list("number", "problem")
    wrong = tuple(Wrong(number, "", problem) for number, problem in failed)
    return Progress(wrong=wrong, **counts)


def _one(pk: int, at: datetime) -> int:
    with transaction.atomic():
        rows = ImportRow.objects.select_for_update(of=("self",))
        rows = rows.select_related("table__team", "table__author")
        row = rows.filter(pk=pk, done_at__isnull=True).first()
        if row is None:  # somebody else was faster
            return 0
        post, problem = None, ""
        try:
            post = _made(row, at)
        except CannotCompose as refused:
            problem = str(refused)
        ImportRow.objects.filter(pk=pk).update(done_at=at, post=post, problem=problem)
    return 1


def _made(row: ImportRow, at: datetime) -> Post:
    plan: Mapping[str, Any] = row.plan
    table = row.table
    if table.author is None:
        raise CannotCompose({"author": ["Whoever began this import has left."]})
    accounts = tuple(SocialAccount.objects.filter(team=table.team, pk__in=plan["accounts"]))
    who: dict[str, Any] = {"team": table.team, "author": table.author, "at": at}
    who["key"] = uuid.uuid5(table.key, f"row:{row.number}")
    due_at = datetime.fromisoformat(plan["when"]) if plan["when"] else None
    if due_at is not None:
        post = compose(text=plan["text"], accounts=accounts, due_at=due_at, **who)
    elif plan["blank"] == Blank.SLOT:
        post = enqueue(text=plan["text"], accounts=accounts, **who)
    else:
        post = drafts.begin(content=Content(plan["text"], accounts), **who)
    for name in plan["labels"]:
        known = Label.objects.filter(team=table.team, name__iexact=name).first()
        label = known or Label.objects.create(team=table.team, name=name, colour=DEFAULT_COLOUR)
        label.posts.add(post)
    return post


def _plan(row: Planned, blank: Blank) -> dict[str, Any]:
    return {
        "text": row.text,
        "accounts": [account.pk for account in row.accounts],
        "when": row.when.isoformat() if row.when else None,
        "labels": list(row.labels),
        "blank": blank.value,
    }


class _Reading:
    """A table with its mapping: what each row says, and what is wrong with it."""

    def __init__(self, team: Team, sheet: Sheet, mapped: Mapped, at: datetime) -> None:
        self.team, self.mapped, self.at = team, mapped, at
        self.places = {name: place for place, name in enumerate(sheet.columns)}
        self.accounts = list(SocialAccount.objects.for_team(team))

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

    def row(self, number: int, cells: Sequence[str]) -> tuple[Planned | None, list[Wrong]]:
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
        columns = {field: getattr(self.mapped, field, "") or field for field in wrong}
        return [Wrong(number, columns[f], words) for f, said_ in wrong.items() for words in said_]


def _names(account: SocialAccount) -> set[str]:
    """How people may write an account: as it is shown, by its handle, by its network."""
    handle = account.handle.casefold()
    network = {account.provider, account.label}
    spelled = {str(account), handle, handle.removeprefix("@"), account.name, *network}
    return {name.casefold() for name in spelled if name}
