"""What is new in a document, and what that means: the decision of a poll."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from tidings.domain.documents import ParsedEntry, ParsedFeed
from tidings.domain.entries import EntryState

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
"""No feed is older; an earlier date is a publisher's mistake."""

LATE = timedelta(hours=48)
"""How far behind our first sight a claimed date may lie and still place an entry in time."""

MAX_DIGEST_AGE = timedelta(days=30)
"""An entry claimed to be older than this when first seen is no news for a digest."""

NAMESPACE = UUID("5d0cbd2d-4c9c-5d2e-9d5c-0f2f5a7e3a11")
"""Of the names we give to entries (RFC 9562, version 5)."""

MAX_ATOM_ID = 500
_IRI = re.compile(
    r"(?:https?://|urn:[a-z0-9][a-z0-9-]{0,31}:|tag:)[!#-;=?-\[\]_a-z~%]+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntry:
    """What is remembered of an entry to recognise it by.

    Attributes:
        id: None for a tombstone: an entry that was removed and must not come back.
    """

    id: int | None
    raw_hash: bytes
    revision: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to be stored, and as what.

    Attributes:
        atom_id: What our feeds call it, unless another entry has that name already.
        fallback_id: What they call it then.
    """

    entry: ParsedEntry
    state: EntryState
    sort_at: datetime
    digest_eligible: bool
    atom_id: str
    fallback_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a document brings, oldest first.

    Attributes:
        updated: A reader would see a difference.
        retouched: The publisher changed something that no reader sees, such as a date.
    """

    new: tuple[NewEntry, ...] = ()
    updated: tuple[ParsedEntry, ...] = ()
    retouched: tuple[ParsedEntry, ...] = ()

    @property
    def published(self) -> int:
        """How many entries become public."""
        return sum(new.state is EntryState.PUBLIC for new in self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPoll:
    """What the first poll of a source does with what it finds.

    Attributes:
        public: How many of the newest become public; the rest is backfill.
        imported: The source came from a list: nothing of it is news for a digest.
    """

    public: int
    imported: bool


def compare(
    feed: ParsedFeed,
    known: Mapping[bytes, KnownEntry],
    *,
    source_url: str,
    first: FirstPoll | None,
    now: datetime,
) -> Changes:
    """Decide what in `feed` is new, and what changed.

    Args:
        feed: The document, without the entries whose raw hash is known.
        known: All that is stored of the source, by key.
        source_url: Makes names for entries whose guid cannot be one.
        first: None after the first poll that held entries.
        now: When the document was read; the entries are first seen then.
    """
    new, updated, retouched = [], [], []
    for position, entry in enumerate(feed.entries):
        stored = known.get(entry.key)
        if stored is None:
            new.append((_sort_at(entry, now, is_first=first is not None), -position, entry))
        elif stored.id is not None and stored.revision != entry.revision:
            updated.append(entry)
        elif stored.id is not None and stored.raw_hash != entry.raw_hash:
            retouched.append(entry)
    new.sort(key=lambda item: item[:2])
    hidden_from_news = max(len(new) - first.public, 0) if first else 0
    decided = tuple(
        NewEntry(
            entry=entry,
            state=EntryState.BACKFILL if index < hidden_from_news else EntryState.PUBLIC,
            sort_at=sort_at,
            digest_eligible=not (first and first.imported) and _is_recent(entry, now),
            atom_id=_atom_id(entry, source_url),
            fallback_id=_urn(entry, source_url),
        )
        for index, (sort_at, _, entry) in enumerate(new)
    )
    return Changes(new=decided, updated=tuple(updated[::-1]), retouched=tuple(retouched[::-1]))


def _sort_at(entry: ParsedEntry, now: datetime, *, is_first: bool) -> datetime:
    earliest = EARLIEST if is_first else now - LATE
    if entry.published is None or not earliest <= entry.published <= now:
        return now
    return entry.published


def _is_recent(entry: ParsedEntry, now: datetime) -> bool:
    return entry.published is None or now - entry.published <= MAX_DIGEST_AGE


def _atom_id(entry: ParsedEntry, source_url: str) -> str:
    guid = entry.guid or ""
    is_name = len(guid) <= MAX_ATOM_ID and _IRI.fullmatch(guid)
    return guid if is_name else _urn(entry, source_url)


def _urn(entry: ParsedEntry, source_url: str) -> str:
    return uuid5(NAMESPACE, f"{source_url} {entry.key.hex()}").urn
