"""Explanations for operators: why a source or entry is as it is, and what a subscriber got."""

from collections.abc import Iterator

from tidings.catalog import entries, sources
from tidings.db.database import Connection
from tidings.filters import store
from tidings.filters.filtering import FilterSet
from tidings.model.durations import MOMENT_FORMAT
from tidings.model.entries import Entry, EntryState
from tidings.model.identity import digest
from tidings.model.newsletters import Subscription
from tidings.model.sources import UNAUTHORIZED, Source, SourceState, login_advice
from tidings.newsletters.digests import matches
from tidings.newsletters.windows import Omission, in_words
from tidings.operator.store import explanations
from tidings.operator.store.explanations import EntryRecord, SourceRecord
from tidings.parsing.absolute_urls import canonical_url
from tidings.polling.store import push_subscriptions
from tidings.stories.store.records import explain_story, sent_before
from tidings.subscribers.store import bounces, subscribers, subscriptions, suppressions
from tidings.subscribers.store.subscribers import SlotRecord

# Slots of each subscription that are explained.
SLOTS = 20

# The last bounces that are explained.
BOUNCES = 5

# Entries of a window that are explained one by one.
NAMED = 100

_OMISSIONS = {
    Omission.EMPTY: "no letter: nothing in its window was for them",
    Omission.FEW: "no letter: too few entries; they wait for the next slot",
    Omission.LATE: "no letter: noticed too late, the next one brought it all",
    Omission.REPEATED: "no letter: they had that period's before, by another zone, hour or weekday",
    Omission.RESTORED: "no letter: it may have been sent before the database was restored",
}


def explain_source(connection: Connection, source_id: int) -> list[str]:
    """Explain a source: what was decided, and what happens next.

    Raises:
        NotFoundError: There is none with that id.
    """
    source = sources.get(connection, source_id)
    record = explanations.of_source(connection, source_id)
    lines = [*_standing(source), *_reading(source), *_holdings(record)]
    hub = push_subscriptions.of_sources(connection, [source_id]).get(source_id)
    if hub:
        lines.append(f"the hub {hub.hub} is {hub.state}")
    rules = store.of_sources(connection, [source_id]).get(source_id, ())
    lines += [f"{one.name}: {one.rule}" for one in rules]
    return [*lines, *(f"{one.at:{MOMENT_FORMAT}}: {one.text}" for one in source.history)]


def explain_entry(connection: Connection, entry_id: int) -> list[str]:
    """Explain an entry: why it is as it is, who may see it, which issues have it.

    Raises:
        NotFoundError: There is none with that id.
    """
    entry = entries.get(connection, entry_id)
    record = explanations.of_entry(connection, entry_id)
    return [
        f"entry {entry.id} of source {entry.source.id}, {entry.source.title}: {entry.title}",
        f"known by {_mark(entry, record)}",
        *_visibility(entry),
        *explain_story(connection, entry),
        *_time(entry, record),
        *_mail(record),
        *_edits(entry, record),
        *(f"{one.at:{MOMENT_FORMAT}}: {one.text}" for one in record.history),
    ]


def _standing(source: Source) -> Iterator[str]:
    yield f"source {source.id}, {source.title}: {source.state}, polled at {source.shown_url}"
    if source.notice:
        yield f"to be looked at: {source.notice}"
    if source.failing_with == UNAUTHORIZED:
        yield login_advice(source.slug)
    if source.state is SourceState.ACTIVE:
        why = source.next_poll_because or "at once: it is new here"
        yield f"next poll {source.next_poll_at:{MOMENT_FORMAT}}: {why}"
    if source.last_polled_at:
        said = f"failed: {source.last_error}" if source.last_error else "succeeded"
        yield f"the last poll, {source.last_polled_at:{MOMENT_FORMAT}}, {said}"
    if source.failures and source.last_ok_at:
        yield f"the last one that succeeded was {source.last_ok_at:{MOMENT_FORMAT}}"
    for problem in source.problems:
        yield f"its document has a problem: {problem}"


