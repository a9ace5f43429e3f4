"""Subscribers, their changes of address, and the record of their subscriptions' slots."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tidings.db.mail_tables import delivery, issue, issue_entry, plan_log, subscriber, subscription
from tidings.db.subscriber_tables import address_change, notice, sign_up
from tidings.db.tables import entry
from tidings.errors import NotFoundError
from tidings.model.newsletters import DeliveryState
from tidings.model.subscribers import CONFIRMATION_PERIOD, AddressChange, SubscriberProfile
from tidings.newsletters.windows import Omission
from tidings.subscribers.bounce_rules import BounceHistory
from tidings.subscribers.store import subscriptions

# Slots of one label that are looked at: one stands, the others were superseded.
_SAME = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SentIssue:
    """An issue that was planned for a subscriber."""

    slug: str
    subject: str
    state: str
    finished_at: datetime | None


def get(connection: Connection, subscriber_id: int) -> SubscriberProfile:
    """Return a subscriber.

    Raises:
        NotFoundError: There is none with that id.
    """
    return _get(connection, subscriber.c.id == subscriber_id, subscriber_id)


def get_of(connection: Connection, key: str) -> SubscriberProfile:
    """Return the subscriber with an address.

    Raises:
        NotFoundError: Nobody has that address.
    """
    return _get(connection, subscriber.c.key == key, key)


def find_id(connection: Connection, key: str) -> int | None:
    """Return the id of the subscriber with an address, if somebody has it."""
    return connection.scalar(select(subscriber.c.id).where(subscriber.c.key == key))


def owner_of(connection: Connection, subscription_id: int) -> int:
    """Return the id of the subscriber of a subscription.

    Raises:
        NotFoundError: There is no such subscription.
    """
    statement = select(subscription.c.subscriber_id).where(subscription.c.id == subscription_id)
    found = connection.scalar(statement)
    if found is None:
        raise NotFoundError("subscription", subscription_id)
    return int(found)


def bounce_history(connection: Connection, key: str) -> BounceHistory:
    """Return the bounce history of an address; an empty one if nobody has it."""
    theirs = select(subscriber).where(subscriber.c.key == key)
    row = connection.execute(theirs).first()
    if row is None:
        return BounceHistory()
    return BounceHistory(score=row.bounce_score, since=row.bouncing_since, last_at=row.bounced_at)


def sent_issues(connection: Connection, subscriber_id: int) -> list[SentIssue]:
    """Return the issues that were planned for a subscriber, the oldest first."""
    statement = (
        select(issue.c.slug, issue.c.subject, delivery.c.state, delivery.c.finished_at)
        .join(delivery, delivery.c.issue_id == issue.c.id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(subscription.c.subscriber_id == subscriber_id)
        .order_by(delivery.c.id)
    )
    return [SentIssue(**row) for row in connection.execute(statement).mappings()]


def remove(
    connection: Connection, profile: SubscriberProfile, *, former: Collection[str] = ()
) -> None:
    """Delete a subscriber with their subscriptions, deliveries, consent record and sign-ups.

    Args:
        connection: A writing one.
        profile: Who.
        former: The keys of addresses that were theirs before.
    """
    theirs = {profile.key, *former}
    connection.execute(delete(subscriber).where(subscriber.c.id == profile.id))
    # Some of these have only an address, no subscriber: no cascade deletes them.
    connection.execute(delete(sign_up).where(sign_up.c.key.in_(theirs)))
    connection.execute(delete(notice).where(func.lower(notice.c.address).in_(theirs)))


def sign_out(connection: Connection, subscriber_id: int) -> None:
    """Revoke all links to a subscriber's preferences."""
    newer = {"token_version": subscriber.c.token_version + 1}
    connection.execute(update(subscriber).where(subscriber.c.id == subscriber_id).values(newer))


def ask_change(
    connection: Connection, subscriber_id: int, address: tuple[str, str], *, now: datetime
) -> int:
    """Store a requested change of address, replacing an earlier one; return its id.

    Args:
        connection: A writing one.
        subscriber_id: Whose.
        address: As typed, and normalised.
        now: Aware UTC.
    """
    others = delete(address_change).where(address_change.c.subscriber_id == subscriber_id)
    connection.execute(others)  # and, by cascade, its message, whose link would confirm the new one
    row = insert(address_change).values(
        subscriber_id=subscriber_id,
        address=address[0],
        key=address[1],
        asked_at=now,
        expires_at=now + CONFIRMATION_PERIOD,
    )
    return int(connection.execute(row.returning(address_change.c.id)).scalar_one())


