"""The status of a service that has much to do, for the page that tells it."""

from datetime import timedelta

from browser.showcase import NOON, SOURCES
from tidings.model.service_status import (
    DAY,
    FailingSource,
    HubStatus,
    MessageOutcome,
    PollCounts,
    PollOutcome,
    SlowSource,
    Status,
    TimeStep,
    starts_of,
)
from tidings.model.sources import SourceHealth

SHARES = {"new": 10, "updated": 2, "unchanged": 20, "not_modified": 60, "failed": 5, "skipped": 0}
TROUBLES = ("http 404", "dns", "timeout", "broken transfer", "html")


def a_tally(polls):
    return PollCounts(
        polls={outcome: polls * SHARES[outcome.value] for outcome in PollOutcome},
        entries=20 * polls,
        lags=tuple(polls * share for share in (4, 7, 5, 1, 0)),
    )


def a_step(start):
    works = start.weekday() < 5
    return TimeStep(
        start=start,
        tally=a_tally(40 + start.day % 7 * 9),
        issues=int(works),
        letters={
            MessageOutcome.ACCEPTED: 980 * works,
            MessageOutcome.WAITING: 3,
            MessageOutcome.FAILED: 9 * works,
        },
    )


def a_busy_status():
    steps = tuple(map(a_step, starts_of(30 * DAY, now=NOON)))
    return Status(
        at=NOON,
        since=steps[0].start,
        polled_at=NOON - timedelta(seconds=40),
        overdue=timedelta(hours=3),
        sources=dict(zip(SourceHealth, (1903, 3, 41, 2, 7), strict=True)),
        spans={DAY: a_tally(70), 7 * DAY: a_tally(500), 30 * DAY: a_tally(2100)},
        steps=steps,
        failing=tuple(
            FailingSource(
                id=source.id,
                slug=source.slug,
                title=source.title,
                since=NOON - 40 * number * DAY,
                has_worked=number > 0,
                word=word,
            )
            for number, (source, word) in enumerate(zip(SOURCES, TROUBLES, strict=False))
        ),
        slow=tuple(
            SlowSource(id=source.id, slug=source.slug, title=source.title, lag=DAY / (1 + number))
            for number, source in enumerate(SOURCES)
        ),
        hubs=(HubStatus(hub="https://hub.example/publish", told=1312, waiting=3, failing=0),),
    )
