"""Deliveries as operators look after them on the pages: by issue, with reasons and remedies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.db.database import Database
from tidings.model.newsletters import DeliveryState, Issue
from tidings.newsletters.retries import CANCELLABLE, RESENDABLE, DeliveryRecord, Search
from tidings.newsletters.store import deliveries, issues

# Issues of the list, and deliveries of an issue, that are shown; the command line lists all.
ISSUES_SHOWN, DELIVERIES_SHOWN = 30, 200

# Issues on the desk, of which the list has more.
ISSUES_ON_DESK = 5

# Deliveries of an issue that are counted: beyond that "at least" says enough, at once.
MOST_COUNTED = 100_000

# What is on its way, and what came to a bad end.
_WAITING = (
    DeliveryState.READY,
    DeliveryState.SENDING,
    DeliveryState.DEFERRED,
    DeliveryState.UNCERTAIN,
    DeliveryState.HELD,
)
_FAILED = (DeliveryState.REJECTED, DeliveryState.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDeliveries:
    """What became of an issue's deliveries, in numbers.

    Attributes:
        by_state: Their numbers, `MOST_COUNTED` of them at most.
    """

    issue: Issue
    by_state: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.by_state.values())

    @property
    def is_more(self) -> bool:
        """Whether there are more than were counted."""
        return self.total >= MOST_COUNTED

    @property
    def accepted(self) -> int:
        """How many the relay has taken."""
        return self.by_state.get(DeliveryState.ACCEPTED, 0)

    @property
    def waiting(self) -> int:
        """How many are on their way."""
        return sum(self.by_state.get(state, 0) for state in _WAITING)

    @property
    def failed(self) -> int:
        """How many were refused for good, or given up."""
        return sum(self.by_state.get(state, 0) for state in _FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """A delivery, and what an operator can do with it."""

    record: DeliveryRecord
    can_resend: bool
    can_cancel: bool


class DeliveryDesk:
    """Deliveries by issue; thread-safe."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def issues(self) -> tuple[IssueDeliveries, ...]:
        """Return the latest issues, also those for some subscribers only."""
        return self._issues(limit=ISSUES_SHOWN, since=None)

    def of_week(self) -> tuple[IssueDeliveries, ...]:
        """Return the latest issues of the last seven days."""
        return self._issues(limit=ISSUES_ON_DESK, since=self._clock() - timedelta(days=7))

    def issue(
        self, issue_id: int, *, state: DeliveryState | None
    ) -> tuple[IssueDeliveries, tuple[DeliveryLine, ...]]:
        """Return an issue and its deliveries in a state, the newest first; in any state if None.

        Raises:
            NotFoundError: There is no such issue.
        """
        with self._database.read() as connection:
            found = IssueDeliveries(
                issue=issues.get(connection, issue_id),
                by_state=deliveries.by_state_of_issue(connection, issue_id, most=MOST_COUNTED),
            )
            search = Search(issue=issue_id, state=state)
            records = deliveries.latest(connection, search, limit=DELIVERIES_SHOWN)
        lines = [
            DeliveryLine(
                record=one,
                can_resend=one.state in RESENDABLE,
                can_cancel=one.state in CANCELLABLE,
            )
            for one in records
        ]
        return found, tuple(lines)

    def resend(self, delivery_id: int) -> None:
        """Send a delivery again, with the next round.

        Raises:
            NotFoundError: There is no such delivery.
            ConflictError: It is in no state for that, or its subscription has ended.
        """
        with self._database.write() as connection:
            deliveries.resend(connection, [delivery_id], now=self._clock())

    def release(self, issue_id: int) -> int:
        """Send all of an issue that are held; return how many.

        Raises:
            ConflictError: The subscription of one has ended; none is sent.
        """
        held = Search(issue=issue_id, state=DeliveryState.HELD)
        with self._database.write() as connection:
            found = [one.id for one in deliveries.latest(connection, held, limit=None)]
            deliveries.resend(connection, found, now=self._clock())
        return len(found)

    def cancel(self, delivery_id: int) -> None:
        """Cancel a delivery that was not sent yet.

        Raises:
            NotFoundError: There is no such delivery.
            ConflictError: It is on its way, or has come to its end.
        """
        with self._database.write() as connection:
            deliveries.cancel(connection, [delivery_id], now=self._clock())

    def _issues(self, *, limit: int, since: datetime | None) -> tuple[IssueDeliveries, ...]:
        with self._database.read() as connection:
            return tuple(
                IssueDeliveries(
                    issue=one,
                    by_state=deliveries.by_state_of_issue(connection, one.id, most=MOST_COUNTED),
                )
                for one in issues.latest(connection, only_listed=False, limit=limit)
                if since is None or one.created_at >= since
            )
