"""Figures of the service: polls, freshness and messages by step, and metrics."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    case,
    func,
    literal_column,
    select,
)

from tidings.catalog.sources import shown_title
from tidings.channels.store import channel_messages, channels
from tidings.db import job_tickets
from tidings.db.mail_tables import delivery, issue, newsletter, subscription
from tidings.db.tables import entry, poll_hour, source
from tidings.model.channels import ChannelMessageState, ChannelState
from tidings.model.entries import EntryState
from tidings.model.newsletters import DeliveryState
from tidings.model.service_status import (
    OUTCOME_OF_STATE,
    OUTCOMES,
    FailingSource,
    MessageOutcome,
    PollCounts,
    PollOutcome,
    SlowSource,
)
from tidings.model.sources import (
    DEAD_AFTER,
    MIN_FAILURES,
    NOT_FOUND,
    SourceHealth,
    SourceState,
    health_of,
)
from tidings.model.websub import HubState
from tidings.newsletters.store import deliveries
from tidings.polling.store import push_subscriptions
from tidings.polling.store.polls import LAG_COLUMNS
from tidings.publishing.store import pings
from tidings.subscribers.bounce_rules import BounceKind
from tidings.subscribers.store import bounces

# The latest entries by which slow sources are found: of all entries the median would not show that
# a source has become slow.
LATEST = 500

_LAGS = (*LAG_COLUMNS, "lag_more")

_NAMED = (source.c.id, source.c.slug, source.c.given_title, source.c.feed_title, source.c.url)

_IS_ACTIVE = source.c.state == SourceState.ACTIVE

# As its index has it, word for word: SQLite, too, then knows that it may use that.
_FAILS = source.c.failures > literal_column("0")

# Since when a source has not worked; one that never did, since it was added.
_WORKED_AT = func.coalesce(source.c.last_ok_at, source.c.added_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """How many issues were composed in a step, and the outcomes of their messages."""

    issues: int
    letters: Mapping[MessageOutcome, int]


def polls_by_step(connection: Connection, starts: Sequence[datetime]) -> list[PollCounts]:
    """Return the polls between each of `starts` and the next one, and after the last."""
    step = _step(poll_hour.c.hour, starts)
    columns = [poll_hour.c[name] for name in ("polls", "entries", *_LAGS)]
    statement = (
        select(
            step, poll_hour.c.outcome, *(func.sum(column).label(column.name) for column in columns)
        )
        .where(poll_hour.c.hour >= starts[0])
        .group_by(step, poll_hour.c.outcome)
    )
    polls: dict[int, Counter[str]] = defaultdict(Counter)
    sums: dict[int, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(statement).mappings():
        polls[row["step"]][row["outcome"]] += int(row["polls"])
        sums[row["step"]].update({name: int(row[name]) for name in ("entries", *_LAGS)})
    return [
        PollCounts(
            polls={outcome: polls[index][outcome] for outcome in OUTCOMES},
            entries=sums[index]["entries"],
            lags=tuple(sums[index][name] for name in _LAGS),
        )
        for index in range(len(starts))
    ]


def mail_by_step(connection: Connection, starts: Sequence[datetime]) -> list[Mailed]:
    """Return the issues composed between each of `starts` and the next one, and after the last."""
    step = _step(issue.c.created_at, starts)
    is_recent = issue.c.created_at >= starts[0]
    composed = select(step, func.count().label("number")).where(is_recent).group_by(step)
    # Grouped by issue first: deliveries are many, and a CASE over thirty days for each takes long.
    of_issues = (
        select(delivery.c.issue_id, delivery.c.state, func.count().label("number"))
        .where(delivery.c.issue_id.in_(select(issue.c.id).where(is_recent)))
        .group_by(delivery.c.issue_id, delivery.c.state)
        .subquery()
    )
    number = func.sum(of_issues.c.number).label("number")
    sent = (
        select(step, of_issues.c.state, number)
        .join(issue, issue.c.id == of_issues.c.issue_id)
        .group_by(step, of_issues.c.state)
    )
    issues = {row.step: row.number for row in connection.execute(composed)}
    letters: dict[int, Counter[MessageOutcome]] = defaultdict(Counter)
    for row in connection.execute(sent):
        if became := OUTCOME_OF_STATE.get(DeliveryState(row.state)):
            letters[row.step][became] += int(row.number)
    return [
        Mailed(
            issues=issues.get(index, 0),
            letters={one: letters[index][one] for one in MessageOutcome},
        )
        for index in range(len(starts))
    ]


def sources_by_health(connection: Connection) -> dict[SourceHealth, int]:
    """Return how many sources there are of each health."""
    fails, has_worked = source.c.failures > 0, source.c.last_ok_at.is_not(None)
    kinds = (source.c.state, fails.label("fails"), has_worked.label("has_worked"))
    found: Counter[SourceHealth] = Counter()
    for row in connection.execute(select(*kinds, func.count().label("n")).group_by(*kinds)):
        state = SourceState(row.state)
        found[health_of(state, fails=row.fails, has_worked=row.has_worked)] += row.n
    return {health: found[health] for health in SourceHealth}


def last_poll(connection: Connection) -> datetime | None:
    """Return when a source was last polled; None if none was."""
    moment: datetime | None = connection.scalar(select(func.max(source.c.last_polled_at)))
    return moment


def longest_failing(connection: Connection, *, limit: int) -> list[FailingSource]:
    """Return the sources that have failed longest, the longest first."""
    columns = (*_NAMED, _WORKED_AT.label("since"), source.c.last_ok_at, source.c.failing_with)
    statement = (
        select(*columns).where(_IS_ACTIVE, _FAILS).order_by(_WORKED_AT, source.c.id).limit(limit)
    )
    return [
        FailingSource(
            id=row.id,
            slug=row.slug,
            title=shown_title(row.given_title, row.feed_title, row.url),
            since=row.since,
            has_worked=row.last_ok_at is not None,
            word=row.failing_with or "other",
        )
        for row in connection.execute(statement)
    ]


def slowest(connection: Connection, *, limit: int) -> list[SlowSource]:
    """Return the sources whose entries were seen latest after their publication, by median.

    Only the latest public entries count, one of a story, and of them those that have a
    publication date and did not come with the first poll of their source.
    """
    latest = (
        select(entry.c.source_id, entry.c.first_seen_at, entry.c.published)
        .where(entry.c.state == EntryState.PUBLIC, entry.c.follows.is_(False))
        .order_by(entry.c.seq.desc())
        .limit(LATEST)
        .subquery()
    )
    seen, published = latest.c.first_seen_at, latest.c.published
    statement = (
        select(*_NAMED, seen, published)
        .join(latest, latest.c.source_id == source.c.id)
        # Without what a first poll found: that was old before we came.
        .where(published < seen, seen > source.c.first_polled_at)
    )
    lags: dict[tuple[int, str, str], list[timedelta]] = defaultdict(list)
    for row in connection.execute(statement):
        title = shown_title(row.given_title, row.feed_title, row.url)
        lags[row.id, row.slug, title].append(row.first_seen_at - row.published)
    found = [
        # The median: one entry that was dated years back does not make a source slow.
        SlowSource(id=source_id, slug=slug, title=title, lag=sorted(of_source)[len(of_source) // 2])
        for (source_id, slug, title), of_source in lags.items()
    ]
    return sorted(found, key=lambda one: (-one.lag, one.slug))[:limit]


def _step(moment: Column[datetime], starts: Sequence[datetime]) -> ColumnElement[int]:
    """Return the step, of those that begin at `starts`, of a time."""
    # CASE takes the first that matches.
    latest_first = reversed(list(enumerate(starts)))
    return case(*((moment >= start, index) for index, start in latest_first)).label("step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """All metrics.

    Attributes:
        deferred: Older entries of first documents that are still to be stored.
        disagreements: Documents that our own reader and feedparser read differently.
        lags: How many entries were seen how many seconds after publication, at most;
            the last bound is infinity. Not cumulative.
        overdue_seconds: How long the source that is due longest has been due.
        hubs: Subscriptions at hubs by state.
        hub_pings: Pings of our feeds to hubs, by state.
        channels: By state, as are the messages to them.
        slot_overdue_seconds: The same of subscriptions, and of editions.
        jobs: By state; None where they wait nowhere.
        workers: What works them off, one for each queue of a process.
    """

    sources: dict[str, int]
    failing: int
    dead: int
    entries: dict[str, int]
    deferred: int
    polls: dict[str, int]
    disagreements: int
    lags: dict[float, int]
    lag_seconds: int
    overdue_seconds: float
    hubs: dict[str, int]
    hub_pings: dict[str, int]
    deliveries: dict[str, int]
    bounces: dict[str, int]
    channels: dict[str, int]
    channel_messages: dict[str, int]
    slot_overdue_seconds: float
    jobs: dict[str, int] | None
    workers: int


def collect(connection: Connection, *, now: datetime) -> Statistics:
    """Count everything."""
    by_state = select(source.c.state, func.count().label("number")).group_by(source.c.state)
    entries = select(entry.c.state, func.count().label("number")).group_by(entry.c.state)
    polls = select(poll_hour.c.outcome, func.sum(poll_hour.c.polls)).group_by(poll_hour.c.outcome)
    bounds = [lag.total_seconds() for lag in LAG_COLUMNS.values()] + [float("inf")]
    lags = [func.coalesce(func.sum(poll_hour.c[name]), 0) for name in (*LAG_COLUMNS, "lag_more")]
    total_lag = func.coalesce(func.sum(poll_hour.c.lag_seconds), 0)
    differed = func.coalesce(func.sum(poll_hour.c.disagreements), 0)
    *counts, lag_seconds, disagreements = connection.execute(
        select(*lags, total_lag, differed)
    ).one()
    deferred = select(func.coalesce(func.sum(source.c.deferred), 0)).where(source.c.deferred > 0)
    failing = select(func.count()).where(_IS_ACTIVE, _FAILS)
    done = {outcome: int(number) for outcome, number in connection.execute(polls)}
    jobs, workers = job_tickets.counts(connection) or (None, 0)
    # Outcomes and states of mail and hubs are named also at zero: a series that appears with its
    # first event only has no rate at that moment.
    return Statistics(
        sources={row.state: row.number for row in connection.execute(by_state)},
        failing=connection.execute(failing).scalar_one(),
        dead=_dead(connection, now),
        entries={row.state: row.number for row in connection.execute(entries)},
        deferred=int(connection.execute(deferred).scalar_one()),
        disagreements=int(disagreements),
        polls=_named(PollOutcome, done),
        lags=dict(zip(bounds, map(int, counts), strict=True)),
        lag_seconds=int(lag_seconds),
        overdue_seconds=overdue_polls(connection, now=now).total_seconds(),
        hubs=_named(HubState, push_subscriptions.count_by_state(connection)),
        hub_pings=pings.count_by_state(connection),
        deliveries=_named(DeliveryState, deliveries.by_state(connection)),
        bounces=_named(BounceKind, bounces.by_kind(connection)),
        channels=_named(ChannelState, channels.count_by_state(connection)),
        channel_messages=_named(ChannelMessageState, channel_messages.count_by_state(connection)),
        slot_overdue_seconds=max(
            _overdue(moment, now).total_seconds() for moment in _next_slots(connection)
        ),
        jobs=jobs,
        workers=workers,
    )


def _named(kinds: type[StrEnum], found: Mapping[Any, int]) -> dict[str, int]:
    return {kind.value: found.get(kind, 0) for kind in kinds}


def overdue_polls(connection: Connection, *, now: datetime) -> timedelta:
    """Return how long the source that is due longest has been due."""
    next_polls = select(func.min(source.c.next_poll_at)).where(_IS_ACTIVE)
    return _overdue(connection.scalar(next_polls), now)


def _dead(connection: Connection, now: datetime) -> int:
    statement = select(func.count()).where(
        _IS_ACTIVE,
        _FAILS,
        source.c.failing_with.in_(NOT_FOUND),
        source.c.failures >= MIN_FAILURES,
        now - DEAD_AFTER >= _WORKED_AT,
    )
    return connection.execute(statement).scalar_one()


def _next_slots(connection: Connection) -> list[datetime | None]:
    # Nobody waits for what is paused: its slot stays where it was.
    is_active = (subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
    return [
        connection.scalar(select(func.min(subscription.c.next_issue_at)).where(*is_active)),
        connection.scalar(select(func.min(newsletter.c.next_issue_at))),
    ]


def _overdue(due_at: datetime | None, now: datetime) -> timedelta:
    return max(now - due_at, timedelta(0)) if due_at else timedelta(0)
