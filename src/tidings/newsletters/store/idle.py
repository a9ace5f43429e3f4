"""Subscriptions that are due and have had everything there is: moved on without being read."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    exists,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)

from tidings.db.mail_tables import delivery, plan_log, subscription
from tidings.db.types import UtcDateTime
from tidings.model.newsletters import Frequency, Schedule
from tidings.newsletters.windows import Omission, Slot, Turn


def move_on(
    connection: Connection, turn: Turn, schedules: Sequence[Schedule], *, now: datetime, limit: int
) -> int:
    """Move subscriptions to their next slot that have had everything up to their turn's bound.

    A plan would do the same with them. Left to it are those for which that is not certain: they
    had the slot already, were due before it, or are being changed.

    Args:
        connection: A writing one.
        turn: Not one that comes too late.
        schedules: Those with this turn, all of one frequency.
        now: Aware UTC.
        limit: The number of subscriptions at most.

    Returns:
        How many there were; fewer than `limit` if none is left.
    """
    frequency = schedules[0].frequency
    is_instant = frequency is Frequency.INSTANT
    rules = (
        [subscription.c.next_issue_at <= now] if is_instant else _waits_for(turn.slot, schedules)
    )
    found = (
        select(subscription.c.id)
        .where(
            *rules,
            subscription.c.frequency == frequency,
            subscription.c.watermark >= turn.upto_seq,
            subscription.c.ended_at.is_(None),
            subscription.c.paused_at.is_(None),
        )
        .order_by(subscription.c.next_issue_at, subscription.c.id)
        .limit(limit)
        # Waits for nobody, so it needs not lock in the order in which plans do.
        .with_for_update(skip_locked=True)
    )
    ids = connection.scalars(found).all()
    if not ids:
        return 0
    if not is_instant:  # of those nobody expects a message: no log line every 15 minutes
        _log_empty(connection, turn.slot, ids, now=now)
    moved = update(subscription).where(subscription.c.id.in_(ids))
    connection.execute(moved.values(next_issue_at=turn.next_issue_at))
    return len(ids)


def _waits_for(slot: Slot, schedules: Sequence[Schedule]) -> list[ColumnElement[bool]]:
    calendars = [(schedule.hour, schedule.timezone) for schedule in schedules]
    had = exists().where(
        delivery.c.subscription_id == subscription.c.id,
        delivery.c.slot == slot.key,
        delivery.c.state != literal_column("'superseded'"),  # as the index has it that is used
    )
    return [
        # Not `<=`: every turn would read all that are due, whatever their schedule.
        subscription.c.next_issue_at == slot.due_at,
        tuple_(subscription.c.hour, subscription.c.timezone).in_(calendars),
        ~had,
    ]


def _log_empty(connection: Connection, slot: Slot, ids: Sequence[int], *, now: datetime) -> None:
    lines = select(
        subscription.c.id,
        literal(slot.key, Text()),
        literal(Omission.EMPTY, Text()),
        subscription.c.watermark,
        subscription.c.watermark,
        literal(now, UtcDateTime()),
    ).where(subscription.c.id.in_(ids))
    columns = ("subscription_id", "slot", "reason", "from_seq", "to_seq", "planned_at")
    connection.execute(insert(plan_log).from_select(columns, lines.order_by(subscription.c.id)))
