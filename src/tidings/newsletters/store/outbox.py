"""The outbox: messages that are claimed, marked right before they are sent, and settled.

    ready ─► sending ─► sending, marked ─► accepted, rejected …
      ▲         │              │
      └─────────┘              └─► uncertain, or assumed_accepted: it may have been sent

Issues and transactional mail have a table each, with the same columns for this: `state`,
`attempts`, `next_try_at`, `expires_at`, `lease_owner`, `lease_until`, `marked_at`, `resent`,
`reply` and `finished_at`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    case,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from tidings.model.newsletters import DeliveryState
from tidings.polling.store.leases import LEASE, clock

WAITING_STATES = (
    DeliveryState.READY,
    DeliveryState.DEFERRED,
    DeliveryState.HELD,
    DeliveryState.UNCERTAIN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A message that this process has leased to send.

    Attributes:
        kind: For the log.
        attempt: Its number, from 1.
        is_resend: The one repetition after a connection was lost past the marker.
    """

    id: int
    kind: str
    address: str
    message_id: str
    attempt: int
    is_resend: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The result of an attempt, as it is saved.

    Attributes:
        next_try_at: When it is tried again; the time of the attempt if it is not.
        unmarked: Nothing can have been sent: the marker is removed.
        untried: There was no attempt: none is counted, and the last reply stays.
    """

    id: int
    state: DeliveryState
    next_try_at: datetime
    reply: str | None
    unmarked: bool
    untried: bool = False


class Outbox:
    """A table of messages to be sent.

    An owner is the name of one round of sending. Leases run by the database's clock, everything
    else by the `now` that is given.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        # Once and not for each message: building it costs more than executing it. Without the state,
        # which whoever holds a lease is in: of messages in it PostgreSQL believes that there are none,
        # and would look for these few in what its index has left of all that were sent lately.
        self._marking = (
            update(table)
            .where(
                table.c.id.in_(bindparam("of", expanding=True)),
                table.c.lease_owner == bindparam("holder"),
            )
            .values(marked_at=bindparam("now", type_=table.c.marked_at.type))
            .returning(table.c.id)
        )
        self._settling = (
            update(table)
            .where(table.c.id == bindparam("of"), table.c.lease_owner == bindparam("holder"))
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

    def owners(self, connection: Connection) -> list[str]:
        """Return who holds messages."""
        table = self._table
        held = (table.c.finished_at.is_(None), table.c.state == DeliveryState.SENDING)
        return list(connection.scalars(select(table.c.lease_owner).where(*held).distinct()))

    def recover(self, connection: Connection, *, gone: Collection[str]) -> None:
        """Release what a dead process held: without a marker it is ready again.

        With one it is assumed to be accepted, and not sent again by itself.

        Args:
            connection: A writing one.
            gone: Owners that are known to be dead; of all others the leases have to run out.
        """
        # Most of the time between marker and reply is the relay's work on a message that it has.
        table = self._table
        is_abandoned = (
            table.c.finished_at.is_(None),
            table.c.state == DeliveryState.SENDING,
            # The database's clock: those of two machines may differ by more than a lease.
            or_(table.c.lease_until <= clock(connection), table.c.lease_owner.in_(gone)),
        )
        state = case(
            (table.c.marked_at.is_(None), DeliveryState.READY),
            else_=DeliveryState.ASSUMED_ACCEPTED,
        )
        connection.execute(
            update(table)
            .where(*is_abandoned)
            # `marked_at` is NULL for what is ready again, and that is not finished.
            .values(state=state, lease_owner=None, lease_until=None, finished_at=table.c.marked_at)
        )

    def withdraw(
        self,
        connection: Connection,
        *,
        rule: ColumnElement[bool],
        state: DeliveryState,
        now: datetime,
    ) -> None:
        """End waiting messages that match `rule`; marked ones become `assumed_accepted`."""
        table = self._table
        end = case((table.c.marked_at.is_not(None), DeliveryState.ASSUMED_ACCEPTED), else_=state)
        is_waiting = (table.c.finished_at.is_(None), table.c.state.in_(WAITING_STATES))
        withdrawn = update(table).where(*is_waiting, rule)
        connection.execute(withdrawn.values(state=end, finished_at=now))

    def taking(self, waiting: Select[Any]) -> ReturningUpdate[tuple[int]]:
        """Return the statement for `take`, to be built once.

        Args:
            waiting: Selects and locks the ids of what is due, with the parameters `now` and `most`.
        """
        table = self._table
        return (
            update(table)
            .where(table.c.id.in_(waiting.scalar_subquery()))
            .values(
                state=DeliveryState.SENDING,
                lease_owner=bindparam("holder"),
                lease_until=bindparam("until", type_=table.c.lease_until.type),
                attempts=table.c.attempts + 1,
                resent=table.c.marked_at.is_not(None),
            )
            .returning(table.c.id)
        )

    def take(
        self,
        connection: Connection,
        owner: str,
        taking: ReturningUpdate[tuple[int]],
        *,
        limit: int,
        now: datetime,
    ) -> list[int]:
        """Lease up to `limit` rows that are due; return their ids."""
        until = clock(connection) + LEASE
        values = {"holder": owner, "until": until, "most": limit, "now": now}
        return list(connection.scalars(taking, values))

    def renew(self, connection: Connection, owner: str) -> None:
        """Extend every lease that `owner` holds."""
        until = clock(connection) + LEASE
        held = update(self._table).where(self._is_held(owner))
        connection.execute(held.values(lease_until=until))

    def mark(
        self, connection: Connection, owner: str, messages: Collection[int], *, now: datetime
    ) -> set[int]:
        """Set markers: the payloads are about to be written, from here on they may have been sent.

        Returns:
            The messages that are still `owner`'s; nothing of the others may be sent.
        """
        # The claim is not enough: since then the lease may have run out, or the row been erased.
        values = {"of": messages, "holder": owner, "now": now}
        return set(connection.scalars(self._marking, values))

    def settle(
        self, connection: Connection, owner: str, settled: Sequence[Settled], *, now: datetime
    ) -> None:
        """Save the results of attempts; those whose lease is lost are ignored."""
        rows = [
            {
                "of": one.id,
                "holder": owner,
                "new_state": one.state,
                "again_at": one.next_try_at,
                "new_reply": one.reply,
                "unmarked": one.unmarked,
                "untried": one.untried,
                "end": None if one.state in WAITING_STATES else now,
            }
            for one in settled
        ]
        if rows:
            connection.execute(self._settling, rows)

    def give_back(
        self, connection: Connection, owner: str, *, doubtful_until: datetime, now: datetime
    ) -> None:
        """Release what `owner` did not finish: unmarked it is ready, marked it is `uncertain`.

        What is uncertain is sent once more after `doubtful_until`, unless it was a resend.
        """
        table = self._table
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
            .where(self._is_held(owner))
            .values(state=state, next_try_at=again_at, **released)
        )

    def _is_held(self, owner: str | ColumnElement[str]) -> ColumnElement[bool]:
        table = self._table
        return and_(
            table.c.finished_at.is_(None),
            table.c.lease_owner == owner,
            table.c.state == DeliveryState.SENDING,
        )
