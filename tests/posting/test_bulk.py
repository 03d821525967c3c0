"""Tables in and out, and many at once: each row is told, none becomes two posts."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from posting import bulk, imports, library, sheet, slots, undo
from posting.compose import CannotCompose
from posting.imports import Blank, DryRun, Mapped
from posting.models import Import, ImportRow, Label, Post, PostResult
from posting.sheet import CannotRead, Sheet
from posting.states import PostState, State
from tests.cast import Cast, Street, connected, only, written
from tests.workers.engine import run
from tokens.models import SocialAccount
from workers.ahead import imports as imports_job

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TABLE = "text,when,accounts,labels\n"


# --- reading a table ------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_in_any_usual_encoding(encoding: str, delimiter: str) -> None:
    text = f'text{delimiter}when\r\n"Café, 5 €;{delimiter} ""now"""{delimiter}tomorrow 9:00\r\n'
    found = sheet.read(text.encode(encoding))
    assert found.columns == ("text", "when")
    assert found.rows == ((2, (f'Café, 5 €;{delimiter} "now"', "tomorrow 9:00")),)
    assert bool(found.notes) == (encoding == "cp1252")


def test_a_row_is_known_by_its_line_in_the_file() -> None:
    found = sheet.read('text,when\n\n"Two\nlines",\nLa\u2028st,,more\n'.encode())
    assert [(at, row[0]) for at, row in found.rows] == [(4, "Two\nlines"), (5, "La\u2028st")]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b" ; ;\n", "empty"),
        (b"text,when\n", "no rows"),
        (b"text,text\na,b\n", "twice"),
        (b"\x89PNG\0\0", "no text"),
        (b"\xff\xfe\x00", "damaged"),
        (b'text\n"open', "line"),
        (b"x" * (sheet.MOST_BYTES + 1), "larger"),
        (b"a\n" * (sheet.MOST_ROWS + 2), "rows"),
    ],
)
def test_what_is_no_table_is_said_to_be_none(data: bytes, told: str) -> None:
    with pytest.raises(CannotRead, match=told):
        sheet.read(data)


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused_in_words(data: bytes) -> None:
    found = read(data)
    if isinstance(found, CannotRead):
        assert str(found)
    else:
        assert all(len(row) == len(found.columns) for _, row in found.rows)


def read(data: bytes) -> Sheet | CannotRead:
    """The table, or why there is none."""
    try:
        return sheet.read(data)
    except CannotRead as problem:
        return problem


@given(st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=2), min_size=1, max_size=5))
def test_what_is_written_is_read_again_and_never_a_formula(rows: list[list[str]]) -> None:
    whole = "".join(sheet.lines([["one", "two"], *rows]))
    found = list(csv.reader(io.StringIO(whole, newline="")))[1:]
    assert found == [[sheet.harmless(cell) for cell in row] for row in rows]
    assert not any(cell.startswith(sheet.FORMULA) for row in found for cell in row)


# --- trying and confirming ------------------------------------------------------------------------
def table(*rows: str) -> Sheet:
    """A table with these rows."""
    return sheet.read((TABLE + "\n".join(rows)).encode())


def mapped(found: Sheet, blank: Blank = Blank.DRAFT, *usual: SocialAccount) -> Mapped:
    """As its headings say, on the clocks of Paris."""
    return Mapped(**imports.guess(found), zone="Europe/Paris", usual=usual, blank=blank)


def tried(cast: Cast, *rows: str, blank: Blank = Blank.DRAFT) -> DryRun:
    """What these rows would become."""
    found = table(*rows)
    return imports.try_out(cast.team, found, mapped(found, blank), AT)


def confirmed(cast: Cast, dry: DryRun, blank: Blank = Blank.DRAFT) -> Import:
    """Alice says yes."""
    return imports.confirm(cast.team, cast.alice, "posts.csv", dry, blank, at=AT, key=uuid.uuid4())


