"""What becomes of entries that are new: who may see them, where they stand in time, what they are called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from tidings.model.entries import EntryState
from tidings.model.feed import ParsedEntry
from tidings.model.urls import is_name
from tidings.search.words import Indexed, indexed
from tidings.stories.minhash import Sketch, sketch_of

# No feed is older; an earlier date is a publisher's mistake.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)

# How far behind our first sight a claimed date may lie and still place an entry in time.
LATE = timedelta(hours=48)

# An entry claimed to be older than this when first seen is no news for a digest.
MAX_DIGEST_AGE = timedelta(days=30)

# Why an entry is not shown that says nothing, until its publisher has written something.
EMPTY = "hidden: it has neither title, text, link, picture nor file"

# Old entries at once that are news all the same: somebody has dated back what he publishes now.
FEW = 2

# How many outbursts a day are one, whatever dates their entries claim.
FLOOD = 10

# Of the names we give to entries (RFC 9562, version 5).
NAMESPACE = UUID("5d0cbd2d-4c9c-5d2e-9d5c-0f2f5a7e3a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPoll:
    """What the first poll of a source does with what it finds.

    Attributes:
        public: How many of the newest become public; the rest is backfill.
        imported: The source came from a list: nothing of it is news for a digest.
    """

    public: int
    imported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and where a document was read.

    Attributes:
        source_url: Makes names for entries whose guid cannot be one.
        now: When the document was read; what is new in it is first seen then.
        last_ok_at: When the source was last polled with success; None if it never was.
        first: None after the first poll that held entries.
        outburst: How many unexpected entries at once are left to the operator; 0 for none.
        fold: How many of the entries of one poll stand on pages by themselves; 0 for all.
        dropped: Why filters drop entries, by key; they are hidden, and count for nothing.
    """

    source_url: str
    now: datetime
    last_ok_at: datetime | None = None
    first: FirstPoll | None = None
    outburst: int = 0
    fold: int = 0
    dropped: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to be stored, and as what.

    Attributes:
        indexed: What it is found by.
        atom_id: What our feeds call it, unless another entry has that name already.
        fallback_id: What they call it then.
        folded: So many came with it that it is only counted on pages of several sources.
        history: What was unusual about these decisions, in words.
        sketch: What is compared to find its story; of what is public only.
    """

    entry: ParsedEntry
    indexed: Indexed
    state: EntryState
    sort_at: datetime
    digest_eligible: bool
    atom_id: str
    fallback_id: str
    folded: bool = False
    history: tuple[str, ...] = ()
    sketch: Sketch | None = None


def receive(entries: Sequence[ParsedEntry], occasion: Occasion) -> tuple[NewEntry, ...]:
    """Decide what becomes of new entries; those of one moment keep the order of their document.

    Args:
        entries: As the document has them, the newest first.
        occasion: Where they come from.

    Returns:
        The same, the oldest first.
    """
    placed = _placed(entries, occasion)
    empty = {entry.key: EMPTY for entry in entries if entry.is_empty}
    unwanted = empty | dict(occasion.dropped)
    wanted = [entry for _, entry in placed if entry.key not in unwanted]
    outburst = _outburst(wanted, occasion)
    backfill = {} if outburst else _backfill(wanted, occasion)
    shown = [entry.key for entry in wanted if entry.key not in backfill]
    folded = set(shown[: max(len(shown) - occasion.fold, 0)]) if occasion.fold else set()
    received = []
    for sort_at, entry in placed:
        state = EntryState.HELD if outburst else EntryState.PUBLIC
        state = EntryState.BACKFILL if entry.key in backfill else state
        state = EntryState.HIDDEN if entry.key in unwanted else state
        because = (unwanted[entry.key],) if entry.key in unwanted else outburst
        because = backfill.get(entry.key, because)
        new = NewEntry(
            entry=entry,
            indexed=indexed(entry.title, entry.content),
            state=state,
            sort_at=sort_at,
            digest_eligible=_is_for_digests(entry, occasion),
            atom_id=_atom_id(entry, occasion.source_url),
            fallback_id=_urn(entry, occasion.source_url),
            folded=entry.key in folded,
            sketch=_sketch(entry) if state is EntryState.PUBLIC else None,
            history=(*because, *_doubts(entry, occasion)),
        )
        received.append(new)
    return tuple(received)


def _sketch(entry: ParsedEntry) -> Sketch:
    return sketch_of(entry.title, entry.url, entry.content or entry.excerpt)


def _placed(
    entries: Sequence[ParsedEntry], occasion: Occasion
) -> list[tuple[datetime, ParsedEntry]]:
    """Return entries with where they stand in time, the oldest first.

    At a first poll nobody knows when what has no believable date appeared. It may be years old,
    and stands below what is dated: the newest of a whole list of sources would be undated ones.
    """
    places = [_place_in_time(entry, occasion) for entry in entries]
    dated = [place for place in places if place]
    unknown = occasion.now
    if occasion.first:
        unknown = min(dated, default=occasion.now - MAX_DIGEST_AGE) - timedelta(seconds=1)
    oldest_first = zip(reversed(places), reversed(entries), strict=True)
    placed = [(place or unknown, entry) for place, entry in oldest_first]
    return sorted(placed, key=lambda one: one[0])


def _place_in_time(entry: ParsedEntry, occasion: Occasion) -> datetime | None:
    """Return the claimed date if it can be when the entry appeared."""
    published, now = entry.published, occasion.now
    if published is None or not EARLIEST <= published <= now:
        return None
    # What is a little late was written before and published now; what is old stays where it was.
    is_a_little_late = not occasion.first and now - MAX_DIGEST_AGE <= published < now - LATE
    return None if is_a_little_late else published


def _is_recent(entry: ParsedEntry, now: datetime) -> bool:
    return entry.published is None or now - entry.published <= MAX_DIGEST_AGE


def _is_for_digests(entry: ParsedEntry, occasion: Occasion) -> bool:
    is_imported = occasion.first is not None and occasion.first.imported
    return not is_imported and _is_recent(entry, occasion.now)


def _backfill(
    entries: Sequence[ParsedEntry], occasion: Occasion
) -> Mapping[bytes, tuple[str, ...]]:
    """Return by key what is no news, and why if that is unusual.

    At a first poll these are all but the newest. Later it is an archive that appears: several
    entries that are dated long before we last looked.

    Args:
        entries: The oldest first.
        occasion: Where they come from.
    """
    if occasion.first:
        older = max(len(entries) - occasion.first.public, 0)
        return {entry.key: () for entry in entries[:older]}
    now, since = occasion.now, (occasion.last_ok_at or occasion.now) - LATE
    old = [
        entry.key
        for entry in entries
        if entry.published and entry.published < since and not _is_recent(entry, now)
    ]
    why = ("backfill: dated long before its source was polled last",)
    return dict.fromkeys(old, why) if len(old) > FEW else {}


def _outburst(entries: Sequence[ParsedEntry], occasion: Occasion) -> tuple[str, ...]:
    """Say why so many entries at once are left to the operator, if they are.

    After a long silence of ours much is new, and its dates say so. What a publisher pours out
    when he moves or mends his site is dated long ago, or not at all.
    """
    now, last_ok_at, most = occasion.now, occasion.last_ok_at, occasion.outburst
    if occasion.first or last_ok_at is None or len(entries) <= most or not most:
        return ()
    claimed = [
        entry
        for entry in entries
        if entry.published and last_ok_at - LATE <= entry.published <= now + LATE
    ]
    unexpected = len(entries) - len(claimed)
    days = max((now - last_ok_at) / timedelta(days=1), 1)
    if unexpected > most:
        why = f"{unexpected} of them not claimed to be published since the last poll"
    elif len(entries) > most * FLOOD * days:
        why = "more than any source publishes"
    else:
        return ()
    return (f"held: it came with {len(entries)} new entries at once, {why}",)


def _doubts(entry: ParsedEntry, occasion: Occasion) -> Iterator[str]:
    now, published = occasion.now, entry.published
    if published is None and entry.published_raw:
        yield f"its date cannot be read: {entry.published_raw}"
    elif published and published > now:
        yield f"its date lies in the future: {published:%Y-%m-%d %H:%M} UTC"
    elif published and not occasion.first and published < now - LATE:
        yield f"its date is not when it came: {published:%Y-%m-%d %H:%M} UTC"
    if not occasion.first and not _is_recent(entry, now):
        yield f"not for digests: dated more than {MAX_DIGEST_AGE.days} days before it came"


def _atom_id(entry: ParsedEntry, source_url: str) -> str:
    guid = entry.guid or ""
    return guid if is_name(guid) else _urn(entry, source_url)


def _urn(entry: ParsedEntry, source_url: str) -> str:
    return uuid5(NAMESPACE, f"{source_url} {entry.key.hex()}").urn
