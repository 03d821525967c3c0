"""Import posts from a table: bring it, map its columns, try every row, confirm, and go on.

No step of it is done by a web request that may be long: rows are tried and posts are made a chunk
at a time by whoever calls `go_on_all`. A confirmed row becomes a post exactly once: its key is
derived from the import and its number, and the row is marked in the same transaction. Whoever is
killed in between is simply followed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from accounts.models import Team, User
from posting import drafts
from posting.compose import CannotCompose, compose
from posting.drafts import Content
from posting.enqueue import enqueue
from posting.interpret import Blank, Mapped, Planned, Reading, Wrong, guess
from posting.models import Import, ImportFile, ImportRow, Label, Post
from posting.sheet import PROBLEM, Sheet, lines, read
from posting.states import Stage
from tokens.models import SocialAccount

logger = logging.getLogger(__name__)
CHUNK, TRIES, AT_ONCE = 250, 1000, 200
"""Rows at a time: made and tried by a worker, and tried while the person waits for the page."""
FORGOTTEN_AFTER = timedelta(days=7)
DEFAULT_COLOUR = "grey"
REMEMBERED = 20
STOPPED = "Stopped before it was written."


class CannotImport(Exception):
    """A table cannot be imported like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a table is: rows that were tried, refused, made, failed since, and all in the file.

    `wanted` are the rows that became posts or are to.
    """

    total: int
    tried: int
    refused: int
    made: int
    failed: int

    @property
    def wanted(self) -> int:
        """How many rows are well, or were."""
        return self.tried - self.refused

    @property
    def done(self) -> int:
        """How many of them have been dealt with."""
        return self.made + self.failed

    @property
    def ended(self) -> bool:
        """Whether none is left."""
        return self.done >= self.wanted

    @property
    def wrong(self) -> int:
        """How many rows did not become posts, and will not."""
        return self.refused + self.failed


def bring(
    team: Team, author: User, name: str, data: bytes, *, at: datetime, key: uuid.UUID
) -> Import:
    """Keep a table; the same key again is the same table. Raises sheet.CannotRead."""
    if known := Import.objects.filter(team=team, key=key).first():
        return known
    sheet = read(data)
    with transaction.atomic():
        made, new = Import.objects.get_or_create(
            team=team, key=key, defaults={"author": author, "name": name[:200], "created_at": at}
        )
        if new:
            about: dict[str, Any] = {"columns": list(sheet.columns), "notes": list(sheet.notes)}
            ImportFile.objects.create(table=made, data=data, total=len(sheet.rows), **about)
    return made


def sheet_of(table: Import) -> Sheet:
    """What stands in the file of a table that nobody has confirmed."""
    return read(bytes(ImportFile.objects.get(table=table).data))


def suggested(table: Import, zone: str) -> dict[str, Any]:
    """What its columns probably hold: as they were mapped before, or by their names."""
    if table.file.mapping:
        return dict(table.file.mapping)
    mine = ImportFile.objects.filter(table__team=table.team).exclude(chosen_at=None)
    before = mine.order_by("-chosen_at").values_list("columns", "mapping")[:REMEMBERED]
    found = next((mapping for names, mapping in before if names == table.file.columns), None)
    plain = {
        **guess(tuple(table.file.columns)),
        "zone": zone,
        "usual": [],
        "blank": Blank.DRAFT.value,
    }
    return {**plain, **(found or {})}


def choose(table: Import, mapped: Mapped, at: datetime) -> None:
    """Say what the columns hold; every row is tried anew. Raises CannotImport."""
    sheet = Sheet(tuple(table.file.columns), ())
    wrong: dict[str, list[str]] = {}
    for one in Reading(table.team, sheet, mapped, at).unusable():
        wrong.setdefault(one.column, []).append(one.words)
    if wrong:
        raise CannotImport(wrong)
    mapping = asdict(mapped) | {"usual": [account.pk for account in mapped.usual]}
    with transaction.atomic():
        _lock(table, "Its rows are being imported already; what the columns hold stays.")
        table.rows.all().delete()
        ImportFile.objects.filter(table=table).update(mapping=mapping, chosen_at=at, tried=0)
    table.file.refresh_from_db(fields=["mapping", "chosen_at", "tried"])


def try_on(pk: int, limit: int = TRIES) -> int:
    """Try the next rows of a table, written with how far it is; returns how many."""
    with transaction.atomic():
        files = ImportFile.objects.select_for_update(of=("self",)).select_related("table__team")
        file = files.filter(table=pk, table__confirmed_at=None, tried__lt=F("total")).first()
        if file is None or file.chosen_at is None:
            return 0
        sheet, mapped = read(bytes(file.data)), mapped_of(file)
        reading = Reading(file.table.team, sheet, mapped, file.chosen_at)
        some = sheet.rows[file.tried : file.tried + limit]
        ImportRow.objects.bulk_create(
            (_tried(file.table, number, cells, reading, mapped) for number, cells in some),
            batch_size=500,
        )
        ImportFile.objects.filter(pk=file.pk).update(tried=F("tried") + len(some))
    return len(some)


def mapped_of(file: ImportFile) -> Mapped:
    """What somebody chose; an account that has gone since is left out."""
    said = dict(file.mapping)
    usual = SocialAccount.objects.for_team(file.table.team).filter(pk__in=said.pop("usual"))
    return Mapped(**said | {"usual": tuple(usual), "blank": Blank(said["blank"])})


def confirm(table: Import, at: datetime) -> None:
    """Let the rows that are well become posts; said twice, done once. Raises CannotImport."""
    with transaction.atomic():
        file = ImportFile.objects.select_for_update().defer("data").get(table=table)
        if file.chosen_at is None or file.tried < file.total:
            raise CannotImport({"": ["Not all rows have been tried yet; wait for the end of it."]})
        if not table.rows.filter(problem="").exists():
            raise CannotImport({"": ["No row can become a post; repair the table first."]})
        Import.objects.filter(pk=table.pk, confirmed_at=None).update(confirmed_at=at)
        ImportFile.objects.filter(pk=file.pk).update(data=b"")
    table.refresh_from_db(fields=["confirmed_at"])


def discard(table: Import, at: datetime) -> int:
    """Put a table away; of one under way the rest is not made. Returns how many posts stay."""
    with transaction.atomic():
        ImportFile.objects.select_for_update().defer("data").get(table=table)
        table.refresh_from_db(fields=["confirmed_at"])
        if table.confirmed_at is None:
            table.delete()
            return 0
        waiting = table.rows.filter(done_at=None, problem="")
        waiting.update(done_at=at, problem=STOPPED)
        Import.objects.filter(pk=table.pk, ended_at=None).update(ended_at=at)
    return progress(table).made


def go_on(table: Import, at: datetime, limit: int = CHUNK) -> int:
    """Make posts of the next rows; returns how many rows. May run twice, and after any crash."""
    if not Import.objects.filter(pk=table.pk, confirmed_at__isnull=False).exists():
        return 0
    done = 0
    waiting = table.rows.filter(done_at__isnull=True, problem="").order_by("number")
    for pk in list(waiting.values_list("pk", flat=True)[:limit]):
        done += _one(pk, at)
    if not waiting.exists():
        Import.objects.filter(pk=table.pk, ended_at__isnull=True).update(ended_at=at)
    return done


def go_on_all(at: datetime, limit: int = CHUNK) -> int:
    """The next rows of every table under way; returns how many were made or tried."""
    done = 0
    for table in Import.objects.open().select_related("file").defer("file__data"):
        try:
            done += _next_rows(table, at, limit)
        except Exception:  # one table's trouble does not stop the others; it is tried again
            logger.exception("the table %s could not go on", table.pk)
    return done


def _next_rows(table: Import, at: datetime, limit: int) -> int:
    match table.stage:
        case Stage.GOING:
            return go_on(table, at, limit)
        case Stage.TRYING:
            return try_on(table.pk)
    return 0


def forget(at: datetime) -> int:
    """Tables that nobody confirmed for a week; returns how many went."""
    old = Import.objects.filter(confirmed_at=None, created_at__lt=at - FORGOTTEN_AFTER)
    return old.delete()[1].get("posting.Import", 0)


def progress(table: Import) -> Progress:
    """How far it is; one query for its rows."""
    counts = table.rows.aggregate(
        tried=Count("pk"),
        refused=Count("pk", filter=~Q(problem="") & Q(done_at=None)),
        made=Count("pk", filter=Q(done_at__isnull=False, problem="")),
        failed=Count("pk", filter=~Q(problem="") & Q(done_at__isnull=False)),
    )
    return Progress(total=max(table.file.total, counts["tried"]), **counts)


def wrong_rows(table: Import) -> QuerySet[ImportRow]:
    """The rows that did not become posts, in the order of the file."""
    return table.rows.exclude(problem="").order_by("number")


def to_repair(table: Import) -> Iterator[str]:
    """Those rows as a table of their own, each with what is wrong; read again, it is the same."""
    yield from lines([[*table.file.columns, PROBLEM]])
    rows = wrong_rows(table).values_list("plan__cells", "problem").iterator(chunk_size=500)
    yield from lines([*cells, problem] for cells, problem in rows)


def _lock(table: Import, words: str) -> None:
    """Nobody else tries or confirms it now; raises CannotImport if it is confirmed."""
    ImportFile.objects.select_for_update().defer("data").get(table=table)
    if Import.objects.filter(pk=table.pk, confirmed_at__isnull=False).exists():
        raise CannotImport({"": [words]})


def _tried(
    table: Import, number: int, cells: Sequence[str], reading: Reading, mapped: Mapped
) -> ImportRow:
    """A row with what it means, and all that is wrong with it."""
    planned, wrong = reading.row(number, cells)
    plan = _plan(planned, mapped.blank) | {"cells": list(cells), "wrong": [*map(_said, wrong)]}
    problem = "; ".join(f"{one.column}: {one.words}" for one in wrong)
    return ImportRow(table=table, number=number, plan=plan, problem=problem)


def _said(one: Wrong) -> list[str]:
    return [one.column, one.words]


def _one(pk: int, at: datetime) -> int:
    with transaction.atomic():
        rows = ImportRow.objects.select_for_update(of=("self",))
        rows = rows.select_related("table__team", "table__author")
        row = rows.filter(pk=pk, done_at__isnull=True, problem="").first()
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
        "said": row.said,
        "warning": row.warning,
    }
