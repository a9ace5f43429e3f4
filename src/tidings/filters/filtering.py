"""Filtering: what the operator's filters make of entries."""

from collections.abc import Sequence
from datetime import datetime

from tidings.catalog import entries, newsletters
from tidings.catalog.entries import ListWindow, Selection
from tidings.db.database import Connection
from tidings.filters import store
from tidings.filters.rules import (
    Field,
    Filter,
    FilterTrial,
    FilterVerdict,
    Rule,
    decide,
    matcher_of,
)
from tidings.model.entries import Entry, EntryState
from tidings.model.feed import ParsedEntry
from tidings.model.newsletters import Newsletter
from tidings.model.text import text_of

# Entries whose content is held at a time.
SLICE = 500

# Entries that filters are tried on.
REHEARSED = 100


class FilterSet:
    """All filters of one source or newsletter, ready to be asked about entries."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        """Compile the filters.

        Raises:
            InvalidError: One of them cannot be understood.
        """
        self._filters = filters
        self._matchers = {one.rule: matcher_of(one.rule) for one in filters}
        self._fields = {one.rule.field for one in filters}

    @property
    def reads_content(self) -> bool:
        """Whether entries must have their content."""
        return Field.TEXT in self._fields

    def verdict(self, entry: Entry | ParsedEntry) -> FilterVerdict:
        """Decide whether an entry is kept."""
        seen = {field: _seen(entry, field) for field in self._fields}
        return decide(
            self._filters, lambda one: any(map(self._matchers[one.rule], seen[one.rule.field]))
        )


class NewsletterFilters:
    """The filters of newsletters, for as long as one round of planning: each entry is judged once.

    That is for speed and for equal letters only. Which window an entry belongs to does not
    depend on what is said of it here.
    """

    def __init__(self) -> None:
        self._judges: dict[int, FilterSet | None] = {}
        self._is_kept: dict[tuple[int, int], bool] = {}

    def let_through(
        self, connection: Connection, newsletter: Newsletter, entry_ids: Sequence[int]
    ) -> tuple[int, ...]:
        """Return the entries that a newsletter's filters keep, in their order."""
        if newsletter.id not in self._judges:
            found = store.of_newsletter(connection, newsletter.id)
            self._judges[newsletter.id] = FilterSet(found) if found else None
        judge = self._judges[newsletter.id]
        if judge is None:
            return tuple(entry_ids)
        new = [one for one in entry_ids if (newsletter.id, one) not in self._is_kept]
        for start in range(0, len(new), SLICE):
            chosen = new[start : start + SLICE]
            reads_content = judge.reads_content
            for entry in entries.by_ids(connection, chosen, with_content=reads_content, whole=True):
                self._is_kept[newsletter.id, entry.id] = judge.verdict(entry).is_kept
        return tuple(one for one in entry_ids if self._is_kept[newsletter.id, one])


def dropped_by(judged: Sequence[Filter], entries: Sequence[ParsedEntry]) -> dict[bytes, str]:
    """Return by key why filters drop entries; of those that they do drop.

    Raises:
        InvalidError: One of the filters cannot be understood.
    """
    if not (judged and entries):
        return {}
    judge = FilterSet(judged)
    verdicts = {entry.key: judge.verdict(entry) for entry in entries}
    return {key: verdict.because for key, verdict in verdicts.items() if not verdict.is_kept}


def add(connection: Connection, new: Filter, *, now: datetime) -> int:
    """Store a filter; return its id.

    Raises:
        InvalidError: It cannot be understood.
        NotFoundError: There is no such source or newsletter.
    """
    FilterSet([new])
    return store.add(connection, new, now=now)


def try_filter(
    connection: Connection, source_id: int | None, newsletter: str | None, *, new: Rule | None
) -> FilterTrial:
    """Return what filters would do to the last entries of a source, or for a newsletter.

    Args:
        connection: A reading one.
        source_id: Of this source; else `newsletter` is given.
        newsletter: A slug: for this one.
        new: Tried as well, as if it had been added.

    Raises:
        NotFoundError: There is no such source or newsletter.
        InvalidError: The new rule cannot be understood.
    """
    judged = store.select_filters(connection, source_id, newsletter)
    if new:
        judged.append(Filter(source_id=source_id, newsletter=newsletter, rule=new))
    judge = FilterSet(judged)
    if newsletter is None:
        selection = Selection(source=source_id, states=tuple(EntryState))
        window = ListWindow(limit=REHEARSED, with_content=judge.reads_content, whole=True)
        found = entries.select_entries(connection, selection, window)
    else:
        series = newsletters.get(connection, newsletter)
        last = store.latest_for(connection, series, limit=REHEARSED)
        found = entries.by_ids(connection, last, with_content=judge.reads_content, whole=True)
        found.sort(key=lambda entry: entry.seq or 0, reverse=True)
    return FilterTrial(
        filters=tuple(judged), verdicts=tuple((entry, judge.verdict(entry)) for entry in found)
    )


def _seen(entry: Entry | ParsedEntry, field: Field) -> Sequence[str]:
    match field:
        case Field.TITLE:
            return (entry.title,)
        case Field.TEXT:
            return (f"{entry.excerpt}\n{text_of(entry.content or '')}",)
        case Field.AUTHOR:
            return entry.authors
        case Field.CATEGORY:
            return entry.categories
        case Field.LANGUAGE:
            return (entry.language,) if entry.language else ()
