"""When a source is polled next, and why then.

How often a source brings something, learned from what its polls found.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from math import log
from operator import itemgetter

from tidings.model.durations import duration_in_words

# Beyond, every sensible limit is passed, and 2**n stays a small number.
MAX_DOUBLINGS = 16

# The part of the pause by which the sources of one minute drift apart.
JITTER = 0.1

# How often a source is asked in the time that it takes for one entry.
POLLS_PER_GAP = 3

# How long a source is watched before it may be asked more often than others.
OBSERVED = timedelta(days=1)

# How many times less often a source is asked while its hub brings what is new.
PUSHED = 8

# How often a source is asked that seems dead.
PROBE = timedelta(days=7)

# The observed time after which half of what was learned is forgotten.
HALF_LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """New entries, and the seconds that it took to see them; both fade with `HALF_LIFE`."""

    entries: float = 0.0
    seconds: float = 0.0

    @property
    def gap(self) -> timedelta:
        """The time from one entry to the next, as if one more came just now.

        That one keeps the gap finite, and small while little is known.
        """
        return timedelta(seconds=self.seconds / (self.entries + 1))

    def expected(self, during: timedelta) -> float:
        """Return how many entries such a time should have brought."""
        rate = self.entries / self.seconds if self.seconds else 0.0
        return rate * during.total_seconds()

    def after(self, found: int, elapsed: timedelta, *, at_once: timedelta) -> "Rhythm":
        """Return what is known after `elapsed` brought `found` more entries.

        With `k = ln 2 / HALF_LIFE`, `t` the elapsed seconds and `n` the entries that count:

            seconds' = seconds * exp(-kt) + w        where w = (1 - exp(-kt)) / k
            entries' = entries * exp(-kt) + n * w / t

        as if the entries had come evenly: a steady source has the same rate however seldom it
        is asked, so that an outage of ours teaches nothing wrong. A burst does not stand for a
        rate: of what comes in one poll, at most one entry per `at_once` counts.
        """
        seconds = elapsed.total_seconds()
        if seconds <= 0:
            return self
        decay = 0.5 ** (elapsed / HALF_LIFE)
        weight = (1 - decay) * HALF_LIFE.total_seconds() / log(2)
        counted = min(found, max(elapsed / at_once, 1))
        return Rhythm(
            entries=self.entries * decay + counted * weight / seconds,
            seconds=self.seconds * decay + weight,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How often sources are polled; each is a setting under `[poll]`.

    Attributes:
        tick: How often somebody looks for what is due.
        interval: The shortest pause between two polls of a source that asks for nothing else.
        min_interval: The same of a busy source whose server invites more.
        max_interval: The longest, however many polls failed or whatever a server asks for.
        max_pause: The longest that an answer "429, come back later" is obeyed.
        outburst: How many unexpected entries of one poll are left to the operator; 0 for none.
    """

    tick: timedelta
    interval: timedelta
    min_interval: timedelta
    max_interval: timedelta
    max_pause: timedelta
    outburst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PollHistory:
    """What the next poll of a source depends on, as it stands after the one just made.

    Attributes:
        given: The operator's interval, instead of what is learned.
        host_interval: The least that the operator wants for its host.
        has_validators: The server lets us ask "has it changed?".
        fresh_for: The cache lifetime of the answer.
        ttl: With the hours (UTC) and days (0 is Monday) to skip, as the last document asked.
        is_pushed: Its hub tells us what is new.
        failures: Polls that failed in a row.
        failed_with: What the last of them met.
        retry_after: The pause that it asked for.
        is_dead: It has failed for so long that hardly anybody is left to ask.
    """

    source_id: int
    rhythm: Rhythm = field(default_factory=Rhythm)
    given: timedelta | None = None
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
    """A time, and in one sentence why it is not another."""

    at: datetime
    because: str


_Pause = tuple[timedelta, str]


