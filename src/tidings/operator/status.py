"""The status of the service, read from the database, and the page with its charts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from tidings.db.database import Database
from tidings.model.contracts import status_json
from tidings.model.service_status import (
    DAY,
    MessageOutcome,
    PollCounts,
    PollOutcome,
    Status,
    TimeStep,
    median_lag,
    starts_of,
)
from tidings.operator.store import status
from tidings.publishing.site_context import SiteContext
from tidings.publishing.store import pings
from tidings.publishing.views import render
from tidings.templating.site import Site

# The periods of the page.
SPANS = (DAY, 7 * DAY, 30 * DAY)

# Failing and slow sources that are named.
LISTED = 10

# The keys of the catalogue for how late an entry is seen, the quickest first.
LAGS = ("15m", "1h", "6h", "1d", "more")

POLLS = ("quiet", "news", "failed")

LETTERS = (MessageOutcome.ACCEPTED, MessageOutcome.WAITING, MessageOutcome.FAILED)

Kind = TypeVar("Kind", bound=str)

# Units of the SVG, which is stretched to its place.
WIDTH, HEIGHT = 600, 120

# Of which there are figures, until charts by day are drawn: one column among thirty says nothing.
DAYS_FOR_CHARTS = 7

# The part of a column's width that stays empty.
GAP = 0.2

# The least height of a bar, so that a single failure can be seen.
LEAST = 1.5


def read_status(database: Database, *, now: datetime, spans: Sequence[timedelta] = SPANS) -> Status:
    """Return the current status, and that of the last days.

    Args:
        database: Everything is counted there.
        now: Aware UTC.
        spans: Periods; the longest is counted step by step.
    """
    starts = starts_of(max(spans), now=now)
    with database.read() as connection:
        tallies = status.polls_by_step(connection, starts)
        mailed = status.mail_by_step(connection, starts)
        return Status(
            at=now,
            since=starts[0],
            polled_at=status.last_poll(connection),
            overdue=status.overdue_polls(connection, now=now),
            sources=status.sources_by_health(connection),
            spans={
                # One step that begins with the period: a sum of it.
                span: status.polls_by_step(connection, starts_of(span, now=now)[:1])[0]
                for span in sorted(spans)
            },
            steps=tuple(
                TimeStep(start=start, tally=tally, issues=sent.issues, letters=sent.letters)
                for start, tally, sent in zip(starts, tallies, mailed, strict=True)
            ),
            failing=tuple(status.longest_failing(connection, limit=LISTED)),
            slow=tuple(status.slowest(connection, limit=LISTED)),
            hubs=tuple(pings.hub_states(connection, since=starts[0])),
        )


def status_body(database: Database, context: SiteContext, *, now: datetime) -> bytes:
    """Render the status page."""
    status = read_status(database, now=now)
    with database.read() as connection:
        site = context.site_now(connection)
    return render(status_page(site, status), context.templates)


def status_document(database: Database, *, now: datetime) -> bytes:
    """Return the figures of the status page as JSON."""
    status = read_status(database, now=now)
    # What hubs answered is for operators only.
    hubs = [
        {"hub": one.hub, "told": one.told, "waiting": one.waiting, "failing": one.failing}
        for one in status.hubs
    ]
    return json.dumps({**status_json(status), "hubs": hubs}, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle; `kind` is what it counts."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of stacked columns.

    Attributes:
        kinds: The series, from the bottom of a column up.
        bars: Rectangles; none for zero.
        most: The value of the highest column.
    """

    width: int = WIDTH
    height: int = HEIGHT
    kinds: tuple[str, ...]
    bars: tuple[Bar, ...]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """The status page.

    Attributes:
        lags: Numbers of entries by how late they were seen, by key of the phrases.
        median: The key of the median entry; None if there is none.
        polls: By step and kind, in the order of the steps: `news`, `quiet`, `failed`.
        has_history: Whether there are figures of enough days for charts by day.
        freshness_chart: A column for each of `lags`.
        polls_chart: A column for each step, as is the chart of messages.
    """

    template: ClassVar[str] = "status.html"

    site: Site
    status: Status
    lags: Mapping[str, int]
    median: str | None
    polls: tuple[Mapping[str, int], ...]
    has_history: bool
    freshness_chart: Chart
    polls_chart: Chart
    letters_chart: Chart


def status_page(site: Site, status: Status) -> StatusPage:
    """Return the status page."""
    numbers = status.whole.lags
    place = median_lag(numbers)
    polls = tuple(kinds_of(step.tally) for step in status.steps)
    return StatusPage(
        site=site,
        status=status,
        lags=dict(zip(LAGS, numbers, strict=True)),
        median=None if place is None else LAGS[place],
        polls=polls,
        has_history=sum(any(kinds.values()) for kinds in polls) >= DAYS_FOR_CHARTS,
        freshness_chart=draw(("entries",), [{"entries": number} for number in numbers]),
        polls_chart=draw(POLLS, polls),
        letters_chart=draw(LETTERS, [step.letters for step in status.steps]),
    )


def kinds_of(tally: PollCounts) -> Mapping[str, int]:
    """Return the numbers of polls by result: `news`, nothing (`quiet`), or `failed`."""
    polls = tally.polls
    return {
        "news": polls[PollOutcome.NEW] + polls[PollOutcome.UPDATED],
        "quiet": polls[PollOutcome.UNCHANGED] + polls[PollOutcome.NOT_MODIFIED],
        "failed": polls[PollOutcome.FAILED],
    }


def draw(kinds: Sequence[Kind], columns: Sequence[Mapping[Kind, int]]) -> Chart:
    """Return a chart of `columns`, each with a number for each of `kinds`, from the bottom up."""
    most = max((sum(column.values()) for column in columns), default=0)
    place = WIDTH / max(len(columns), 1)
    bars: list[Bar] = []
    for index, column in enumerate(columns):
        foot = float(HEIGHT)
        for kind in kinds:
            if not column[kind]:
                continue
            # A bar of the least height may not fit on a column that is full.
            height = max(HEIGHT * column[kind] / most, LEAST)
            foot = max(foot - height, 0.0)
            bars.append(
                Bar(
                    kind=kind,
                    x=round(place * (index + GAP / 2), 2),
                    y=round(foot, 2),
                    width=round(place * (1 - GAP), 2),
                    height=round(height, 2),
                )
            )
    return Chart(kinds=tuple(kinds), bars=tuple(bars), most=most)
