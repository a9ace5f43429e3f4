"""The list of sources: import many, remove one; nothing is fetched for either."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidings.catalog import private_sources, source_edits, sources, text_sources, topics
from tidings.catalog.sources import NewSource
from tidings.db.database import WRITE_PAUSE, Connection, Database
from tidings.model.access import Access, apply_change
from tidings.model.scopes import FeedOutline
from tidings.model.sources import SourceState
from tidings.model.urls import without_credentials
from tidings.stories.store import stories

# Sources of a list that are stored in one transaction.
CHUNK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """How many sources of a list were added, and how many were there already."""

    added: int
    known: int


def import_sources(
    database: Database, outlines: Sequence[FeedOutline], *, clock: Callable[[], datetime]
) -> ImportSummary:
    """Add every source of a list that is not there yet, with its topics; nothing is fetched.

    If it breaks off, the list can be imported again.
    """
    # In chunks with a pause between them: SQLite has one writer, and polls have to save as well.
    by_url = {without_credentials(outline.url): outline for outline in outlines}
    added = 0
    for urls in _chunks(list(by_url), CHUNK):
        if added:
            time.sleep(WRITE_PAUSE)
        with database.write() as connection:
            known = sources.find_by_urls(connection, urls)
            fresh = [by_url[url] for url in urls if url not in known]
            added += _add_outlines(connection, fresh, now=clock())
    return ImportSummary(added=added, known=len(outlines) - added)


def remove_source(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Remove a source with its entries; their stories go on without them.

    Raises:
        NotFoundError: There is no such source.
    """
    story_ids = stories.of_source(
        connection, source_id
    )  # afterwards nothing leads to them any more
    sources.remove(connection, source_id, now=now)
    stories.detach(connection, story_ids, now=now)


def _chunks(urls: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(urls), size):
        yield urls[start : start + size]


def _add_outlines(connection: Connection, outlines: Sequence[FeedOutline], *, now: datetime) -> int:
    if not outlines:
        return 0
    titles = dict.fromkeys(title for outline in outlines for title in outline.topics)
    slugs = topics.ensure(connection, titles, now=now)
    new = [
        NewSource(
            url=outline.url,
            title=outline.title or None,
            site_url=outline.site_url,
            topics=[slugs[title] for title in outline.topics],
            imported=True,
            page=outline.page,
        )
        for outline in outlines
    ]
    ids = sources.add(connection, new, now=now)
    for source_id, outline in zip(ids, outlines, strict=True):
        _put_extras(connection, source_id, outline, now=now)
    return len(ids)


def _put_extras(
    connection: Connection, source_id: int, outline: FeedOutline, *, now: datetime
) -> None:
    if outline.full_text:
        text_sources.put(connection, source_id, outline.full_text)
    if outline.access:
        # Beside the login that its address may have had.
        own = private_sources.of_sources(connection, [source_id]).get(source_id, Access())
        private_sources.put(connection, source_id, apply_change(own, outline.access))
    if outline.is_paused:
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=now)