def next_poll(standing: PollHistory, *, now: datetime, policy: PollPolicy) -> NextPoll:
    """Return when a source may be polled again.

    The longest of these pauses counts: its own, which is a third of the time from one new
    entry to the next, or the operator's; its host's; the one its server or its document asks
    for. Failures in a row double its own from the third on. A time that the publisher wants to
    be left alone in is waited for. The result is moved on by up to a tenth of the pause, half
    of that the same for a source each time; after failures by up to the whole of it. So what
    failed together does not come back together.

    Args:
        standing: The source after the poll just made.
        now: The end of that poll.
        policy: The limits that hold for every source.
    """
    phase = _fraction(f"{standing.source_id}")
    noise = _fraction(f"{standing.source_id} {now.isoformat()}")
    pauses = _pauses(standing, policy=policy, spread=noise)
    pause, because = max(pauses, key=itemgetter(0))
    at = now + pause + pause * JITTER * (phase + noise) / 2
    opening = _opening(at, standing)
    if opening > at:
        at = opening + timedelta(hours=1) * JITTER * phase
        alone = "its publisher asks to be left alone until then (skipHours, skipDays)"
        return NextPoll(at=at, because=f"at {opening:%H:%M} UTC: {alone}")
    return NextPoll(at=at, because=f"after {duration_in_words(pause)}: {because}")


def _pauses(standing: PollHistory, *, policy: PollPolicy, spread: float) -> Iterator[_Pause]:
    own = _own(standing, policy)
    yield _after_failures(standing, own, policy=policy, spread=spread) if standing.failures else own
    yield standing.host_interval, "the setting for its host"
    fresh_for = min(standing.fresh_for or timedelta(0), policy.max_interval)
    yield fresh_for, "the server says that what we have stays fresh"
    ttl = min(standing.ttl or timedelta(0), policy.max_interval)
    yield ttl, "its publisher asks for that pause (ttl)"
    retry_after = min(standing.retry_after or timedelta(0), policy.max_pause)
    yield retry_after, f"the server asks for that pause ({standing.failed_with})"


def _own(standing: PollHistory, policy: PollPolicy) -> _Pause:
    if standing.given:
        return standing.given, "the operator's interval"
    rhythm = standing.rhythm
    least = policy.min_interval if _is_invited(standing, policy) else policy.interval
    pause = min(max(rhythm.gap / POLLS_PER_GAP, least), policy.max_interval)
    if standing.is_pushed:
        slower = max(min(pause * PUSHED, policy.max_interval), pause)
        return slower, "its hub tells us what is new before"
    if rhythm.entries < 0.5:
        known = "brings next to nothing" if rhythm.gap > policy.max_interval else "is new to us"
        return pause, f"it {known}"
    gap = timedelta(seconds=rhythm.seconds / rhythm.entries)
    if gap < policy.interval * 1.5:
        return pause, "it brings new entries all the time"
    return pause, f"it brings a new entry about every {duration_in_words(gap)}"


def _is_invited(standing: PollHistory, policy: PollPolicy) -> bool:
    """Tell whether a server has nothing against being asked more often than others."""
    named = [pause for pause in (standing.fresh_for, standing.ttl) if pause]
    shorter = any(pause < policy.interval for pause in named)
    is_known = standing.rhythm.seconds >= OBSERVED.total_seconds()
    return is_known and not standing.failures and (standing.has_validators or shorter)


def _after_failures(
    standing: PollHistory, own: _Pause, *, policy: PollPolicy, spread: float
) -> _Pause:
    if standing.is_dead:
        return PROBE, f"it seems dead: {standing.failed_with}, for a month and more"
    pause, _ = own
    most = max(policy.max_interval, pause)
    doublings = min(max(standing.failures - 2, 0), MAX_DOUBLINGS)
    doubled = min(pause * (1 << doublings), most)
    many = f"{standing.failures} polls in a row failed, the last with"
    first = "the last poll failed:" if standing.failures == 1 else many
    return min(doubled * (1 + spread), most), f"{first} {standing.failed_with}"


def _opening(moment: datetime, standing: PollHistory) -> datetime:
    """Return the first time from `moment` on that is in no skipped hour or day, if there is."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    for ahead in range(7 * 24):
        begin = max(moment, hour + timedelta(hours=ahead))
        if begin.hour not in standing.skip_hours and begin.weekday() not in standing.skip_days:
            return begin
    return moment


def _fraction(seed: str) -> float:
    return int.from_bytes(sha256(seed.encode()).digest()[:4]) / 2**32
