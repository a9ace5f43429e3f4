"""What becomes of new entries: public, backfill, held or hidden; their place in time, their ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from tidings.model.entries import EntryState
from tidings.model.feed import ParsedEntry, believable_date
from tidings.model.urls import is_stable_iri

# How far before `first_seen_at` a claimed date may lie and still place an entry in time.
DATE_TOLERANCE = timedelta(hours=48)

# An entry claimed to be older than this when first seen is left out of digests.
MAX_DIGEST_AGE = timedelta(days=30)

# Why an entry is not shown that says nothing, until its publisher has written something.
EMPTY = "hidden: it has neither title, text, link, picture nor file"

# Old entries at once that become public all the same: somebody dated back what he publishes now.
MAX_BACKDATED = 2

# How many times the limit a day is a flood, whatever dates the entries claim.
FLOODS_PER_DAY = 10

# Of the UUIDs that serve as Atom ids (RFC 9562, version 5); another one would rename all entries.
NAMESPACE = UUID("5d0cbd2d-4c9c-5d2e-9d5c-0f2f5a7e3a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPoll:
    """What the first poll of a source does with what it finds.

    Attributes:
        public: How many of the newest become public; the rest is backfill.
        imported: The source came from an OPML list: digests leave out what is there already.
    """

    public: int
    imported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """When and where a document was fetched, and the limits that hold for its new entries.

    Attributes:
        source_url: Part of the Atom ids of entries whose guid cannot be one.
        now: When the document was fetched: `first_seen_at` of what is new in it.
        last_ok_at: When the source was last polled with success; None if it never was.
        first: None after the first poll that held entries.
        flood_limit: More unexpected entries than that at once are held for the operator; 0 for
            no limit.
        fold: How many entries of one poll are shown one by one on pages; 0 for all.
        dropped: Why filters drop entries, by key; these are hidden, and count for no limit.
    """

    source_url: str
    now: datetime
    last_ok_at: datetime | None = None
    first: FirstPoll | None = None
    flood_limit: int = 0
    fold: int = 0
    dropped: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to be stored, and as what.

    Attributes:
        atom_id: Its id in our feeds, unless another entry has that id already.
        fallback_id: Its id then.
        folded: So many came with it that pages of several sources only count it.
        history: What was unusual about these decisions, for the operator.
        has_full_text: Its body is from its page.
    """

    entry: ParsedEntry
    state: EntryState
    sort_at: datetime
    digest_eligible: bool
    atom_id: str
    fallback_id: str
    folded: bool = False
    history: tuple[str, ...] = ()
    has_full_text: bool = False


def receive(entries: Sequence[ParsedEntry], circumstances: Circumstances) -> tuple[NewEntry, ...]:
    """Decide what becomes of new entries; those of one moment keep the order of their document.

    Args:
        entries: As the document has them, the newest first.
        circumstances: When and where they were found.

    Returns:
        The same, the oldest first.
    """
    placed = _placed(entries, circumstances)
    empty = {entry.key: EMPTY for entry in entries if entry.is_empty}
    unwanted = empty | dict(circumstances.dropped)
    wanted = [entry for _, entry in placed if entry.key not in unwanted]
    flood = _flood(wanted, circumstances)
    backfill = {} if flood else _backfill(wanted, circumstances)
    shown = [entry.key for entry in wanted if entry.key not in backfill]
    folded = set(shown[: max(len(shown) - circumstances.fold, 0)]) if circumstances.fold else set()
    received = []
    for sort_at, entry in placed:
        state = EntryState.HELD if flood else EntryState.PUBLIC
        state = EntryState.BACKFILL if entry.key in backfill else state
        state = EntryState.HIDDEN if entry.key in unwanted else state
        because = (unwanted[entry.key],) if entry.key in unwanted else flood
        because = backfill.get(entry.key, because)
        new = NewEntry(
            entry=entry,
            state=state,
            sort_at=sort_at,
            digest_eligible=_is_for_digests(entry, circumstances),
            atom_id=_atom_id(entry, circumstances.source_url),
            fallback_id=_urn(entry, circumstances.source_url),
            folded=entry.key in folded,
            history=(*because, *_doubts(entry, circumstances)),
        )
        received.append(new)
    return tuple(received)


