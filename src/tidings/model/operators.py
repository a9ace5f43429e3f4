"""Operators: how they sign in to the pages, and what they do there.

What the operator should look at: the decision of the daily note.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.model.entries import Entry
from tidings.model.sources import Source

# The hour, in UTC, from which on the day's note may be written.
MORNING = 6

# A source that has not worked for so long will hardly mend itself.
FAILING_FOR = timedelta(days=3)

# With that long without any poll, nobody polls.
SILENCE = timedelta(hours=6)

# A letter that has been waiting for so long does not leave by itself.
STUCK_FOR = timedelta(hours=6)

# So many times the usual number of bounces in a day is a surge, ...
SURGE = 5

# ... unless there are fewer than this.
MIN_SURGE = 10

# Of a disk: with less than this free it is nearly full, ...
LITTLE_SPACE = 0.05

# ... unless that many bytes are free.
ENOUGH_SPACE = 2_000_000_000

# Lines of one worry; how many there are is told in any case.
MAX_LINES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorToken:
    """What an operator signs in with, as far as is remembered of it.

    Attributes:
        label: What the operator calls it, to tell it from others; may be empty.
        last_used_at: When somebody last signed in with it, or did something.
        revoked_at: When it was taken back before its time; None if it was not.
    """

    id: int
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, *, now: datetime) -> str:
        """Say in a word whether one can sign in with it: `valid`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Session:
    """A browser that an operator is signed in with.

    Attributes:
        secret: What its cookie holds, and nobody else knows.
        csrf_token: What its forms carry: a page of somebody else cannot know it.
    """

    secret: str
    token: OperatorToken
    csrf_token: str


class EntryAct(StrEnum):
    """What an operator does with an entry."""

    HIDE = "hide"
    UNHIDE = "unhide"
    RELEASE = "release"
    PIN = "pin"
    UNPIN = "unpin"
    SPLIT = "split"
    """Take it out of its story."""


class SourceAct(StrEnum):
    """What an operator does with a source."""

    PAUSE = "pause"
    RESUME = "resume"
    POLL = "poll"
    RELEASE = "release"
    """All that is held of it."""
    EDIT = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForm:
    """What an operator filled in about a source: text that nobody has checked.

    Attributes:
        title: Empty for what the source calls itself.
        topics: Their slugs.
        interval: Such as `3h`; empty for what is learned.
    """

    title: str
    topics: tuple[str, ...]
    interval: str
    republish: str
    noindex: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSource:
    """A source of which entries wait, and how many."""

    slug: str
    title: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationQueue:
    """What an operator finds to do.

    Attributes:
        held: What waits to be released, the newest first; no more than can be looked through.
        waiting: How much waits of each source, most first.
        pinned: What is pinned and public, the newest pin first.
        hidden: What was public and is hidden, the latest to be hidden first.
        resting: Sources that are not polled: paused or retired.
    """

    held: tuple[Entry, ...]
    waiting: tuple[HeldSource, ...]
    pinned: tuple[Entry, ...]
    hidden: tuple[Entry, ...]
    resting: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Who runs the service; each is a setting under `[operator]`.

    Attributes:
        email: Who gets the daily note; empty for nobody.
    """

    email: str


class ProblemKind(StrEnum):
    """What may be wrong, the worst first."""

    NOTHING_POLLED = "nothing_polled"
    DISK = "disk"
    RELAY = "relay"
    LETTERS_STUCK = "letters_stuck"
    LETTERS_DOUBTFUL = "letters_doubtful"
    BOUNCES = "bounces"
    FAILING = "failing"
    RETIRED = "retired"
    NOTICES = "notices"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to look at.

    Attributes:
        count: How many there are of it.
        lines: The first of them, each in a line.
    """

    kind: ProblemKind
    count: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSource:
    """A source that fails, that was retired lately, or that there is something to say of.

    Attributes:
        worked_at: The last success, failing that when it was added.
        error: Why the last poll failed; None if it did not.
        notice: What the operator should know.
    """

    id: int
    title: str
    worked_at: datetime
    error: str | None
    notice: str | None
    is_retired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageGroup:
    """Letters that have something in common.

    Attributes:
        count: How many they are.
        notices: Those that are no issue, each in a line: no command shows them.
    """

    count: int = 0
    notices: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """How things stand.

    Attributes:
        active_sources: How many are to be polled.
        polled_at: When one was last polled; None if none ever was.
        sources: Those to speak of.
        held_entries: Entries that wait for the operator.
        paused_relays: Why nothing is sent through them.
        stuck: What has not left for `STUCK_FOR`.
        refused: What the relay refuses for our sake.
        doubtful: What may not have arrived, of the last day.
        bounces: Of the last day.
        usual_bounces: A day's, over the week before.
        free_space: Of the disk with the database, in bytes; None if that is elsewhere.
        whole_space: Of the same, when it is empty.
    """

    active_sources: int
    polled_at: datetime | None
    sources: Sequence[WatchedSource]
    held_entries: int
    paused_relays: Sequence[str]
    stuck: MessageGroup
    refused: MessageGroup
    doubtful: MessageGroup
    bounces: int
    usual_bounces: float
    free_space: int | None = None
    whole_space: int = 0


