"""Candidates: what digests may tell of, in the order it became public."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from tidings.domain.entries import EntryState
from tidings.storage import topics
from tidings.storage.tables import entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry that digests may tell of, with the topics of its source."""

    id: int
    seq: int
    first_seen_at: datetime
    topics: tuple[str, ...]
    story_id: int | None = None


def candidates_between(connection: Connection, *, from_seq: int, to_seq: int) -> list[Candidate]:
    """Return the entries in a window that digests may tell of, in the order they became public."""
    statement = (
        select(
            entry.c.id,
            entry.c.seq,
            entry.c.first_seen_at,
            entry.c.source_id,
            entry.c.story_id,
        )
        .where(
            entry.c.seq > from_seq,
            entry.c.seq <= to_seq,
            entry.c.state == EntryState.PUBLIC,
            entry.c.digest_eligible,
        )
        .order_by(entry.c.seq)
    )
    rows = connection.execute(statement).all()
    labels = topics.of_sources(connection) if rows else {}
    slugs = {key: tuple(topic.slug for topic in of) for key, of in labels.items()}
    return [
        Candidate(
            id=row.id,
            seq=row.seq,
            first_seen_at=row.first_seen_at,
            topics=slugs.get(row.source_id, ()),
            story_id=row.story_id,
        )
        for row in rows
    ]
