"""Choose the newest entries of a long document, before the others cost any parsing."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from xml.parsers import expat

from tidings.model.feed import MAX_ENTRIES
from tidings.parsing import elements
from tidings.parsing.dates import MAX_SIZE, parse_date

ENTRIES = ("item", "entry")

_ENTRY = re.compile(r"<(?:[\w.-]{1,32}:)?(?:item|entry)[\s>/]", re.IGNORECASE)
_PUBLISHED = ("pubdate", "published", "issued", "created")
_UPDATED = ("updated", "modified", "date")
_NEVER = datetime.min.replace(tzinfo=UTC)


def newest_positions(dates: Sequence[datetime | None]) -> list[int]:
    """Return the positions of the newest `MAX_ENTRIES`, in the order of the document.

    An entry without date counts as old as the one before it.
    """
    if len(dates) <= MAX_ENTRIES:
        return list(range(len(dates)))
    date = _NEVER
    filled = [date := own or date for own in dates]
    by_age = sorted(range(len(filled)), key=filled.__getitem__, reverse=True)
    return sorted(by_age[:MAX_ENTRIES])


def positions_to_read(document: str) -> frozenset[int] | None:
    """Return the positions of the newest entries of an XML text; None if all are to be parsed."""
    if len(_ENTRY.findall(document)) <= MAX_ENTRIES:
        return None
    survey = _DateScan()
    survey.read(document)
    return frozenset(newest_positions(survey.dates()))


class _DateScan:
    """A quick pass over an XML text that reads nothing but the dates of entries."""

    def __init__(self) -> None:
        self._entries: list[dict[str, str]] = []
        self._depth = 0
        self._entry_depth = 0
        self._pieces: list[str] | None = None

    def read(self, document: str) -> None:
        parser = expat.ParserCreate(namespace_separator=elements.SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        # Errors are reported by the pass that parses the document.
        with suppress(expat.ExpatError):
            parser.Parse(document.encode(), True)

    def dates(self) -> list[datetime | None]:
        return [_date(entry, _PUBLISHED) or _date(entry, _UPDATED) for entry in self._entries]

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        local = elements.split(name)[1].lower()
        if self._entry_depth:
            is_date = local in _PUBLISHED or local in _UPDATED
            self._pieces = [] if is_date else None
        elif local in ENTRIES:
            self._entry_depth = self._depth
            self._entries.append({})

    def _end(self, name: str) -> None:
        if self._pieces is not None:
            local = elements.split(name)[1].lower()
            self._entries[-1].setdefault(local, "".join(self._pieces)[: 2 * MAX_SIZE])
            self._pieces = None
        if self._depth == self._entry_depth:
            self._entry_depth = 0
        self._depth -= 1

    def _data(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)


def _date(entry: dict[str, str], names: Sequence[str]) -> datetime | None:
    dates = (parse_date(entry[name]) for name in names if name in entry)
    return next(filter(None, dates), None)
