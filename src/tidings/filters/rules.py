"""Filter rules, and how keep and drop are weighed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidings.model.entries import Entry


class Action(StrEnum):
    """What becomes of an entry that a filter matches."""

    KEEP = "keep"
    DROP = "drop"


class Field(StrEnum):
    """Where a filter looks."""

    TITLE = "title"
    TEXT = "text"
    """The excerpt, and the content without markup."""
    AUTHOR = "author"
    """Any of them."""
    CATEGORY = "category"
    """Any of the publisher's labels."""
    LANGUAGE = "language"


class Kind(StrEnum):
    """The syntax of a filter's pattern."""

    WORDS = "words"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to look for, and what to do with an entry that has it."""

    action: Action
    field: Field
    kind: Kind
    pattern: str

    def __str__(self) -> str:
        return f"{self.action} if {self.finding}"

    @property
    def finding(self) -> str:
        """What is true of an entry that it matches."""
        return f"{self.field} {'has' if self.kind is Kind.WORDS else 'matches'} {self.pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A rule for one source or for one newsletter.

    Attributes:
        id: None while it is on trial.
        newsletter: The slug.
    """

    id: int | None = None
    source_id: int | None = None
    newsletter: str | None = None
    rule: Rule

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "the new filter" if self.id is None else f"filter {self.id}"

    @property
    def owner(self) -> str:
        """The source or newsletter it belongs to, in words."""
        return f"source {self.source_id}" if self.source_id else f"newsletter {self.newsletter}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterVerdict:
    """Whether filters keep an entry, and why.

    Attributes:
        found_by: All filters that match it.
    """

    is_kept: bool
    because: str
    found_by: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTrial:
    """What filters would do to some entries."""

    filters: tuple[Filter, ...]
    verdicts: tuple[tuple[Entry, FilterVerdict], ...]

    @property
    def kept(self) -> int:
        """How many entries would be kept."""
        return sum(verdict.is_kept for _, verdict in self.verdicts)

    @property
    def finds(self) -> dict[Filter, int]:
        """How many entries each filter matches."""
        return {
            one: sum(one in verdict.found_by for _, verdict in self.verdicts)
            for one in self.filters
        }


def decide(filters: Sequence[Filter], finds: Callable[[Filter], bool]) -> FilterVerdict:
    """Decide whether an entry is kept.

    Drop wins over keep. If any filter says keep, an entry needs one that does.

    Args:
        filters: All of one source, or of one newsletter.
        finds: Tells whether a filter matches the entry.
    """
    found_by = tuple(one for one in filters if finds(one))
    # Before keep: one filter that drops an entry is enough.
    against = _first_with(found_by, Action.DROP)
    if against:
        because = f"dropped by {against.name}: {against.rule.finding}"
        return FilterVerdict(is_kept=False, because=because, found_by=found_by)
    keeper = _first_with(found_by, Action.KEEP)
    if keeper:
        because = f"kept by {keeper.name}: {keeper.rule.finding}"
        return FilterVerdict(is_kept=True, because=because, found_by=found_by)
    # Among all filters, not only those that match: who says what to keep wants nothing else.
    if _first_with(filters, Action.KEEP):
        return FilterVerdict(is_kept=False, because="dropped: no filter keeps it", found_by=())
    return FilterVerdict(is_kept=True, because="kept: no filter drops it", found_by=())


def _first_with(filters: Sequence[Filter], action: Action) -> Filter | None:
    return next((one for one in filters if one.rule.action is action), None)
