"""Parse search queries, and rank the hits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from tidings.model.words import is_character, truncate, words_of

# Characters of a query that are parsed.
MAX_LENGTH = 500

# Words and phrases that are searched for.
MAX_TERMS = 12

# Letters that begin a word often enough to search for whatever begins so.
MIN_STEM = 3

# Entries that are ranked: the newest of those that match. Ranking all that have a common word
# would cost the more, the more of them there are.
MAX_HITS = 500

# Added to the age of every entry: among the newest, age matters little.
AGE_OFFSET = timedelta(days=30)

_PART = re.compile(
    r"(?:(?P<without>-)|(?P<key>source|topic|since|until)[:：])?"  # noqa: RUF001
    r'(?:["“”](?P<phrase>[^"“”]*)["“”]?|(?P<word>[^\s"“”]+))',
    re.IGNORECASE,
)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchInput:
    """A search as it was typed: the query, and the other fields of the form.

    Attributes:
        q: Words, begin*, "phrases", -words, `source:`, `topic:`, `since:` and `until:`.
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
        """All of it in one line, in query syntax."""
        filters = [f"{name}:{value}" for name, value in self.fields.items() if name != "q"]
        return " ".join([*([self.q] if self.q else []), *filters])

    @property
    def encoded(self) -> str:
        """The same as a query string, without unprintable characters."""
        clean = {
            name: "".join(filter(str.isprintable, value[: MAX_LENGTH + 1])).strip()
            for name, value in self.fields.items()
        }
        return urlencode({name: value for name, value in clean.items() if value})


def parse_input(encoded: str) -> SearchInput:
    """Return the search that a query string asks for."""
    given = parse_qs(encoded)
    return SearchInput(**{name: given[name][0] for name in SearchInput.__slots__ if name in given})


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSearch:
    """A query with a page and feeds of its own."""

    slug: str
    title: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word, or words of a phrase.

    Attributes:
        is_prefix: The last word matches as a prefix: an asterisk follows it, or it is a single
            character of a script without blanks, which is indexed as a pair with the next one.
    """

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query.

    Attributes:
        terms: All of them have to match.
        without: None of them may match.
        source: A slug.
        topic: A slug.
        since: The first day, in UTC.
        until: The last day, in UTC.
        invalid_dates: Values of `since:` and `until:` that are no dates.
        is_truncated: It was longer than `MAX_LENGTH`, or had more than `MAX_TERMS`.
    """

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    source: str | None = None
    topic: str | None = None
    since: date | None = None
    until: date | None = None
    invalid_dates: tuple[str, ...] = ()
    is_truncated: bool = False

    @property
    def has_criteria(self) -> bool:
        """Whether it says what to search for; without does not count."""
        return bool(self.terms or self.source or self.topic or self.since or self.until)


class Zone(IntEnum):
    """The part of an entry in which all terms stand; the value is its weight in the ranking."""

    TITLE = 4
    LEAD = 2
    BODY = 1


class Hit(NamedTuple):
    """An entry that matches; a tuple, for there are hundreds at a time.

    Attributes:
        story_id: Its story; None if it is in none.
        follows: Whether another entry leads its story.
    """

    entry_id: int
    sort_at: datetime
    story_id: int | None
    follows: bool
    zone: Zone = Zone.BODY


def parse_query(given: SearchInput) -> Query:
    """Parse a search. There are no syntax errors: what cannot be parsed is left out."""
    filters: dict[str, str] = {}
    terms: list[Term] = []
    without: list[Term] = []
    for part in _PART.finditer(given.q[:MAX_LENGTH]):
        text = part["word"] if part["phrase"] is None else part["phrase"]
        if part["key"]:
            filters[part["key"].lower()] = text.strip()
        elif term := _term(text, is_stem=part["phrase"] is None and text.endswith("*")):
            (without if part["without"] else terms).append(term)
    filters |= {name: value for name, value in given.fields.items() if name != "q"}
    days = {
        name: _day(filters[name], last=name == "until")
        for name in ("since", "until")
        if filters.get(name)
    }
    return Query(
        terms=tuple(dict.fromkeys(terms))[:MAX_TERMS],
        without=tuple(dict.fromkeys(without))[:MAX_TERMS],
        source=filters.get("source") or None,
        topic=filters.get("topic") or None,
        since=days.get("since"),
        until=days.get("until"),
        invalid_dates=tuple(filters[name] for name, day in days.items() if day is None),
        is_truncated=len(given.q) > MAX_LENGTH or len({*terms}) > MAX_TERMS,
    )


def rank(hits: Sequence[Hit]) -> list[Hit]:
    """Return one hit per story, the best first.

    Title, lead and body weigh 4 : 2 : 1; an entry twice as old counts half as much.
    """
    kept = _one_per_story(hits)
    # Ages from the newest hit, not from now: the order, and with it every page of the results,
    # stays the same until something new is found.
    newest = max((hit.sort_at for hit in kept), default=None)

    def score(hit: Hit) -> tuple[float, datetime, int]:
        age = (newest or hit.sort_at) - hit.sort_at + AGE_OFFSET
        return hit.zone / age.total_seconds(), hit.sort_at, hit.entry_id

    return sorted(kept, key=score, reverse=True)


def newest_first(hits: Sequence[Hit]) -> list[Hit]:
    """Return one hit per story, the newest first."""
    kept = _one_per_story(hits)
    return sorted(kept, key=lambda hit: (hit.sort_at, hit.entry_id), reverse=True)


def _one_per_story(hits: Sequence[Hit]) -> list[Hit]:
    """Drop every hit of a story but its lead, or else the oldest."""
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


def _term(text: str, *, is_stem: bool) -> Term | None:
    words = truncate(words_of(text))
    if not words:
        return None
    is_prefix = is_character(words[-1])
    if is_stem and len(words[-1]) >= MIN_STEM:
        return Term(words=tuple(words), is_prefix=True)
    if is_prefix and len(words) > 1 and words[-2].endswith(words[-1]) and len(words[-2]) == 2:
        # "学习" is indexed as the pair, and "习" only where the text ends there: the pair will do.
        return Term(words=tuple(words[:-1]))
    return Term(words=tuple(words), is_prefix=is_prefix)


def _day(text: str, *, last: bool) -> date | None:
    """Return a date; of a month or year, its first or last day. None if it is no date."""
    found = _DAY.fullmatch(text.strip())
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
