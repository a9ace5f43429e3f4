"""Transactional mail: queued in the transaction that causes it, then sent from its outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)

from tidings.db import job_tickets
from tidings.db.mail_tables import subscriber, subscription
from tidings.db.statements import upsert
from tidings.db.subscriber_tables import address_change, notice, sign_up
from tidings.model.jobs import NOTICES
from tidings.model.newsletters import DeliveryState
from tidings.model.subscribers import LIFETIMES, MessageKind
from tidings.newsletters.store.outbox import Outbox, OutboxMessage

# How long a message is kept after it was sent, cancelled or expired.
KEPT = timedelta(days=30)

OUTBOX = Outbox(notice)

_TAKING = OUTBOX.taking(
    select(notice.c.id)
    .where(
        notice.c.finished_at.is_(None),
        notice.c.state != DeliveryState.SENDING,
        notice.c.next_try_at <= bindparam("now", type_=notice.c.next_try_at.type),
    )
    .order_by(notice.c.next_try_at, notice.c.id)
    .limit(bindparam("most", type_=Integer))
    # Of two services, neither waits for what the other is claiming.
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to be queued; it is deleted with the rows that it refers to.

    Attributes:
        details: Anything else that its template needs.
        name: Unique: a second message of the same name is not queued; None for any number.
    """

    kind: MessageKind
    address: str
    language: str
    newsletter_id: int | None = None
    subscription_id: int | None = None
    sign_up_id: int | None = None
    address_change_id: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage(OutboxMessage):
    """A message that this process has leased to send, with what its links are made of.

    Attributes:
        message_id: Without its domain and brackets.
        asked_at: When the sign-up or the change of address was requested.
        link_expires_at: Until when that can be confirmed.
    """

    kind: MessageKind
    language: str
    newsletter_id: int | None
    subscription_id: int | None
    nonce: int | None
    subscriber_id: int | None
    token_version: int | None
    sign_up_id: int | None
    address_change_id: int | None
    asked_at: datetime | None
    link_expires_at: datetime | None
    details: Mapping[str, object]
    made_at: datetime


def add(connection: Connection, new: NewMessage, *, now: datetime) -> bool:
    """Queue a message, unless there is one with its name; return whether it was queued."""
    row = upsert(connection.dialect.name, notice).values(_columns(new, now))
    only = row.on_conflict_do_nothing(index_elements=[notice.c.message_id])
    is_new = connection.execute(only.returning(notice.c.id)).first() is not None
    if is_new:
        job_tickets.defer(connection, NOTICES)  # somebody waits for it, most likely
    return is_new


def add_many(connection: Connection, messages: Sequence[NewMessage], *, now: datetime) -> None:
    """Queue messages without names, or with new ones."""
    if messages:
        connection.execute(insert(notice), [_columns(new, now) for new in messages])
        job_tickets.defer(connection, NOTICES)


def is_known(connection: Connection, name: str) -> bool:
    """Tell whether a message with a name has been queued."""
    named = select(notice.c.id).where(notice.c.message_id == name)
    return connection.execute(named).first() is not None


def is_any_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether there is anything to send, recover or withdraw."""
    # One indexed read every ten seconds: no write transaction as long as there is nothing to do.
    waits = (notice.c.finished_at.is_(None), notice.c.next_try_at <= now)
    return connection.execute(select(notice.c.id).where(*waits).limit(1)).first() is not None


def withdraw(connection: Connection, *, now: datetime) -> None:
    """Cancel welcomes to people who left, and goodbyes to people who came back; expire the rest."""
    # Asked of each that waits: to list who left, or who stays, would be to read all subscriptions.
    is_on = (
        select(subscription.c.ended_at.is_(None))
        .where(subscription.c.id == notice.c.subscription_id)
        .scalar_subquery()
    )
    is_outdated = or_(
        and_(notice.c.kind == MessageKind.WELCOME, ~is_on),
        and_(notice.c.kind == MessageKind.GOODBYE, is_on),
    )
    for rule, state in (
        (is_outdated, DeliveryState.CANCELLED),
        (notice.c.expires_at <= now, DeliveryState.EXPIRED),
    ):
        OUTBOX.withdraw(connection, rule=rule, state=state, now=now)


def claim(connection: Connection, owner: str, *, limit: int, now: datetime) -> list[ClaimedMessage]:
    """Lease up to `limit` due messages, the longest waiting first."""
    ids = OUTBOX.take(connection, owner, _TAKING, limit=limit, now=now)
    return _claimed(connection, ids) if ids else []


def prune(connection: Connection, *, now: datetime) -> None:
    """Delete messages that were finished a month ago."""
    connection.execute(delete(notice).where(notice.c.finished_at <= now - KEPT))


def _columns(new: NewMessage, now: datetime) -> dict[str, object]:
    return {
        "kind": new.kind,
        "address": new.address,
        "language": new.language,
        "newsletter_id": new.newsletter_id,
        "subscription_id": new.subscription_id,
        "sign_up_id": new.sign_up_id,
        "address_change_id": new.address_change_id,
        "details": dict(new.details),
        # Message-IDs of deliveries end in ".d": a bounce tells which of the two tables to look
        # into.
        "message_id": new.name or f"{token_hex(16)}.n",
        "made_at": now,
        "state": DeliveryState.READY,
        "attempts": 0,
        "next_try_at": now,
        "expires_at": now + LIFETIMES[new.kind],
        "resent": False,
    }


def _claimed(connection: Connection, ids: Sequence[int]) -> list[ClaimedMessage]:
    whose = func.coalesce(subscription.c.subscriber_id, address_change.c.subscriber_id)
    statement = (
        select(
            notice,
            subscription.c.nonce,
            subscriber.c.id.label("subscriber_id"),
            subscriber.c.token_version,
            sign_up.c.asked_at.label("signed_up_at"),
            sign_up.c.expires_at.label("sign_up_until"),
            address_change.c.asked_at.label("changed_at"),
            address_change.c.expires_at.label("change_until"),
        )
        .outerjoin(subscription, subscription.c.id == notice.c.subscription_id)
        .outerjoin(address_change, address_change.c.id == notice.c.address_change_id)
        .outerjoin(subscriber, subscriber.c.id == whose)
        .outerjoin(sign_up, sign_up.c.id == notice.c.sign_up_id)
        .where(notice.c.id.in_(ids))
        # Again: the update that leased them returns them in no order.
        .order_by(notice.c.next_try_at, notice.c.id)
    )
    return [_to_claimed(row) for row in connection.execute(statement)]


def _to_claimed(row: Row[*tuple[Any, ...]]) -> ClaimedMessage:
    return ClaimedMessage(
        id=row.id,
        kind=MessageKind(row.kind),
        address=row.address,
        language=row.language,
        newsletter_id=row.newsletter_id,
        subscription_id=row.subscription_id,
        nonce=row.nonce,
        subscriber_id=row.subscriber_id,
        token_version=row.token_version,
        sign_up_id=row.sign_up_id,
        address_change_id=row.address_change_id,
        asked_at=row.signed_up_at or row.changed_at,
        link_expires_at=row.sign_up_until or row.change_until,
        details=row.details,
        message_id=row.message_id,
        made_at=row.made_at,
        attempt=row.attempts,
        is_resend=row.resent,
    )
