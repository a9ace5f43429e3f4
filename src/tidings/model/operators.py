"""Operators: tokens, sessions, moderation; and the problems that the daily note reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.model.entries import Entry

# The hour, in UTC, from which on the daily note may be sent.
NOTE_HOUR = 6

# How long a source fails before it is reported: many outages end by themselves.
FAILING_FOR = timedelta(days=3)

# How long without any poll before polling counts as stopped.
NO_POLL_FOR = timedelta(hours=6)

# How long a message is unsent before it counts as stuck.
STUCK_FOR = timedelta(hours=6)

# So many times the usual number of bounces in a day is a surge, ...
SURGE_FACTOR = 5

# ... unless there are fewer than this.
MIN_SURGE = 10

# With a smaller part of the disk free it is nearly full, ...
MIN_FREE_SHARE = 0.05

# ... unless that many bytes are free.
MIN_FREE_BYTES = 2_000_000_000

# Lines of one problem; their number is reported in any case.
MAX_LINES = 10


class Role(StrEnum):
    """What an operator may do on the pages; each may do what those before it may."""

    READ = "read"
    """See everything but people's addresses."""
    MODERATE = "moderate"
    """Look after entries, sources that are followed, and drafts of issues."""
    ALL = "all"

    def includes(self, other: "Role") -> bool:
        """Tell whether who has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorToken:
    """A token that an operator signs in with; only its hash is stored.

    Attributes:
        label: Chosen by the operator; may be empty.
        role: What they may do who sign in with it.
        last_used_at: When somebody last signed in with it, or acted.
        revoked_at: None if it was not revoked.
    """

    id: int
    label: str
    role: Role
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def name(self) -> str:
        """How lists call it: its label, failing that its number."""
        return self.label or f"#{self.id}"

    def state(self, *, now: datetime) -> str:
        """Return `valid`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Session:
    """A browser session of an operator.

    Attributes:
        secret: The value of its cookie.
        csrf_token: In a hidden field of its forms; pages of other sites cannot know it.
    """

    secret: str
    token: OperatorToken
    csrf_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """What an operator did on the pages.

    Attributes:
        who: The label of their token, failing that its number.
        act: A word such as `hide`.
        what: To what: `entry 17`, `source tech-blog`; may be empty.
    """

    at: datetime
    who: str
    act: str
    what: str


class EntryAct(StrEnum):
    """An operator's action on an entry."""

    HIDE = "hide"
    UNHIDE = "unhide"
    RELEASE = "release"
    PIN = "pin"
    UNPIN = "unpin"
    SPLIT = "split"
    """Take it out of its story."""


class SourceAct(StrEnum):
    """An operator's action on a source."""

    PAUSE = "pause"
    RESUME = "resume"
    POLL = "poll"
    RELEASE = "release"
    """All its held entries."""
    EDIT = "edit"


class DeskAct(StrEnum):
    """An operator's action on newsletters and their issues."""

    ADD = "add"
    EDIT = "change"
    OPEN = "open"
    """A draft, before its hour."""
    SAVE = "save"
    APPROVE = "approve"
    TEST = "test"
    SEND = "send"


class DeliveryAct(StrEnum):
    """An operator's action on deliveries."""

    RESEND = "resend"
    STOP = "stop"
    """Cancel one that was not sent yet."""
    RELEASE = "letgo"
    """Send all of an issue that are held."""


class PeopleAct(StrEnum):
    """An operator's action on subscribers and addresses."""

    ADD = "subscribe"
    EDIT = "alter"
    END = "end"
    """A subscription."""
    ERASE = "erase"
    SUPPRESS = "suppress"
    LIFT = "lift"
    """A suppression."""
    IMPORT = "import"
    EXPORT = "export"


class ServiceAct(StrEnum):
    """An operator's action on the service itself."""

    CANCEL = "cancel"
    """A job."""


class ChannelAct(StrEnum):
    """An operator's action on channels."""

    PAUSE = "mute"
    RESUME = "unmute"


class FollowAct(StrEnum):
    """An operator's action on which sources are followed, and how they are read."""

    FOLLOW = "follow"
    IMPORT = "import"
    MOVE = "move"
    """To another feed."""
    REMOVE = "remove"
    """With its entries."""
    ACCESS = "access"
    FILTER = "filter"
    UNFILTER = "unfilter"
    REFUSE = "refuse"
    """What a list sends by mail."""


