"""Deliveries: one issue to one subscription, as a row of the outbox.

First what the sender does with them, then what the operator does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from tidings.db.mail_tables import delivery, issue, newsletter, subscriber, subscription
from tidings.db.statements import chunks
from tidings.db.subscriber_tables import bounce
from tidings.errors import ConflictError, NotFoundError
from tidings.model.newsletters import DeliveryState
from tidings.model.refusals import IssueReplies
from tidings.newsletters.retries import CANCELLABLE, DOUBTFUL, RESENDABLE, DeliveryRecord, Search
from tidings.newsletters.store.outbox import WAITING_STATES, Outbox, OutboxMessage
from tidings.newsletters.windows import MIN_TIME_TO_LIVE

# The last messages of all issues, by which a relay that refuses everybody is recognised.
OUTCOMES_LIMIT = 1000

OUTBOX = Outbox(delivery)

_NOW = bindparam("now", type_=delivery.c.next_try_at.type)


@cache
def _taking(without: tuple[str, ...]) -> ReturningUpdate[tuple[int]]:
    """Return the statement that leases due deliveries, but those to some domains."""
    due = (
        select(delivery.c.id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(
            delivery.c.finished_at.is_(None),  # with the next two: its state is one of `WAITING`
            delivery.c.state != DeliveryState.SENDING,
            delivery.c.next_try_at <= _NOW,
            # `withdraw` runs once a round, and a round can take an hour: people leave meanwhile.
            delivery.c.expires_at > _NOW,
            subscription.c.ended_at.is_(None),
        )
        .order_by(delivery.c.next_try_at, delivery.c.issue_id, delivery.c.id)
        .limit(bindparam("most", type_=Integer))
        # PostgreSQL: two services share the work instead of waiting for each other. SQLite has one
        # writer at a time anyway, and ignores it.
        .with_for_update(skip_locked=True, of=delivery)
    )
    if without:
        theirs = [subscriber.c.key.endswith(f"@{one}", autoescape=True) for one in without]
        their_address = subscriber.c.id == subscription.c.subscriber_id
        due = due.join(subscriber, their_address).where(~or_(*theirs))
    return OUTBOX.taking(due)


# Built once, as it runs for every few messages.
_CLAIMED = (
    select(
        delivery,
        subscription.c.nonce,
        subscription.c.subscriber_id,
        subscriber.c.token_version,
        subscriber.c.address,
    )
    .join(subscription, subscription.c.id == delivery.c.subscription_id)
    .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    .where(delivery.c.id.in_(bindparam("of", expanding=True)))
    .order_by(delivery.c.issue_id, delivery.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery(OutboxMessage):
    """A delivery that this process has leased to send.

    Attributes:
        nonce: The subscription's.
        token_version: The subscriber's.
    """

    kind: str = "issue"
    subscription_id: int
    nonce: int
    subscriber_id: int
    token_version: int
    issue_id: int
    slot: str
    planned_at: datetime


def withdraw(connection: Connection, *, now: datetime) -> None:
    """Cancel deliveries to people who have unsubscribed, expire those that waited too long.

    Those that may have been sent become `assumed_accepted` instead.
    """
    # Asked of each that waits: those who have left in all are many more.
    has_left = exists().where(
        subscription.c.id == delivery.c.subscription_id, subscription.c.ended_at.is_not(None)
    )
    for rule, state in (
        (has_left, DeliveryState.CANCELLED),
        (delivery.c.expires_at <= now, DeliveryState.EXPIRED),
    ):
        OUTBOX.withdraw(connection, rule=rule, state=state, now=now)


def claim(
    connection: Connection,
    owner: str,
    *,
    limit: int,
    now: datetime,
    without: tuple[str, ...] = (),
) -> list[ClaimedDelivery]:
    """Lease up to `limit` due deliveries, the longest waiting first, those of an issue together.

    Those to the domains `without` are left to others.
    """
    ids = OUTBOX.take(connection, owner, _taking(without), limit=limit, now=now)
    # A second statement: RETURNING has no other table's columns on SQLite.
    found = connection.execute(_CLAIMED, {"of": ids}) if ids else ()
    return [_to_claimed(row) for row in found]


def postpone(connection: Connection, domain: str, *, until: datetime) -> None:
    """Postpone everything that waits for addresses of a domain.

    Rows that another process has locked are left out; they are put back when they are claimed.
    """
    theirs = (
        select(subscription.c.id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(subscriber.c.key.endswith(f"@{domain}", autoescape=True))
    )
    waiting = (
        select(delivery.c.id)
        .where(
            delivery.c.finished_at.is_(None),
            delivery.c.state.in_(WAITING_STATES),
            delivery.c.next_try_at < until,
            delivery.c.subscription_id.in_(theirs),
        )
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        update(delivery)
        .where(delivery.c.id.in_(waiting.scalar_subquery()))
        .values(next_try_at=until)
    )


def outcomes(connection: Connection, issue_id: int | None, *, since: datetime) -> IssueReplies:
    """Return how many messages of an issue were accepted, and which were refused.

    Args:
        connection: A reading one.
        issue_id: None for the last `OUTCOMES_LIMIT` messages of all issues.
        since: Of all issues only what was planned after that.
    """
    last = select(delivery.c.id).order_by(delivery.c.id.desc()).limit(OUTCOMES_LIMIT)
    is_of_last = and_(delivery.c.id.in_(last), delivery.c.planned_at > since)
    is_theirs = is_of_last if issue_id is None else delivery.c.issue_id == issue_id
    arrived = (DeliveryState.ACCEPTED, DeliveryState.ASSUMED_ACCEPTED)
    counted = select(func.count()).where(is_theirs, delivery.c.state.in_(arrived))
    found = IssueReplies(accepted=connection.execute(counted).scalar_one())
    refused = (
        select(delivery.c.id, delivery.c.reply, subscriber.c.address)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            is_theirs,
            delivery.c.state.in_((DeliveryState.REJECTED, DeliveryState.HELD)),
            delivery.c.attempts > 0,
        )
    )
    for row in connection.execute(refused):
        domain = row.address.rpartition("@")[2].lower()
        found.note_refused(row.id, domain, row.reply or "")
    return found


def is_for_others(connection: Connection, issue_id: int, domain: str) -> bool:
    """Tell whether an issue has messages for other domains as well."""
    theirs = (
        select(delivery.c.id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            delivery.c.issue_id == issue_id,
            ~subscriber.c.key.endswith(f"@{domain}", autoescape=True),
        )
        .limit(1)
    )
    return connection.execute(theirs).first() is not None


def hold_refused(connection: Connection, ids: Collection[int], *, until: datetime) -> None:
    """Hold messages that were refused, but those that have been counted as a bounce."""
    is_judged = exists().where(bounce.c.delivery_id == delivery.c.id)
    refused = update(delivery).where(
        delivery.c.id.in_(ids),
        delivery.c.state.in_((DeliveryState.REJECTED, DeliveryState.HELD)),
        delivery.c.next_try_at < until,
        delivery.c.marked_at.is_(None),
        ~is_judged,
    )
    held = {"state": DeliveryState.HELD, "finished_at": None, "next_try_at": until}
    connection.execute(refused.values(held))


def hold_issue(connection: Connection, issue_id: int, *, until: datetime, reason: str) -> None:
    """Hold everything of an issue that waits and has not been sent, and note why."""
    waiting = update(delivery).where(
        delivery.c.issue_id == issue_id,
        delivery.c.finished_at.is_(None),
        delivery.c.state.in_((DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.HELD)),
        delivery.c.marked_at.is_(None),
        delivery.c.next_try_at <= until,
    )
    held = {"state": DeliveryState.HELD, "next_try_at": until}
    said = func.coalesce(delivery.c.reply, reason)  # what a server said to this recipient says more
    connection.execute(waiting.values(held | {"reply": said}))


def by_state(connection: Connection) -> dict[str, int]:
    """Return how many deliveries there are in each state."""
    statement = select(delivery.c.state, func.count().label("number")).group_by(delivery.c.state)
    return {row.state: row.number for row in connection.execute(statement)}


def _to_claimed(row: Row[*tuple[Any, ...]]) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row.id,
        subscription_id=row.subscription_id,
        nonce=row.nonce,
        subscriber_id=row.subscriber_id,
        token_version=row.token_version,
        issue_id=row.issue_id,
        address=row.address,
        slot=row.slot,
        message_id=row.message_id,
        planned_at=row.planned_at,
        attempt=row.attempts,
        is_resend=row.resent,
    )


def latest(connection: Connection, search: Search, *, limit: int | None) -> list[DeliveryRecord]:
    """Return deliveries, the newest first."""
    asked = (
        (delivery.c.state, search.state),
        (newsletter.c.slug, search.newsletter),
        (delivery.c.issue_id, search.issue),
        (subscriber.c.key, search.key),
    )
    rules = [column == value for column, value in asked if value is not None]
    statement = _records().where(*rules).order_by(delivery.c.id.desc()).limit(limit)
    return [_to_record(row) for row in connection.execute(statement)]


def get(connection: Connection, delivery_id: int) -> DeliveryRecord:
    """Return one delivery.

    Raises:
        NotFoundError: There is none with that id.
    """
    row = connection.execute(_records().where(delivery.c.id == delivery_id)).first()
    if row is None:
        raise NotFoundError("delivery", delivery_id)
    return _to_record(row)


def by_state_of_issue(
    connection: Connection, issue_id: int, *, most: int | None = None
) -> dict[str, int]:
    """Return how many deliveries of an issue there are in each state; of `most` of them."""
    of_issue = select(delivery.c.state).where(delivery.c.issue_id == issue_id)
    some = of_issue.limit(most).subquery()
    statement = (
        select(some.c.state, func.count().label("number"))
        .group_by(some.c.state)
        .order_by(some.c.state)
    )
    return {row.state: row.number for row in connection.execute(statement)}


def doubtful_of_issue(connection: Connection, issue_id: int, *, limit: int) -> list[DeliveryRecord]:
    """Return the deliveries of an issue that may have arrived and may not, the oldest first."""
    is_doubtful = (delivery.c.issue_id == issue_id, delivery.c.state.in_(DOUBTFUL))
    statement = _records().where(*is_doubtful).order_by(delivery.c.id).limit(limit)
    return [_to_record(row) for row in connection.execute(statement)]


def resend(connection: Connection, ids: Collection[int], *, now: datetime) -> None:
    """Make messages due now: the same bytes, with the same Message-ID.

    What may have arrived is sent once, as a repetition; what cannot have is retried as if new.

    Raises:
        NotFoundError: There is no such delivery.
        ConflictError: One of them is not `RESENDABLE`, or its subscription has ended or is paused.
    """
    theirs = subscription.c.id == delivery.c.subscription_id
    # Who left and subscribed again did not ask for what was planned before.
    has_begun_anew = subscription.c.confirmed_at > delivery.c.planned_at
    gone = or_(
        subscription.c.ended_at.is_not(None), subscription.c.paused_at.is_not(None), has_begun_anew
    ).label("is_gone")
    for some in chunks(ids):
        statement = select(delivery.c.id, gone).where(delivery.c.id.in_(some), theirs)
        for row in connection.execute(statement):
            if row.is_gone:
                because = "is for somebody who gets nothing now, or has left since"
                raise ConflictError("delivery", row.id, because=because)
    may_have_arrived = delivery.c.marked_at.is_not(None)
    soonest_end = now + MIN_TIME_TO_LIVE
    values = {
        "state": case((may_have_arrived, DeliveryState.UNCERTAIN), else_=DeliveryState.READY),
        "next_try_at": now,
        "expires_at": case(
            (delivery.c.expires_at > soonest_end, delivery.c.expires_at), else_=soonest_end
        ),
        "finished_at": None,
    }
    _change(connection, ids, RESENDABLE, values)


def cancel(connection: Connection, ids: Collection[int], *, now: datetime) -> None:
    """Cancel messages; one that may have arrived becomes `assumed_accepted`.

    Raises:
        NotFoundError: There is no such delivery.
        ConflictError: One of them is on its way, or has come to its end.
    """
    _change(
        connection, ids, CANCELLABLE, {"state": _end(DeliveryState.CANCELLED), "finished_at": now}
    )


def hold_unfinished(connection: Connection, *, because: str, now: datetime) -> int:
    """Hold every delivery that is not finished, since it may have been sent; return how many.

    They get a marker: later issues do not supersede them, and only `resend` sends them.
    """
    held = update(delivery).where(delivery.c.finished_at.is_(None))
    changed = connection.execute(
        held.values(
            state=DeliveryState.HELD,
            marked_at=case((delivery.c.marked_at.is_(None), now), else_=delivery.c.marked_at),
            next_try_at=delivery.c.expires_at,
            lease_owner=None,
            lease_until=None,
            reply=because,
        )
    )
    return changed.rowcount


def _end(state: DeliveryState) -> ColumnElement[Any]:
    was_marked = delivery.c.marked_at.is_not(None)
    return case((was_marked, DeliveryState.ASSUMED_ACCEPTED), else_=state)


def _change(
    connection: Connection,
    ids: Collection[int],
    states: Sequence[DeliveryState],
    values: dict[str, object],
) -> None:
    """Change deliveries, all of them or none."""
    for some in chunks(ids):
        changed = update(delivery).where(delivery.c.id.in_(some), delivery.c.state.in_(states))
        done = set(connection.scalars(changed.values(values).returning(delivery.c.id)))
        for one in sorted(set(some) - done):
            raise ConflictError("delivery", one, because=f"is {get(connection, one).state}")


def _records() -> Select[Any]:
    return (
        select(delivery, subscriber.c.address, newsletter.c.slug.label("newsletter"))
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(issue, issue.c.id == delivery.c.issue_id)
        .join(newsletter, newsletter.c.id == issue.c.newsletter_id)
    )


def _to_record(row: Row[*tuple[Any, ...]]) -> DeliveryRecord:
    return DeliveryRecord(
        id=row.id,
        subscriber=row.address,
        newsletter=row.newsletter,
        issue=row.issue_id,
        slot=row.slot,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        message_id=row.message_id,
        reply=row.reply,
        planned_at=row.planned_at,
        next_try_at=row.next_try_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        may_have_arrived=row.marked_at is not None,
    )
