"""Why an entry is in a story, or in none, in words for the operator who asks."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tidings.db.database import Connection
from tidings.domain.stories import MatchReason
from tidings.model.entries import Entry, EntryState
from tidings.model.newsletters import Subscription
from tidings.storage import story_records
from tidings.storage.story_records import Reason

_MOMENT = "%Y-%m-%d %H:%M UTC"

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


def story_of(connection: Connection, entry: Entry) -> Iterator[str]:
    """Yield who tells the same as an entry, who leads, why, and what it is kept apart from."""
    if entry.story_id is not None:
        story = story_records.get(connection, entry.story_id)
        others = ", ".join(str(one.id) for one in story.entries if one.id != entry.id)
        yield f"in story {story.id}, with {others}; {_lead(story.entries, entry)}"
        for reason in story_records.reasons(connection, [entry.id]):
            yield _reason(reason, entry)
    for mate_id, since in story_records.kept_apart(connection, entry.id):
        yield f"kept apart from {mate_id} by the operator since {since:{_MOMENT}}"


def told_before(connection: Connection, one: Subscription, entry: Entry) -> str | None:
    """Say by which other entry a subscription was told an entry's story, if it was."""
    if entry.story_id is None:
        return None
    told = story_records.stories_sent_to(connection, [one.id], [entry.story_id])
    seq = told.get(one.id, {}).get(entry.story_id)
    story = story_records.get(connection, entry.story_id)
    known = [mate.id for mate in story.entries if mate.seq == seq and mate.id != entry.id]
    return f"they were told its story by entry {known[0]}" if known else None


def _lead(entries: tuple[Entry, ...], entry: Entry) -> str:
    leads = [one for one in entries if one.state is EntryState.PUBLIC and not one.follows]
    if not leads:
        return "none of them is public"
    return "it leads" if leads[0].id == entry.id else f"{leads[0].id} leads: it was public first"


def _reason(reason: Reason, entry: Entry) -> str:
    mate_id = reason.mate_id if reason.entry_id == entry.id else reason.entry_id
    because, score = reason.likeness.because, reason.likeness.score
    measure = f" ({score:.0%})" if because in _BY_MEASURE else ""
    return f"one story with {mate_id} since {reason.joined_at:{_MOMENT}}: {_WHY[because]}{measure}"
