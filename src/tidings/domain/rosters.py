"""Lists of subscribers as CSV: read from any program, written for any program."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from tidings.errors import InvalidError

COLUMNS = (
    "address",
    "newsletter",
    "confirmed_at",
    "proof",
    "frequency",
    "hour",
    "timezone",
    "language",
    "topics",
    "paused_at",
)
"""Of the columns only `address` must be there; topics are slugs with blanks between them."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLine:
    """A line of a list; `number` is where it begins in the file, from 1."""

    number: int
    cells: Mapping[str, str]


def read(file: TextIO) -> Iterator[RosterLine]:
    """Yield the lines of a list, which has commas or semicolons and begins with its headings.

    Raises:
        InvalidError: The headings are not known ones, or it is no CSV.
    """
    first = file.readline().removeprefix("\ufeff")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    headings = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
    for name in headings:
        if name not in COLUMNS:
            raise InvalidError("column", name, f"use {', '.join(COLUMNS)}")
    if "address" not in headings or len(set(headings)) < len(headings):
        raise InvalidError("headings", first.strip(), "name each column once, and address")
    rows = csv.reader(file, delimiter=delimiter)
    number = 2
    try:
        for cells in rows:
            if cells:
                given = zip(headings, map(_unguard, cells), strict=False)
                yield RosterLine(number=number, cells=dict(given))
            number = rows.line_num + 2
    except csv.Error as error:
        raise InvalidError("line", number, str(error)) from error


def write(rows: Iterable[Mapping[str, str]], file: TextIO, columns: Iterable[str]) -> None:
    """Write rows; what a spreadsheet would take for a formula gets an apostrophe in front."""
    writer = csv.writer(file, lineterminator="\n")
    names = list(columns)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_guard(row.get(name, "")) for name in names])


def _guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    stripped = cell.strip()
    return stripped[1:] if _GUARDED.match(stripped) else stripped
