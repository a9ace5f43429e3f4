"""Status of the service, for the status page, `stats` and metrics; and the results of polls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tidings.model.newsletters import DeliveryState
from tidings.model.sources import SourceHealth

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)

# Columns of a chart, and rows of its table.
MAX_STEPS = 60

STEPS = (HOUR, DAY, WEEK, 5 * WEEK, 52 * WEEK)

# Histogram of how long after its publication an entry was seen: upper bounds.
LAGS = (timedelta(minutes=15), HOUR, 6 * HOUR, DAY)


class PollOutcome(StrEnum):
    """The result of polling one source."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    """A document came, with nothing new in it."""
    NOT_MODIFIED = "not_modified"
    """Status 304; no document came."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its host is held by another process, or cools down."""


# Outcomes of polls that took place.
OUTCOMES = tuple(outcome for outcome in PollOutcome if outcome is not PollOutcome.SKIPPED)


class MessageOutcome(StrEnum):
    """The outcome of messages, as shown to the public."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    """Not sent yet, or to be tried again."""
    FAILED = "failed"


# Without those that were not to be sent any more: cancelled, and superseded by the next one.
OUTCOME_OF_STATE: Mapping[DeliveryState, MessageOutcome] = {
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
    """The polls of a period.

    Attributes:
        polls: By outcome.
        entries: New ones.
        lags: How many new entries were seen within each of `LAGS`, but not within the one
            before, and how many later. Only those with a date, and not of first polls.
    """

    polls: Mapping[PollOutcome, int]
    entries: int
    lags: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStep:
    """A column of the charts: an hour, a day, or more.

    Attributes:
        issues: Number of issues composed.
        letters: Messages of these issues, by their outcome until now.
    """

    start: datetime
    tally: PollCounts
    issues: int
    letters: Mapping[MessageOutcome, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingSource:
    """A failing source.

    Attributes:
        since: When it worked last, or was added.
        has_worked: Whether it ever did.
        word: The kind of failure: `http 404`, `dns`, `timeout`.
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
class HubStatus:
    """A hub that is pinged for our feeds.

    Attributes:
        told: Feeds it was pinged for since the beginning of the status.
        waiting: Feeds it is still to be pinged for.
        failing: Feeds whose pings it refused, whether retried or not.
        error: The error of one of these; for operators only.
    """

    hub: str
    told: int
    waiting: int
    failing: int
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of the service.

    Attributes:
        at: When it was read.
        since: The beginning of the period it covers.
        polled_at: When a source was last polled; None if none was.
        overdue: How long the source that has been due longest has been due.
        sources: Numbers by health.
        spans: The polls of several periods up to now, by their length, the shortest first.
        steps: The longest of these, step by step, the oldest first.
        failing: The sources that have failed longest, the longest first.
        slow: The slowest of the sources that publish, the slowest first.
        hubs: Those that are pinged for our feeds.
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
    hubs: tuple[HubStatus, ...]

    @property
    def whole(self) -> PollCounts:
        """The polls of the longest period."""
        return self.spans[max(self.spans)]

    @property
    def issues(self) -> int:
        """How many issues were composed."""
        return sum(step.issues for step in self.steps)

    @property
    def letters(self) -> Mapping[MessageOutcome, int]:
        """Their messages, by outcome."""
        return {one: sum(step.letters[one] for step in self.steps) for one in MessageOutcome}


def starts_of(span: timedelta, *, now: datetime) -> list[datetime]:
    """Return the beginnings of the steps that `span` is divided in, the oldest first.

    They are aligned to hours and days in UTC, so that the first step may begin before the span.
    """
    length = next((step for step in STEPS if span <= MAX_STEPS * step), STEPS[-1])
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight + (now - midnight) // length * length
    count = min(max(-(-span // length), 1), MAX_STEPS)
    return [last - length * back for back in range(count - 1, -1, -1)]


def median_lag(lags: Sequence[int]) -> int | None:
    """Return the index in `lags` of the bucket with the median entry; None if there is none."""
    half, seen = sum(lags) / 2, 0
    for place, number in enumerate(lags):
        seen += number
        if number and seen >= half:
            return place
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """The result of one source in a round of polling.

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
    """The totals of a round of polling."""

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
