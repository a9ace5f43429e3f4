"""Letters on their way: what the rows of deliveries and of notices have in common.

Both tables have the same columns for it: `state`, `attempts`, `next_try_at`, `expires_at`,
`lease_owner`, `lease_until`, `marked_at`, `resent`, `reply` and `finished_at`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, update

from tidings.domain.newsletters import DeliveryState
from tidings.errors import LeaseLostError
from tidings.storage.leases import LEASE, clock

WAITING = (
    DeliveryState.READY,
    DeliveryState.DEFERRED,
    DeliveryState.HELD,
    DeliveryState.UNCERTAIN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of an attempt.

    Attributes:
        next_try_at: When it is tried again; the time of the attempt if it is not.
        unmarked: Nothing can have been sent: the marker is taken back.
        untried: There was no attempt at all: none is counted, and the last reply stays.
    """

    id: int
    state: DeliveryState
    next_try_at: datetime
    reply: str | None
    unmarked: bool
    untried: bool = False


def recover(connection: Connection, table: Table) -> None:
    """Decide over what a dead process left behind.

    Without a marker nothing left the house: it is ready again. With one it is assumed that
    the relay has it, for that is nearly always so; it is not sent again by itself.
    """
    is_abandoned = (
        table.c.finished_at.is_(None),
        table.c.state == DeliveryState.SENDING,
        table.c.lease_until <= clock(connection),
    )
    state = case(
        (table.c.marked_at.is_(None), DeliveryState.READY),
        else_=DeliveryState.ASSUMED_ACCEPTED,
    )
    connection.execute(
        update(table)
        .where(*is_abandoned)
        .values(state=state, lease_owner=None, lease_until=None, finished_at=table.c.marked_at)
    )


def withdraw(
    connection: Connection,
    table: Table,
    *,
    rule: ColumnElement[bool],
    state: DeliveryState,
    now: datetime,
) -> None:
    """End what waits and fulfils `rule`; what may have been sent is assumed to have arrived."""
    end = case((table.c.marked_at.is_not(None), DeliveryState.ASSUMED_ACCEPTED), else_=state)
    is_waiting = (table.c.finished_at.is_(None), table.c.state.in_(WAITING))
    withdrawn = update(table).where(*is_waiting, rule)
    connection.execute(withdrawn.values(state=end, finished_at=now))


def taken(connection: Connection, owner: str, table: Table) -> dict[str, object]:
    """Return the columns of a row that `owner` has begun to send."""
    return {
        "state": DeliveryState.SENDING,
        "lease_owner": owner,
        "lease_until": clock(connection) + LEASE,
        "attempts": table.c.attempts + 1,
        "resent": table.c.marked_at.is_not(None),
    }


def renew(connection: Connection, table: Table, *, owner: str) -> None:
    """Move on the end of every lease that `owner` holds."""
    until = clock(connection) + LEASE
    connection.execute(update(table).where(_held(table, owner)).values(lease_until=until))


def mark(
    connection: Connection, table: Table, *, owner: str, letter_id: int, now: datetime
) -> None:
    """Note that the payload is about to be written: from here on it may have been sent.

    Raises:
        LeaseLostError: The letter is not `owner`'s any more; nothing may be sent.
    """
    ours = update(table).where(table.c.id == letter_id, _held(table, owner))
    if connection.execute(ours.values(marked_at=now)).rowcount != 1:
        raise LeaseLostError


def settle(
    connection: Connection,
    table: Table,
    *,
    owner: str,
    settled: Sequence[Settled],
    now: datetime,
) -> None:
    """Note what came of attempts; one that is not `owner`'s any more is left as it is."""
    statement = (
        update(table)
        .where(table.c.id == bindparam("of"), table.c.lease_owner == owner)
        .values(
            state=bindparam("new_state"),
            next_try_at=bindparam("again_at", type_=table.c.next_try_at.type),
            reply=case((bindparam("untried"), table.c.reply), else_=bindparam("new_reply")),
            attempts=table.c.attempts - case((bindparam("untried"), 1), else_=0),
            marked_at=case((bindparam("unmarked"), None), else_=table.c.marked_at),
            finished_at=bindparam("end", type_=table.c.finished_at.type),
            lease_owner=None,
            lease_until=None,
        )
    )
    rows = [
        {
            "of": one.id,
            "new_state": one.state,
            "again_at": one.next_try_at,
            "new_reply": one.reply,
            "unmarked": one.unmarked,
            "untried": one.untried,
            "end": None if one.state in WAITING else now,
        }
        for one in settled
    ]
    if rows:
        connection.execute(statement, rows)


def give_back(
    connection: Connection,
    table: Table,
    *,
    owner: str,
    doubtful_until: datetime,
    now: datetime,
) -> None:
    """Release what `owner` did not finish: unmarked it is ready, marked it is doubtful.

    What is doubtful is sent once more after `doubtful_until`, unless that was the second time.
    """
    was_marked = table.c.marked_at.is_not(None)
    state = case(
        (~was_marked, DeliveryState.READY),
        (table.c.resent, DeliveryState.ASSUMED_ACCEPTED),
        else_=DeliveryState.UNCERTAIN,
    )
    again_at = case((was_marked, doubtful_until), else_=table.c.next_try_at)
    end = case((and_(was_marked, table.c.resent), now))
    released = {"lease_owner": None, "lease_until": None, "finished_at": end}
    connection.execute(
        update(table)
        .where(_held(table, owner))
        .values(state=state, next_try_at=again_at, **released)
    )


def _held(table: Table, owner: str) -> ColumnElement[bool]:
    return and_(
        table.c.finished_at.is_(None),
        table.c.lease_owner == owner,
        table.c.state == DeliveryState.SENDING,
    )
