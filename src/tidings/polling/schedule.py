"""When a source is polled next and why then, from the rate at which it publishes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from math import log
from operator import itemgetter

from tidings.model.durations import duration_in_words

# Beyond, every sensible limit is passed, and 2**n stays a small number.
MAX_DOUBLINGS = 16

# The part of the pause by which sources that were polled together drift apart.
JITTER = 0.1

# How many polls are made in the average time from one new entry to the next.
POLLS_PER_GAP = 3

# How long a source is observed before it may be polled more often than `PollPolicy.interval`.
MIN_OBSERVED = timedelta(days=1)

# How many times less often a source is polled while its hub pushes what is new.
PUSH_SLOWDOWN = 8

# How often a source is polled that seems dead.
DEAD_INTERVAL = timedelta(days=7)

# The observed time after which half of what was learned is forgotten.
HALF_LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRate:
    """New entries, and the seconds in which they were seen; both decay with `HALF_LIFE`."""

    entries: float = 0.0
    seconds: float = 0.0

    @property
    def gap(self) -> timedelta:
        """The average time from one entry to the next."""
        # As if one more entry came just now: it keeps the gap finite, and small while little is
        # known.
        return timedelta(seconds=self.seconds / (self.entries + 1))

    def expected(self, during: timedelta) -> float:
        """Return how many entries should have come in such a time."""
        rate = self.entries / self.seconds if self.seconds else 0.0
        return rate * during.total_seconds()

    def after(self, found: int, elapsed: timedelta, *, at_once: timedelta) -> "PublishRate":
        """Return the rate after `elapsed` brought `found` more entries.

        With `k = ln 2 / HALF_LIFE`, `t` the elapsed seconds and `n` the entries that count:

            seconds' = seconds * exp(-kt) + w        where w = (1 - exp(-kt)) / k
            entries' = entries * exp(-kt) + n * w / t

        as if the entries had come evenly: a steady source has the same rate however seldom it
        is polled, so that an outage of ours does not distort it. A burst is no rate: of what
        comes in one poll, at most one entry per `at_once` counts.
        """
        seconds = elapsed.total_seconds()
        if seconds <= 0:
            return self
        decay = 0.5 ** (elapsed / HALF_LIFE)
        weight = (1 - decay) * HALF_LIFE.total_seconds() / log(2)
        counted = min(found, max(elapsed / at_once, 1))
        return PublishRate(
            entries=self.entries * decay + counted * weight / seconds,
            seconds=self.seconds * decay + weight,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How often sources are polled; each is a setting under `[poll]`.

    Attributes:
        tick: How often the scheduler looks for what is due.
        interval: The shortest pause between two polls of a source, usually.
        min_interval: The shortest of a busy source whose server makes polling cheap.
        max_interval: The longest, however many polls failed or whatever a server asks for.
        max_pause: The longest that a `Retry-After` is obeyed.
        outburst: More unexpected entries of one poll are held for the operator; 0 for no limit.
    """

    tick: timedelta
    interval: timedelta
    min_interval: timedelta
    max_interval: timedelta
    max_pause: timedelta
    outburst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PollHistory:
    """What the next poll of a source depends on, the poll just made included.

    Attributes:
        rate: How often it publishes.
        interval: Set by the operator, instead of what is learned.
        host_interval: The shortest that the operator allows for its host.
        has_validators: The server supports conditional requests.
        fresh_for: The cache lifetime of the response.
        ttl: With the hours (UTC) and days (0 is Monday) to skip, as the last document asked.
        is_pushed: Its hub pushes what is new.
        failures: Polls that failed in a row.
        failed_with: What was wrong with the last of them.
        retry_after: The pause that its response asked for.
        is_dead: It has not been found for a month.
    """

    source_id: int
    rate: PublishRate = field(default_factory=PublishRate)
    interval: timedelta | None = None
    host_interval: timedelta = timedelta(0)
    has_validators: bool = False
    fresh_for: timedelta | None = None
    ttl: timedelta | None = None
    skip_hours: Collection[int] = ()
    skip_days: Collection[int] = ()
    is_pushed: bool = False
    failures: int = 0
    failed_with: str = ""
    retry_after: timedelta | None = None
    is_dead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPoll:
    """When a source is polled next, and why then, in one sentence for the operator."""

    at: datetime
    because: str


_Pause = tuple[timedelta, str]