# All that the message about a last action may be about.
ACTS: frozenset[str] = frozenset(
    [
        *EntryAct,
        *SourceAct,
        *DeskAct,
        *DeliveryAct,
        *PeopleAct,
        *ServiceAct,
        *ChannelAct,
        *FollowAct,
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForm:
    """A submitted form to edit a source: unchecked text.

    Attributes:
        title: Empty for the feed's own.
        topics: Their slugs.
        interval: Such as `3h`; empty for what is learned.
        full_text: A `TextMode`, or `off`.
        selectors: By name, of a page without a feed.
    """

    title: str
    topics: tuple[str, ...]
    interval: str
    republish: str
    noindex: bool
    full_text: str = "off"
    selectors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSource:
    """A source with held entries, and their number."""

    slug: str
    title: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationQueue:
    """The moderation queue.

    Attributes:
        held: Held entries, the newest first; no more than can be looked through.
        waiting: Numbers of held entries by source, most first.
        pinned: Pinned public entries, the newest pin first.
        hidden: Entries that were public and are hidden, the latest to be hidden first.
    """

    held: tuple[Entry, ...]
    waiting: tuple[HeldSource, ...]
    pinned: tuple[Entry, ...]
    hidden: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Settings under `[operator]`.

    Attributes:
        email: Recipient of the daily note; empty for none.
    """

    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """A setting in force, as it is shown.

    Attributes:
        path: Section, if it has one, and key.
        value: As it can be written into the file; of secrets a mask.
        origin: The file or the variable that says so.
    """

    path: tuple[str, ...]
    value: object
    origin: str


class ProblemKind(StrEnum):
    """Kinds of problems, the worst first."""

    NOTHING_POLLED = "nothing_polled"
    DISK = "disk"
    RELAY = "relay"
    LETTERS_STUCK = "letters_stuck"
    LETTERS_DOUBTFUL = "letters_doubtful"
    BOUNCES = "bounces"
    FAILING = "failing"
    RETIRED = "retired"
    NOTICES = "notices"
    CHANNELS = "channels"
    HELD = "held"
    DRAFTS = "drafts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem that the operator should look at.

    Attributes:
        count: How many cases there are.
        lines: The first of them, a line each.
    """

    kind: ProblemKind
    count: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSource:
    """A source that fails, was retired lately, or has a notice.

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
    """Messages in the same state.

    Attributes:
        count: How many there are.
        notices: The transactional ones, a line each: no command lists these.
    """

    count: int = 0
    notices: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """What the problems of the service are derived from.

    Attributes:
        active_sources: How many are to be polled.
        polled_at: When one was last polled; None if none ever was.
        sources: Those that may be reported.
        held_entries: How many entries are held.
        drafts: How many issues wait for approval.
        paused_relays: For each, why nothing is sent through it.
        stuck: Messages unsent for `STUCK_FOR`.
        refused: Messages that the relay refuses because of us.
        doubtful: Messages of the last day that may not have arrived.
        bounces: Of the last day.
        usual_bounces: Per day, over the week before.
        channels: For each that does not take what it is told, its name and why.
        free_space: Of the disk with the database, in bytes; None if that is on another machine.
        whole_space: The size of that disk, in bytes.
    """

    active_sources: int
    polled_at: datetime | None
    sources: Sequence[WatchedSource]
    held_entries: int
    drafts: int
    paused_relays: Sequence[str]
    stuck: MessageGroup
    refused: MessageGroup
    doubtful: MessageGroup
    bounces: int
    usual_bounces: float
    channels: Sequence[str] = ()
    free_space: int | None = None
    whole_space: int = 0


def problems_in(snapshot: HealthSnapshot, *, now: datetime) -> tuple[Problem, ...]:
    """Return the problems to report, the worst first; empty if all is well."""
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
        _listed(ProblemKind.CHANNELS, snapshot.channels, len(snapshot.channels)),
        Problem(kind=ProblemKind.HELD, count=snapshot.held_entries),
        Problem(kind=ProblemKind.DRAFTS, count=snapshot.drafts),
    )
    return tuple(problem for problem in found if problem.count)


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
    return now - snapshot.polled_at >= NO_POLL_FOR


def _is_full(snapshot: HealthSnapshot) -> bool:
    free = snapshot.free_space
    return free is not None and free < min(MIN_FREE_BYTES, MIN_FREE_SHARE * snapshot.whole_space)


def _is_surge(snapshot: HealthSnapshot) -> bool:
    return snapshot.bounces >= max(MIN_SURGE, SURGE_FACTOR * snapshot.usual_bounces)
