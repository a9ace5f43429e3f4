"""What is new in a document, and what that means: the decision of a poll."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.model.entries import EntryState
from tidings.model.feed import ParsedEntry, ParsedFeed
from tidings.polling.guid_changes import Namesake, Rename, find_renames
from tidings.polling.new_entries import NewEntry, Occasion, receive
from tidings.search.words import Indexed, indexed

# Keys of one entry that are remembered; beyond, its guid is worth nothing.
MAX_NAMES = 10

# Updates of one entry after which it is restless: counters and clocks change at every poll.
MAX_UPDATES = 24

# How long a restless entry has to stay as it is before a change of it is news again.
REST = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntry:
    """What is remembered of an entry to recognise it by.

    Attributes:
        id: None for a tombstone: an entry that was removed and must not come back.
        raw_hash: `documents.REMOVED` for a tombstone.
        is_alias: It was stored under another key; its publisher renamed it.
        touched_at: When it last changed, if that has been news `MAX_UPDATES` times already.
        was_empty: It is hidden because there was nothing to show.
    """

    id: int | None
    raw_hash: bytes
    revision: bytes
    is_alias: bool = False
    touched_at: datetime | None = None
    was_empty: bool = False

    def is_restless(self, now: datetime) -> bool:
        """Tell whether it changes so often that another change is no news."""
        return self.touched_at is not None and now - self.touched_at < REST


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEdit:
    """A stored entry as it is written now.

    Attributes:
        indexed: What it is found by.
        is_news: A reader sees a difference. If not, the publisher touched what none sees, such
            as a date.
        is_renamed: Its key was unknown, and is to be remembered.
        is_filled: It was hidden because there was nothing to show, and now there is.
    """

    entry_id: int
    entry: ParsedEntry
    indexed: Indexed
    is_news: bool
    is_renamed: bool = False
    is_filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a document brings, oldest first."""

    new: tuple[NewEntry, ...] = ()
    edits: tuple[EntryEdit, ...] = ()

    @property
    def published(self) -> int:
        """How many entries become public."""
        return sum(new.state is EntryState.PUBLIC for new in self.new)

    @property
    def updated(self) -> int:
        """How many stored entries look different to a reader."""
        return sum(edit.is_news for edit in self.edits)


def compare(
    feed: ParsedFeed,
    known: Mapping[bytes, KnownEntry],
    *,
    stored: Sequence[Namesake] = (),
    occasion: Occasion,
) -> Changes:
    """Decide what in `feed` is new, and what changed.

    Args:
        feed: The document, without the entries whose raw hash is known.
        known: All that is stored of the source, by key.
        stored: The source's latest entries; some may come under unknown keys.
        occasion: When and where the document was read.
    """
    voices = _voices(feed, known)
    unknown = [entry for entry in feed.entries if entry.key not in known]
    absent = [namesake for namesake in stored if namesake.id not in voices]
    renames = find_renames(unknown, absent, recognised=len(voices))
    edits = [
        *_edits(feed, known, voices=voices, now=occasion.now),
        *_renamed(renames.values(), known, now=occasion.now),
    ]
    new = [entry for entry in unknown if entry.key not in renames]
    return Changes(new=receive(new, occasion), edits=tuple(edits[::-1]))


def _voices(feed: ParsedFeed, known: Mapping[bytes, KnownEntry]) -> dict[int, bytes]:
    """Return by id under which key each stored entry is in the document: the own one, if it is."""
    voices: dict[int, bytes] = {}
    keys = feed.unchanged_keys.union(entry.key for entry in feed.entries) & known.keys()
    for key in sorted(keys, key=lambda key: (known[key].is_alias, key)):
        entry_id = known[key].id
        if entry_id is not None:
            voices.setdefault(entry_id, key)
    return voices


def _edits(
    feed: ParsedFeed,
    known: Mapping[bytes, KnownEntry],
    *,
    voices: Mapping[int, bytes],
    now: datetime,
) -> Iterator[EntryEdit]:
    for entry in feed.entries:
        before = known.get(entry.key)
        if before is None or before.id is None or voices[before.id] != entry.key:
            continue
        is_news = not entry.reads_like(before.revision) and not before.is_restless(now)
        if is_news or before.raw_hash != entry.raw_hash:
            words = indexed(entry.title, entry.content)
            yield EntryEdit(
                entry_id=before.id,
                entry=entry,
                indexed=words,
                is_news=is_news,
                is_filled=before.was_empty and not entry.is_empty,
            )


def _renamed(
    renames: Iterable[Rename], known: Mapping[bytes, KnownEntry], *, now: datetime
) -> Iterator[EntryEdit]:
    """Yield what is to be written of renamed entries.

    An entry that has had many names will have another one next time. It is not worth writing
    then, unless there is more to write.
    """
    names = Counter(one.id for one in known.values() if one.is_alias)
    restless = {one.id for one in known.values() if one.is_restless(now)}
    for rename in renames:
        stored, entry = rename.stored, rename.entry
        is_rewritten = not entry.reads_like(stored.revision)
        is_news = is_rewritten and stored.id not in restless
        is_renamed = names[stored.id] < MAX_NAMES
        if is_rewritten or is_renamed:
            yield EntryEdit(
                entry_id=stored.id,
                entry=entry,
                indexed=indexed(entry.title, entry.content),
                is_news=is_news,
                is_renamed=is_renamed,
            )