def _reading(source: Source) -> Iterator[str]:
    """Yield how a source is read where that is not as a feed, or not as a feed alone."""
    if source.page:
        yield f"a page without a feed, read by {source.page.summary}"
    if source.full_text:
        yield f"full text of its entries: {source.full_text.summary}"


def _holdings(record: SourceRecord) -> Iterator[str]:
    by_state = [f"{number} {state}" for state, number in record.entries.items()]
    yield f"entries stored: {', '.join(by_state) or 'none'}"
    if record.removed:
        yield f"entries removed, not to come back: {record.removed}"
    if record.documents:
        yield f"documents kept: {len(record.documents)}, the last of {record.documents[0]:{MOMENT_FORMAT}}"


def _mark(entry: Entry, record: EntryRecord) -> str:
    """Return by which of its keys an entry is identified; see `entry_keys`."""
    link = canonical_url(entry.url) if entry.url else ""
    names = f", and came under {record.other_keys} other names" if record.other_keys else ""
    if entry.guid:
        # Entries that share a guid are told apart by link or title as well.
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
    place = "there" if entry.sort_at == entry.published else f"at {entry.sort_at:{MOMENT_FORMAT}}"
    yield f"first seen {entry.first_seen_at:{MOMENT_FORMAT}}; {claim}; it stands {place} on pages"


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
        yield f"changed {times}, last {entry.changed_at:{MOMENT_FORMAT}}"
    if record.retouched_at:
        yield f"changed {record.retouched_at:{MOMENT_FORMAT}} in what no reader sees"


def explain_address(connection: Connection, key: str, key_hash: bytes) -> list[str]:
    """Explain why nothing is sent to an address; nothing if it is.

    Args:
        connection: A reading one.
        key: The normalised address.
        key_hash: Its hash in the suppression list.
    """
    lines = []
    if found := suppressions.find(connection, key_hash):
        because = f"{found.reason}, {found.evidence}" if found.evidence else found.reason
        lines.append(f"gets nothing since {found.since:{MOMENT_FORMAT}}: {because}")
    for one in bounces.latest(connection, key=key, kind=None, limit=BOUNCES):
        status = f" {one.status}" if one.status else ""
        lines.append(f"{one.kind}{status} {one.at:{MOMENT_FORMAT}}, {one.slot}: {one.diagnostic}")
    return lines


def explain_subscriber(connection: Connection, key: str, *, slot: str | None) -> list[str]:
    """Explain the subscriptions of an address, and what became of their slots, newest first.

    Args:
        connection: A reading one.
        key: The normalised address.
        slot: The label of one slot, to be explained with each entry of its window.

    Raises:
        NotFoundError: Nobody has that address.
    """
    lines: list[str] = []
    for one in subscriptions.of_subscriber(connection, key):
        lines += _subscription_state(one)
        limit = NAMED if slot else SLOTS
        for record in subscribers.slots(connection, one.id, label=slot, limit=limit):
            lines.append(_slot(record))
            if slot:
                lines += _window(connection, one, record)
    return lines


def explain_entry_to(connection: Connection, key: str, entry_id: int) -> list[str]:
    """Explain for each subscription of an address whether an entry was in an issue, or why not.

    Raises:
        NotFoundError: Nobody has that address, or there is no such entry.
    """
    entry = entries.get(connection, entry_id)
    lines = [f"entry {entry.id}: {entry.title or entry.excerpt[:60]}"]
    for one in subscriptions.of_subscriber(connection, key):
        records = _with(connection, one, entry)
        said = [_slot(record) for record in records if entry.id in record.told]
        if not said:
            said = [_why_not(connection, one, entry), *map(_slot, records)]
        lines += [f"{one.newsletter.slug}: {line}" for line in said]
    return lines


