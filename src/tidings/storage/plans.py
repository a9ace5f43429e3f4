"""Planning: what is read for it, and what it writes in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    delete,
    exists,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from tidings.domain.newsletters import DeliveryState
from tidings.domain.planning import Omission, Pending, SubscriptionProgress
from tidings.errors import PlanOutdatedError
from tidings.storage.mail_tables import cut, delivery, plan_log, subscription
from tidings.storage.publishing import last_seq
from tidings.storage.types import UtcDateTime
from tidings.storage.upserts import upsert

UNSENT = (DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDelivery:
    """A delivery to be stored; `issue_key` says of which issue.

    Attributes:
        held: Why it may not go out before the operator says so; None if it may.
    """

    subscription_id: int
    issue_key: bytes
    slot: str
    from_seq: int
    to_seq: int
    message_id: str
    expires_at: datetime
    held: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """A slot without a delivery."""

    subscription_id: int
    slot: str
    reason: str
    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStep:
    """How far a subscription moves; only from where it stood when it was read."""

    subscription_id: int
    from_watermark: int
    to_watermark: int
    was_due_at: datetime
    next_issue_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is written for a number of subscriptions, all of it or nothing."""

    deliveries: Sequence[PlannedDelivery]
    omitted: Sequence[Omitted]
    superseded: Sequence[int]
    steps: Sequence[SubscriptionStep]


def freeze_cut(connection: Connection, due_at: datetime) -> int:
    """Return the upper bound of the windows due at a time; whoever looks first fixes it."""
    row = upsert(connection.dialect.name, cut).values(due_at=due_at, seq=last_seq(connection))
    connection.execute(row.on_conflict_do_nothing())
    return int(connection.execute(select(cut.c.seq).where(cut.c.due_at == due_at)).scalar_one())


def progress_of(
    connection: Connection, marks: Mapping[int, int], slots: Collection[str]
) -> dict[int, SubscriptionProgress]:
    """Return how far subscriptions have come.

    Args:
        connection: A reading one.
        marks: Their watermarks, by id.
        slots: The labels that they are to be planned for.
    """
    pending: dict[int, list[Pending]] = defaultdict(list)
    unsent = select(delivery.c.id, delivery.c.subscription_id, delivery.c.from_seq)
    unsent = unsent.where(delivery.c.subscription_id.in_(marks), *_is_replaceable())
    for row in connection.execute(unsent):
        pending[row.subscription_id].append(Pending(id=row.id, from_seq=row.from_seq))
    replaceable = {one.id for listed in pending.values() for one in listed}
    of_slots = select(delivery.c.id, delivery.c.subscription_id, delivery.c.slot).where(
        delivery.c.subscription_id.in_(marks), delivery.c.slot.in_(slots), _stands(delivery)
    )
    had: dict[int, set[str]] = defaultdict(set)
    for row in connection.execute(of_slots):
        if row.id not in replaceable:
            had[row.subscription_id].add(row.slot)
    plain = {
        mark: SubscriptionProgress(watermark=mark) for mark in set(marks.values())
    }  # most of them
    return {
        key: SubscriptionProgress(
            watermark=mark, pending=tuple(pending[key]), had=frozenset(had[key])
        )
        if key in pending or key in had
        else plain[mark]
        for key, mark in marks.items()
    }


def _is_replaceable() -> tuple[ColumnElement[bool], ...]:
    """Return the rules for what was not sent, nor anything after it, which would be told twice."""
    later = delivery.alias()
    is_sent_later = exists().where(
        later.c.subscription_id == delivery.c.subscription_id,
        later.c.from_seq > delivery.c.from_seq,
        _stands(later),
        or_(later.c.state.not_in(UNSENT), later.c.marked_at.is_not(None)),
    )
    return (
        delivery.c.finished_at.is_(None),  # with the next one: its state is one of `UNSENT`
        delivery.c.state.not_in((DeliveryState.SENDING, DeliveryState.UNCERTAIN)),
        delivery.c.marked_at.is_(None),
        ~is_sent_later,
    )


def _stands(table: FromClause) -> ColumnElement[bool]:
    """Return the condition of the unique indexes, in their words, so that they are used."""
    return table.c.state != literal_column("'superseded'")


