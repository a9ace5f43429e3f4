"""Taking old entries away for good; what was removed never comes back as news."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union,
)

from tidings.domain.entries import EntryState
from tidings.storage import publishing, stories
from tidings.storage.intake_tables import alias
from tidings.storage.mail_tables import issue_entry, newsletter, subscription
from tidings.storage.tables import counter, entry, tombstone
from tidings.storage.types import UtcDateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept; an entry is removed if nothing here keeps it.

    Attributes:
        seen_since: Entries first seen at that time or later; None for no regard to age.
        newest: How many of each source's newest; 0 for no regard to their number.
        public: Everything that is public, and what the operator has yet to release. Even
            without it, entries stay that an issue tells of or that a subscription has yet
            to get.
    """

    seen_since: datetime | None
    newest: int
    public: bool


def removable(connection: Connection, retention: Retention) -> list[int]:
    """Return the ids of the entries that may go, the oldest first."""
    rules: list[ColumnElement[bool]] = []
    if retention.seen_since is not None:
        rules.append(entry.c.first_seen_at < retention.seen_since)
    if retention.newest:
        rules.append(entry.c.id.not_in(_newest(retention.newest)))
    if retention.public:
        rules.append(entry.c.state.in_([EntryState.BACKFILL, EntryState.HIDDEN]))
    rules.append(or_(entry.c.seq.is_(None), _has_been_had()))
    rules.append(entry.c.id.not_in(select(issue_entry.c.entry_id)))
    return list(connection.scalars(select(entry.c.id).where(*rules).order_by(entry.c.id)))


def remove(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> int:
    """Remove entries, leave tombstones for every key they came under, and say how many went."""
    going = entry.c.id.in_(entry_ids)
    at = literal(now, UtcDateTime())
    keys = select(entry.c.source_id, entry.c.key_version, entry.c.key, at).where(going)
    renamed = select(alias.c.source_id, alias.c.key_version, alias.c.key, at).where(
        alias.c.entry_id.in_(entry_ids)
    )
    connection.execute(insert(tombstone).from_select(list(tombstone.c), union(keys, renamed)))
    told = stories.of_entries(connection, going)
    removed = connection.execute(delete(entry).where(going)).rowcount
    publishing.touch_everything(connection, now=now)
    stories.detach(connection, told, now=now)
    return removed


def _newest(number: int) -> Select[int]:
    order = (entry.c.sort_at.desc(), entry.c.id.desc())
    rank = func.row_number().over(partition_by=entry.c.source_id, order_by=order)
    ranked = select(entry.c.id, rank.label("rank")).subquery()
    return select(ranked.c.id).where(ranked.c.rank <= number)


def _has_been_had() -> ColumnElement[bool]:
    """Say that every subscription and every newsletter's own edition is past an entry."""
    readers = select(func.min(subscription.c.watermark)).where(subscription.c.ended_at.is_(None))
    editions = select(func.min(newsletter.c.watermark))
    everything = select(counter.c.seq).scalar_subquery()
    return and_(
        *(
            entry.c.seq <= func.coalesce(least.scalar_subquery(), everything)
            for least in (readers, editions)
        )
    )
