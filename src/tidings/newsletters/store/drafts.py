"""Drafts: opened, changed, approved and done; and which entries they took out of their turn."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    case,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from tidings.catalog.newsletters import Edition
from tidings.db.mail_tables import draft, draft_entry, draft_text, newsletter
from tidings.db.statements import upsert
from tidings.db.tables import entry
from tidings.errors import ConflictError
from tidings.model.drafts import Draft, DraftAct, EditorText, Edits


def open_or_extend(connection: Connection, edition: Edition, *, to_seq: int, now: datetime) -> None:
    """Put what an edition has to tell under review; a draft that is open already takes it in."""
    new = upsert(connection.dialect.name, draft).values(
        newsletter_id=edition.newsletter.id, to_seq=to_seq, opened_at=now
    )
    connection.execute(
        new.on_conflict_do_update(
            index_elements=[draft.c.newsletter_id],
            index_where=draft.c.done_at.is_(None),
            set_={"to_seq": new.excluded.to_seq},
            # what is approved does not grow
            where=draft.c.approved_at.is_(None),
        )
    )


def find_open(connection: Connection, newsletter_id: int) -> Draft | None:
    """Return the draft of a newsletter that is not done yet; None if there is none."""
    found = _read(connection, draft.c.newsletter_id == newsletter_id, draft.c.done_at.is_(None))
    return found[0] if found else None


def every_open(connection: Connection) -> list[Draft]:
    """Return all drafts that are not done yet, the oldest first."""
    return _read(connection, draft.c.done_at.is_(None))


def count_unapproved(connection: Connection) -> int:
    """Return how many drafts wait for approval."""
    waiting = select(func.count()).select_from(draft)
    waiting = waiting.where(draft.c.done_at.is_(None), draft.c.approved_at.is_(None))
    return int(connection.execute(waiting).scalar_one())


def by_ids(connection: Connection, draft_ids: Collection[int]) -> dict[int, Draft]:
    """Return drafts by id."""
    return {one.id: one for one in _read(connection, draft.c.id.in_(draft_ids))}


def latest_done(connection: Connection, newsletter_ids: Collection[int]) -> dict[int, Draft]:
    """Return the last draft of each newsletter that is done, by newsletter."""
    last = (
        select(func.max(draft.c.id))
        .where(draft.c.newsletter_id.in_(newsletter_ids), draft.c.done_at.is_not(None))
        .group_by(draft.c.newsletter_id)
    )
    return {one.newsletter_id: one for one in _read(connection, draft.c.id.in_(last))}


def change(connection: Connection, draft_id: int, edits: Edits) -> None:
    """Replace all that editors have changed in a draft.

    Raises:
        ConflictError: It was approved meanwhile.
    """
    changed = update(draft).where(draft.c.id == draft_id, draft.c.approved_at.is_(None))
    if not connection.execute(changed.values(lead_id=edits.lead_id)).rowcount:
        raise ConflictError("draft", draft_id, because="is approved already, and on its way")
    acts: dict[int, DraftAct] = dict.fromkeys(edits.raised, DraftAct.RAISE)
    acts |= dict.fromkeys(edits.postponed, DraftAct.POSTPONE)
    acts |= dict.fromkeys(edits.dropped, DraftAct.DROP)
    connection.execute(delete(draft_entry).where(draft_entry.c.draft_id == draft_id))
    rows = [
        {"draft_id": draft_id, "entry_id": entry_id, "act": act, "position": position}
        for position, (entry_id, act) in enumerate(acts.items())
    ]
    if rows:
        connection.execute(insert(draft_entry), rows)
    connection.execute(delete(draft_text).where(draft_text.c.draft_id == draft_id))
    texts = [
        {"draft_id": draft_id, "language": language, "subject": text.subject, "note": text.note}
        for language, text in edits.texts.items()
        if text.subject or text.note
    ]
    if texts:
        connection.execute(insert(draft_text), texts)


def approve(connection: Connection, draft_id: int, *, now: datetime) -> None:
    """Let nothing more be changed in a draft: it goes with the next round of planning."""
    still_open = update(draft).where(draft.c.id == draft_id, draft.c.approved_at.is_(None))
    connection.execute(still_open.values(approved_at=now))


def finish(connection: Connection, draft_id: int, *, now: datetime) -> None:
    """Note that the issue of a draft is planned: subscribers get theirs from now on."""
    connection.execute(update(draft).where(draft.c.id == draft_id).values(done_at=now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An entry that a newsletter does not tell when its turn comes.

    Attributes:
        seq: The one that counts in place of its own; None if it is never told.
    """

    newsletter_id: int
    entry_id: int
    seq: int | None


def shifts(connection: Connection, *, from_seq: int, to_seq: int) -> list[Shift]:
    """Return the entries of a window, by their own turn or by a draft's, that drafts have moved.

    What the last draft said of an entry counts.
    """
    # Right behind all that its draft covers.
    moved = case((draft_entry.c.act == DraftAct.POSTPONE, draft.c.to_seq + 1), else_=null())
    found = (
        select(draft.c.newsletter_id, draft_entry.c.entry_id, moved.label("seq"))
        .join(draft, draft.c.id == draft_entry.c.draft_id)
        .join(entry, entry.c.id == draft_entry.c.entry_id)
        .where(
            draft_entry.c.act != DraftAct.RAISE,
            entry.c.seq <= to_seq,
            or_(entry.c.seq > from_seq, draft.c.to_seq >= from_seq),
        )
        .order_by(draft.c.id)
    )
    last = {(row.newsletter_id, row.entry_id): row.seq for row in connection.execute(found)}
    return [
        Shift(newsletter_id=newsletter_id, entry_id=entry_id, seq=seq)
        for (newsletter_id, entry_id), seq in last.items()
    ]


def _read(connection: Connection, *rules: Any) -> list[Draft]:
    # The deadline is that of the newsletter as it is now, whenever the draft was opened.
    whole = select(draft, newsletter.c.review_time).join(
        newsletter, newsletter.c.id == draft.c.newsletter_id
    )
    rows = connection.execute(whole.where(*rules).order_by(draft.c.id)).all()
    edits = _edits(connection, rows) if rows else {}
    return [
        Draft(
            id=row.id,
            newsletter_id=row.newsletter_id,
            to_seq=row.to_seq,
            opened_at=row.opened_at,
            deadline_at=row.opened_at + row.review_time if row.review_time else None,
            approved_at=row.approved_at,
            done_at=row.done_at,
            edits=edits[row.id],
        )
        for row in rows
    ]


def _edits(connection: Connection, drafts: Sequence[Row[Any]]) -> dict[int, Edits]:
    ids = [row.id for row in drafts]
    by_act: dict[tuple[int, str], list[int]] = defaultdict(list)
    placed = select(draft_entry).where(draft_entry.c.draft_id.in_(ids))
    for row in connection.execute(placed.order_by(draft_entry.c.position)):
        by_act[row.draft_id, row.act].append(row.entry_id)
    texts: dict[int, dict[str, EditorText]] = defaultdict(dict)
    for row in connection.execute(select(draft_text).where(draft_text.c.draft_id.in_(ids))):
        texts[row.draft_id][row.language] = EditorText(subject=row.subject, note=row.note)
    return {
        row.id: Edits(
            lead_id=row.lead_id,
            raised=tuple(by_act[row.id, DraftAct.RAISE]),
            dropped=frozenset(by_act[row.id, DraftAct.DROP]),
            postponed=frozenset(by_act[row.id, DraftAct.POSTPONE]),
            texts=texts[row.id],
        )
        for row in drafts
    }
