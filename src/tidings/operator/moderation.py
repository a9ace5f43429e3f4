"""Moderation: what operators see on public pages, and their actions on entries and sources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, Protocol

from tidings.catalog import entries, private_sources, source_edits, sources, topics
from tidings.catalog.source_edits import SourceEdit
from tidings.db.database import Connection, Database
from tidings.errors import ConfigError, InvalidError, NotFoundError, one_line
from tidings.model.access import Access, apply_change
from tidings.model.durations import format_duration, parse_duration
from tidings.model.entries import Entry, EntryState, Republish
from tidings.model.full_text import TextMode
from tidings.model.operators import (
    ACTS,
    AuditLine,
    EntryAct,
    ModerationQueue,
    Session,
    SourceForm,
)
from tidings.model.page_rules import PageRules
from tidings.model.sources import Source, SourceState
from tidings.newsletters.store import drafts
from tidings.operator.store import moderation, sessions
from tidings.parsing.article import MISSING, is_installed
from tidings.parsing.page_tree import checked_rules
from tidings.polling.source_list import remove_source
from tidings.polling.store import visibility
from tidings.publishing.store import pins
from tidings.stories.store import records
from tidings.templating.site import Flash, Operator

# Of the audit list; the command line lists all.
ACTS_SHOWN = 500

_OPPOSITE = {EntryAct.PIN: EntryAct.UNPIN, EntryAct.UNPIN: EntryAct.PIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorView:
    """The page that an operator looks at, and their last action.

    Attributes:
        path: Of the page.
        source: The slug of the source that it is about; empty if it is about none.
        act: The last action; empty if there is none.
        entry_id: The entry of that action; None if it was about none.
    """

    path: str
    source: str = ""
    act: str = ""
    entry_id: int | None = None


class Overview:
    """What operators see."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, session: Session, looking: OperatorView) -> Operator:
        """Return what a page shows to an operator beside its public content."""
        with self._database.read() as connection:
            return Operator(
                proof=session.csrf_token,
                role=session.token.role,
                back=looking.path,
                who=session.token.name,
                waiting=moderation.count_pending(connection),
                drafts=drafts.count_unapproved(connection),
                failing=moderation.count_failing(connection),
                said=_said(connection, looking),
                source=sources.find_by_slug(connection, looking.source) if looking.source else None,
            )

    def desk(self) -> ModerationQueue:
        """Return what needs the operator's attention."""
        with self._database.read() as connection:
            return moderation.read_queue(connection)

    def acts(self) -> tuple[AuditLine, ...]:
        """Return what operators did, the latest first."""
        with self._database.read() as connection:
            return tuple(sessions.latest_acts(connection, limit=ACTS_SHOWN))


def to_form(source: Source) -> SourceForm:
    """Return the form of a source."""
    return SourceForm(
        title=source.given_title or "",
        topics=tuple(topic.slug for topic in source.topics),
        interval=format_duration(source.given_interval) if source.given_interval else "",
        republish=source.republish,
        noindex=source.noindex,
        full_text=source.text_mode or "off",
        selectors=source.page.selectors if source.page else {},
    )


def _said(connection: Connection, looking: OperatorView) -> Flash | None:
    # It comes from a cookie: whatever else a browser sends is ignored.
    if looking.act not in ACTS:
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
    """Return the action that undoes another one; empty where that is not certain."""
    if act is EntryAct.HIDE:
        # Only public entries have a `seq`: held ones and backfill would be published by undoing.
        was_public = entry.state is EntryState.HIDDEN and entry.seq is not None
        return EntryAct.UNHIDE if was_public else ""
    if act is EntryAct.UNHIDE:
        return EntryAct.HIDE
    return _OPPOSITE.get(act, "")


class _Act(Protocol):
    def __call__(
        self, connection: Connection, entry_ids: Sequence[int], *, now: datetime
    ) -> list[int]: ...


