"""Figures about the service, from the rows themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from tidings.domain.bounces import BounceKind
from tidings.domain.newsletters import DeliveryState
from tidings.domain.sources import DEAD_AFTER, LOST, MIN_FAILURES, SourceState
from tidings.domain.status import PollOutcome
from tidings.domain.websub import HubState
from tidings.storage import bounces, deliveries, hub_pings, websub
from tidings.storage.mail_tables import newsletter, subscription
from tidings.storage.polls import LAG_COLUMNS
from tidings.storage.tables import entry, poll_hour, source

_IS_ACTIVE = source.c.state == SourceState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The service in numbers, since its database began.

    Attributes:
        lags: How many entries were seen how many seconds after publication, at most;
            the last bound is infinity. Not cumulative.
        overdue_seconds: How long the source that is due longest has been due.
        hubs: Subscriptions at hubs by state.
        hub_pings: What hubs are told of our feeds, by how it stands.
        slot_overdue_seconds: The same of subscriptions, and of newsletters' own editions.
    """

    sources: dict[str, int]
    failing: int
    dead: int
    entries: dict[str, int]
    polls: dict[str, int]
    lags: dict[float, int]
    lag_seconds: int
    overdue_seconds: float
    hubs: dict[str, int]
    hub_pings: dict[str, int]
    deliveries: dict[str, int]
    bounces: dict[str, int]
    slot_overdue_seconds: float


def collect(connection: Connection, *, now: datetime) -> Statistics:
    """Count everything."""
    by_state = select(source.c.state, func.count().label("number")).group_by(source.c.state)
    entries = select(entry.c.state, func.count().label("number")).group_by(entry.c.state)
    polls = select(poll_hour.c.outcome, func.sum(poll_hour.c.polls)).group_by(poll_hour.c.outcome)
    bounds = [lag.total_seconds() for lag in LAG_COLUMNS.values()] + [float("inf")]
    lags = [func.coalesce(func.sum(poll_hour.c[name]), 0) for name in (*LAG_COLUMNS, "lag_more")]
    total_lag = func.coalesce(func.sum(poll_hour.c.lag_seconds), 0)
    *counts, lag_seconds = connection.execute(select(*lags, total_lag)).one()
    failing = select(func.count()).where(_IS_ACTIVE, source.c.failures > 0)
    done = {outcome: int(number) for outcome, number in connection.execute(polls)}
    sent = deliveries.by_state(connection)
    came_back = bounces.by_kind(connection)
    hubs = websub.count_by_state(connection)
    return Statistics(
        sources={row.state: row.number for row in connection.execute(by_state)},
        failing=connection.execute(failing).scalar_one(),
        dead=_dead(connection, now),
        entries={row.state: row.number for row in connection.execute(entries)},
        polls={outcome.value: done.get(outcome, 0) for outcome in PollOutcome},
        lags=dict(zip(bounds, map(int, counts), strict=True)),
        lag_seconds=int(lag_seconds),
        overdue_seconds=overdue_polls(connection, now=now).total_seconds(),
        hubs={state.value: hubs.get(state, 0) for state in HubState},
        hub_pings=hub_pings.count_by_standing(connection),
        deliveries={state.value: sent.get(state, 0) for state in DeliveryState},
        bounces={kind.value: came_back.get(kind, 0) for kind in BounceKind},
        slot_overdue_seconds=max(
            _overdue(moment, now).total_seconds() for moment in _next_slots(connection)
        ),
    )


def overdue_polls(connection: Connection, *, now: datetime) -> timedelta:
    """Return how long the source that is due longest has been due."""
    next_polls = select(func.min(source.c.next_poll_at)).where(_IS_ACTIVE)
    return _overdue(connection.scalar(next_polls), now)


def _dead(connection: Connection, now: datetime) -> int:
    worked_at = func.coalesce(source.c.last_ok_at, source.c.added_at)
    statement = select(func.count()).where(
        _IS_ACTIVE,
        source.c.failing_with.in_(LOST),
        source.c.failures >= MIN_FAILURES,
        worked_at <= now - DEAD_AFTER,
    )
    return connection.execute(statement).scalar_one()


def _next_slots(connection: Connection) -> list[datetime | None]:
    is_on = subscription.c.ended_at.is_(None)
    return [
        connection.scalar(select(func.min(subscription.c.next_issue_at)).where(is_on)),
        connection.scalar(select(func.min(newsletter.c.next_issue_at))),
    ]


def _overdue(due_at: datetime | None, now: datetime) -> timedelta:
    return max(now - due_at, timedelta(0)) if due_at else timedelta(0)
