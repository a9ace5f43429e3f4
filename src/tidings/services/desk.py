"""What operators see beside what everybody does."""

from dataclasses import dataclass

from tidings.domain.entries import Entry, EntryState, TopicCredit
from tidings.domain.operators import EntryAct, ModerationQueue, Session, SourceAct, SourceForm
from tidings.domain.sources import Source
from tidings.domain.spans import format_duration
from tidings.errors import NotFoundError
from tidings.rendering.site import Flash, Operator
from tidings.storage import desk, entries, sources, topics
from tidings.storage.database import Connection, Database

_OPPOSITE = {EntryAct.PIN: EntryAct.UNPIN, EntryAct.UNPIN: EntryAct.PIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorView:
    """Where an operator looks, and what they did last.

    Attributes:
        path: Of the page, ours.
        source: The slug of the source that it is about; empty if it is about none.
        act: What they did last; empty if nothing.
        entry_id: To which entry; None if it was none.
    """

    path: str
    source: str = ""
    act: str = ""
    entry_id: int | None = None


class Overview:
    """What there is for an operator to see."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, session: Session, looking: OperatorView) -> Operator:
        """Return what a page shows to an operator beside what everybody sees."""
        with self._database.read() as connection:
            return Operator(
                proof=session.proof,
                back=looking.path,
                waiting=desk.count_pending(connection),
                said=_said(connection, looking),
                source=sources.find_by_slug(connection, looking.source) if looking.source else None,
            )

    def desk(self) -> ModerationQueue:
        """Return what there is to do."""
        with self._database.read() as connection:
            return desk.read_desk(connection)

    def source(self, slug: str) -> tuple[Source, tuple[TopicCredit, ...]]:
        """Return a source, and all the topics that it can be given.

        Raises:
            NotFoundError: There is no such source.
        """
        with self._database.read() as connection:
            found = sources.find_by_slug(connection, slug)
            if found is None:
                raise NotFoundError("source", slug)
            return found, tuple(topics.every(connection))


def in_form(source: Source) -> SourceForm:
    """Return a source as its form shows it."""
    return SourceForm(
        title=source.given_title or "",
        topics=tuple(topic.slug for topic in source.topics),
        interval=format_duration(source.given_interval) if source.given_interval else "",
        republish=source.republish,
        noindex=source.noindex,
    )


def _said(connection: Connection, looking: OperatorView) -> Flash | None:
    if looking.act not in {*EntryAct, *SourceAct}:
        return None
    if looking.entry_id is None:
        return Flash(act=looking.act)
    found = entries.by_ids(connection, [looking.entry_id])
    if not found or looking.act not in set(EntryAct):
        return None
    entry = found[0]
    return Flash(
        act=looking.act,
        title=entry.title or entry.excerpt[:80] or entry.source.title,
        entry_id=entry.id,
        undo=_undo(EntryAct(looking.act), entry),
    )


def _undo(act: EntryAct, entry: Entry) -> str:
    """Return what puts an entry back to where it was; empty where that is not for certain.

    What was held or backfill before it was hidden would come back as public.
    """
    if act is EntryAct.HIDE:
        was_public = entry.state is EntryState.HIDDEN and entry.seq is not None
        return EntryAct.UNHIDE if was_public else ""
    if act is EntryAct.UNHIDE:
        return EntryAct.HIDE
    return _OPPOSITE.get(act, "")