def _subscription_state(one: Subscription) -> Iterator[str]:
    of = ", ".join(one.topics or one.newsletter.topics) or "everything"
    when = in_words(one.schedule)
    yield f"subscription {one.id} to {one.newsletter.slug}: {of}, {when}, in {one.language}"
    if one.ended_at:
        because = f": {one.ended_because}" if one.ended_because else ""
        yield f"ended {one.ended_at:{MOMENT_FORMAT}}{because}; nothing is sent"
    elif one.paused_at:
        yield f"paused since {one.paused_at:{MOMENT_FORMAT}}; nothing is planned"
    else:
        yield f"the next slot falls due {one.next_issue_at:{MOMENT_FORMAT}}"


def _slot(record: SlotRecord) -> str:
    began = f"{record.slot}, planned {record.planned_at:{MOMENT_FORMAT}}"
    if isinstance(record.came_to, Omission):
        return f"{began}: {_OMISSIONS[record.came_to]}"
    end = f" {record.finished_at:{MOMENT_FORMAT}}" if record.finished_at else ""
    reply = f": {record.reply}" if record.reply else ""
    number = len(record.told)
    told = f"{number} {'entry' if number == 1 else 'entries'}"
    return f"{began}: delivery {record.delivery} with {told}, {record.came_to}{end}{reply}"


def _window(connection: Connection, one: Subscription, record: SlotRecord) -> Iterator[str]:
    """Explain for each entry in a window whether it was in the issue."""
    window = {"from_seq": record.from_seq, "to_seq": record.to_seq}
    ids = subscribers.published_between(connection, **window, limit=NAMED)
    for entry in entries.by_ids(connection, ids):
        said = "told" if entry.id in record.told else _why_not(connection, one, entry)
        yield f"  entry {entry.id}, {entry.title or entry.excerpt[:60]}: {said}"


def _with(connection: Connection, one: Subscription, entry: Entry) -> list[SlotRecord]:
    if entry.seq is None:
        return []
    return subscribers.slots_with(connection, one.id, entry.seq)


def _why_not(connection: Connection, one: Subscription, entry: Entry) -> str:
    """Explain why an entry was in no issue to a subscription, as things are now."""
    against = _unfit(connection, entry) or _unwanted(connection, one, entry)
    if against := against or sent_before(connection, one, entry):
        return against
    if (entry.seq or 0) <= one.watermark:
        return _passed_over(connection, one, entry)
    if one.ended_at or one.paused_at:
        return "it came after the subscription ended or was paused"
    return f"still to come, with the slot that falls due {one.next_issue_at:{MOMENT_FORMAT}}"


def _unfit(connection: Connection, entry: Entry) -> str | None:
    if entry.state is not EntryState.PUBLIC:
        return f"it is not public: {entry.state}"
    if not explanations.of_entry(connection, entry.id).digest_eligible:
        return "not for digests: too old when it came, or from the first poll of an imported source"
    return None


def _unwanted(connection: Connection, one: Subscription, entry: Entry) -> str | None:
    labels = [topic.slug for topic in entry.topics]
    of = ", ".join(labels) or "no topic"
    if not matches(labels, one.newsletter.topics):
        return f"its source has {of}, the newsletter is of {', '.join(one.newsletter.topics)}"
    if not matches(labels, one.topics):
        return f"its source has {of}, they chose {', '.join(one.topics)}"
    rules = store.of_newsletter(connection, one.newsletter.id)
    if not rules:
        return None
    # As a whole: filters see all of the text, also where only titles may be shown.
    verdict = FilterSet(rules).verdict(entries.get(connection, entry.id, whole=True))
    return None if verdict.is_kept else verdict.because


def _passed_over(connection: Connection, one: Subscription, entry: Entry) -> str:
    # Nothing is stored of single entries that were left out: these are the reasons that remain.
    if _with(connection, one, entry):
        return "it was hidden, of other topics, or filtered when that slot was planned"
    if one.confirmed_at and entry.first_seen_at <= one.confirmed_at:
        return "it came before they subscribed"
    return "it came while they were paused, or had left"
