"""Stories as the operator sees, splits, merges and explains them; and which ones were sent."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from tidings.catalog import change_log, entries
from tidings.db.mail_tables import delivery, issue, issue_entry
from tidings.db.tables import apart, entry, likeness, story
from tidings.errors import ConflictError, NotFoundError
from tidings.model.durations import MOMENT_FORMAT
from tidings.model.entries import Entry, EntryState
from tidings.model.newsletters import DeliveryState, Subscription
from tidings.stories.matching import Match, MatchReason, Member, Similarity, StoryUpdate
from tidings.stories.store import stories

# Stories, each with the `seq` of its first member that was sent.
SentStories = Mapping[int, int]

# Messages that were never sent: a story in them has not reached their recipient.
_NOT_SENT = (DeliveryState.SUPERSEDED, DeliveryState.CANCELLED)


_WHY: Mapping[MatchReason, str] = MappingProxyType(
    {
        MatchReason.LINK: "both lead to the same page",
        MatchReason.HEADLINE: "the same long title, and one of them has no text",
        MatchReason.TITLE: "nearly the same title, and the texts agree",
        MatchReason.TEXT: "nearly the same text",
        MatchReason.OPERATOR: "by the operator's word",
    }
)

_BY_MEASURE = (MatchReason.TITLE, MatchReason.TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story with all its entries, the oldest first, in whatever state they are."""

    id: int
    made_at: datetime
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why two entries are one story."""

    entry_id: int
    other_id: int
    similarity: Similarity
    joined_at: datetime


def latest(connection: Connection, *, limit: int | None) -> list[Story]:
    """Return stories, the latest first."""
    newest = select(story).order_by(story.c.id.desc()).limit(limit)
    made = {row.id: row.made_at for row in connection.execute(newest)}
    return _stories(connection, made)


def get(connection: Connection, story_id: int) -> Story:
    """Return a story.

    Raises:
        NotFoundError: There is none with that id.
    """
    found = connection.execute(select(story).where(story.c.id == story_id)).first()
    if found is None:
        raise NotFoundError("story", story_id)
    return _stories(connection, {found.id: found.made_at})[0]


def reasons(connection: Connection, entry_ids: Collection[int]) -> list[Reason]:
    """Return why some entries are in their stories, in the order of joining."""
    one, mate = entry.alias(), entry.alias()
    statement = (
        select(one.c.id, mate.c.id, likeness.c.because, likeness.c.score, likeness.c.joined_at)
        .join(one, one.c.seq == likeness.c.seq)
        .join(mate, mate.c.seq == likeness.c.mate_seq)
        .where(or_(one.c.id.in_(entry_ids), mate.c.id.in_(entry_ids)))
        .order_by(likeness.c.joined_at, likeness.c.seq, likeness.c.mate_seq)
    )
    return [
        Reason(
            entry_id=entry_id,
            other_id=other_id,
            similarity=Similarity(because=MatchReason(because), score=score),
            joined_at=joined_at,
        )
        for entry_id, other_id, because, score, joined_at in connection.execute(statement)
    ]


def kept_apart(connection: Connection, entry_id: int) -> list[tuple[int, datetime]]:
    """Return the entries that the operator keeps an entry apart from, and since when."""
    one, mate = entry.alias(), entry.alias()
    statement = (
        select(one.c.id, mate.c.id, apart.c.decided_at)
        .join(one, one.c.seq == apart.c.seq)
        .join(mate, mate.c.seq == apart.c.mate_seq)
        .where(or_(one.c.id == entry_id, mate.c.id == entry_id))
        .order_by(apart.c.decided_at, one.c.id, mate.c.id)
    )
    return [
        (first if first != entry_id else second, at)
        for first, second, at in connection.execute(statement)
    ]


def split(connection: Connection, entry_id: int, *, now: datetime) -> list[int]:
    """Take an entry out of its story, for good; return the entries it is kept apart from.

    Raises:
        NotFoundError: There is no such entry.
        ConflictError: It is in no story.
    """
    change, _ = change_log.next_change(connection)  # first: it keeps other writers out
    [member] = _members(connection, [entry_id])
    if member.story_id is None:
        raise ConflictError("entry", entry_id, because="is in no story")
    others = [one for one in stories.members(connection, [member.story_id]) if one != member]
    # The older one first, as the table has pairs.
    decided = [
        {"seq": min(pair), "mate_seq": max(pair), "decided_at": now}
        for pair in ((member.seq, mate.seq) for mate in others)
    ]
    # While it is still a member: its own page changes as well.
    stories.update_leads(connection, [member.story_id], change=change, now=now)
    connection.execute(insert(apart), decided)
    # Also where it was the older one of two that matched.
    is_its = or_(likeness.c.seq == member.seq, likeness.c.mate_seq == member.seq)
    connection.execute(delete(likeness).where(is_its))
    alone = update(entry).where(entry.c.id == entry_id)
    connection.execute(alone.values(story_id=None, follows=False))
    stories.detach(connection, [member.story_id], now=now)
    ids = select(entry.c.id).where(entry.c.seq.in_([mate.seq for mate in others]))
    return list(connection.scalars(ids.order_by(entry.c.seq)))


def merge(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> int:
    """Make two entries or more, with all in their stories, one story; return its id.

    Overrides what the operator has split before.

    Raises:
        NotFoundError: There is no such entry; nothing is changed.
        ConflictError: One was never public; nothing is changed.
    """
    change, _ = change_log.next_change(connection)  # first: it keeps other writers out
    first, *others = sorted(_members(connection, entry_ids), key=lambda one: one.seq)
    if first.story_id and all(one.story_id == first.story_id for one in others):
        return first.story_id
    known = sorted({one.story_id for one in (first, *others) if one.story_id})
    together = {one.seq: one for one in stories.members(connection, known)}
    together |= {one.seq: one for one in (first, *others)}
    connection.execute(
        delete(apart).where(apart.c.seq.in_(together), apart.c.mate_seq.in_(together))
    )
    by_operator = Similarity(because=MatchReason.OPERATOR, score=1.0)
    new = [one for one in others if one.story_id is None or one.story_id != first.story_id]
    joined = StoryUpdate(
        story_ids=tuple(known),
        members=tuple(together[seq] for seq in sorted(together)),
        matches=tuple(Match(one=one, other=first, similarity=by_operator) for one in new),
    )
    [story_id] = stories.write(connection, [joined], change=change, now=now)
    return story_id


def _stories(connection: Connection, made: dict[int, datetime]) -> list[Story]:
    ids = select(entry.c.id).where(entry.c.story_id.in_(made))
    found = entries.by_ids(connection, list(connection.scalars(ids)))
    # `by_ids` keeps no order.
    found.sort(key=lambda one: one.seq or 0)
    return [
        Story(
            id=story_id,
            made_at=made_at,
            entries=tuple(one for one in found if one.story_id == story_id),
        )
        for story_id, made_at in made.items()
    ]


def _members(connection: Connection, entry_ids: Sequence[int]) -> list[Member]:
    columns = (entry.c.id, entry.c.seq, entry.c.source_id, entry.c.story_id)
    rows = connection.execute(select(*columns).where(entry.c.id.in_(entry_ids))).all()
    missing = set(entry_ids) - {row.id for row in rows}
    if missing:
        raise NotFoundError("entry", min(missing))
    never = [row.id for row in rows if row.seq is None]
    if never:
        raise ConflictError("entry", min(never), because="was never public")
    return [Member(seq=row.seq, source_id=row.source_id, story_id=row.story_id) for row in rows]


def stories_sent_to(
    connection: Connection, subscription_ids: Collection[int], story_ids: Collection[int]
) -> dict[int, SentStories]:
    """Return by subscription which of some stories were sent to it; many have none.

    What the issue had counts, even if the entry was hidden or moved to another story since.
    """
    found: dict[int, dict[int, int]] = defaultdict(dict)
    if not story_ids:
        return {}
    statement = (
        select(delivery.c.subscription_id, entry.c.story_id, func.min(entry.c.seq))
        .join(issue_entry, issue_entry.c.entry_id == entry.c.id)
        .join(delivery, delivery.c.issue_id == issue_entry.c.issue_id)
        .where(
            entry.c.story_id.in_(story_ids),
            delivery.c.subscription_id.in_(subscription_ids),
            delivery.c.state.not_in(_NOT_SENT),
        )
        .group_by(delivery.c.subscription_id, entry.c.story_id)
    )
    for subscription_id, story_id, seq in connection.execute(statement):
        found[subscription_id][story_id] = seq
    return dict(found)


def stories_sent_by(
    connection: Connection, newsletter_id: int, story_ids: Collection[int]
) -> SentStories:
    """Return which of some stories the listed issues of a newsletter have."""
    if not story_ids:
        return {}
    statement = (
        select(entry.c.story_id, func.min(entry.c.seq).label("seq"))
        .join(issue_entry, issue_entry.c.entry_id == entry.c.id)
        .join(issue, issue.c.id == issue_entry.c.issue_id)
        .where(
            entry.c.story_id.in_(story_ids),
            issue.c.newsletter_id == newsletter_id,
            # Others were for some subscribers only, who are asked one by one.
            issue.c.listed,
        )
        .group_by(entry.c.story_id)
    )
    return {row.story_id: row.seq for row in connection.execute(statement)}


def explain_story(connection: Connection, entry: Entry) -> Iterator[str]:
    """Yield what is to say about an entry's story: members, lead, reasons, and splits."""
    if entry.story_id is not None:
        story = get(connection, entry.story_id)
        others = ", ".join(str(one.id) for one in story.entries if one.id != entry.id)
        yield f"in story {story.id}, with {others}; {_lead(story.entries, entry)}"
        for reason in reasons(connection, [entry.id]):
            yield _reason(reason, entry)
    for other_id, since in kept_apart(connection, entry.id):
        yield f"kept apart from {other_id} by the operator since {since:{MOMENT_FORMAT}}"


def sent_before(connection: Connection, one: Subscription, entry: Entry) -> str | None:
    """Return by which other entry a subscription was sent an entry's story, if it was."""
    if entry.story_id is None:
        return None
    sent = stories_sent_to(connection, [one.id], [entry.story_id])
    seq = sent.get(one.id, {}).get(entry.story_id)
    story = get(connection, entry.story_id)
    known = [mate.id for mate in story.entries if mate.seq == seq and mate.id != entry.id]
    return f"they were told its story by entry {known[0]}" if known else None


def _lead(entries: tuple[Entry, ...], entry: Entry) -> str:
    leads = [one for one in entries if one.state is EntryState.PUBLIC and not one.follows]
    if not leads:
        return "none of them is public"
    return "it leads" if leads[0].id == entry.id else f"{leads[0].id} leads: it was public first"


def _reason(reason: Reason, entry: Entry) -> str:
    other_id = reason.other_id if reason.entry_id == entry.id else reason.entry_id
    because, score = reason.similarity.because, reason.similarity.score
    measure = f" ({score:.0%})" if because in _BY_MEASURE else ""
    return f"one story with {other_id} since {reason.joined_at:{MOMENT_FORMAT}}: {_WHY[because]}{measure}"
