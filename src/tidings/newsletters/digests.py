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

    What an editor has raised stands above the rest of its section. It depends on nothing but its arguments, so that all who get the same entries in the
    same language get the same issue: dates are shown in the newsletter's zone, and the
    period is that in which the entries were first seen.
    """
    # Not the subscriber's zone: each zone would have an issue of its own, to be composed and
    # encoded.
    zone = ZoneInfo(newsletter.schedule.timezone)
    seen = [entry.first_seen_at.astimezone(zone) for entry in entries]
    since, until = min(seen), max(seen)
    by_topic: dict[TopicCredit | None, list[Entry]] = {}
    in_time = sorted(entries, key=lambda entry: (entry.sort_at, entry.id), reverse=True)
    for entry in _raised(in_time, edits):
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
        edits=edits,
    )


def _raised(entries: Sequence[Entry], edits: IssueEdits | None) -> Sequence[Entry]:
    if edits is None:
        return entries
    wanted = [edits.lead_id, *edits.raised] if edits.lead_id else list(edits.raised)
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
