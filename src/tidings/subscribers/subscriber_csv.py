"""Lists of subscribers as CSV: ours, and those of Mailchimp, Ghost, Substack and others."""

import csv
import dataclasses
import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import TextIO

from tidings.errors import InvalidError

DELIMITERS = ",;\t|"

_SEPARATOR = re.compile(r'"?sep=(?P<delimiter>.)"?\s*', re.IGNORECASE)

_QUOTED = re.compile(r'"[^"]*"')

_ADDRESS = re.compile(r'[\s"]*[^\s@"]+@[^\s@"]+[\s"]*')

_BREAK = re.compile(r"\r\n|\r|\n")

# CSV injection: a spreadsheet runs a cell that begins like this, and titles are written by anybody.
# Apostrophes before it are counted, so that reading gives back what was written.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")

_GUARDED = re.compile(r"'+[=+\-@\t\r]")

# Of the columns only `address` must be there; topics are slugs with blanks between them.
COLUMNS = (
    "address",
    "newsletter",
    "confirmed_at",
    "proof",
    "frequency",
    "hour",
    "timezone",
    "weekday",
    "language",
    "topics",
    "paused_at",
)

# What a column can be mapped to. By the last three people are suppressed.
FIELDS = (*COLUMNS, "status", "left_at", "bounced_at")

# The field that `--map` gives to a column that is to be ignored.
LEAVE_OUT = "-"

# The field of Substack's column that is true for those who left.
_DISABLED = "email_disabled"

_OURS = {name: name for name in FIELDS}

_PLAIN = {"email": "address", "e_mail": "address", "email_address": "address"}

_WORDS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The meaning of a list's columns.

    Attributes:
        program: That wrote the list; empty for ours.
        places: The columns of a field, by number; the first one counts that is not empty.
        evidence: The columns that show consent, with their headings.
        unread: The headings of columns that are not read.
    """

    program: str
    places: Mapping[str, tuple[int, ...]]
    evidence: tuple[tuple[str, int], ...]
    unread: tuple[str, ...]

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """Return the cells of a row by field; missing ones are empty."""
        held = {
            field: next((row[one] for one in places if one < len(row) and row[one]), "")
            for field, places in self.places.items()
        }
        # Substack has no status, only this column: true means that they left.
        if membership_word(held.pop(_DISABLED, "")) is Membership.SUBSCRIBED:
            held["status"] = "unsubscribed"
        shown = [f"{name} {row[one]}" for name, one in self.evidence if one < len(row) and row[one]]
        # A proof that the operator has added is better than what the other program recorded.
        if shown and not held.get("proof"):
            held["proof"] = f"{self.program}: {', '.join(shown)}"
        return held


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLine:
    """A line of a list.

    Attributes:
        number: Where it begins in the file, from 1; cells may have line breaks.
        cells: By field.
        problem: Why it cannot be read, if so.
    """

    number: int
    cells: Mapping[str, str] = dataclasses.field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """The result of importing a line.

    Attributes:
        is_suppressed: They had left or bounced where the list comes from, and are suppressed here.
        problem: Why it was skipped.
        cause: The same text for all lines that were skipped for that reason.
    """

    line: int
    is_in: bool = False
    is_asked: bool = False
    is_known: bool = False
    is_suppressed: bool = False
    problem: str | None = None
    cause: str = ""


def decoded(data: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark, as Excel may write.

    Raises:
        InvalidError: It is in another encoding; the error names the first such line.
    """
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        # Latin-1 reads any byte, so that lines can be counted up to the one at fault.
        number = len(_BREAK.findall(data[: error.start].decode("latin-1"))) + 1
        because = 'it is not UTF-8; save the file as "CSV UTF-8"'
        raise InvalidError("line", number, because) from error


def read_csv(text: str, given: Mapping[str, str]) -> tuple[Columns, Iterator[CsvLine]]:
    """Return the meaning of a list's columns, and its lines.

    The delimiter is detected in the headings, or named by a line `sep=;` before them, as Excel
    does. Empty lines are skipped. A line that cannot be read has a problem.

    Args:
        text: Of the file, with its line breaks as they are.
        given: The operator's mapping of columns, by heading.

    Raises:
        InvalidError: A heading is unknown; or, while lines are read, a quotation mark is not
            closed, so that it is unclear where lines end.
    """
    rows = _Rows(text)
    headings = _headings(rows)
    columns = columns_of(headings, given)
    return columns, _lines(rows, headings, columns)


def read_headings(text: str) -> tuple[str, ...]:
    """Return the headings of a list; of those without one nothing.

    Raises:
        InvalidError: They cannot be read.
    """
    return tuple(filter(None, _headings(_Rows(text))))


def unknown_headings(headings: Sequence[str]) -> tuple[str, ...]:
    """Return the headings that somebody has to say the meaning of, or that they have none."""
    names = [_name(heading) for heading in headings]
    # Of other programs we know what we need, and leave out the rest.
    if _program_of(names):
        return ()
    known = _PLAIN | _OURS
    return tuple(
        heading for heading, name in zip(headings, names, strict=True) if name not in known
    )


