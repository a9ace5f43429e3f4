"""Deliveries as the operator meets them: found, sent again, cancelled, held."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, or_, select, update

from tidings.domain.newsletters import DeliveryState
from tidings.domain.planning import SHORTEST_LIFE
from tidings.domain.retries import CANCELLABLE, DOUBTFUL, RESENDABLE, DeliveryRecord, Search
from tidings.errors import ConflictError, NotFoundError
from tidings.storage.mail_tables import delivery, issue, newsletter, subscriber, subscription
from tidings.storage.slices import slices


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


def by_state_of_issue(connection: Connection, issue_id: int) -> dict[str, int]:
    """Return how many deliveries of an issue there are in each state."""
    statement = (
        select(delivery.c.state, func.count().label("number"))
        .where(delivery.c.issue_id == issue_id)
        .group_by(delivery.c.state)
        .order_by(delivery.c.state)
    )
    return {row.state: row.number for row in connection.execute(statement)}


def doubtful_of_issue(connection: Connection, issue_id: int, *, limit: int) -> list[DeliveryRecord]:
    """Return the deliveries of an issue that may have arrived and may not, the oldest first."""
    is_doubtful = (delivery.c.issue_id == issue_id, delivery.c.state.in_(DOUBTFUL))
    statement = _records().where(*is_doubtful).order_by(delivery.c.id).limit(limit)
    return [_to_record(row) for row in connection.execute(statement)]


def resend(connection: Connection, ids: Collection[int], *, now: datetime) -> None:
    """Let messages be sent as soon as there is a way out: the same bytes, by the same Message-ID.

    What may have arrived is sent once, as a repetition; what cannot have is tried as if new.

    Raises:
        NotFoundError: There is no such delivery.
        ConflictError: One of them is in no such state, or its reader gets nothing now.
    """
    theirs = subscription.c.id == delivery.c.subscription_id
    has_begun_anew = subscription.c.confirmed_at > delivery.c.planned_at
    gone = or_(
        subscription.c.ended_at.is_not(None), subscription.c.paused_at.is_not(None), has_begun_anew
    ).label("is_gone")
    for some in slices(ids):
        statement = select(delivery.c.id, gone).where(delivery.c.id.in_(some), theirs)
        for row in connection.execute(statement):
            if row.is_gone:
                because = "is for somebody who gets nothing now, or has left since"
                raise ConflictError("delivery", row.id, because=because)
    may_have_arrived = delivery.c.marked_at.is_not(None)
    soonest_end = now + SHORTEST_LIFE
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
    """Take messages back for good; of one that may have arrived it is assumed that it has.

    Raises:
        NotFoundError: There is no such delivery.
        ConflictError: One of them is on its way, or has come to its end.
    """
    _change(
        connection, ids, CANCELLABLE, {"state": _end(DeliveryState.CANCELLED), "finished_at": now}
    )


def hold_unfinished(connection: Connection, *, because: str, now: datetime) -> int:
    """Let nothing go out that is planned, for it may have been sent before; return how much.

    It counts as marked: no later issue tells of the same, and only `resend` lets it go out.
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
    for some in slices(ids):
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
