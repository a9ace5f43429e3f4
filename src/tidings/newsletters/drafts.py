"""Review: drafts as editors see, change and approve them."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from tidings.catalog import change_log, entries, newsletters
from tidings.db.database import Connection, Database
from tidings.errors import ConflictError, InvalidError
from tidings.model.contracts import rfc3339
from tidings.model.drafts import Draft, Edits
from tidings.model.entries import Entry
from tidings.model.newsletters import Digest, Newsletter
from tidings.newsletters.compose import DueEdition, fill_edition
from tidings.newsletters.digest_candidates import DigestCandidates
from tidings.newsletters.digests import compose
from tidings.newsletters.store import drafts, plans
from tidings.newsletters.windows import BY_HAND, slot_outside_calendar

# Characters. A note is a few paragraphs, and counts against what mail programs show of a letter.
MAX_NOTE = 5000
MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftView:
    """A draft with its entries.

    Attributes:
        digest: As it would go; None if nothing is left in it.
        dropped: What will never be told.
        postponed: What the next issue tells.
    """

    draft: Draft
    newsletter: Newsletter
    digest: Digest | None
    dropped: tuple[Entry, ...]
    postponed: tuple[Entry, ...]

    @property
    def kept(self) -> tuple[Entry, ...]:
        """The entries that would go, in the order of the issue."""
        sections = self.digest.sections if self.digest else ()
        return tuple(entry for section in sections for entry in section.entries)


def draft_json(found: DraftView) -> dict[str, object]:
    """Return a draft in the shape that programs rely on."""
    draft = found.draft
    return {
        "newsletter": found.newsletter.slug,
        "to_seq": draft.to_seq,
        "opened_at": rfc3339(draft.opened_at),
        "deadline_at": rfc3339(draft.deadline_at),
        "approved_at": rfc3339(draft.approved_at),
        "lead_id": draft.edits.lead_id,
        "entry_ids": _ids(found.kept),
        "raised_ids": list(draft.edits.raised),
        "dropped_ids": _ids(found.dropped),
        "postponed_ids": _ids(found.postponed),
        "texts": {
            language: {"subject": text.subject, "note": text.note}
            for language, text in draft.edits.texts.items()
        },
    }


class Drafts:
    """The drafts of all newsletters; a newsletter has one at most that is not done."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def every(self) -> list[DraftView]:
        """Return all that wait for approval, or for the next round of planning."""
        with self._database.read() as connection:
            series = newsletters.by_id(connection)
            return [
                _view(connection, one, series[one.newsletter_id])
                for one in drafts.every_open(connection)
            ]

    def find(self, newsletter: Newsletter) -> DraftView | None:
        """Return the draft of a newsletter; None if it has none."""
        with self._database.read() as connection:
            draft = drafts.find_open(connection, newsletter.id)
            return _view(connection, draft, newsletter) if draft else None

    def get(self, slug: str) -> DraftView:
        """Return the draft of a newsletter.

        Raises:
            NotFoundError: There is no such newsletter.
            ConflictError: It has none.
        """
        with self._database.read() as connection:
            newsletter = newsletters.get(connection, slug)
            return _view(connection, _find(connection, newsletter), newsletter)

    def open(self, slug: str) -> DraftView:
        """Open a draft of what is new right now, or take it into the one that is open.

        Raises:
            NotFoundError: There is no such newsletter.
            ConflictError: It is not under review, has nothing new, or an approved draft.
        """
        now = self._clock()
        with self._database.write() as connection:
            edition = newsletters.edition_of(connection, slug)
            if not edition.newsletter.review:
                because = "is not under review; `tidings newsletter edit --review` puts it there"
                raise ConflictError("newsletter", slug, because=because)
            last = change_log.last_seq(connection)
            slot = slot_outside_calendar(BY_HAND, last, now)
            case = DueEdition(edition=edition, slot=slot, upto_seq=last)
            window, chosen = fill_edition(connection, case, candidates=DigestCandidates())
            if not chosen:
                because = "has nothing new to tell: issues have what comes after it was made"
                raise ConflictError("newsletter", slug, because=because)
            drafts.open_or_extend(connection, edition, to_seq=window.to_seq, now=now)
            draft = _find(connection, edition.newsletter)
            _refuse_approved(draft)
            return _view(connection, draft, edition.newsletter)

    def change(
        self, slug: str, edits: Edits, *, version: str | None = None, approve: bool = False
    ) -> None:
        """Replace all that was changed in a draft.

        Args:
            slug: Of the newsletter.
            edits: All of them.
            version: Of the draft that the editor has seen; None for whichever it is.
            approve: Whether it goes with the next round of planning.

        Raises:
            NotFoundError: There is no such newsletter.
            ConflictError: It has no draft, one that is approved, or one of another version.
            InvalidError: An entry is not in it, or is left out and raised at once; a text is
                too long.
        """
        with self._database.write() as connection:
            newsletter = newsletters.get(connection, slug)
            draft = _find(connection, newsletter)
            _refuse_approved(draft)
            if version not in {None, draft.version}:
                because = "has grown, or was changed by somebody else: look at it again"
                raise ConflictError("draft", draft.id, because=because)
            found = _view(connection, draft, newsletter)
            _refuse_told(connection, newsletter, found, edits)
            _check(edits, {one.id for one in (*found.kept, *found.dropped, *found.postponed)})
            drafts.change(connection, draft.id, edits)
            if approve:
                drafts.approve(connection, draft.id, now=self._clock())

    def approve(self, slug: str) -> DraftView:
        """Let a draft go with the next round of planning.

        Raises:
            NotFoundError: There is no such newsletter.
            ConflictError: It has no draft, or one that is approved.
        """
        with self._database.write() as connection:
            newsletter = newsletters.get(connection, slug)
            draft = _find(connection, newsletter)
            _refuse_approved(draft)
            drafts.approve(connection, draft.id, now=self._clock())
            return _view(connection, draft, newsletter)


