"""Candidates for digests: what became public in a window, and which of it an audience gets."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tidings.db.database import Connection
from tidings.filters.filtering import NewsletterFilters
from tidings.model.newsletters import Newsletter, Schedule
from tidings.newsletters.digests import matches
from tidings.newsletters.store import drafts, issues
from tidings.newsletters.store.drafts import Shift
from tidings.newsletters.store.issues import Candidate
from tidings.newsletters.windows import Slot, Window, hold_back, is_too_small
from tidings.stories.matching import one_per_story


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """For whom entries are chosen: a subscription, an edition, or a simulated subscriber.

    Attributes:
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned.
        told: Ids of stories that were in earlier issues.
        takes_any: Whether an issue may be ever so short: an editor has approved it.
    """

    newsletter: Newsletter
    schedule: Schedule
    topics: tuple[str, ...]
    watermark: int
    told: frozenset[int] = frozenset()
    takes_any: bool = False


def whole_audience(
    newsletter: Newsletter, *, watermark: int, told: Collection[int] = ()
) -> Audience:
    """Return the audience of an edition: all topics, the newsletter's own schedule."""
    return Audience(
        newsletter=newsletter,
        schedule=newsletter.schedule,
        topics=(),
        watermark=watermark,
        told=frozenset(told),
    )


class DigestCandidates:
    """The public entries of a window, read once for a whole round of planning.

    A round works on what it has read, even if an entry is hidden meanwhile; only a window that
    goes beyond is read again.
    """

    def __init__(self) -> None:
        self._filters = NewsletterFilters()
        self._from_seq = self._to_seq = 0
        self._found: list[Candidate] = []
        self._seqs: list[int] = []
        self._found_shifts: list[Shift] | None = None
        self._shifts: dict[int, dict[int, int | None]] = {}
        self._moved: dict[int, Candidate] = {}
        self._seen: dict[int, datetime] = {}
        self._story_of: dict[int, int] = {}
        self._made: dict[tuple[object, ...], tuple[int, ...]] = {}

    def read(self, connection: Connection, *, from_seq: int, to_seq: int) -> None:
        """Load the entries with `from_seq < seq <= to_seq`, unless they are loaded already."""
        if self._from_seq <= from_seq and to_seq <= self._to_seq:
            self._read_shifts(connection)
            return
        self._from_seq, self._to_seq = from_seq, to_seq
        self._found = issues.candidates_between(connection, from_seq=from_seq, to_seq=to_seq)
        self._seqs = [one.seq for one in self._found]
        self._found_shifts = None
        self._read_shifts(connection)

    def _read_shifts(self, connection: Connection) -> None:
        """Load what editors have dropped or left for a later issue, by newsletter.

        Each time: a draft may be approved while a round goes on.
        """
        found = drafts.shifts(connection, from_seq=self._from_seq, to_seq=self._to_seq)
        if found == self._found_shifts:
            return
        self._found_shifts, self._made = found, {}
        self._shifts = defaultdict(dict)
        for one in found:
            self._shifts[one.newsletter_id][one.entry_id] = one.seq
        told_later = {one.entry_id for one in found if one.seq is not None}
        moved = issues.candidates_by_ids(connection, told_later) if told_later else []
        self._moved = {one.id: one for one in moved}
        known = (*self._found, *moved)
        self._seen = {one.id: one.first_seen_at for one in known}
        self._story_of = {one.id: one.story_id for one in known if one.story_id}

    def stories(self) -> frozenset[int]:
        """Return the stories of all loaded entries."""
        return frozenset(self._story_of.values())

    def stories_of(self, entry_ids: Collection[int]) -> frozenset[int]:
        """Return the stories of some of the loaded entries."""
        return frozenset(self._story_of[one] for one in entry_ids if one in self._story_of)

    def of(
        self, connection: Connection, audience: Audience, *, from_seq: int, to_seq: int
    ) -> tuple[int, ...]:
        """Return the ids of the entries in a window for an audience; of a story the first alone."""
        newsletter, topics, told = audience.newsletter, audience.topics, audience.told
        asked = (newsletter.id, topics, told, from_seq, to_seq)
        if asked not in self._made:
            found = self._between(newsletter.id, from_seq, to_seq)
            # Topics before filters, filters before stories: who filters out one source of a story
            # still gets it from another.
            selections = (newsletter.topics, topics)
            chosen = [one.id for one in found if matches(one.topics, *selections)]
            wanted = self._filters.apply(connection, newsletter, chosen)
            self._made[asked] = one_per_story(wanted, self._story_of, seen=told)
        return self._made[asked]

    def _between(self, newsletter_id: int, from_seq: int, to_seq: int) -> Sequence[Candidate]:
        """Return what a newsletter has to tell in a window, in order of turn."""
        start, end = bisect_right(self._seqs, from_seq), bisect_right(self._seqs, to_seq)
        found = self._found[start:end]
        shifts = self._shifts.get(newsletter_id)
        if not shifts:
            return found
        late = sorted(
            (seq, entry_id)
            for entry_id, seq in shifts.items()
            if seq is not None and from_seq < seq <= to_seq and entry_id in self._moved
        )
        # What was done to an entry holds for its story: another source's must not take its place.
        gone = {one.story_id for one in found if one.id in shifts and one.story_id}
        own = [one for one in found if one.id not in shifts and one.story_id not in gone]
        # What was left over comes first: it is older.
        return [*(self._moved[entry_id] for _, entry_id in late), *own]

    def fill(
        self, connection: Connection, window: Window, slot: Slot, *, audience: Audience
    ) -> tuple[Window, tuple[int, ...]]:
        """Return the window and the ids of its entries; an empty window if they are too few."""
        if window.omission:
            return window, ()
        newsletter = audience.newsletter
        span = {"from_seq": window.from_seq, "to_seq": window.to_seq}
        chosen = self.of(connection, audience, **span)
        if audience.takes_any or len(chosen) >= newsletter.min_entries:
            return window, chosen
        seen = [self._seen[one] for one in chosen]
        if is_too_small(audience.schedule, slot, least=newsletter.min_entries, seen=seen):
            return hold_back(window, audience.watermark), ()
        return window, chosen
