"""How the service does, read once for all who ask: from the rows, and from no process."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tidings.db.database import Database
from tidings.model.status import DAY, Status, TimeStep, starts_of
from tidings.publishing.site_context import SiteContext
from tidings.publishing.store import pings
from tidings.publishing.views import render
from tidings.rendering.status_page import status_page
from tidings.storage import activity

SPANS = (DAY, 7 * DAY, 30 * DAY)
"""What the page tells of."""

LISTED = 10
"""Sources that are named because they fail, or are slow."""


def read_status(database: Database, *, now: datetime, spans: Sequence[timedelta] = SPANS) -> Status:
    """Return how the service does, and did in the last time.

    Args:
        database: Where everything is.
        now: The time.
        spans: How far to look back; the longest is told step by step.
    """
    starts = starts_of(max(spans), now=now)
    with database.read() as connection:
        tallies = activity.polls_by_step(connection, starts)
        mailed = activity.mail_by_step(connection, starts)
        return Status(
            at=now,
            since=starts[0],
            polled_at=activity.last_poll(connection),
            overdue=activity.overdue_polls(connection, now=now),
            sources=activity.sources_by_health(connection),
            spans={
                span: activity.polls_by_step(connection, starts_of(span, now=now)[:1])[0]
                for span in sorted(spans)
            },
            steps=tuple(
                TimeStep(start=start, tally=tally, issues=sent.issues, letters=sent.letters)
                for start, tally, sent in zip(starts, tallies, mailed, strict=True)
            ),
            failing=tuple(activity.longest_failing(connection, limit=LISTED)),
            slow=tuple(activity.slowest(connection, limit=LISTED)),
            hubs=tuple(pings.standings(connection, since=starts[0])),
        )


def status_body(database: Database, imprint: SiteContext, *, now: datetime) -> bytes:
    """Render the page that tells how the service does."""
    status = read_status(database, now=now)
    with database.read() as connection:
        site = imprint.site_now(connection)
    return render(status_page(site, status), imprint.templates)
