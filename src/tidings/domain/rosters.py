"""Lists of subscribers as CSV: read from any program, written for any program."""

import csv
import dataclasses
import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

from tidings.domain.roster_columns import Columns, columns_of
from tidings.errors import InvalidError

DELIMITERS = ",;\t|"

_SEPARATOR = re.compile(r'"?sep=(?P<delimiter>.)"?\s*', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_ADDRESS = re.compile(r'[\s"]*[^\s@"]+@[^\s@"]+[\s"]*')
_BREAK = re.compile(r"\r\n|\r|\n")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLine:
    """A line of a list.

    Attributes:
        number: Where it begins in the file, from 1.
        cells: What it holds, by field.
        problem: Why it cannot be read, if so.
    """

    number: int
    cells: Mapping[str, str] = dataclasses.field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """What came of a line.

    Attributes:
        is_suppressed: They had left, or could not be reached, where the list comes from: they get
            nothing from now on.
        problem: Why it was left out.
        cause: The same for all that were left out for that reason.
    """

    line: int
    is_in: bool = False
    is_asked: bool = False
    is_known: bool = False
    is_suppressed: bool = False
    problem: str | None = None
    cause: str = ""


def decoded(data: bytes) -> str:
    """Return the text of a file, which is in UTF-8, or in UTF-16 with its mark, as Excel may write.

    Raises:
        InvalidError: It is in another encoding; the error names the first such line.
    """
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        number = len(_BREAK.findall(data[: error.start].decode("latin-1"))) + 1
        because = 'it is not UTF-8; save the file as "CSV UTF-8"'
        raise InvalidError("line", number, because) from error


def read_csv(text: str, given: Mapping[str, str]) -> tuple[Columns, Iterator[CsvLine]]:
    """Return what the columns of a list mean, and its lines.

    Delimiters are found out by the headings, or by a line `sep=;` before them, which Excel takes
    as well. Empty lines are passed over. A line that cannot be read is one with a problem.

    Args:
        text: Of the file, with its line breaks as they are.
        given: What the operator says that columns mean, by heading.

    Raises:
        InvalidError: The headings are not known; or, while lines are read, a quotation mark was
            not closed, so that nobody knows where lines end.
    """
    rows = _Rows(text)
    headings: Sequence[str] = ()
    for number, cells in rows:
        if isinstance(cells, str):
            raise InvalidError("line", number, cells)
        if any(cells):
            headings = cells
            break
    columns = columns_of(headings, given)
    return columns, _lines(rows, headings, columns)


def write_csv(rows: Iterable[Mapping[str, str]], file: TextIO, columns: Iterable[str]) -> None:
    """Write rows; what a spreadsheet would take for a formula gets an apostrophe in front."""
    writer = csv.writer(file, lineterminator="\n")
    names = list(columns)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_guard(row.get(name, "")) for name in names])


class _Rows:
    """The rows of a file with the numbers of their lines: cells, or why there are none."""

    def __init__(self, text: str) -> None:
        file = StringIO(text, newline="")
        first, self._skipped = file.readline(), 0
        while first and not first.strip():
            first, self._skipped = file.readline(), self._skipped + 1
        if match := _SEPARATOR.fullmatch(first):
            self.delimiter, self._skipped = match["delimiter"], self._skipped + 1
            lines: Iterable[str] = file
        else:
            plain = _QUOTED.sub("", first)
            self.delimiter = max(DELIMITERS, key=plain.count)
            lines = _chained(first, file)
        self._reader = csv.reader(
            lines, delimiter=self.delimiter, skipinitialspace=True, strict=True
        )

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> tuple[int, list[str] | str]:
        begins = self._skipped + self._reader.line_num + 1
        try:
            cells = next(self._reader)
        except csv.Error as error:
            self._refuse_open_quote(begins, str(error))
            return begins, f"it is no CSV: {error}"
        return begins, [_unguard(cell) for cell in cells]

    @property
    def read(self) -> int:
        """The number of the last line that was read."""
        return self._skipped + self._reader.line_num

    def _refuse_open_quote(self, begins: int, said: str) -> None:
        if self.read > begins or said.startswith("unexpected end"):
            self.refuse(begins)

    def refuse(self, begins: int) -> None:
        """Refuse all of a file in which lines run together.

        Raises:
            InvalidError: Always.
        """
        because = f"the quotation mark that it opens is not closed before line {self.read} ends"
        raise InvalidError("line", begins, f"{because}; close it, or take it out")


def _chained(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _lines(rows: _Rows, headings: Sequence[str], columns: Columns) -> Iterator[CsvLine]:
    for number, cells in rows:
        if isinstance(cells, str):
            yield CsvLine(number=number, problem=cells)
        elif any(cells):
            if rows.read > number and _has_swallowed(cells, columns, rows, len(headings)):
                rows.refuse(number)
            yield CsvLine(
                number=number,
                cells=columns.cells(cells),
                problem=_problem(cells, headings, columns),
            )


def _has_swallowed(cells: Sequence[str], columns: Columns, rows: _Rows, wanted: int) -> bool:
    """Tell whether a cell of several lines holds what should have been lines of their own."""
    short = {one for name, held in columns.places.items() if name != "proof" for one in held}
    if len(cells) != wanted or any(_BREAK.search(cells[one]) for one in short):
        return True
    further = [line for cell in cells for line in _BREAK.split(cell)[1:]]
    parts = [part for line in further for part in line.split(rows.delimiter)]
    return any(_ADDRESS.fullmatch(part) for part in parts)


def _problem(cells: Sequence[str], headings: Sequence[str], columns: Columns) -> str:
    nameless = [
        number
        for number, cell in enumerate(cells)
        if cell and (number >= len(headings) or not headings[number])
    ]
    if nameless:
        return f"it has {nameless[-1] + 1} cells, and no heading for all of them"
    # Spreadsheets leave out what is empty at the end of lines, but never what must be there.
    needed = [
        one for name in ("address", "confirmed_at", "proof") for one in columns.places.get(name, ())
    ]
    if len(cells) <= max(needed):
        return f"it has {len(cells)} cells of {len(headings)}"
    if any(unicodedata.category(one) == "Cc" for cell in cells for one in _BREAK.sub("", cell)):
        return "it has characters that cannot be shown"
    return ""


def _guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    stripped = cell.strip()
    return stripped[1:] if _GUARDED.match(stripped) else stripped
