"""News: what became public in a stretch of time, and which of it is for whom."""

from bisect import bisect_right

from tidings.domain.digests import matches
from tidings.domain.newsletters import Newsletter
from tidings.services.filtering import Sieve
from tidings.storage import plans
from tidings.storage.database import Connection


class News:
    """Everything between two publish sequences, read once; what is equal is made once."""

    def __init__(self, connection: Connection, sieve: Sieve, *, from_seq: int, to_seq: int) -> None:
        self._connection = connection
        self._sieve = sieve
        self._found = plans.candidates(connection, from_seq=from_seq, to_seq=to_seq)
        self._seqs = [one.seq for one in self._found]
        self._made: dict[tuple[object, ...], tuple[int, ...]] = {}

    def of(
        self, newsletter: Newsletter, topics: tuple[str, ...], *, from_seq: int, to_seq: int
    ) -> tuple[int, ...]:
        """Return the ids of what a newsletter tells of a window to whom wants these topics."""
        asked = (newsletter.id, topics, from_seq, to_seq)
        if asked not in self._made:
            start = bisect_right(self._seqs, from_seq)
            end = bisect_right(self._seqs, to_seq)
            selections = (newsletter.topics, topics)
            chosen = [one.id for one in self._found[start:end] if matches(one.topics, *selections)]
            self._made[asked] = self._sieve.let_through(self._connection, newsletter, chosen)
        return self._made[asked]