def _placed(
    entries: Sequence[ParsedEntry], circumstances: Circumstances
) -> list[tuple[datetime, ParsedEntry]]:
    """Return entries with their `sort_at`, the oldest first."""
    places = [_place_in_time(entry, circumstances) for entry in entries]
    dated = [place for place in places if place]
    unknown = circumstances.now
    if circumstances.first:
        # Nobody knows when these appeared. Dated "now", the undated entries of a whole OPML list
        # would stand above everything else; so they stand below what has a date.
        unknown = min(dated, default=circumstances.now - MAX_DIGEST_AGE) - timedelta(seconds=1)
    oldest_first = zip(reversed(places), reversed(entries), strict=True)
    placed = [(place or unknown, entry) for place, entry in oldest_first]
    return sorted(placed, key=lambda one: one[0])


def _place_in_time(entry: ParsedEntry, circumstances: Circumstances) -> datetime | None:
    """Return the claimed date if it can be when the entry appeared."""
    now = circumstances.now
    published = believable_date(entry.published, now=now)
    if published is None or circumstances.first:
        return published
    # What is a little late was written before and published now; what is old stays where it was.
    is_a_little_late = now - MAX_DIGEST_AGE <= published < now - DATE_TOLERANCE
    return None if is_a_little_late else published


def _is_recent(entry: ParsedEntry, now: datetime) -> bool:
    return entry.published is None or now - entry.published <= MAX_DIGEST_AGE


def _is_for_digests(entry: ParsedEntry, circumstances: Circumstances) -> bool:
    is_imported = circumstances.first is not None and circumstances.first.imported
    return not is_imported and _is_recent(entry, circumstances.now)


def _backfill(
    entries: Sequence[ParsedEntry], circumstances: Circumstances
) -> Mapping[bytes, tuple[str, ...]]:
    """Return by key which entries are backfill, and why if that is unusual.

    At a first poll these are all but the newest. Later it is an archive that appears, after a
    site moved or its feed grew: several entries dated long before the last poll.

    Args:
        entries: The oldest first.
        circumstances: When and where they were found.
    """
    if circumstances.first:
        older = max(len(entries) - circumstances.first.public, 0)
        return {entry.key: () for entry in entries[:older]}
    now, since = circumstances.now, (circumstances.last_ok_at or circumstances.now) - DATE_TOLERANCE
    old = [
        entry.key
        for entry in entries
        if entry.published and entry.published < since and not _is_recent(entry, now)
    ]
    why = ("backfill: dated long before its source was polled last",)
    return dict.fromkeys(old, why) if len(old) > MAX_BACKDATED else {}


def _flood(entries: Sequence[ParsedEntry], circumstances: Circumstances) -> tuple[str, ...]:
    """Return why so many entries at once are held for the operator; empty if they are not."""
    now, last_ok_at, most = circumstances.now, circumstances.last_ok_at, circumstances.flood_limit
    if circumstances.first or last_ok_at is None or len(entries) <= most or not most:
        return ()
    # After a downtime of ours much is new, and its dates say so. What a publisher pours out when
    # he moves or mends his site is dated long ago, or not at all.
    claimed = [
        entry
        for entry in entries
        if entry.published
        and last_ok_at - DATE_TOLERANCE <= entry.published <= now + DATE_TOLERANCE
    ]
    unexpected = len(entries) - len(claimed)
    days = max((now - last_ok_at) / timedelta(days=1), 1)
    if unexpected > most:
        why = f"{unexpected} of them not claimed to be published since the last poll"
    elif len(entries) > most * FLOODS_PER_DAY * days:
        why = "more than any source publishes"
    else:
        return ()
    return (f"held: it came with {len(entries)} new entries at once, {why}",)


def _doubts(entry: ParsedEntry, circumstances: Circumstances) -> Iterator[str]:
    now, published = circumstances.now, entry.published
    if published is None and entry.published_raw:
        yield f"its date cannot be read: {entry.published_raw}"
    elif published and published > now:
        yield f"its date lies in the future: {published:%Y-%m-%d %H:%M} UTC"
    elif published and not circumstances.first and published < now - DATE_TOLERANCE:
        yield f"its date is not when it came: {published:%Y-%m-%d %H:%M} UTC"
    if not circumstances.first and not _is_recent(entry, now):
        yield f"not for digests: dated more than {MAX_DIGEST_AGE.days} days before it came"


def _atom_id(entry: ParsedEntry, source_url: str) -> str:
    guid = entry.guid or ""
    return guid if is_stable_iri(guid) else _urn(entry, source_url)


def _urn(entry: ParsedEntry, source_url: str) -> str:
    return uuid5(NAMESPACE, f"{source_url} {entry.key.hex()}").urn
