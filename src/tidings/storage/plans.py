"""Planning: what is read for it, and what it writes in one transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from tidings.domain.entries import EntryState
from tidings.domain.newsletters import DeliveryState
from tidings.domain.planning import Pending, Standing
from tidings.errors import PlanOutdatedError
from tidings.storage import topics
from tidings.storage.mail_tables import cut, delivery, plan_log, subscription
from tidings.storage.publishing import last_seq
from tidings.storage.tables import entry

UNSENT = (DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry that digests may tell of, with the topics of its source."""

    id: int
    seq: int
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDelivery:
    """A delivery to be stored; `issue_key` says of which issue."""

    subscription_id: int
    issue_key: bytes
    slot: str
    from_seq: int
    to_seq: int
    message_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """A slot without a delivery."""

    subscription_id: int
    slot: str
    reason: str
    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
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
    steps: Sequence[Step]


def freeze_cut(connection: Connection, due_at: datetime) -> int:
    """Return the upper bound of the windows due at a time; whoever looks first fixes it."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = dialect.insert(cut).values(due_at=due_at, seq=last_seq(connection))
    connection.execute(row.on_conflict_do_nothing())
    return int(connection.execute(select(cut.c.seq).where(cut.c.due_at == due_at)).scalar_one())


def standings(
    connection: Connection, marks: Mapping[int, int], slots: Collection[str]
) -> dict[int, Standing]:
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
    return {
        key: Standing(watermark=mark, pending=tuple(pending[key]), had=frozenset(had[key]))
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


def candidates(connection: Connection, *, from_seq: int, to_seq: int) -> list[Candidate]:
    """Return the entries in a window that digests may tell of, in the order they became public."""
    statement = (
        select(entry.c.id, entry.c.seq, entry.c.source_id)
        .where(
            entry.c.seq > from_seq,
            entry.c.seq <= to_seq,
            entry.c.state == EntryState.PUBLIC,
            entry.c.digest_eligible,
        )
        .order_by(entry.c.seq)
    )
    rows = connection.execute(statement).all()
    labels = topics.of_sources(connection) if rows else {}
    slugs = {key: tuple(topic.slug for topic in of) for key, of in labels.items()}
    return [Candidate(id=row.id, seq=row.seq, topics=slugs.get(row.source_id, ())) for row in rows]


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


def _move(connection: Connection, steps: Sequence[Step]) -> None:
    statement = (
        update(subscription)
        .where(
            subscription.c.id == bindparam("of"),
            subscription.c.watermark == bindparam("from_watermark"),
            subscription.c.next_issue_at == bindparam("was_due_at"),
            subscription.c.ended_at.is_(None),
        )
        .values(watermark=bindparam("to_watermark"), next_issue_at=bindparam("due_at"))
    )
    rows = [
        {
            "of": step.subscription_id,
            "from_watermark": step.from_watermark,
            "was_due_at": step.was_due_at,
            "to_watermark": step.to_watermark,
            "due_at": step.next_issue_at,
        }
        # in one order, so that two who plan at once wait for each other, not both
        for step in sorted(steps, key=lambda step: step.subscription_id)
    ]
    if rows and connection.execute(statement, rows).rowcount != len(rows):
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
    of, since = (
        select(column).where(delivery.c.id == bindparam("of")).scalar_subquery()
        for column in (delivery.c.subscription_id, delivery.c.from_seq)
    )
    taken_back = (plan_log.c.subscription_id == of, plan_log.c.from_seq >= since)
    connection.execute(delete(plan_log).where(*taken_back), [{"of": one} for one in deliveries])


def _row(one: PlannedDelivery, issue_id: int, now: datetime) -> dict[str, object]:
    return {
        "subscription_id": one.subscription_id,
        "issue_id": issue_id,
        "slot": one.slot,
        "from_seq": one.from_seq,
        "to_seq": one.to_seq,
        "message_id": one.message_id,
        "planned_at": now,
        "state": DeliveryState.READY,
        "attempts": 0,
        "next_try_at": now,
        "expires_at": one.expires_at,
        "resent": False,
    }
