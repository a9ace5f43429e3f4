"""How the service does: what the status page, `stats` and the figures for monitoring tell.

What came of a poll.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tidings.model.newsletters import DeliveryState
from tidings.model.sources import SourceHealth

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)

# Columns of a chart, and rows of the table that says the same.
MAX_STEPS = 60

STEPS = (HOUR, DAY, WEEK, 5 * WEEK, 52 * WEEK)

# How long after its publication an entry is seen, at most; beyond the last it is late.
LAGS = (timedelta(minutes=15), HOUR, 6 * HOUR, DAY)


class PollOutcome(StrEnum):
    """The result of polling one source."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    """The document came, and nothing in it is news."""
    NOT_MODIFIED = "not_modified"
    """The server said so; no document came."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its host is held by another process, or cools down."""


# What comes of polls that take place.
OUTCOMES = tuple(outcome for outcome in PollOutcome if outcome is not PollOutcome.SKIPPED)


class MessageOutcome(StrEnum):
    """What became of letters, as far as it concerns everybody."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    """Not sent yet, or to be tried again."""
    FAILED = "failed"


# What was never to be sent any more is not there: cancelled, and superseded by the next one.
LETTERS: Mapping[DeliveryState, MessageOutcome] = {
    DeliveryState.READY: MessageOutcome.WAITING,
    DeliveryState.SENDING: MessageOutcome.WAITING,
    DeliveryState.DEFERRED: MessageOutcome.WAITING,
    DeliveryState.UNCERTAIN: MessageOutcome.WAITING,
    DeliveryState.HELD: MessageOutcome.WAITING,
    DeliveryState.ACCEPTED: MessageOutcome.ACCEPTED,
    DeliveryState.ASSUMED_ACCEPTED: MessageOutcome.ACCEPTED,
    DeliveryState.REJECTED: MessageOutcome.FAILED,
    DeliveryState.EXPIRED: MessageOutcome.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCounts:
    """The polls of a time.

    Attributes:
        polls: By outcome.
        entries: That were new.
        lags: How many of them were seen within each of `LAGS` and not before, and how many
            later; those that claim when they were published, after the first poll.
    """

    polls: Mapping[PollOutcome, int]
    entries: int
    lags: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStep:
    """A column of the charts: an hour, a day, or more.

    Attributes:
        issues: That were composed.
        letters: Of these issues, by what has become of them.
    """

    start: datetime
    tally: PollCounts
    issues: int
    letters: Mapping[MessageOutcome, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingSource:
    """A source that fails.

    Attributes:
        since: When it worked last, or was added.
        has_worked: Whether it ever did.
        word: What it fails with: `http 404`, `dns`, `timeout`.
    """

    id: int
    slug: str
    title: str
    since: datetime
    has_worked: bool
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowSource:
    """A source whose entries are seen late; `lag` is the median of the latest."""

    id: int
    slug: str
    title: str
    lag: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStanding:
    """How it stands with a hub that is told of our feeds.

    Attributes:
        told: Feeds that it was told of since the beginning of the status.
        waiting: Feeds that it is to be told of.
        failing: Feeds that it did not accept to be told of, whether that is tried again or not.
        error: What came of the attempt for one of these; for operators only.
    """

    hub: str
    told: int
    waiting: int
    failing: int
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the service does.

    Attributes:
        at: When that was.
        since: When what is told of began.
        polled_at: When a source was last polled; None if none was.
        overdue: How long the source that is due longest has been due.
        sources: By health.
        spans: The polls of the last so and so long, the shortest first.
        steps: The longest of these, step by step, the oldest first.
        failing: Those that have failed longest, the longest first.
        slow: The slowest of those that publish, the slowest first.
        hubs: That are told of our feeds.
    """

    at: datetime
    since: datetime
    polled_at: datetime | None
    overdue: timedelta
    sources: Mapping[SourceHealth, int]
    spans: Mapping[timedelta, PollCounts]
    steps: tuple[TimeStep, ...]
    failing: tuple[FailingSource, ...]
    slow: tuple[SlowSource, ...]
    hubs: tuple[HubStanding, ...]

    @property
    def whole(self) -> PollCounts:
        """The polls of the longest span."""
        return self.spans[max(self.spans)]

    @property
    def issues(self) -> int:
        """How many issues were composed."""
        return sum(step.issues for step in self.steps)

    @property
    def letters(self) -> Mapping[MessageOutcome, int]:
        """What became of their letters."""
        return {one: sum(step.letters[one] for step in self.steps) for one in MessageOutcome}


def starts_of(span: timedelta, *, now: datetime) -> list[datetime]:
    """Return the beginnings of the steps that `span` is told in, the oldest first.

    They lie where the clock and the calendar in UTC have them, so the first may be begun.
    """
    length = next((step for step in STEPS if span <= MAX_STEPS * step), STEPS[-1])
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight + (now - midnight) // length * length
    count = min(max(-(-span // length), 1), MAX_STEPS)
    return [last - length * back for back in range(count - 1, -1, -1)]


def median_lag(lags: Sequence[int]) -> int | None:
    """Return the place among `lags` that the median entry has; None if there is no entry."""
    half, seen = sum(lags) / 2, 0
    for place, number in enumerate(lags):
        seen += number
        if number and seen >= half:
            return place
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """One source's share of a round.

    Attributes:
        new: Entries of every state.
        wants_login: Its server asks for one.
    """

    source_id: int
    url: str
    outcome: PollOutcome
    new: int = 0
    updated: int = 0
    error: str | None = None
    problems: tuple[str, ...] = ()
    wants_login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSummary:
    """A round in numbers."""

    polled: int
    new: int
    updated: int
    unchanged: int
    failed: int
    skipped: int
    sources: tuple[PollResult, ...]


def summarise(results: Iterable[PollResult]) -> PollSummary:
    """Add up a round; `new` and `updated` count entries, the others sources."""
    sources = tuple(sorted(results, key=lambda result: result.source_id))
    outcomes = [result.outcome for result in sources]
    quiet = {PollOutcome.UNCHANGED, PollOutcome.NOT_MODIFIED}
    return PollSummary(
        polled=len(sources) - outcomes.count(PollOutcome.SKIPPED),
        new=sum(result.new for result in sources),
        updated=sum(result.updated for result in sources),
        unchanged=sum(outcome in quiet for outcome in outcomes),
        failed=outcomes.count(PollOutcome.FAILED),
        skipped=outcomes.count(PollOutcome.SKIPPED),
        sources=sources,
    )
