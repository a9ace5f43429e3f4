"""Who is named beside an entry: its source, and the sources that tell the same."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, Row, select

from tidings.domain.entries import AlsoAt, EntryState, Republish, SourceCredit
from tidings.domain.urls import without_credentials
from tidings.storage.slices import slices
from tidings.storage.sources import shown_title
from tidings.storage.tables import entry, source

CREDIT_COLUMNS = (
    source.c.slug.label("source_slug"),
    source.c.url.label("source_url"),
    source.c.given_title,
    source.c.feed_title,
    source.c.site_url,
    source.c.language.label("source_language"),
    source.c.feed_guid,
    source.c.rights,
    source.c.republish,
    source.c.noindex,
    source.c.hides_address,
)
"""What is read of a source, beside an entry's `source_id`, to name it."""


def credit_of(row: Row[*tuple[Any, ...]]) -> SourceCredit:
    """Return how a source is named; a private address is not part of that."""
    url, guid = without_credentials(row.source_url), row.feed_guid
    if row.hides_address:
        # Feeds need a name for it all the same, that stays and tells nothing.
        url, guid = "", uuid5(NAMESPACE_URL, url).urn
    return SourceCredit(
        id=row.source_id,
        slug=row.source_slug,
        title=shown_title(row.given_title, row.feed_title, row.source_url),
        url=url,
        site_url=row.site_url,
        language=row.source_language,
        guid=guid,
        rights=row.rights,
        republish=Republish(row.republish),
        noindex=row.noindex,
    )


def also_at_of(
    connection: Connection, story_ids: Collection[int]
) -> Mapping[int, Sequence[AlsoAt]]:
    """Return the public members of stories by story, the oldest first."""
    told: dict[int, list[AlsoAt]] = defaultdict(list)
    statement = (
        select(entry.c.id, entry.c.story_id, entry.c.title, entry.c.url, entry.c.source_id)
        .add_columns(*CREDIT_COLUMNS)
        .join(source, source.c.id == entry.c.source_id)
        .where(entry.c.state == EntryState.PUBLIC)
        .order_by(entry.c.seq)
    )
    for some in slices(story_ids):
        for row in connection.execute(statement.where(entry.c.story_id.in_(some))):
            mate = AlsoAt(id=row.id, title=row.title, url=row.url, source=credit_of(row))
            told[row.story_id].append(mate)
    return told