def write_csv(rows: Iterable[Mapping[str, str]], file: TextIO, columns: Iterable[str]) -> None:
    """Write rows; a cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    writer = csv.writer(file, lineterminator="\n")
    names = list(columns)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_guard(row.get(name, "")) for name in names])


class _Rows:
    """The rows of a file with their line numbers: cells, or why they cannot be read."""

    def __init__(self, text: str) -> None:
        # newline="": cells may hold line breaks of their own, which the csv module has to see as
        # they are.
        file = StringIO(text, newline="")
        first, self._skipped = file.readline(), 0
        while first and not first.strip():
            first, self._skipped = file.readline(), self._skipped + 1
        if match := _SEPARATOR.fullmatch(first):
            self.delimiter, self._skipped = match["delimiter"], self._skipped + 1
            lines: Iterable[str] = file
        else:
            # Quoted headings may hold commas of their own.
            plain = _QUOTED.sub("", first)
            self.delimiter = max(DELIMITERS, key=plain.count)
            lines = _with_first(first, file)
        # skipinitialspace, since people write `a, "b, c"`: the quotes count at the start of a cell
        # only. strict, since the parser would otherwise guess where a broken quotation ends.
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
        # Beyond its first line, an error comes from a quotation mark that swallowed the lines
        # between.
        if self.read > begins or said.startswith("unexpected end"):
            self.refuse(begins)

    def refuse(self, begins: int) -> None:
        """Refuse all of a file in which lines run together.

        Raises:
            InvalidError: Always.
        """
        because = f"the quotation mark that it opens is not closed before line {self.read} ends"
        raise InvalidError("line", begins, f"{because}; close it, or take it out")


def _headings(rows: _Rows) -> Sequence[str]:
    for number, cells in rows:
        if isinstance(cells, str):
            raise InvalidError("line", number, cells)
        if any(cells):
            return cells
    return ()


def _with_first(first: str, rest: Iterable[str]) -> Iterator[str]:
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
    """Tell whether a cell with line breaks holds what should have been lines of their own.

    After an unclosed quotation mark the parser reads on to the next one, hundreds of lines away.
    """
    # A proof may have several lines, and so may columns that are not read.
    short = {one for name, held in columns.places.items() if name != "proof" for one in held}
    if len(cells) != wanted or any(_BREAK.search(cells[one]) for one in short):
        return True
    further = [line for cell in cells for line in _BREAK.split(cell)[1:]]
    parts = [part for line in further for part in line.split(rows.delimiter)]
    # A note may mention an address; one that is alone between delimiters began a line.
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


class Membership(StrEnum):
    """The status of a subscriber where the list comes from."""

    SUBSCRIBED = "subscribed"
    PENDING = "pending"
    """Signed up, and never confirmed."""
    LEFT = "left"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    BLOCKED = "blocked"
    """By its operator."""


# The words of the programs below, such as Mailchimp's `cleaned` and Ghost's `comped`, and those
# that people write by hand.
_STATUSES: Mapping[Membership, str] = {
    Membership.SUBSCRIBED: "subscribed enabled active confirmed regular premium gifted trialed"
    " past_due churning free paid comped true yes 1",
    Membership.PENDING: "pending unconfirmed unactivated nonsubscribed transactional",
    Membership.LEFT: "unsubscribed left disabled inactive removed archived opted_out false no 0",
    Membership.BOUNCED: "bounced cleaned undeliverable hard_bounced",
    Membership.COMPLAINED: "complained complaint spam abuse",
    Membership.BLOCKED: "blocked blocklisted blacklisted",
}

_MEMBERSHIPS = {word: one for one, words in _STATUSES.items() for word in words.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program whose lists are recognised by their headings.

    Attributes:
        signs: Headings that all its lists have.
        columns: Their fields; of two for the same field the first one counts that is not empty.
        evidence: Columns that record consent.
    """

    name: str
    signs: frozenset[str]
    columns: Mapping[str, str]
    evidence: tuple[str, ...] = ()


