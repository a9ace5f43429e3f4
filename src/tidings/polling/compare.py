"""Compare a parsed feed with the stored entries of its source: what is new, what changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from tidings.model.entries import EntryState
from tidings.model.feed import ParsedEntry, ParsedFeed
from tidings.polling.guid_changes import Rename, StoredEntry, find_renames
from tidings.polling.new_entries import Circumstances, NewEntry, receive

# Aliases stored of one entry: a guid that is another one at every poll must cost no room.
MAX_ALIASES = 10

# Updates of one entry after which it is noisy: a counter or a clock in its text changes it at
# every poll.
MAX_UPDATES = 24

# How long a noisy entry has to stay unchanged before a change of it counts as an update again.
QUIET_FOR = timedelta(days=7)


class KnownEntry(NamedTuple):
    """A stored or removed entry, as it is recognised by one of its keys.

    Attributes:
        id: None for a tombstone: an entry that was removed and must not come back.
        raw_hash: `feed.REMOVED` for a tombstone.
        revision: Hash of what a visitor would see of it.
        is_alias: The key is a later one: the publisher changed the entry's guid.
        touched_at: When it last changed, if it has had `MAX_UPDATES` updates already.
        was_empty: It is hidden because there was nothing to show.
    """

    id: int | None
    raw_hash: bytes
    revision: bytes
    is_alias: bool = False
    touched_at: datetime | None = None
    was_empty: bool = False

    def is_noisy(self, now: datetime) -> bool:
        """Tell whether it changes so often that another change does not count as an update."""
        return self.touched_at is not None and now - self.touched_at < QUIET_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEdit:
    """A stored entry as it is to be overwritten.

    Attributes:
        is_news: A visitor sees a difference. If not, the publisher touched what nobody sees,
            such as a date.
        is_renamed: Its key was unknown, and is to be stored as an alias.
        is_filled: It was hidden because there was nothing to show, and now there is.
    """

    entry_id: int
    entry: ParsedEntry
    is_news: bool
    is_renamed: bool = False
    is_filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a feed brings, oldest first."""

    new: tuple[NewEntry, ...] = ()
    edits: tuple[EntryEdit, ...] = ()

    @property
    def published(self) -> int:
        """How many entries become public."""
        return sum(new.state is EntryState.PUBLIC for new in self.new)

    @property
    def updated(self) -> int:
        """How many stored entries look different to a visitor."""
        return sum(edit.is_news for edit in self.edits)


def compare(
    feed: ParsedFeed,
    known: Mapping[bytes, KnownEntry],
    *,
    stored: Sequence[StoredEntry] = (),
    circumstances: Circumstances,
) -> Changes:
    """Decide what in `feed` is new, and what changed.

    Args:
        feed: The feed, without the content of entries whose raw hash is known.
        known: All that is stored of the source, by key.
        stored: The source's latest entries; some may have come back under unknown keys.
        circumstances: When and where the document was fetched.
    """
    keys_by_id = _keys_by_id(feed, known)
    unknown = [entry for entry in feed.entries if entry.key not in known]
    absent = [candidate for candidate in stored if candidate.id not in keys_by_id]
    renames = find_renames(unknown, absent, recognised=len(keys_by_id))
    # An entry that is in the document under a key of its own cannot have been renamed as well.
    edits = [
        *_edits(feed, known, keys_by_id=keys_by_id, now=circumstances.now),
        *_renamed(renames.values(), known, now=circumstances.now),
    ]
    new = [entry for entry in unknown if entry.key not in renames]
    return Changes(new=receive(new, circumstances), edits=tuple(edits[::-1]))


def _keys_by_id(feed: ParsedFeed, known: Mapping[bytes, KnownEntry]) -> dict[int, bytes]:
    """Return under which key each stored entry is in the feed, by id.

    A feed may list one entry under several of its keys; then the original key wins, so that
    two versions of it do not overwrite each other at every poll.
    """
    keys_by_id: dict[int, bytes] = {}
    keys = feed.unchanged_keys.union(entry.key for entry in feed.entries) & known.keys()
    for key in sorted(keys, key=lambda key: (known[key].is_alias, key)):
        entry_id = known[key].id
        if entry_id is not None:
            keys_by_id.setdefault(entry_id, key)
    return keys_by_id


def _edits(
    feed: ParsedFeed,
    known: Mapping[bytes, KnownEntry],
    *,
    keys_by_id: Mapping[int, bytes],
    now: datetime,
) -> Iterator[EntryEdit]:
    for entry in feed.entries:
        before = known.get(entry.key)
        if before is None or before.id is None or keys_by_id[before.id] != entry.key:
            continue
        is_news = not entry.reads_like(before.revision) and not before.is_noisy(now)
        if is_news or before.raw_hash != entry.raw_hash:
            yield EntryEdit(
                entry_id=before.id,
                entry=entry,
                is_news=is_news,
                is_filled=before.was_empty and not entry.is_empty,
            )


def _renamed(
    renames: Iterable[Rename], known: Mapping[bytes, KnownEntry], *, now: datetime
) -> Iterator[EntryEdit]:
    """Yield what is to be written of renamed entries."""
    renamed = list(renames)
    if not renamed:
        return
    aliases = Counter(one.id for one in known.values() if one.is_alias)
    noisy = {one.id for one in known.values() if one.is_noisy(now)}
    for rename in renamed:
        stored, entry = rename.stored, rename.entry
        is_rewritten = not entry.reads_like(stored.revision)
        is_news = is_rewritten and stored.id not in noisy
        # What has had many aliases will have another one next time: not worth a write.
        is_renamed = aliases[stored.id] < MAX_ALIASES
        if is_rewritten or is_renamed:
            yield EntryEdit(
                entry_id=stored.id,
                entry=entry,
                is_news=is_news,
                is_renamed=is_renamed,
            )