def next_poll(history: PollHistory, *, now: datetime, policy: PollPolicy) -> NextPoll:
    """Return when a source may be polled again.

    The longest of these pauses counts: its own, which is a third of the time from one new
    entry to the next, or the operator's; its host's; the one its server or its document asks
    for. Failures in a row double its own from the third on. Hours and days that the publisher
    asks to skip are kept free. The result is moved on by up to a tenth of the pause; after
    failures by up to the whole of it.

    Args:
        history: The source after the poll just made.
        now: The end of that poll.
        policy: The limits that hold for every source.
    """
    # What was polled, or failed, together must not come back together. Half of the jitter is
    # the same for a source each time, so that its polls keep their distance from others.
    phase = _fraction(f"{history.source_id}")
    noise = _fraction(f"{history.source_id} {now.isoformat()}")
    pauses = _pauses(history, policy=policy, spread=noise)
    pause, because = max(pauses, key=itemgetter(0))
    at = now + pause + pause * (JITTER * (phase + noise) / 2)
    opening = _after_skipped(at, history)
    if opening > at:
        at = opening + timedelta(hours=1) * JITTER * phase
        alone = "its publisher asks to be left alone until then (skipHours, skipDays)"
        return NextPoll(at=at, because=f"at {opening:%H:%M} UTC: {alone}")
    return NextPoll(at=at, because=f"after {duration_in_words(pause)}: {because}")


def _pauses(history: PollHistory, *, policy: PollPolicy, spread: float) -> Iterator[_Pause]:
    own = _own_pause(history, policy)
    yield _after_failures(history, own, policy=policy, spread=spread) if history.failures else own
    yield history.host_interval, "the setting for its host"
    if history.fresh_for:
        fresh_for = min(history.fresh_for, policy.max_interval)
        yield fresh_for, "the server says that what we have stays fresh"
    if history.ttl:
        yield min(history.ttl, policy.max_interval), "its publisher asks for that pause (ttl)"
    if history.retry_after:
        retry_after = min(history.retry_after, policy.max_pause)
        yield retry_after, f"the server asks for that pause ({history.failed_with})"


def _own_pause(history: PollHistory, policy: PollPolicy) -> _Pause:
    if history.interval:
        return history.interval, "the operator's interval"
    rate = history.rate
    least = policy.min_interval if _may_poll_faster(history, policy) else policy.interval
    pause = min(max(rate.gap / POLLS_PER_GAP, least), policy.max_interval)
    if history.is_pushed:
        slower = max(min(pause * PUSH_SLOWDOWN, policy.max_interval), pause)
        return slower, "its hub tells us what is new before"
    if rate.entries < 0.5:
        known = "brings next to nothing" if rate.gap > policy.max_interval else "is new to us"
        return pause, f"it {known}"
    gap = timedelta(seconds=rate.seconds / rate.entries)
    if gap < policy.interval * 1.5:
        return pause, "it brings new entries all the time"
    return pause, f"it brings a new entry about every {duration_in_words(gap)}"


def _may_poll_faster(history: PollHistory, policy: PollPolicy) -> bool:
    """Tell whether a server makes polling cheap: by validators, or a short cache lifetime."""
    named = [pause for pause in (history.fresh_for, history.ttl) if pause]
    shorter = any(pause < policy.interval for pause in named)
    is_known = history.rate.seconds >= MIN_OBSERVED.total_seconds()
    return is_known and not history.failures and (history.has_validators or shorter)


def _after_failures(
    history: PollHistory, own: _Pause, *, policy: PollPolicy, spread: float
) -> _Pause:
    if history.is_dead:
        return DEAD_INTERVAL, f"it seems dead: {history.failed_with}, for a month and more"
    pause, _ = own
    most = max(policy.max_interval, pause)
    doublings = min(max(history.failures - 2, 0), MAX_DOUBLINGS)
    doubled = min(pause * (1 << doublings), most)
    many = f"{history.failures} polls in a row failed, the last with"
    first = "the last poll failed:" if history.failures == 1 else many
    return min(doubled * (1 + spread), most), f"{first} {history.failed_with}"


def _after_skipped(moment: datetime, history: PollHistory) -> datetime:
    """Return the first time from `moment` on that is in no skipped hour or day.

    If a publisher asks to skip the whole week, `moment` itself.
    """
    if not (history.skip_hours or history.skip_days):
        return moment
    hour = moment.replace(minute=0, second=0, microsecond=0)
    for ahead in range(7 * 24):
        begin = max(moment, hour + timedelta(hours=ahead))
        if begin.hour not in history.skip_hours and begin.weekday() not in history.skip_days:
            return begin
    return moment


def _fraction(seed: str) -> float:
    return int.from_bytes(sha256(seed.encode()).digest()[:4]) / 2**32