def find_change(connection: Connection, change_id: int) -> AddressChange | None:
    """Return a change of address; None if it was deleted."""
    return _find_change(connection, _changes(change_id))


def lock_change(connection: Connection, change_id: int) -> AddressChange | None:
    """Return a change of address, locked until the transaction ends."""
    return _find_change(connection, _changes(change_id).with_for_update())


def move(connection: Connection, change: AddressChange) -> bool:
    """Give a subscriber the new address, and revoke their old links to preferences.

    False, without any change, if another subscriber has the address.
    """
    values = {
        "address": change.address,
        "key": change.key,
        # Links in the mailbox of the old address, which may be somebody else's by now.
        "token_version": subscriber.c.token_version + 1,
        # The failures were those of the old address.
        "bounce_score": 0,
        "bouncing_since": None,
        "bounced_at": None,
    }
    moving = update(subscriber).where(subscriber.c.id == change.subscriber_id)
    try:
        # A savepoint: on PostgreSQL a failed statement aborts the whole transaction.
        with connection.begin_nested():
            connection.execute(moving.values(values))
    except IntegrityError:
        return False
    return True


def purge_changes(connection: Connection, *, now: datetime) -> int:
    """Delete changes of address that were not confirmed in time; return how many."""
    is_over = address_change.c.expires_at <= now
    return connection.execute(delete(address_change).where(is_over)).rowcount


def _get(connection: Connection, rule: ColumnElement[bool], key: object) -> SubscriberProfile:
    row = connection.execute(select(subscriber).where(rule)).first()
    if row is None:
        raise NotFoundError("subscriber", key)
    return SubscriberProfile(
        id=row.id,
        address=row.address,
        key=row.key,
        token_version=row.token_version,
        subscriptions=tuple(subscriptions.of_subscriber_id(connection, row.id)),
    )


def _changes(change_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(address_change, subscriber.c.address.label("old_address"))
        .join(subscriber, subscriber.c.id == address_change.c.subscriber_id)
        .where(address_change.c.id == change_id)
    )


def _find_change(
    connection: Connection, statement: Select[*tuple[Any, ...]]
) -> AddressChange | None:
    row = connection.execute(statement).mappings().first()
    if row is None:
        return None
    return AddressChange(**{name: row[name] for name in AddressChange.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRecord:
    """A slot that was planned, with a delivery or without one.

    Attributes:
        came_to: The state of its delivery, or why there is none.
        delivery: The id; None without one.
        finished_at: Of the delivery.
        told: Ids of the entries in its issue, in order.
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
    """Return the slots of a subscription, the newest first; only those of a label, if given."""
    # Two tables, each read up to the limit: either may have all of the newest.
    deliveries = select(delivery).where(delivery.c.subscription_id == subscription_id)
    gaps = select(plan_log).where(plan_log.c.subscription_id == subscription_id)
    if label is not None:
        deliveries, gaps = (
            deliveries.where(delivery.c.slot == label),
            gaps.where(plan_log.c.slot == label),
        )
    sent = connection.execute(deliveries.order_by(delivery.c.id.desc()).limit(limit)).all()
    told = _entry_ids(connection, [row.issue_id for row in sent])
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
    """Return the slots of a subscription whose window has an entry's `seq`, the newest first."""
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
    """Return the ids of entries in a window, whatever their state is now, the newest first."""
    is_in = (entry.c.seq > from_seq, entry.c.seq <= to_seq)
    newest = select(entry.c.id).where(*is_in).order_by(entry.c.seq.desc()).limit(limit)
    return list(connection.scalars(newest))


def _entry_ids(connection: Connection, issue_ids: Sequence[int]) -> dict[int, list[int]]:
    statement = (
        select(issue_entry.c.issue_id, issue_entry.c.entry_id)
        .where(issue_entry.c.issue_id.in_(set(issue_ids)))
        .order_by(issue_entry.c.issue_id, issue_entry.c.position)
    )
    told: dict[int, list[int]] = {}
    for row in connection.execute(statement):
        told.setdefault(row.issue_id, []).append(row.entry_id)
    return told