def test_a_row_becomes_a_post_with_its_moment_accounts_and_labels(
    cast: Cast, street: Street
) -> None:
    account, other = connected(street, cast.team, "x"), connected(street, cast.team, "mastodon")
    library.keep_label(cast.team, "launch", "teal")
    dry = tried(cast, f"Hello.,fri 9am,{account.handle}; {other.label},Launch;New")
    assert dry.wrong == ()
    assert dry.rows[0].said == "Fri 27 Nov 09:00 Europe/Paris"
    assert not Import.objects.exists()
    made = confirmed(cast, dry)
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
    dry = imports.try_out(cast.team, found, Mapped("", when="day", zone="Mars"), AT)
    assert [wrong.column for wrong in dry.wrong] == ["when", "text", "zone"]


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
        imports.go_on(confirmed(cast, tried(cast, row, blank=blank), blank), AT)
    draft, slotted = Post.objects.order_by("pk")
    assert (draft.draft, draft.state) == (True, PostState.DRAFT)
    assert (slotted.draft, only(slotted).planned_at) == (False, free)


def many(cast: Cast, street: Street, count: int) -> Import:
    """A confirmed table of so many rows."""
    account = connected(street, cast.team, "x")
    rows = [f"Number {n}.,tomorrow 9:00,{account.handle}," for n in range(count)]
    return confirmed(cast, tried(cast, *rows))


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
    assert (found.wrong[0].number, "has passed" in found.wrong[0].words) == (2, True)


def test_confirmed_twice_it_is_one_import(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    dry, key = tried(cast, f"Once.,tomorrow 9:00,{account.handle},"), uuid.uuid4()
    made = [
        imports.confirm(cast.team, cast.alice, "a.csv", dry, Blank.DRAFT, at=AT, key=key)
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert ImportRow.objects.count() == 1


def test_a_label_of_two_rows_is_made_once(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    rows = [f"Number {n}.,tomorrow 9:00,{account.handle},New" for n in range(2)]
    imports.go_on(confirmed(cast, tried(cast, *rows)), AT)
    assert Label.objects.get().posts.count() == 2


# --- many at once ---------------------------------------------------------------------------------
def test_each_of_many_is_told(cast: Cast, street: Street) -> None:
    account, at = connected(street, cast.team, "x"), timezone.now()
    waiting, out, theirs = (written(cast, text, [account]) for text in ("A.", "B.", "C."))
    PostResult.objects.filter(post=out).update(state=State.POSTED)
    Post.objects.filter(pk=theirs.pk).update(team=cast.other_team)
    pks = [waiting.pk, out.pk, theirs.pk, waiting.pk]
    for told in (
        bulk.move(cast.team, pks, at + DAY, at),
        bulk.move(cast.team, pks, DAY, at),
        bulk.cancel(cast.team, pks, at),
        bulk.delete(cast.team, pks, at),
    ):
        assert [one.pk for one in told] == pks[:3]
        assert [one.done for one in told] == [True, False, False]
        assert "it is out" in told[1].words
        assert told[2].words == bulk.GONE
        assert told[0].undo is not None
    undo.undo(cast.team, str(told[0].undo), at)
    assert Post.objects.get(pk=waiting.pk).deleted_at is None
    assert only(theirs).state == State.SCHEDULED


def test_the_past_is_refused_for_each(cast: Cast, street: Street) -> None:
    post, at = written(cast, "A.", [connected(street, cast.team, "x")]), timezone.now()
    (told,) = bulk.move(cast.team, [post.pk], -DAY, at)
    assert (told.done, "has passed" in told.words) == (False, True)
    with pytest.raises(CannotCompose, match="at most"):
        bulk.cancel(cast.team, list(range(bulk.MOST + 1)), at)


def test_what_failed_is_tried_again_the_oldest_first(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    posts = [written(cast, f"Number {n}.", [account]) for n in range(3)]
    PostResult.objects.exclude(post=posts[1]).update(state=State.FAILED)
    told = bulk.try_again(cast.team, [post.pk for post in reversed(posts)], timezone.now())
    assert [one.done for one in told] == [True, False, True]
    planned = [only(post).planned_at for post in (posts[0], posts[2])]
    assert planned == sorted(planned, key=str)
    assert [run(post) for post in posts] == [[State.POSTED]] * 3


def test_many_are_labelled(cast: Cast, street: Street) -> None:
    post = written(cast, "A.", [connected(street, cast.team, "x")])
    label = library.keep_label(cast.team, "Launch", "teal")
    assert [one.done for one in bulk.label(cast.team, [post.pk, 0], label)] == [True, False]
    assert list(post.labels.all()) == [label]
    assert bulk.label(cast.team, [post.pk], label, on=False)[0].done
    theirs = library.keep_label(cast.other_team, "Theirs", "red")
    assert not bulk.label(cast.team, [post.pk], theirs)[0].done
    assert not post.labels.exists()
