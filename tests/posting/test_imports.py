"""Tables of posts: columns guessed, rows tried and told, each made once whoever crashes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import pytest

from posting import imports, library, sheet, slots
from posting.imports import CannotImport
from posting.interpret import Blank, Mapped, Planned, Reading, Wrong, guess
from posting.models import Import, ImportRow, Label, Post
from posting.sheet import Sheet
from posting.states import PostState
from tests.cast import Cast, Street, connected, only
from tokens.models import SocialAccount
from workers.ahead import imports as imports_job

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TABLE = "text,when,accounts,labels\n"


def table(*rows: str) -> Sheet:
    """A table with these rows."""
    return sheet.read((TABLE + "\n".join(rows)).encode())


def mapped(found: Sheet, blank: Blank = Blank.DRAFT, *usual: SocialAccount) -> Mapped:
    """As its headings say, on the clocks of Paris."""
    return Mapped(**guess(found.columns), zone="Europe/Paris", usual=usual, blank=blank)


@dataclass
class DryRun:
    """What was found of the rows: those that are well, and all that is wrong."""

    rows: list[Planned] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)


def tried(cast: Cast, *rows: str, blank: Blank = Blank.DRAFT) -> DryRun:
    """What these rows would become."""
    found, dry = table(*rows), DryRun()
    reading = Reading(cast.team, found, mapped(found, blank), AT)
    for number, cells in found.rows:
        planned, wrong = reading.row(number, cells)
        dry.wrong += wrong
        dry.rows += [] if wrong else [planned]
    return dry


def brought(cast: Cast, *rows: str, key: uuid.UUID | None = None) -> Import:
    """Alice brings a table."""
    data = (TABLE + "\n".join(rows)).encode()
    about = {"at": AT, "key": key or uuid.uuid4()}
    return imports.bring(cast.team, cast.alice, "posts.csv", data, **about)  # type: ignore[arg-type]


def confirmed(cast: Cast, *rows: str, blank: Blank = Blank.DRAFT) -> Import:
    """Alice brings a table, says what its columns hold, looks at it and says yes."""
    made = brought(cast, *rows)
    imports.choose(made, mapped(table(*rows), blank), AT)
    while imports.try_on(made.pk, limit=2):
        pass
    imports.confirm(made, AT)
    return made


def test_a_row_becomes_a_post_with_its_moment_accounts_and_labels(
    cast: Cast, street: Street
) -> None:
    account, other = connected(street, cast.team, "x"), connected(street, cast.team, "mastodon")
    library.keep_label(cast.team, "launch", "teal")
    row = f"Hello.,fri 9am,{account.handle}; {other.label},Launch;New"
    dry = tried(cast, row)
    assert dry.wrong == []
    assert dry.rows[0].said == "Fri 27 Nov 09:00 Europe/Paris"
    assert not Import.objects.exists()
    made = confirmed(cast, row)
    assert imports.go_on(made, AT) == 1
    post = Post.objects.get()
    assert post.due_at == datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert set(post.results.values_list("account", flat=True)) == {account.pk, other.pk}
    assert sorted(label.name for label in post.labels.all()) == ["New", "launch"]
    assert (imports.progress(made).made, imports.progress(made).ended) == (1, True)


def test_everything_that_is_wrong_is_told_by_row_and_column(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    dry = tried(
        cast,
        f"Good.,tomorrow 9:00,{account.handle},",
        f"{'a' * 300},tomorrow 9:00,{account.handle},",
        ",yesterday,nobody,",
        f"No moment.,2020-01-01 9:00,{account.handle},",
        f"Long.,,,{'l' * 50}",
    )
    assert [row.number for row in dry.rows] == [2]
    assert [(w.number, w.column) for w in dry.wrong] == [
        (3, "text"),
        (4, "when"),
        (4, "accounts"),
        (5, "when"),
        (6, "labels"),
    ]
    assert "no account “nobody”" in dry.wrong[2].words


def test_a_mapping_that_does_not_fit_is_said_once(cast: Cast) -> None:
    found = table("Hello.,,,")
    reading = Reading(cast.team, found, Mapped("", when="day", zone="Mars"), AT)
    assert [wrong.column for wrong in reading.unusable()] == ["when", "text", "zone"]


def test_an_account_that_may_be_any_of_two_is_asked_for(cast: Cast, street: Street) -> None:
    connected(street, cast.team, "x", "ada")
    connected(street, cast.team, "x", "bea")
    dry = tried(cast, "Hello.,tomorrow 9:00,x,")
    assert "may be any of" in dry.wrong[0].words


def test_a_row_without_a_time_becomes_a_draft_takes_a_slot_or_is_refused(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "x")
    slots.add(account, range(7), time(9))
    free = next(slots.free(account, AT))
    row = f"No time.,,{account.handle},"
    assert tried(cast, row, blank=Blank.REFUSE).wrong[0].column == "when"
    for blank in (Blank.DRAFT, Blank.SLOT):
        imports.go_on(confirmed(cast, row, blank=blank), AT)
    draft, slotted = Post.objects.order_by("pk")
    assert (draft.draft, draft.state) == (True, PostState.DRAFT)
    assert (slotted.draft, only(slotted).planned_at) == (False, free)


def many(cast: Cast, street: Street, count: int) -> Import:
    """A confirmed table of so many rows."""
    account = connected(street, cast.team, "x")
    rows = [f"Number {n}.,tomorrow 9:00,{account.handle}," for n in range(count)]
    return confirmed(cast, *rows)


def test_it_goes_on_in_chunks_and_says_how_far_it_is(cast: Cast, street: Street) -> None:
    made = many(cast, street, 5)
    found = []
    while imports.go_on(made, AT, limit=2):
        found.append(imports.progress(made).done)
    assert found == [2, 4, 5]
    assert Post.objects.count() == 5
    made.refresh_from_db()
    assert made.ended_at == AT
    assert imports_job() == 0


def test_a_crash_in_between_makes_none_twice_and_loses_none(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = many(cast, street, 4)
    whole = imports._made
    calls: list[int] = []

    def breaks(row: ImportRow, at: datetime) -> Post:
        post = whole(row, at)
        calls.append(row.number)
        if len(calls) == 3:
            raise RuntimeError("the machine stops here")
        return post

    monkeypatch.setattr(imports, "_made", breaks)
    with pytest.raises(RuntimeError):
        imports.go_on(made, AT)
    assert Post.objects.count() == 2
    monkeypatch.undo()
    assert imports.go_on(made, AT) == 2
    ImportRow.objects.update(done_at=None)  # as if every mark had been lost
    imports.go_on(made, AT)
    assert sorted(Post.objects.values_list("text", flat=True)) == [f"Number {n}." for n in range(4)]


def test_a_row_that_cannot_be_made_any_more_is_told_and_stops_no_other(
    cast: Cast, street: Street
) -> None:
    made = many(cast, street, 2)
    ImportRow.objects.filter(number=2).update(
        plan={**ImportRow.objects.get(number=2).plan, "when": (AT - DAY).isoformat()}
    )
    assert imports.go_on(made, AT) == 2
    found = imports.progress(made)
    assert (found.made, found.failed, found.ended) == (1, 1, True)
    [row] = imports.wrong_rows(made)
    assert (row.number, "has passed" in row.problem) == (2, True)


def test_sent_and_confirmed_twice_it_is_one_import(cast: Cast, street: Street) -> None:
    account, key = connected(street, cast.team, "x"), uuid.uuid4()
    row = f"Once.,tomorrow 9:00,{account.handle},"
    made = [brought(cast, row, key=key) for _ in range(2)]
    assert made[0] == made[1]
    imports.choose(made[0], mapped(table(row)), AT)
    imports.try_on(made[0].pk)
    for _ in range(2):
        imports.confirm(made[0], AT)
        imports.go_on(made[0], AT)
    assert (ImportRow.objects.count(), Post.objects.count()) == (1, 1)


def test_nothing_is_confirmed_before_all_was_tried_and_something_is_well(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "x")
    rows = [f"Number {n}.,2020-01-01 9:00,{account.handle}," for n in range(3)]
    made = brought(cast, *rows)
    imports.choose(made, mapped(table(*rows)), AT)
    assert imports.try_on(made.pk, limit=2) == 2
    with pytest.raises(CannotImport, match="Not all rows"):
        imports.confirm(made, AT)
    assert imports.go_on(made, AT) == 0
    assert imports.go_on_all(AT) == 1
    with pytest.raises(CannotImport, match="No row can"):
        imports.confirm(made, AT)
    assert imports.progress(made).refused == 3


def test_a_try_that_breaks_off_is_followed_and_no_row_is_tried_twice(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = connected(street, cast.team, "x")
    rows = [f"Number {n}.,tomorrow 9:00,{account.handle}," for n in range(4)]
    made = brought(cast, *rows)
    imports.choose(made, mapped(table(*rows)), AT)
    imports.try_on(made.pk, limit=1)
    whole = imports._tried

    def breaks(*args: object) -> ImportRow:
        row = whole(*args)  # type: ignore[arg-type]
        if row.number == 4:
            raise RuntimeError("the machine stops here")
        return row

    monkeypatch.setattr(imports, "_tried", breaks)
    with pytest.raises(RuntimeError):
        imports.try_on(made.pk)
    assert ImportRow.objects.count() == 1
    monkeypatch.undo()
    assert imports.try_on(made.pk) == 3
    assert imports.try_on(made.pk) == 0
    numbers = ImportRow.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [2, 3, 4, 5]


def test_other_columns_try_every_row_anew(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    row = f"Words.,fri 9am,{account.handle},"
    made = brought(cast, row)
    wrong = Mapped(text="labels", when="when", zone="Europe/Paris")
    imports.choose(made, wrong, AT)
    imports.try_on(made.pk)
    assert imports.progress(made).refused == 1
    imports.choose(made, mapped(table(row)), AT)
    imports.try_on(made.pk)
    assert (imports.progress(made).refused, imports.progress(made).wanted) == (0, 1)
    with pytest.raises(CannotImport, match="no column"):
        imports.choose(made, Mapped(text="nothing"), AT)
    imports.confirm(made, AT)
    with pytest.raises(CannotImport, match="already"):
        imports.choose(made, wrong, AT)


def test_what_was_chosen_for_such_a_table_is_remembered(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    first = brought(cast, "One.,,,")
    assert imports.suggested(first, "Europe/Paris")["when"] == "when"
    chosen = Mapped("text", "", "accounts", "", "UTC", (account,), Blank.SLOT)
    imports.choose(first, chosen, AT)
    second = imports.suggested(brought(cast, "Two.,,,"), "Europe/Paris")
    assert (second["when"], second["zone"], second["blank"]) == ("", "UTC", "slot")
    assert second["usual"] == [account.pk]


def test_the_bad_rows_come_back_as_they_were_to_be_repaired(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    rows = [f"Good.,tomorrow 9:00,{account.handle},", f'"@all, come",,{account.handle},=1']
    made = confirmed(cast, *rows, blank=Blank.REFUSE)
    whole = "".join(imports.to_repair(made))
    assert sheet.PROBLEM in whole
    assert "when: Say when." in whole
    assert "'@all" in whole
    again = sheet.read(whole.encode())
    assert again.columns == ("text", "when", "accounts", "labels")
    assert [cells for _, cells in again.rows] == [("@all, come", "", account.handle, "=1")]


def test_a_row_without_a_time_needs_a_slot_that_there_is(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    dry = tried(cast, f"No time.,,{account.handle},", blank=Blank.SLOT)
    assert "weekly slots" in dry.wrong[0].words
    assert str(account) in dry.wrong[0].words


def test_stopped_it_writes_no_further_row(cast: Cast, street: Street) -> None:
    made = many(cast, street, 3)
    imports.go_on(made, AT, limit=1)
    assert imports.discard(made, AT) == 1
    assert imports.go_on_all(AT) == 0
    assert Post.objects.count() == 1
    assert imports.wrong_rows(made).count() == 2


def test_what_nobody_confirms_for_a_week_is_forgotten(cast: Cast, street: Street) -> None:
    kept, left = many(cast, street, 1), brought(cast, "Left.,,,")
    assert imports.forget(AT + 6 * DAY) == 0
    assert imports.forget(AT + 8 * DAY) == 1
    assert list(Import.objects.all()) == [kept]
    assert not Import.objects.filter(pk=left.pk).exists()


def test_a_label_of_two_rows_is_made_once(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    rows = [f"Number {n}.,tomorrow 9:00,{account.handle},New" for n in range(2)]
    imports.go_on(confirmed(cast, *rows), AT)
    assert Label.objects.get().posts.count() == 2


def test_a_table_that_breaks_off_keeps_no_other_waiting(
    cast: Cast, street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    connected(street, cast.team, "x")
    broken, well = (confirmed(cast, f"{name}.,fri 9am,X,") for name in ("Broken", "Well"))
    broken.rows.update(plan={})  # as no version of ours ever wrote it
    assert imports.go_on_all(AT) == 1
    assert [post.text for post in Post.objects.all()] == ["Well."]
    assert f"the table {broken.pk} could not go on" in caplog.text
    assert imports.progress(well).ended
    assert not imports.progress(broken).ended
