"""The course of publishing: which publish sequence was the last one at a time."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from sqlalchemy import Connection, select

from tidings.storage.mail_tables import cut
from tidings.storage.tables import entry


@dataclass(frozen=True, slots=True, kw_only=True)
class SeqTimes:
    """What had become public by when.

    Attributes:
        times: When each of `seqs` had been seen, and all before it.
        cuts: The bounds that were frozen, by the time their slots fell due.
    """

    times: Sequence[datetime]
    seqs: Sequence[int]
    cuts: Mapping[datetime, int]

    def last_seq(self, at: datetime) -> int:
        """Return the bound of a window at a time: the one that was frozen, if there is one."""
        if at in self.cuts:
            return self.cuts[at]
        before = bisect_right(self.times, at)
        return self.seqs[before - 1] if before else 0


def read_seq_times(connection: Connection) -> SeqTimes:
    """Return the course of everything that is or was public."""
    known = select(entry.c.seq, entry.c.first_seen_at).where(entry.c.seq.is_not(None))
    rows = connection.execute(known.order_by(entry.c.seq)).all()
    frozen = connection.execute(select(cut.c.due_at, cut.c.seq))
    return SeqTimes(
        times=list(accumulate((row.first_seen_at for row in rows), max)),
        seqs=[row.seq for row in rows],
        cuts={row.due_at: row.seq for row in frozen},
    )
