"""Apply filters to entries: when polled, for newsletters, and on trial."""

from collections.abc import Sequence
from datetime import datetime

from tidings.catalog import entries, newsletters
from tidings.catalog.entries import ListWindow, Selection
from tidings.db.database import Connection
from tidings.filters import store
from tidings.filters.patterns import matcher_of
from tidings.filters.rules import Field, Filter, FilterTrial, FilterVerdict, Rule, decide
from tidings.model.entries import Entry, EntryState
from tidings.model.feed import ParsedEntry
from tidings.model.newsletters import Newsletter
from tidings.model.text import text_of

# Entries whose content is in memory at a time.
CHUNK = 500

# Entries that a trial applies filters to.
TRIAL_SIZE = 100


class FilterSet:
    """The compiled filters of one source or newsletter."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        """Compile the filters.

        Raises:
            InvalidError: One of them is not valid.
        """
        self._filters = filters
        # Once for all entries: compiling takes longer than matching.
        self._matchers = {one.rule: matcher_of(one.rule) for one in filters}
        self._fields = {one.rule.field for one in filters}

    @property
    def reads_content(self) -> bool:
        """Whether entries have to be loaded with their content."""
        return Field.TEXT in self._fields

    def verdict(self, entry: Entry | ParsedEntry) -> FilterVerdict:
        """Decide whether an entry is kept."""
        # Each field once, however many filters look at it: taking text out of HTML is what costs.
        seen = {field: _texts_in(entry, field) for field in self._fields}
        return decide(
            self._filters, lambda one: any(map(self._matchers[one.rule], seen[one.rule.field]))
        )


class NewsletterFilters:
    """The filters of newsletters for one round of planning; each entry is judged once.

    A filter that is edited meanwhile counts from the next round on, so that subscribers of one
    issue get the same entries. Windows do not depend on filters: what is dropped is not caught up
    on later.
    """

    def __init__(self) -> None:
        self._filter_sets: dict[int, FilterSet | None] = {}
        self._is_kept: dict[tuple[int, int], bool] = {}

    def apply(
        self, connection: Connection, newsletter: Newsletter, entry_ids: Sequence[int]
    ) -> tuple[int, ...]:
        """Return the entries that a newsletter's filters keep, in their order."""
        if newsletter.id not in self._filter_sets:
            found = store.of_newsletter(connection, newsletter.id)
            self._filter_sets[newsletter.id] = FilterSet(found) if found else None
        filter_set = self._filter_sets[newsletter.id]
        if filter_set is None:
            return tuple(entry_ids)
        new = [one for one in entry_ids if (newsletter.id, one) not in self._is_kept]
        for start in range(0, len(new), CHUNK):
            chosen = new[start : start + CHUNK]
            reads_content = filter_set.reads_content
            # `whole`: what a source does not let us show can be filtered on all the same.
            for entry in entries.by_ids(connection, chosen, with_content=reads_content, whole=True):
                self._is_kept[newsletter.id, entry.id] = filter_set.verdict(entry).is_kept
        return tuple(one for one in entry_ids if self._is_kept[newsletter.id, one])


def dropped_by(filters: Sequence[Filter], entries: Sequence[ParsedEntry]) -> dict[bytes, str]:
    """Return by key which entries filters drop, and why.

    Raises:
        InvalidError: One of the filters is not valid.
    """
    if not (filters and entries):
        return {}
    filter_set = FilterSet(filters)
    verdicts = {entry.key: filter_set.verdict(entry) for entry in entries}
    return {key: verdict.because for key, verdict in verdicts.items() if not verdict.is_kept}


def add(connection: Connection, new: Filter, *, now: datetime) -> int:
    """Store a filter; return its id.

    Raises:
        InvalidError: It is not valid.
        NotFoundError: There is no such source or newsletter.
    """
    FilterSet([new])  # compiles it: a filter that fails would stop every poll of its source
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
        InvalidError: The new rule is not valid.
    """
    filters = store.select_filters(connection, source_id, newsletter)
    if new:
        filters.append(Filter(source_id=source_id, newsletter=newsletter, rule=new))
    filter_set = FilterSet(filters)
    if newsletter is None:
        # Hidden ones as well: among them is what the filters have dropped so far.
        selection = Selection(source=source_id, states=tuple(EntryState))
        window = ListWindow(limit=TRIAL_SIZE, with_content=filter_set.reads_content, whole=True)
        found = entries.select_entries(connection, selection, window)
    else:
        series = newsletters.get(connection, newsletter)
        last = store.latest_candidates(connection, series, limit=TRIAL_SIZE)
        found = entries.by_ids(connection, last, with_content=filter_set.reads_content, whole=True)
        # `by_ids` keeps no order.
        found.sort(key=lambda entry: entry.seq or 0, reverse=True)
    return FilterTrial(
        filters=tuple(filters),
        verdicts=tuple((entry, filter_set.verdict(entry)) for entry in found),
    )


def _texts_in(entry: Entry | ParsedEntry, field: Field) -> Sequence[str]:
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
