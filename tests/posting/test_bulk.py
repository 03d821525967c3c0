"""Tables read and written, and many at once: each of them is told."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from posting import bulk, library, sheet, undo
from posting.compose import CannotCompose
from posting.models import Post, PostResult
from posting.sheet import CannotRead, Sheet
from posting.states import State
from tests.cast import Cast, Street, connected, only, written
from tests.workers.engine import run

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
