"""What somebody searches for, and which of what is found stands first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from tidings.search.words import is_character, limited, words_of

# Characters of a question that are read.
MAX_LENGTH = 500

# Words and phrases that are looked for.
MAX_TERMS = 12

# Entries that are ranked: the newest of those that match.
MAX_FOUND = 500

# What is added to the age of every entry: among the newest, age matters little.
REST = timedelta(days=30)

_PART = re.compile(
    r"(?:(?P<without>-)|(?P<key>source|topic|since|until)[:：])?"  # noqa: RUF001
    r'(?:["“”](?P<phrase>[^"“”]*)["“”]?|(?P<word>[^\s"“”]+))',
    re.IGNORECASE,
)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody typed: a question, and fields of a form that narrow it.

    Attributes:
        q: Words, "phrases", -words, `source:`, `topic:`, `since:` and `until:`.
        source: A slug.
        topic: A slug.
        since: A day, a month or a year, as in 2026-11-21; so is `until`.
    """

    q: str = ""
    source: str = ""
    topic: str = ""
    since: str = ""
    until: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """What is not empty, by name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    @property
    def summary(self) -> str:
        """All of it in one line."""
        narrowed = [f"{name}:{value}" for name, value in self.fields.items() if name != "q"]
        return " ".join([*([self.q] if self.q else []), *narrowed])

    @property
    def encoded(self) -> str:
        """The same as it stands in an address, without what cannot be printed."""
        clean = {
            name: "".join(filter(str.isprintable, value[: MAX_LENGTH + 1])).strip()
            for name, value in self.fields.items()
        }
        return urlencode({name: value for name, value in clean.items() if value})


def read_asked(encoded: str) -> Asked:
    """Return what stands in an address."""
    given = parse_qs(encoded)
    return Asked(**{name: given[name][0] for name in Asked.__slots__ if name in given})


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSearch:
    """A question that has a page and feeds of its own."""

    slug: str
    title: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Words that stand side by side.

    Attributes:
        is_open: The last one is the beginning of a word: a single character of a script
            without blanks, which is stored with the one that follows.
    """

    words: tuple[str, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question as it was understood.

    Attributes:
        terms: All of them have to be found.
        without: None of them may be found.
        source: A slug.
        topic: A slug.
        since: The first day, in UTC.
        until: The last day, in UTC.
        misread: What was said of time and is no day.
        is_cut: It was longer than what is read of one.
    """

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    source: str | None = None
    topic: str | None = None
    since: date | None = None
    until: date | None = None
    misread: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def asks(self) -> bool:
        """Whether it says what to look for."""
        return bool(self.terms or self.source or self.topic or self.since or self.until)


class Zone(IntEnum):
    """Where in an entry all that was looked for stands; the number is what that is worth."""

    TITLE = 4
    LEAD = 2
    BODY = 1


class Hit(NamedTuple):
    """An entry that matches; there are hundreds at a time.

    Attributes:
        story_id: What it has in common with its mates; None if it stands alone.
    """

    entry_id: int
    sort_at: datetime
    story_id: int | None
    follows: bool
    zone: Zone = Zone.BODY


def read_query(asked: Asked) -> Query:
    """Return what a question means; whatever was typed means something, if only nothing."""
    narrowed: dict[str, str] = {}
    terms: list[Term] = []
    without: list[Term] = []
    for part in _PART.finditer(asked.q[:MAX_LENGTH]):
        said = part["word"] if part["phrase"] is None else part["phrase"]
        if part["key"]:
            narrowed[part["key"].lower()] = said.strip()
        elif term := _term(said):
            (without if part["without"] else terms).append(term)
    narrowed |= {name: value for name, value in asked.fields.items() if name != "q"}
    days = {
        name: _day(narrowed[name], last=name == "until")
        for name in ("since", "until")
        if narrowed.get(name)
    }
    return Query(
        terms=tuple(dict.fromkeys(terms))[:MAX_TERMS],
        without=tuple(dict.fromkeys(without))[:MAX_TERMS],
        source=narrowed.get("source") or None,
        topic=narrowed.get("topic") or None,
        since=days.get("since"),
        until=days.get("until"),
        misread=tuple(narrowed[name] for name, day in days.items() if day is None),
        is_cut=len(asked.q) > MAX_LENGTH or len({*terms}) > MAX_TERMS,
    )


def rank(hits: Sequence[Hit]) -> list[Hit]:
    """Return one hit per story, the best first.

    What stands in the title counts twice as much as what stands in the first words, and that
    twice as much as what comes later; an entry twice as old counts half as much. Ages are
    counted from the newest hit, so that the order does not change by itself.
    """
    kept = _without_followers(hits)
    newest = max((hit.sort_at for hit in kept), default=None)

    def worth(hit: Hit) -> tuple[float, datetime, int]:
        age = (newest or hit.sort_at) - hit.sort_at + REST
        return hit.zone / age.total_seconds(), hit.sort_at, hit.entry_id

    return sorted(kept, key=worth, reverse=True)


def newest_first(hits: Sequence[Hit]) -> list[Hit]:
    """Return one hit per story, the newest first."""
    kept = _without_followers(hits)
    return sorted(kept, key=lambda hit: (hit.sort_at, hit.entry_id), reverse=True)


def _without_followers(hits: Sequence[Hit]) -> list[Hit]:
    """Drop every hit that an older one of its story stands for."""
    leads: dict[int, tuple[bool, int]] = {}
    for hit in hits:
        if hit.story_id is not None:
            place = (hit.follows, hit.entry_id)
            leads[hit.story_id] = min(place, leads.get(hit.story_id, place))
    if not leads:
        return list(hits)
    return [
        hit
        for hit in hits
        if hit.story_id is None or leads[hit.story_id] == (hit.follows, hit.entry_id)
    ]


def _term(said: str) -> Term | None:
    words = limited(words_of(said))
    if not words:
        return None
    is_open = is_character(words[-1])
    if is_open and len(words) > 1 and words[-2].endswith(words[-1]) and len(words[-2]) == 2:
        # The last character of a stretch stands by itself only where the stretch ends.
        return Term(words=tuple(words[:-1]))
    return Term(words=tuple(words), is_open=is_open)


def _day(said: str, *, last: bool) -> date | None:
    """Return the day that somebody names, or the first or last one of a month or year."""
    found = _DAY.fullmatch(said.strip())
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        if month is None:
            return date(year or 0, 12 if last else 1, 31 if last else 1)
        if day is None:
            first = date(year or 0, month, 1)
            return (
                (first + timedelta(days=31)).replace(day=1) - timedelta(days=1) if last else first
            )
        return date(year or 0, month, day)
    except (ValueError, OverflowError):
        return None
