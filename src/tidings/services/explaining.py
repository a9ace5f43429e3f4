"""Why a source or an entry is as it is, in words for the operator who asks."""

from collections.abc import Iterator

from tidings.domain.entries import Entry, EntryState
from tidings.domain.identity import digest
from tidings.domain.sources import LOGIN_WANTED, Source, SourceState, login_advice
from tidings.parsing.urls import canonical_url
from tidings.services.explaining_stories import story_of
from tidings.storage import entries, explanations, filters, sources, websub
from tidings.storage.database import Connection
from tidings.storage.explanations import EntryRecord, SourceRecord

_MOMENT = "%Y-%m-%d %H:%M UTC"


def explain_source(connection: Connection, source_id: int) -> list[str]:
    """Return what was decided about a source, and what will be done next.

    Raises:
        NotFoundError: There is none with that id.
    """
    source = sources.get(connection, source_id)
    record = explanations.of_source(connection, source_id)
    lines = [*_standing(source), *_holdings(record)]
    hub = websub.of_sources(connection, [source_id]).get(source_id)
    if hub:
        lines.append(f"the hub {hub.hub} is {hub.state}")
    rules = filters.of_sources(connection, [source_id]).get(source_id, ())
    lines += [f"{one.name}: {one.rule}" for one in rules]
    return [*lines, *(f"{one.at:{_MOMENT}}: {one.text}" for one in source.history)]


def explain_entry(connection: Connection, entry_id: int) -> list[str]:
    """Return why an entry is what it is, who may see it, and who was told of it.

    Raises:
        NotFoundError: There is none with that id.
    """
    entry = entries.get(connection, entry_id)
    record = explanations.of_entry(connection, entry_id)
    return [
        f"entry {entry.id} of source {entry.source.id}, {entry.source.title}: {entry.title}",
        f"known by {_mark(entry, record)}",
        *_visibility(entry),
        *story_of(connection, entry),
        *_time(entry, record),
        *_mail(record),
        *_edits(entry, record),
        *(f"{one.at:{_MOMENT}}: {one.text}" for one in record.history),
    ]


def _standing(source: Source) -> Iterator[str]:
    yield f"source {source.id}, {source.title}: {source.state}, polled at {source.shown_url}"
    if source.notice:
        yield f"to be looked at: {source.notice}"
    if source.failing_with == LOGIN_WANTED:
        yield login_advice(source.slug)
    if source.state is SourceState.ACTIVE:
        why = source.next_poll_because or "at once: it is new here"
        yield f"next poll {source.next_poll_at:{_MOMENT}}: {why}"
    if source.last_polled_at:
        said = f"failed: {source.last_error}" if source.last_error else "succeeded"
        yield f"the last poll, {source.last_polled_at:{_MOMENT}}, {said}"
    if source.failures and source.last_ok_at:
        yield f"the last one that succeeded was {source.last_ok_at:{_MOMENT}}"
    for problem in source.problems:
        yield f"its document has a problem: {problem}"


def _holdings(record: SourceRecord) -> Iterator[str]:
    by_state = [f"{number} {state}" for state, number in record.entries.items()]
    yield f"entries stored: {', '.join(by_state) or 'none'}"
    if record.removed:
        yield f"entries removed, not to come back: {record.removed}"
    if record.documents:
        yield f"documents kept: {len(record.documents)}, the last of {record.documents[0]:{_MOMENT}}"


def _mark(entry: Entry, record: EntryRecord) -> str:
    """Say by which of its marks an entry is known; see `entry_keys`."""
    link = canonical_url(entry.url) if entry.url else ""
    names = f", and came under {record.other_keys} other names" if record.other_keys else ""
    if entry.guid:
        plain = record.key == digest("guid", entry.guid)
        return f"its guid {entry.guid}{'' if plain else ', told apart by more'}{names}"
    if link:
        return f"its link {link}{names}"
    return f"its title, date and text{names}"


def _visibility(entry: Entry) -> Iterator[str]:
    match entry.state:
        case EntryState.PUBLIC:
            yield f"public: number {entry.seq} in the order of publication"
        case EntryState.BACKFILL:
            yield "backfill: it was old when it came, and stands on its source's page only"
        case EntryState.HELD:
            yield f"held: nobody sees it until you say `tidings entry release {entry.id}`"
        case EntryState.HIDDEN:
            yield f"hidden: nobody sees it until you say `tidings entry unhide {entry.id}`"


def _time(entry: Entry, record: EntryRecord) -> Iterator[str]:
    claim = (
        f"its publisher says {record.published_raw}" if record.published_raw else "it has no date"
    )
    place = "there" if entry.sort_at == entry.published else f"at {entry.sort_at:{_MOMENT}}"
    yield f"first seen {entry.first_seen_at:{_MOMENT}}; {claim}; it stands {place} on pages"


def _mail(record: EntryRecord) -> Iterator[str]:
    if record.issues:
        yield f"told of in {', '.join(record.issues)}"
    elif record.digest_eligible:
        yield "for digests; no issue has told of it yet"
    else:
        yield "not for digests: too old when it came, or from the first poll of an imported source"


def _edits(entry: Entry, record: EntryRecord) -> Iterator[str]:
    if record.updates:
        times = "once" if record.updates == 1 else f"{record.updates} times"
        yield f"changed {times}, last {entry.changed_at:{_MOMENT}}"
    if record.retouched_at:
        yield f"changed {record.retouched_at:{_MOMENT}} in what no reader sees"