def _ids(found: Iterable[Entry]) -> list[int]:
    return [one.id for one in found]


def _find(connection: Connection, newsletter: Newsletter) -> Draft:
    draft = drafts.find_open(connection, newsletter.id)
    if draft is None:
        raise ConflictError("newsletter", newsletter.slug, because="has no draft under review")
    return draft


def _refuse_approved(draft: Draft) -> None:
    if draft.approved_at:
        raise ConflictError("draft", draft.id, because="is approved already, and on its way")


def _refuse_told(
    connection: Connection, newsletter: Newsletter, found: DraftView, edits: Edits
) -> None:
    """Refuse to postpone what some readers were told before the newsletter was under review."""
    if not edits.postponed:
        return
    # What was postponed before is older than the edition, and was told to nobody.
    mark = newsletters.edition_of(connection, newsletter.slug).watermark
    told = range(mark + 1, plans.greatest_watermark(connection, newsletter.id) + 1)
    for entry in (*found.kept, *found.dropped, *found.postponed):
        if entry.id in edits.postponed and entry.seq in told:
            because = "some readers have had it already: keep or drop it"
            raise InvalidError("entry", str(entry.id), because)


def _view(connection: Connection, draft: Draft, newsletter: Newsletter) -> DraftView:
    edition = newsletters.edition_of(connection, newsletter.slug)
    slot = slot_outside_calendar(BY_HAND, draft.to_seq, draft.opened_at)
    case = DueEdition(edition=edition, slot=slot, upto_seq=draft.to_seq)
    _, chosen = fill_edition(connection, case, candidates=DigestCandidates())
    kept = entries.by_ids(connection, chosen)
    edits = draft.edits_for(newsletter.language, chosen)
    return DraftView(
        draft=draft,
        newsletter=newsletter,
        digest=compose(newsletter, newsletter.language, kept, edits=edits) if kept else None,
        dropped=tuple(entries.by_ids(connection, sorted(draft.edits.dropped))),
        postponed=tuple(entries.by_ids(connection, sorted(draft.edits.postponed))),
    )


def _check(edits: Edits, known: Collection[int]) -> None:
    left_out = edits.dropped | edits.postponed
    shown = {*edits.raised, *([edits.lead_id] if edits.lead_id else [])}
    if unknown := (shown | left_out).difference(known):
        raise InvalidError("entry", str(min(unknown)), "is not in this draft")
    if both := (shown & left_out) | (edits.dropped & edits.postponed):
        raise InvalidError("entry", str(min(both)), "cannot be left out and told at once")
    for text in edits.texts.values():
        if len(text.note or "") > MAX_NOTE:
            raise InvalidError("note", "", f"expected at most {MAX_NOTE} characters")
        if len(text.subject or "") > MAX_SUBJECT or not (text.subject or " ").isprintable():
            because = f"expected one line of at most {MAX_SUBJECT} characters"
            raise InvalidError("subject", text.subject or "", because)