def _split(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> list[int]:
    for entry_id in entry_ids:
        records.split(connection, entry_id, now=now)
    return list(entry_ids)


ENTRY_ACTS: Mapping[EntryAct, _Act] = MappingProxyType(
    {
        EntryAct.HIDE: visibility.hide,
        EntryAct.UNHIDE: visibility.unhide,
        EntryAct.RELEASE: visibility.release,
        EntryAct.PIN: pins.pin,
        EntryAct.UNPIN: pins.unpin,
        EntryAct.SPLIT: _split,
    }
)


class OperatorActions:
    """The actions of operators; each is one transaction, and recorded with its entry or source."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def on_entries(self, act: EntryAct, entry_ids: Sequence[int]) -> list[int]:
        """Perform an action on entries; return which of them it changed.

        Raises:
            NotFoundError: There is no such entry; nothing is changed.
            ConflictError: One is not in a state for that; nothing is changed.
        """
        with self._database.write() as connection:
            return ENTRY_ACTS[act](connection, entry_ids, now=self._clock())

    def release_source(self, source_id: int) -> list[int]:
        """Publish all held entries of a source; return their ids.

        Raises:
            NotFoundError: There is no such source.
        """
        with self._database.write() as connection:
            sources.get(connection, source_id)
            held = visibility.held_ids(connection, source_id)
            return visibility.release(connection, held, now=self._clock())

    def set_state(self, source_id: int, state: SourceState) -> None:
        """Pause or resume a source.

        Raises:
            NotFoundError: There is no such source.
        """
        with self._database.write() as connection:
            source_edits.set_state(connection, source_id, state, now=self._clock())

    def make_due(self, source_id: int) -> None:
        """Have a source polled as soon as its host allows.

        Raises:
            NotFoundError: There is no such source.
            ConflictError: It is paused or retired.
        """
        with self._database.write() as connection:
            source_edits.make_due(connection, source_id, now=self._clock())

    def edit_source(self, source_id: int, form: SourceForm) -> None:
        """Save what a form changes.

        Raises:
            NotFoundError: There is no such source, or a topic is not there any more.
            InvalidError: A field cannot be what it should be; its `kind` is the field's name.
            ConfigError: What reads full texts is not installed.
        """
        with self._database.write() as connection:
            change = _change(sources.get(connection, source_id), form)
            # The form was rendered before: a topic may have been removed since.
            known = {topic.slug for topic in topics.every(connection)}
            if unknown := set(change.topics or ()) - known:
                raise NotFoundError("topic", min(unknown))
            if change.changed:
                source_edits.edit(connection, source_id, change, now=self._clock())

    def remove_source(self, source_id: int) -> None:
        """Remove a source with its entries.

        Raises:
            NotFoundError: There is no such source.
        """
        with self._database.write() as connection:
            remove_source(connection, source_id, now=self._clock())

    def change_access(self, source_id: int, change: Access, *, afresh: bool) -> Access:
        """Change how a source is fetched, and return how that is now.

        Args:
            source_id: Of the source.
            change: As for `apply_change`.
            afresh: Remove first all that was set before.

        Raises:
            NotFoundError: There is no such source.
            InvalidError: Something cannot be sent; the message holds no secret.
        """
        with self._database.write() as connection:
            sources.get(connection, source_id)
            before = private_sources.of_sources(connection, [source_id]).get(source_id, Access())
            after = apply_change(Access() if afresh else before, change)
            # Else without a change the source would count as edited, and be polled at once.
            if after != before:
                source_edits.edit(
                    connection, source_id, SourceEdit(access=after), now=self._clock()
                )
        return after


def parse_republish(text: str) -> Republish:
    """Return what a form says of how much may be shown.

    Raises:
        InvalidError: There is no such choice.
    """
    try:
        return Republish(text)
    except ValueError as error:
        because = f"expected one of {', '.join(Republish)}"
        raise InvalidError("republish", text, because) from error


def parse_text_mode(text: str) -> TextMode | Literal[""]:
    """Return of which entries full texts are fetched from now on; empty for none: `off`.

    Raises:
        InvalidError: There is no such choice.
        ConfigError: What reads them is not installed.
    """
    if text == "off":
        return ""
    try:
        mode = TextMode(text)
    except ValueError as error:
        because = f"expected one of off, {', '.join(TextMode)}"
        raise InvalidError("full_text", text, because) from error
    if not is_installed():
        raise ConfigError(MISSING)
    return mode


def republish_with(full_text: TextMode | Literal[""] | None, before: Source) -> Republish | None:
    """Return how much is shown from now on if nobody says so; None for as much as before.

    Args:
        full_text: Of which entries full texts are fetched from now on; None for those as before.
        before: The source.
    """
    begins = bool(full_text) and not before.full_text
    # Who sends teasers wants people to come: that their articles are shown is the operator's word.
    return Republish.EXCERPT if begins and before.republish is Republish.FULL else None


def _change(found: Source, form: SourceForm) -> SourceEdit:
    title, interval = one_line(form.title), parse_duration(form.interval)
    republish = parse_republish(form.republish)
    # Not given where the extra is missing: the choice cannot be made then.
    is_kept = form.full_text in {"", found.text_mode or "off"}
    full_text = None if is_kept else parse_text_mode(form.full_text)
    has_topics = {topic.slug for topic in found.topics} == set(form.topics)
    # Only what differs: to save an interval makes the source due, and topics discard page ends.
    return SourceEdit(
        title=None if title == (found.given_title or "") else title,
        topics=None if has_topics else form.topics,
        interval=None if (interval or None) == found.given_interval else interval,
        republish=(republish_with(full_text, found) if republish is found.republish else republish),
        noindex=None if form.noindex is found.noindex else form.noindex,
        page=_changed_page(found.page, form.selectors),
        full_text=full_text,
    )


def _changed_page(before: PageRules | None, selectors: Mapping[str, str]) -> PageRules | None:
    if before is None:
        return None
    after = before.with_selectors(selectors)
    return None if after == before else checked_rules(after)