def problems_in(snapshot: HealthSnapshot, *, now: datetime) -> tuple[Problem, ...]:
    """Return what is worth telling, the worst first; nothing if all is well."""
    longest_first = sorted(snapshot.sources, key=lambda one: one.worked_at)
    failing = [one for one in longest_first if _is_failing(one, now)]
    retired = [one for one in longest_first if one.is_retired]
    paused, refused = tuple(snapshot.paused_relays), snapshot.refused
    found = (
        Problem(kind=ProblemKind.NOTHING_POLLED, count=_is_silent(snapshot, now)),
        Problem(kind=ProblemKind.DISK, count=_is_full(snapshot)),
        _listed(ProblemKind.RELAY, (*paused, *refused.notices), max(len(paused), refused.count)),
        _listed(ProblemKind.LETTERS_STUCK, snapshot.stuck.notices, snapshot.stuck.count),
        _listed(ProblemKind.LETTERS_DOUBTFUL, snapshot.doubtful.notices, snapshot.doubtful.count),
        Problem(kind=ProblemKind.BOUNCES, count=snapshot.bounces * _is_surge(snapshot)),
        _named(ProblemKind.FAILING, [(one, one.error) for one in failing]),
        _named(ProblemKind.RETIRED, [(one, one.error) for one in retired]),
        _named(ProblemKind.NOTICES, [(one, one.notice) for one in snapshot.sources if one.notice]),
        Problem(kind=ProblemKind.HELD, count=snapshot.held_entries),
    )
    return tuple(worry for worry in found if worry.count)


def _listed(kind: ProblemKind, lines: Sequence[str], count: int) -> Problem:
    return Problem(kind=kind, count=count, lines=tuple(lines[:MAX_LINES]))


def _named(kind: ProblemKind, sources: Sequence[tuple[WatchedSource, str | None]]) -> Problem:
    lines = [f"{one.id} {one.title}: {said}" for one, said in sources]
    return _listed(kind, lines, len(lines))


def _is_failing(source: WatchedSource, now: datetime) -> bool:
    return bool(source.error) and not source.is_retired and now - source.worked_at >= FAILING_FOR


def _is_silent(snapshot: HealthSnapshot, now: datetime) -> bool:
    if not snapshot.active_sources or snapshot.polled_at is None:
        return False
    return now - snapshot.polled_at >= SILENCE


def _is_full(snapshot: HealthSnapshot) -> bool:
    free = snapshot.free_space
    return free is not None and free < min(ENOUGH_SPACE, LITTLE_SPACE * snapshot.whole_space)


def _is_surge(snapshot: HealthSnapshot) -> bool:
    return snapshot.bounces >= max(MIN_SURGE, SURGE * snapshot.usual_bounces)
