"""What is on record of a subscription: its slots, and what they held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from tidings.domain.newsletters import DeliveryState
from tidings.domain.planning import Omission
from tidings.storage.mail_tables import delivery, issue_entry, plan_log
from tidings.storage.tables import entry


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRecord:
    """A slot that was planned, with a letter or without one.

    Attributes:
        came_to: What became of its letter, or why there was none.
        delivery: The id; None without a letter.
        finished_at: When the letter came to its end.
        told: Ids of the entries in the letter, in its order.
    """

    slot: str
    from_seq: int
    to_seq: int
    planned_at: datetime
    came_to: DeliveryState | Omission
    delivery: int | None = None
    finished_at: datetime | None = None
    reply: str | None = None
    told: Sequence[int] = ()


def slots(
    connection: Connection, subscription_id: int, *, label: str | None, limit: int
) -> list[SlotRecord]:
    """Return the slots of a subscription, the newest first; with a label, those of that name."""
    letters = select(delivery).where(delivery.c.subscription_id == subscription_id)
    gaps = select(plan_log).where(plan_log.c.subscription_id == subscription_id)
    if label is not None:
        letters, gaps = (
            letters.where(delivery.c.slot == label),
            gaps.where(plan_log.c.slot == label),
        )
    sent = connection.execute(letters.order_by(delivery.c.id.desc()).limit(limit)).all()
    told = _told(connection, [row.issue_id for row in sent])
    found = [
        SlotRecord(
            slot=row.slot,
            from_seq=row.from_seq,
            to_seq=row.to_seq,
            planned_at=row.planned_at,
            came_to=DeliveryState(row.state),
            delivery=row.id,
            finished_at=row.finished_at,
            reply=row.reply,
            told=told.get(row.issue_id, ()),
        )
        for row in sent
    ]
    found += [
        SlotRecord(
            slot=row.slot,
            from_seq=row.from_seq,
            to_seq=row.to_seq,
            planned_at=row.planned_at,
            came_to=Omission(row.reason),
        )
        for row in connection.execute(gaps.order_by(plan_log.c.id.desc()).limit(limit))
    ]
    return sorted(found, key=lambda one: one.planned_at, reverse=True)[:limit]


def slots_with(connection: Connection, subscription_id: int, seq: int) -> list[SlotRecord]:
    """Return the slots of a subscription whose window a publish sequence is in, newest first."""
    of = delivery.c.subscription_id == subscription_id
    labels = select(delivery.c.slot).where(of, delivery.c.from_seq < seq, delivery.c.to_seq >= seq)
    of = plan_log.c.subscription_id == subscription_id
    others = select(plan_log.c.slot).where(of, plan_log.c.from_seq < seq, plan_log.c.to_seq >= seq)
    found = [
        one
        for label in connection.scalars(labels.union(others))
        for one in slots(connection, subscription_id, label=label, limit=_SAME)
        if one.from_seq < seq <= one.to_seq
    ]
    return sorted(found, key=lambda one: one.planned_at, reverse=True)


def published_between(
    connection: Connection, *, from_seq: int, to_seq: int, limit: int
) -> list[int]:
    """Return the ids of what became public in a window, in every state now, the newest first."""
    is_in = (entry.c.seq > from_seq, entry.c.seq <= to_seq)
    newest = select(entry.c.id).where(*is_in).order_by(entry.c.seq.desc()).limit(limit)
    return list(connection.scalars(newest))


_SAME = 20
"""Slots of one label that are looked at: one stands, the others were superseded."""


def _told(connection: Connection, issue_ids: Sequence[int]) -> dict[int, list[int]]:
    statement = (
        select(issue_entry.c.issue_id, issue_entry.c.entry_id)
        .where(issue_entry.c.issue_id.in_(set(issue_ids)))
        .order_by(issue_entry.c.issue_id, issue_entry.c.position)
    )
    told: dict[int, list[int]] = {}
    for row in connection.execute(statement):
        told.setdefault(row.issue_id, []).append(row.entry_id)
    return told
