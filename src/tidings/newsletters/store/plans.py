"""Planning: due subscriptions and their progress are read, a plan is written in one transaction.

Also the numbers of recipients by which floods are recognised.
"""

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
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from tidings.catalog import newsletters
from tidings.catalog.change_log import last_seq
from tidings.catalog.newsletters import chosen_topics, schedule_from, to_schedule
from tidings.db.mail_tables import (
    cut,
    delivery,
    draft,
    flood,
    issue,
    newsletter,
    plan_log,
    subscription,
    subscription_topic,
)
from tidings.db.statements import upsert
from tidings.db.types import UtcDateTime
from tidings.errors import PlanOutdatedError
from tidings.model.newsletters import DeliveryState, Frequency, Newsletter, Schedule
from tidings.newsletters.windows import Omission, PendingDelivery, SubscriptionProgress

# "plan" in ASCII: any number that no other advisory lock of this database has.
_PLANNING = 0x706C616E

UNSENT = (DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.HELD)

_COLUMNS = (
    subscription.c.id,
    subscription.c.newsletter_id,
    subscription.c.frequency,
    subscription.c.hour,
    subscription.c.timezone,
    subscription.c.weekday,
    subscription.c.language,
    subscription.c.watermark,
    subscription.c.next_issue_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSubscription:
    """A subscription that is to be planned.

    Attributes:
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned.
    """

    id: int
    newsletter: Newsletter
    schedule: Schedule
    topics: tuple[str, ...]
    language: str
    watermark: int
    next_issue_at: datetime


def try_lock_rounds(connection: Connection) -> bool:
    """Keep other planners from beginning a round until a transaction ends; on PostgreSQL.

    Whoever does not `hold_rounds` for a minute loses that: their machine may be stopped, or gone.

    Args:
        connection: A writing one: it holds no snapshot while it waits, so vacuum can go on.

    Returns:
        Whether nobody else does so.
    """
    # Not a lock of the session: PgBouncer may give the next transaction another one.
    free = func.pg_try_advisory_xact_lock(_PLANNING)
    return bool(connection.execute(select(free)).scalar_one())


def hold_rounds(connection: Connection) -> None:
    """Show the database that a round goes on: it ends a transaction that is idle for a minute.

    Raises:
        DBAPIError: It has done so.
    """
    connection.execute(select(1))


def due_subscriptions(
    connection: Connection, *, now: datetime, limit: int
) -> list[DueSubscription]:
    """Return subscriptions whose slot has come, the longest due first."""
    longest_due = (subscription.c.next_issue_at, subscription.c.id)
    rules = (subscription.c.next_issue_at <= now, _is_not_under_review())
    return _select(connection, rules, order=longest_due, limit=limit)


def subscriptions_of(
    connection: Connection, newsletter_id: int, *, after: int, limit: int
) -> list[DueSubscription]:
    """Return the active subscriptions to a newsletter, due or not, by id, a page at a time."""
    is_next = (subscription.c.newsletter_id == newsletter_id, subscription.c.id > after)
    return _select(connection, is_next, order=(subscription.c.id,), limit=limit)


def _select(
    connection: Connection,
    rules: Sequence[ColumnElement[bool]],
    *,
    order: Sequence[ColumnElement[int] | ColumnElement[datetime]],
    limit: int,
) -> list[DueSubscription]:
    is_active = (subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
    statement = select(*_COLUMNS).where(*rules, *is_active).order_by(*order).limit(limit)
    rows = connection.execute(statement).all()
    series = newsletters.by_id(connection) if rows else {}
    topics = chosen_topics(connection, subscription_topic, [row.id for row in rows])
    return [
        DueSubscription(
            id=key,
            newsletter=series[newsletter_id],
            schedule=schedule_from(*schedule),
            topics=topics.get(key, ()),
            language=language,
            watermark=watermark,
            next_issue_at=next_issue_at,
        )
        for key, newsletter_id, *schedule, language, watermark, next_issue_at in rows
    ]


def _is_not_under_review() -> ColumnElement[bool]:
    """Return the condition that nobody waits for a draft of the newsletter.

    Who is still owed what was approved before does not wait: nothing that an editor let go is
    held up by what they have not seen yet.
    """
    waiting = select(draft.c.newsletter_id).where(draft.c.done_at.is_(None))
    approved = select(newsletter.c.watermark).where(newsletter.c.id == subscription.c.newsletter_id)
    return or_(
        subscription.c.newsletter_id.not_in(waiting),
        subscription.c.watermark < approved.scalar_subquery(),
    )


def freeze_upto_seq(connection: Connection, due_at: datetime) -> int:
    """Return the upper bound of all windows that are due at a time; the first call fixes it."""
    # Insert, then read: of two services one inserts, and both read the same.
    row = upsert(connection.dialect.name, cut).values(due_at=due_at, seq=last_seq(connection))
    connection.execute(row.on_conflict_do_nothing())
    return int(connection.execute(select(cut.c.seq).where(cut.c.due_at == due_at)).scalar_one())


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDelivery:
    """A delivery to be stored; `issue_key` says of which issue.

    Attributes:
        held: Why it waits for the operator; None if it does not.
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
class SubscriptionStep:
    """How a subscription moves; written only if it still stands where it was read."""

    subscription_id: int
    from_watermark: int
    to_watermark: int
    was_due_at: datetime
    next_issue_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """A slot without a delivery."""

    subscription_id: int
    slot: str
    reason: str
    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is written for a chunk of subscriptions, all of it or nothing."""

    deliveries: Sequence[PlannedDelivery]
    omitted: Sequence[Omitted]
    superseded: Sequence[int]
    steps: Sequence[SubscriptionStep]


def progress_of(
    connection: Connection, marks: Mapping[int, int], slots: Collection[str]
) -> dict[int, SubscriptionProgress]:
    """Return how far subscriptions have come.

    Args:
        connection: A reading one.
        marks: Their watermarks, by id.
        slots: The labels that they are to be planned for.
    """
    pending: dict[int, list[PendingDelivery]] = defaultdict(list)
    unsent = select(delivery.c.id, delivery.c.subscription_id, delivery.c.from_seq)
    unsent = unsent.where(delivery.c.subscription_id.in_(marks), *_is_replaceable())
    # By id: PostgreSQL returns rows in the order in which they were last written.
    for row in connection.execute(unsent.order_by(delivery.c.id)):
        pending[row.subscription_id].append(PendingDelivery(id=row.id, from_seq=row.from_seq))
    replaceable = {one.id for listed in pending.values() for one in listed}
    of_slots = select(delivery.c.id, delivery.c.subscription_id, delivery.c.slot).where(
        delivery.c.subscription_id.in_(marks), delivery.c.slot.in_(slots), _stands(delivery)
    )
    taken_slots: dict[int, set[str]] = defaultdict(set)
    for row in connection.execute(of_slots):
        if row.id not in replaceable:
            taken_slots[row.subscription_id].add(row.slot)
    # Most subscriptions have nothing but a watermark: they share one object for each.
    plain = {mark: SubscriptionProgress(watermark=mark) for mark in set(marks.values())}
    return {
        key: SubscriptionProgress(
            watermark=mark, pending=tuple(pending[key]), taken_slots=frozenset(taken_slots[key])
        )
        if key in pending or key in taken_slots
        else plain[mark]
        for key, mark in marks.items()
    }


def _is_replaceable() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a delivery that was not sent, nor any later one."""
    # A later one that was sent lies within the wider window: its entries would be sent twice.
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
    """Return the condition of the partial unique indexes, word for word, so that they are used."""
    return table.c.state != literal_column("'superseded'")


def save(connection: Connection, plan: Plan, issue_ids: dict[bytes, int], *, now: datetime) -> None:
    """Write deliveries and watermarks together.

    Raises:
        PlanOutdatedError: A subscription was planned, edited or sent to meanwhile; the
            transaction must be rolled back.
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
    """Move the watermarks of subscriptions whose slot fell due by `until` to the newest entry.

    Their issues may have been sent before the database was restored. Return how many they are.
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
    """Move subscriptions, those with the same new watermark and due time in one statement."""
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
    """Lock subscriptions; none may have changed since it was read."""
    stood = {step.subscription_id: (step.from_watermark, step.was_due_at) for step in steps}
    found = (
        select(subscription.c.id, subscription.c.watermark, subscription.c.next_issue_at)
        .where(
            subscription.c.id.in_(stood),
            subscription.c.ended_at.is_(None),
            subscription.c.paused_at.is_(None),
        )
        .order_by(subscription.c.id)  # one order for everybody: no deadlock of two that plan
        .with_for_update()
    )
    if {key: (mark, due_at) for key, mark, due_at in connection.execute(found)} != stood:
        raise PlanOutdatedError


def _supersede(connection: Connection, deliveries: Collection[int], *, now: datetime) -> None:
    """Supersede unsent deliveries, and drop later omissions: the new window covers both."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DueGroup:
    """The number of subscriptions to a newsletter that have the same schedule."""

    newsletter_id: int
    schedule: Schedule
    number: int


def count_due(connection: Connection, *, now: datetime) -> list[DueGroup]:
    """Return how many subscriptions are due, by newsletter and schedule.

    Of the frequency `instant` all count if one is due: they fall due one after the other within
    minutes, and singly would never look like a flood.
    """
    names = ("newsletter_id", "frequency", "hour", "timezone", "weekday")
    columns = [subscription.c[name] for name in names]
    is_active = (subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
    are_due = (subscription.c.next_issue_at <= now, _is_not_under_review(), *is_active)
    grouped = select(*columns, func.count().label("number")).group_by(*columns)
    due = connection.execute(grouped.where(*are_due)).all()
    found = [row for row in due if row.frequency != Frequency.INSTANT]
    if numbers := {row.newsletter_id for row in due if row.frequency == Frequency.INSTANT}:
        of_these = subscription.c.newsletter_id.in_(numbers)
        is_instant = subscription.c.frequency == Frequency.INSTANT
        found += connection.execute(grouped.where(of_these, is_instant, *is_active))
    return [
        DueGroup(
            newsletter_id=row.newsletter_id,
            schedule=to_schedule(row),
            number=row.number,
        )
        for row in found
    ]


def freeze_floods(connection: Connection, slots: Collection[tuple[int, datetime]]) -> None:
    """Record that a newsletter had too many recipients in these slots."""
    if slots:
        rows = [{"newsletter_id": number, "due_at": due_at} for number, due_at in slots]
        connection.execute(upsert(connection.dialect.name, flood).on_conflict_do_nothing(), rows)


def floods(
    connection: Connection, slots: Collection[tuple[int, datetime]]
) -> set[tuple[int, datetime]]:
    """Return those of the slots that were recorded by `freeze_floods`."""
    moments = {due_at for _, due_at in slots}
    kept = select(flood.c.newsletter_id, flood.c.due_at).where(flood.c.due_at.in_(moments))
    return {(row.newsletter_id, row.due_at) for row in connection.execute(kept)} & set(slots)


def count_active(connection: Connection, newsletter_id: int) -> int:
    """Return how many active subscriptions a newsletter has."""
    statement = select(func.count()).select_from(subscription).where(*_is_active_of(newsletter_id))
    return int(connection.execute(statement).scalar_one())


def count_recipients(connection: Connection, newsletter_id: int, *, limit: int) -> int:
    """Return how many subscriptions a newsletter has sent to so far; counting ends at `limit`."""
    # Not `EXISTS`: PostgreSQL might read all deliveries to join them, for some of the first.
    sent = select(delivery.c.id).where(*_was_sent()).limit(1).scalar_subquery()
    some = (
        select(subscription.c.id)
        .where(subscription.c.newsletter_id == newsletter_id, sent.is_not(None))
        .limit(limit)
    )
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def first_time_recipients(connection: Connection, subscriptions: Collection[int]) -> set[int]:
    """Return those of `subscriptions` that nothing was ever sent to."""
    unknown = subscription.c.id.in_(subscriptions), ~exists().where(*_was_sent())
    return set(connection.scalars(select(subscription.c.id).where(*unknown)))


def least_watermark(connection: Connection, newsletter_id: int) -> int:
    """Return the smallest watermark of a newsletter's active subscriptions; 0 if there is none."""
    last = select(func.min(subscription.c.watermark)).where(*_is_active_of(newsletter_id))
    return int(connection.execute(last).scalar_one() or 0)


def greatest_watermark(connection: Connection, newsletter_id: int) -> int:
    """Return the greatest watermark of a newsletter's active subscriptions; 0 if there is none."""
    last = select(func.max(subscription.c.watermark)).where(*_is_active_of(newsletter_id))
    return int(connection.execute(last).scalar_one() or 0)


def most_entries(connection: Connection, newsletter_id: int, *, issues: int) -> int:
    """Return how many entries the longest of a newsletter's last issues has."""
    last = (
        select(issue.c.entries)
        .where(issue.c.newsletter_id == newsletter_id)
        .order_by(issue.c.id.desc())
        .limit(issues)
    )
    longest = select(func.max(last.subquery().c.entries))
    return int(connection.execute(longest).scalar_one() or 0)


def _is_active_of(newsletter_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        subscription.c.newsletter_id == newsletter_id,
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
    )


def _was_sent() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a delivery to a subscription that was sent, or may have been."""
    return (
        delivery.c.subscription_id == subscription.c.id,
        delivery.c.state != literal_column("'superseded'"),  # as the index has it that is used
        or_(delivery.c.marked_at.is_not(None), delivery.c.state == DeliveryState.ACCEPTED),
    )
