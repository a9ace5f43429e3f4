"""The stored history of a source or an entry, and of `seq` over time."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from sqlalchemy import Connection, func, select

from tidings.db.intake_tables import alias, document
from tidings.db.mail_tables import cut, issue, issue_entry
from tidings.db.tables import entry, tombstone
from tidings.errors import NotFoundError
from tidings.model.entries import EntryState
from tidings.model.sources import Decision

_ENTRY = (
    entry.c.key,
    entry.c.published_raw,
    entry.c.digest_eligible,
    entry.c.updates,
    entry.c.retouched_at,
    entry.c.history,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """The history of an entry.

    Attributes:
        key: By which it is identified within its source.
        other_keys: How many more it had.
        published_raw: The date as its publisher wrote it.
        updates: How often it has visibly changed.
        retouched_at: When its publisher last changed something invisible.
        issues: Slugs of the issues that have it, the first one first.
    """

    key: bytes
    other_keys: int
    published_raw: str | None
    digest_eligible: bool
    updates: int
    retouched_at: datetime | None
    history: tuple[Decision, ...]
    issues: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """The history of a source.

    Attributes:
        entries: How many are stored, by state.
        removed: How many tombstones there are.
        documents: When each of the stored documents was fetched, the latest first.
    """

    entries: Mapping[EntryState, int]
    removed: int
    documents: Sequence[datetime]


def of_entry(connection: Connection, entry_id: int) -> EntryRecord:
    """Return the history of an entry.

    Raises:
        NotFoundError: There is none with that id.
    """
    row = connection.execute(select(*_ENTRY).where(entry.c.id == entry_id)).first()
    if row is None:
        raise NotFoundError("entry", entry_id)
    told = (
        select(issue.c.slug)
        .join(issue_entry, issue_entry.c.issue_id == issue.c.id)
        .where(issue_entry.c.entry_id == entry_id)
        .order_by(issue.c.id)
    )
    # The key itself is in the row of the entry; aliases are those that it had besides.
    names = select(func.count()).where(alias.c.entry_id == entry_id)
    return EntryRecord(
        key=row.key,
        other_keys=connection.execute(names).scalar_one(),
        published_raw=row.published_raw,
        digest_eligible=row.digest_eligible,
        updates=row.updates,
        retouched_at=row.retouched_at,
        history=tuple(
            Decision(at=datetime.fromisoformat(at), text=words) for at, words in row.history or ()
        ),
        issues=connection.scalars(told).all(),
    )


def of_source(connection: Connection, source_id: int) -> SourceRecord:
    """Return the history of a source; an empty one if it does not exist."""
    by_state = (
        select(entry.c.state, func.count())
        .where(entry.c.source_id == source_id)
        .group_by(entry.c.state)
        .order_by(entry.c.state)
    )
    removed = select(func.count()).where(tombstone.c.source_id == source_id)
    kept = select(document.c.fetched_at).where(document.c.source_id == source_id)
    return SourceRecord(
        entries={EntryState(state): number for state, number in connection.execute(by_state)},
        removed=connection.execute(removed).scalar_one(),
        documents=connection.scalars(kept.order_by(document.c.fetched_at.desc())).all(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeqTimes:
    """The newest `seq` over time.

    Attributes:
        times: When each of `seqs` had been seen, and all before it.
        cuts: The upper bounds that were frozen, by the time their slots fell due.
    """

    times: Sequence[datetime]
    seqs: Sequence[int]
    cuts: Mapping[datetime, int]

    def last_seq(self, at: datetime) -> int:
        """Return the upper bound of a window at a time: the frozen one, if there is one."""
        if at in self.cuts:
            return self.cuts[at]
        before = bisect_right(self.times, at)
        return self.seqs[before - 1] if before else 0


def read_seq_times(connection: Connection) -> SeqTimes:
    """Return the newest `seq` over time, of everything that is or was public."""
    known = select(entry.c.seq, entry.c.first_seen_at).where(entry.c.seq.is_not(None))
    rows = connection.execute(known.order_by(entry.c.seq)).all()
    frozen = connection.execute(select(cut.c.due_at, cut.c.seq))
    return SeqTimes(
        # The greatest so far: of two polls the one that fetched first may have saved last, and
        # `seq` is in the order of commits.
        times=list(accumulate((row.first_seen_at for row in rows), max)),
        seqs=[row.seq for row in rows],
        cuts={row.due_at: row.seq for row in frozen},
    )