PROGRAMS = (
    Program(
        name="Mailchimp",
        signs=frozenset({"email_address", "optin_time"}),
        columns={
            "email_address": "address",
            # Before `optin_time`, which is when the form was sent: the first that is not empty
            # counts.
            "confirm_time": "confirmed_at",
            "optin_time": "confirmed_at",
            "unsub_time": "left_at",
            "clean_time": "bounced_at",
        },
        evidence=("optin_time", "optin_ip", "confirm_time", "confirm_ip"),
    ),
    Program(
        name="Ghost",
        signs=frozenset({"email", "subscribed_to_emails"}),
        columns={
            "email": "address",
            "created_at": "confirmed_at",
            "subscribed_to_emails": "status",
            "deleted_at": "left_at",
        },
        evidence=("created_at", "subscribed_to_emails"),
    ),
    Program(
        name="Substack",
        signs=frozenset({"email", "email_disabled"}),
        columns={"email": "address", "created_at": "confirmed_at", "email_disabled": _DISABLED},
        evidence=("created_at", "email_disabled"),
    ),
    # Buttondown has renamed columns with the versions of its API.
    *(
        Program(
            name="Buttondown",
            signs=frozenset({address, date}),
            columns={
                address: "address",
                date: "confirmed_at",
                "type": "status",
                "subscriber_type": "status",
                "status": "status",
                "unsubscription_date": "left_at",
                "undeliverability_date": "bounced_at",
            },
            evidence=(date, "type", "subscriber_type", "status", "ip_address"),
        )
        for address in ("email", "email_address")
        for date in ("creation_date", "subscription_date")
    ),
    # No evidence: its lists have those who left, or never confirmed, as `enabled` too.
    *(
        Program(
            name="listmonk",
            signs=frozenset({"email", sign}),
            columns={"email": "address", "status": "status", "created_at": "confirmed_at"},
        )
        for sign in ("attributes", "uuid")
    ),
)


def columns_of(headings: Sequence[str], given: Mapping[str, str]) -> Columns:
    """Return the meaning of columns.

    Args:
        headings: As they are in the file; empty for a column without one.
        given: The operator's mapping, by heading, which takes precedence.

    Raises:
        InvalidError: A column is unknown, or there is none for the address, or two.
    """
    names = [_name(heading) for heading in headings]
    for one in {name for name in names if name and names.count(name) > 1}:
        raise InvalidError("column", one, "it is there twice: name each column once")
    said = {_name(heading): field for heading, field in given.items()}
    for name, field in said.items():
        if name not in names:
            raise InvalidError(
                "column", name, f"it is not in the file, which has {_list(headings)}"
            )
        if field not in {*FIELDS, LEAVE_OUT}:
            raise InvalidError("field", field, f"use {', '.join(FIELDS)}, or {LEAVE_OUT} for none")
    program = _program_of(names)
    meanings = _meanings(names, said, program)
    places: dict[str, tuple[int, ...]] = {}
    for name, field in meanings.items():
        if name in names:
            places[field] = (*places.get(field, ()), names.index(name))
    if len(places.get("address", ())) != 1:
        because = "there must be one column address, or email: name it by --map COLUMN=address"
        raise InvalidError("headings", _list(headings), because)
    evidence = program.evidence if program else ()
    return Columns(
        program=program.name if program else "",
        places=places,
        evidence=tuple(
            (headings[names.index(one)], names.index(one)) for one in evidence if one in names
        ),
        unread=tuple(
            h for h, name in zip(headings, names, strict=True) if name and name not in meanings
        ),
    )


def membership_of(cells: Mapping[str, str]) -> Membership:
    """Return the status of a line.

    Raises:
        InvalidError: Its word is unknown.
    """
    if cells.get("bounced_at"):
        return Membership.BOUNCED
    if cells.get("left_at"):
        return Membership.LEFT
    status = cells.get("status", "")
    found = membership_word(status) if status else Membership.SUBSCRIBED
    if found is None:
        words = ", ".join(one.value for one in Membership)
        raise InvalidError("status", status, f"not known; use one of {words}")
    return found


def membership_word(text: str) -> Membership | None:
    """Return the status for a word; None if it is unknown."""
    return _MEMBERSHIPS.get(_name(text))


def _program_of(names: Sequence[str]) -> Program | None:
    return next((one for one in PROGRAMS if one.signs <= set(names)), None)


def _meanings(
    names: Sequence[str], said: Mapping[str, str], program: Program | None
) -> dict[str, str]:
    """Return the field of each column that is read, by precedence."""
    known = program.columns if program else _PLAIN | _OURS
    # Mailchimp's lists have a column "Address" with the street, beside "Email Address".
    has_mail = any(known.get(name) == "address" for name in names if name != "address")
    own = (
        {} if program is None else {name: name for name in ("proof", "newsletter") if name in names}
    )
    usual = {
        name: field
        for name, field in (own | dict(known)).items()
        if name not in said and not (has_mail and name == "address")
    }
    taken = set(said.values())
    # A field that the operator has mapped is read from that column only.
    read = {name: field for name, field in usual.items() if field not in taken}
    # In a list of ours an unknown heading is a slip; other programs have dozens we do not need.
    if program is None:
        for name in names:
            if name and name not in read and name not in said and name != "address":
                because = (
                    f"use {', '.join(FIELDS)}, or --map {name}=FIELD, or --map {name}={LEAVE_OUT}"
                )
                raise InvalidError("column", name, because)
    return {name: field for name, field in said.items() if field != LEAVE_OUT} | read


def _name(text: str) -> str:
    return _WORDS.sub("_", text.strip().lower())


def _list(headings: Sequence[str]) -> str:
    return ", ".join(one for one in headings if one) or "none"
