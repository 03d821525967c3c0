"""Tables as people bring them: CSV in any usual encoding and with any usual delimiter; and out.

What is written is safe to open in a spreadsheet: a cell that would be a formula there is text.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_BYTES = 10_000_000
MOST_ROWS = 20_000
LONGEST_CELL = 100_000
DELIMITERS = ",;\t|"
PROBLEM = "What is wrong"
"""The column that we add to rows that are to be repaired; read again, it is left out."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class CannotRead(Exception):
    """This is no table that anybody could read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the names of its columns, and its rows with their numbers in the file.

    `notes` says what had to be guessed.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()


def read(data: bytes) -> Sheet:
    """The table in a file. Raises CannotRead."""
    if len(data) > MOST_BYTES:
        raise CannotRead(f"file: it is larger than {MOST_BYTES // 1_000_000} MB; split it.")
    text, notes = _decoded(data)
    if "\0" in text:
        raise CannotRead("file: this is no text; save the table as CSV (UTF-8).")
    delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(lines.line_num, tuple(row)) for row in lines if any(c.strip() for c in row)]
    except csv.Error as problem:
        raise CannotRead(f"file: line {lines.line_num} cannot be read ({problem}).") from None
    if not rows:
        raise CannotRead("file: it is empty.")
    names = tuple(cell.strip() for cell in rows[0][1])
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise CannotRead(f"file: the column “{twice}” is there twice; rename one.")
    if len(rows) - 1 > MOST_ROWS:
        raise CannotRead(f"file: it has more than {MOST_ROWS} rows; split it.")
    if len(rows) < 2:
        raise CannotRead("file: it has a heading and no rows.")
    found = tuple((at, _fitted(row, len(names))) for at, row in rows[1:])
    return _repaired(Sheet(names, found, notes)) if PROBLEM in names else Sheet(names, found, notes)


def lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows as lines of CSV, one at a time."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _repaired(sheet: Sheet) -> Sheet:
    """A table that we gave out: without our column, and its cells as they were before."""
    place = sheet.columns.index(PROBLEM)

    def own(cells: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_plain, cells[:place] + cells[place + 1 :]))

    rows = tuple((number, own(cells)) for number, cells in sheet.rows)
    return Sheet(sheet.columns[:place] + sheet.columns[place + 1 :], rows, sheet.notes)


def _plain(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


class _Echo:
    """A file that gives back what is written into it, so that nothing is gathered."""

    def write(self, line: str) -> str:
        """The line."""
        return line


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    for mark, name in BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name), ()
            except UnicodeDecodeError:
                raise CannotRead("file: it is damaged; save it once more as UTF-8.") from None
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        note = "The file is not UTF-8; it was read as Western European (Windows). Look at accents."
        return data.decode("cp1252", errors="replace"), (note,)


def _delimiter(text: str) -> str:
    """What stands most often in the heading, outside of quotes."""
    heading, quoted = "", False
    for letter in text.lstrip():
        quoted ^= letter == '"'
        if letter in "\r\n" and not quoted:
            break
        heading += "" if quoted else letter
    return max(DELIMITERS, key=heading.count)


def _fitted(row: tuple[str, ...], width: int) -> tuple[str, ...]:
    return (*row[:width], *[""] * (width - len(row)))


csv.field_size_limit(LONGEST_CELL)