def save(connection: Connection, plan: Plan, issue_ids: dict[bytes, int], *, now: datetime) -> None:
    """Write deliveries and watermarks together.

    Raises:
        PlanOutdatedError: Somebody else has planned, edited or sent meanwhile; nothing of
            the plan may be kept.
    """
    _move(connection, plan.steps)
    _supersede(connection, plan.superseded, now=now)
    if plan.omitted:
        rows = [
            {
                "subscription_id": one.subscription_id,
                "slot": one.slot,
                "reason": one.reason,
                "from_seq": one.from_seq,
                "to_seq": one.to_seq,
                "planned_at": now,
            }
            for one in plan.omitted
        ]
        connection.execute(insert(plan_log), rows)
    if plan.deliveries:
        connection.execute(
            insert(delivery), [_row(one, issue_ids[one.issue_key], now) for one in plan.deliveries]
        )


def skip_missed_slots(connection: Connection, *, until: datetime, now: datetime) -> int:
    """Pass over what subscriptions had to come whose slot was over by `until`; return how many.

    Their letters may have been planned and sent by a later state of the database than this.
    """
    last = last_seq(connection)
    is_lost = (
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
        subscription.c.next_issue_at <= until,
        subscription.c.watermark < last,
    )
    label = literal(Omission.RESTORED, Text())
    skipped = select(
        subscription.c.id,
        label,
        label,
        subscription.c.watermark,
        literal(last, BigInteger()),
        literal(now, UtcDateTime()),
    ).where(*is_lost)
    columns = ("subscription_id", "slot", "reason", "from_seq", "to_seq", "planned_at")
    connection.execute(insert(plan_log).from_select(columns, skipped))
    return connection.execute(update(subscription).where(*is_lost).values(watermark=last)).rowcount


def _move(connection: Connection, steps: Sequence[SubscriptionStep]) -> None:
    """Move all subscriptions that come to the same place in one go: they are few such places."""
    if not steps:
        return
    _lock(connection, steps)
    together: dict[tuple[int | None, datetime], list[int]] = defaultdict(list)
    for step in steps:
        stays = step.to_watermark == step.from_watermark
        to = None if stays else step.to_watermark
        together[to, step.next_issue_at].append(step.subscription_id)
    for (watermark, due_at), moved in together.items():
        place = {"next_issue_at": due_at} | ({} if watermark is None else {"watermark": watermark})
        connection.execute(update(subscription).where(subscription.c.id.in_(moved)).values(place))


def _lock(connection: Connection, steps: Sequence[SubscriptionStep]) -> None:
    """Keep others from subscriptions; they must stand where they stood when they were read."""
    stood = {step.subscription_id: (step.from_watermark, step.was_due_at) for step in steps}
    found = (
        select(subscription.c.id, subscription.c.watermark, subscription.c.next_issue_at)
        .where(
            subscription.c.id.in_(stood),
            subscription.c.ended_at.is_(None),
            subscription.c.paused_at.is_(None),
        )
        .order_by(subscription.c.id)  # so that two who plan at once wait for each other, not both
        .with_for_update()
    )
    if {key: (mark, due_at) for key, mark, due_at in connection.execute(found)} != stood:
        raise PlanOutdatedError


def _supersede(connection: Connection, deliveries: Collection[int], *, now: datetime) -> None:
    """Take back what was not sent; its windows, and the empty ones after them, are planned anew."""
    if not deliveries:
        return
    statement = (
        update(delivery)
        .where(
            delivery.c.id.in_(deliveries),
            delivery.c.state.in_(UNSENT),
            delivery.c.marked_at.is_(None),
        )
        .values(state=DeliveryState.SUPERSEDED, finished_at=now)
    )
    if connection.execute(statement).rowcount != len(deliveries):
        raise PlanOutdatedError
    taken_back = (
        select(plan_log.c.id)
        .join(delivery, delivery.c.subscription_id == plan_log.c.subscription_id)
        .where(delivery.c.id.in_(deliveries), plan_log.c.from_seq >= delivery.c.from_seq)
    )
    connection.execute(delete(plan_log).where(plan_log.c.id.in_(taken_back)))


def _row(one: PlannedDelivery, issue_id: int, now: datetime) -> dict[str, object]:
    return {
        "subscription_id": one.subscription_id,
        "issue_id": issue_id,
        "slot": one.slot,
        "from_seq": one.from_seq,
        "to_seq": one.to_seq,
        "message_id": one.message_id,
        "planned_at": now,
        "state": DeliveryState.HELD if one.held else DeliveryState.READY,
        "reply": one.held,
        "attempts": 0,
        "next_try_at": one.expires_at if one.held else now,
        "expires_at": one.expires_at,
        "resent": False,
    }
