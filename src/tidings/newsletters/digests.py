"""Digests: entries sorted into sections by topic, what is too much folded, room shared fairly."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from zoneinfo import ZoneInfo

from tidings.model.drafts import IssueEdits
from tidings.model.entries import Entry, TopicCredit
from tidings.model.newsletters import Digest, Fold, Newsletter, Section

# Entries of one source that a section shows; the others are folded into "12 more from …".
MAX_PER_SOURCE = 5

# Entries that a section shows beside others; for the rest, "12 more in …" leads to the page.
MAX_PER_SECTION = 5


def matches(topics_of_source: Collection[str], *selections: Collection[str]) -> bool:
    """Tell whether an entry is selected; an empty selection takes everything."""
    return all(
        not chosen or not chosen.isdisjoint(topics_of_source) for chosen in map(set, selections)
    )


def compose(
    newsletter: Newsletter,
    language: str,
    entries: Sequence[Entry],
    *,
    edits: IssueEdits | None = None,
) -> Digest:
    """Sort entries into sections by topic, newest first within each; each stands once.

    The lead, and then what an editor has raised, stand above the rest of their sections. It
    depends on nothing but its arguments, so that all who get the same entries in the same
    language get the same issue: dates are shown in the newsletter's zone, and the period is
    that in which the entries were first seen.
    """
    # Not the subscriber's zone: each zone would have an issue of its own, to be composed and
    # encoded.
    zone = ZoneInfo(newsletter.schedule.timezone)
    seen = [entry.first_seen_at.astimezone(zone) for entry in entries]
    since, until = min(seen), max(seen)
    by_topic: dict[TopicCredit | None, list[Entry]] = {}
    in_time = sorted(entries, key=lambda entry: (entry.sort_at, entry.id), reverse=True)
    lead_id = _find_lead(in_time, edits)
    for entry in _raised(in_time, lead_id, edits):
        by_topic.setdefault(_topic_of(entry, newsletter.topics), []).append(entry)
    in_order = sorted(by_topic, key=lambda topic: (topic is None, topic.title if topic else ""))
    return Digest(
        newsletter=newsletter,
        language=language,
        timezone=newsletter.schedule.timezone,
        from_seq=min(entry.seq or 0 for entry in entries) - 1,
        to_seq=max(entry.seq or 0 for entry in entries),
        since=None if since.date() == until.date() else since,
        until=until,
        sections=tuple(Section(topic=topic, entries=tuple(by_topic[topic])) for topic in in_order),
        lead_id=lead_id,
        edits=edits,
    )


def _find_lead(newest_first: Sequence[Entry], edits: IssueEdits | None) -> int | None:
    """Return the id of what an issue opens with: told by an editor, or by the entries."""
    if edits and edits.lead_id:
        return edits.lead_id
    if pinned := [entry for entry in newest_first if entry.pinned_at]:
        return pinned[0].id
    # Of several with as many sources `max` returns the first, which is the newest.
    widest = max(newest_first, key=lambda entry: len(entry.also_at))
    if widest.also_at:
        return widest.id
    return next((entry.id for entry in newest_first if entry.title and entry.excerpt), None)


def _raised(
    entries: Sequence[Entry], lead_id: int | None, edits: IssueEdits | None
) -> Sequence[Entry]:
    wanted = [lead_id, *(edits.raised if edits else ())]
    place = {entry_id: number for number, entry_id in enumerate(dict.fromkeys(wanted))}
    return sorted(entries, key=lambda entry: place.get(entry.id, len(place)))


def fold(digest: Digest) -> Digest:
    """Fold what a source has beyond `MAX_PER_SOURCE` in a section; the newest stay."""
    sources = {entry.source.id for section in digest.sections for entry in section.entries}
    if len(sources) == 1:  # nobody else whom it could crowd out
        return digest
    return replace(digest, sections=tuple(map(_fold_section, digest.sections)))


def issue_key(
    newsletter_id: int,
    entry_ids: Iterable[int],
    *,
    language: str,
    template_version: str,
    edits: str = "",
) -> bytes:
    """Return the content key of an issue: equal keys are equal messages, composed once."""
    # Sorted: the order comes from the entries, so it does not tell issues apart.
    parts = (newsletter_id, *sorted(entry_ids), language, template_version)
    return sha256(" ".join(map(str, (*parts, edits) if edits else parts)).encode()).digest()


def _fold_section(section: Section) -> Section:
    by_source: dict[int, list[Entry]] = {}
    for entry in section.entries:
        by_source.setdefault(entry.source.id, []).append(entry)
    # A single entry more stays: the line that counts it would take as much room.
    excess = [
        entries[MAX_PER_SOURCE:]
        for entries in by_source.values()
        if len(entries) > MAX_PER_SOURCE + 1
    ]
    aside = {entry.id for entries in excess for entry in entries}
    return replace(
        section,
        entries=tuple(entry for entry in section.entries if entry.id not in aside),
        folds=tuple(Fold(source=entries[0].source, entries=tuple(entries)) for entries in excess),
    )


def _topic_of(entry: Entry, chosen: Collection[str]) -> TopicCredit | None:
    labels = [topic for topic in entry.topics if not chosen or topic.slug in chosen]
    return labels[0] if labels else None


def places(sections: Sequence[Section], room: int, *, lead_id: int | None) -> list[int]:
    """Return how many entries of each section a message shows, its first ones.

    A section that stands alone has all the room; the lead has a place whatever there is.
    """
    wanted = [len(section.entries) for section in sections]
    if len(sections) > 1:
        # A single entry more stays: the line that counts it would take as much room.
        wanted = [size if size <= MAX_PER_SECTION + 1 else MAX_PER_SECTION for size in wanted]
    return [
        max(share, int(section.entries[0].id == lead_id))
        for section, share in zip(sections, fair_shares(wanted, room), strict=True)
    ]


def fair_shares(wanted: Sequence[int], room: int) -> list[int]:
    """Share `room` places among sections that want so many each (max-min fairness).

    No section gets more than it wants; the small ones get all of it, and what they leave is
    shared evenly among the large ones. With more room no share gets smaller.
    """
    shares = [0] * len(wanted)
    # Of two that want the same the later one is served first: the odd place, which falls to whoever
    # comes last, then goes to the section that stands further up.
    modest_first = sorted(range(len(wanted)), key=lambda index: (wanted[index], -index))
    for served, index in enumerate(modest_first):
        shares[index] = min(wanted[index], room // (len(wanted) - served))
        room -= shares[index]
    return shares
