"""News: what became public in a stretch of time, and which of it is for whom."""

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tidings.db.database import Connection
from tidings.filters.filtering import NewsletterFilters
from tidings.model.newsletters import Newsletter, Schedule
from tidings.newsletters.digests import matches
from tidings.newsletters.store import issues
from tidings.newsletters.store.issues import Candidate
from tidings.newsletters.windows import Slot, Window, kept_back, waits_for_more
from tidings.stories.matching import one_per_story


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """For whom news is chosen: a subscription, an edition, or somebody made up.

    Attributes:
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned.
        told: Stories that they know from earlier windows.
    """

    newsletter: Newsletter
    schedule: Schedule
    topics: tuple[str, ...]
    watermark: int
    told: frozenset[int] = frozenset()


def whole_audience(
    newsletter: Newsletter, *, watermark: int, told: Collection[int] = ()
) -> Audience:
    """Return who reads all that a newsletter tells of, by its own slots."""
    return Audience(
        newsletter=newsletter,
        schedule=newsletter.schedule,
        topics=(),
        watermark=watermark,
        told=frozenset(told),
    )


class DigestCandidates:
    """What became public, for one round of planning: read, and chosen from, once.

    A round sees what it has read as it was then, and reads again only what goes beyond.
    """

    def __init__(self) -> None:
        self._sieve = NewsletterFilters()
        self._from_seq = self._to_seq = 0
        self._found: list[Candidate] = []
        self._seqs: list[int] = []
        self._seen: dict[int, datetime] = {}
        self._story_of: dict[int, int] = {}
        self._made: dict[tuple[object, ...], tuple[int, ...]] = {}

    def read(self, connection: Connection, *, from_seq: int, to_seq: int) -> None:
        """Have at hand what became public between two publish sequences that are final."""
        if self._from_seq <= from_seq and to_seq <= self._to_seq:
            return
        self._from_seq, self._to_seq = from_seq, to_seq
        self._found = issues.candidates_between(connection, from_seq=from_seq, to_seq=to_seq)
        self._seqs = [one.seq for one in self._found]
        self._seen = {one.id: one.first_seen_at for one in self._found}
        self._story_of = {one.id: one.story_id for one in self._found if one.story_id}
        self._made = {}

    def stories(self) -> frozenset[int]:
        """Return the stories that some of what is at hand is in."""
        return frozenset(self._story_of.values())

    def stories_of(self, entry_ids: Collection[int]) -> frozenset[int]:
        """Return the stories that these are in, of what is at hand."""
        return frozenset(self._story_of[one] for one in entry_ids if one in self._story_of)

    def of(
        self, connection: Connection, reader: Audience, *, from_seq: int, to_seq: int
    ) -> tuple[int, ...]:
        """Return the ids of what somebody is told of a window: of each story the first they want."""
        newsletter, topics, told = reader.newsletter, reader.topics, reader.told
        asked = (newsletter.id, topics, told, from_seq, to_seq)
        if asked not in self._made:
            start = bisect_right(self._seqs, from_seq)
            end = bisect_right(self._seqs, to_seq)
            selections = (newsletter.topics, topics)
            chosen = [one.id for one in self._found[start:end] if matches(one.topics, *selections)]
            wanted = self._sieve.apply(connection, newsletter, chosen)
            self._made[asked] = one_per_story(wanted, self._story_of, seen=told)
        return self._made[asked]

    def fill(
        self, connection: Connection, window: Window, slot: Slot, *, reader: Audience
    ) -> tuple[Window, tuple[int, ...]]:
        """Return the window that a slot has in the end, and the ids of what it tells of."""
        if window.omission:
            return window, ()
        newsletter = reader.newsletter
        span = {"from_seq": window.from_seq, "to_seq": window.to_seq}
        chosen = self.of(connection, reader, **span)
        if len(chosen) >= newsletter.min_entries:
            return window, chosen
        seen = [self._seen[one] for one in chosen]
        if waits_for_more(reader.schedule, slot, least=newsletter.min_entries, seen=seen):
            return kept_back(window, reader.watermark), ()
        return window, chosen
