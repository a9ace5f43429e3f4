"""Subscriptions that are due and have had everything there is: moved on without being read."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
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


def find(
    connection: Connection, turn: Turn, schedules: Sequence[Schedule], *, now: datetime
) -> Sequence[int]:
    """Return the due subscriptions that have had everything up to their turn's bound, by id.

    A plan would do no more than move them on. Left out are those for which that is not certain:
    they had the slot already, or were due before it.

    Args:
        connection: A reading one.
        turn: Not one that comes too late.
        schedules: Those with this turn, all of one frequency.
        now: Aware UTC.
    """
    frequency = schedules[0].frequency
    is_instant = frequency is Frequency.INSTANT
    rules = [] if is_instant else _waits_for(turn.slot, schedules)
    found = select(subscription.c.id).where(
        subscription.c.frequency == frequency, *_is_idle(turn, now=now), *rules
    )
    # All at once, and not a page at a time: PostgreSQL would begin each at the first subscription.
    return connection.scalars(found.order_by(subscription.c.id)).all()


def move_on(
    connection: Connection,
    ids: Sequence[int],
    turn: Turn,
    *,
    frequency: Frequency,
    now: datetime,
) -> None:
    """Move subscriptions of a frequency to their next slot, and note that this one was empty.

    Those that have changed since they were found, or are being changed, are left to be planned.
    """
    still = (
        select(subscription.c.id)
        .where(subscription.c.id.in_(ids), *_is_idle(turn, now=now))
        # Waits for nobody, so it needs not lock in the order in which plans do.
        .with_for_update(skip_locked=True)
    )
    found = connection.scalars(still).all()
    if frequency is not Frequency.INSTANT:  # nobody expects a message every 15 minutes
        _log_empty(connection, turn.slot, found, now=now)
    # By their ids, and not by the statement above: PostgreSQL might read all subscriptions for it.
    moved = update(subscription).where(subscription.c.id.in_(found))
    connection.execute(moved.values(next_issue_at=turn.next_issue_at))


def _is_idle(turn: Turn, *, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        subscription.c.next_issue_at <= now,
        subscription.c.watermark >= turn.upto_seq,
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
    )


def _waits_for(slot: Slot, schedules: Sequence[Schedule]) -> list[ColumnElement[bool]]:
    calendars = [(one.hour, one.timezone, one.weekday) for one in schedules]
    had = select(delivery.c.id).where(
        delivery.c.subscription_id == subscription.c.id,
        delivery.c.slot == slot.key,
        delivery.c.state != literal_column("'superseded'"),  # as the index has it that is used
    )
    return [
        # With `<=` alone every turn would read all that are due, whatever their schedule.
        subscription.c.next_issue_at == slot.due_at,
        tuple_(subscription.c.hour, subscription.c.timezone, subscription.c.weekday).in_(calendars),
        # Not `EXISTS`: PostgreSQL might read all deliveries to join them, for nobody who is idle.
        had.scalar_subquery().is_(None),
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
