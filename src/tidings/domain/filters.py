"""Filters: which entries of a source, or for a newsletter, the operator wants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidings.model.entries import Entry


class Action(StrEnum):
    """What becomes of an entry that a filter finds."""

    KEEP = "keep"
    DROP = "drop"


class Field(StrEnum):
    """Where a filter looks."""

    TITLE = "title"
    TEXT = "text"
    """The excerpt, and what a reader sees of the content."""
    AUTHOR = "author"
    """Any of them."""
    CATEGORY = "category"
    """Any of the publisher's labels."""
    LANGUAGE = "language"


class Kind(StrEnum):
    """How a filter says what it looks for."""

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
        """What is true of an entry that it finds."""
        return f"{self.field} {'has' if self.kind is Kind.WORDS else 'matches'} {self.pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A rule for one source or for one newsletter.

    Attributes:
        id: None while it is only tried.
        newsletter: The slug.
    """

    id: int | None = None
    source_id: int | None = None
    newsletter: str | None = None
    rule: Rule

    @property
    def name(self) -> str:
        """What to call it."""
        return "the new filter" if self.id is None else f"filter {self.id}"

    @property
    def owner(self) -> str:
        """Whose it is."""
        return f"source {self.source_id}" if self.source_id else f"newsletter {self.newsletter}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterVerdict:
    """What filters make of an entry.

    Attributes:
        found_by: All filters that find it.
    """

    is_kept: bool
    because: str
    found_by: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTrial:
    """What filters would make of some entries."""

    filters: tuple[Filter, ...]
    verdicts: tuple[tuple[Entry, FilterVerdict], ...]

    @property
    def kept(self) -> int:
        """How many entries would be kept."""
        return sum(verdict.is_kept for _, verdict in self.verdicts)

    @property
    def finds(self) -> dict[Filter, int]:
        """How many entries each filter finds."""
        return {
            one: sum(one in verdict.found_by for _, verdict in self.verdicts)
            for one in self.filters
        }


def decide(filters: Sequence[Filter], finds: Callable[[Filter], bool]) -> FilterVerdict:
    """Decide whether an entry is kept.

    A filter that drops it wins over every one that keeps it. Where there are filters that
    keep, it takes one of them to be kept.

    Args:
        filters: All of one source, or of one newsletter.
        finds: Tells whether a filter finds the entry.
    """
    found_by = tuple(one for one in filters if finds(one))
    against = _first(found_by, Action.DROP)
    if against:
        because = f"dropped by {against.name}: {against.rule.finding}"
        return FilterVerdict(is_kept=False, because=because, found_by=found_by)
    keeper = _first(found_by, Action.KEEP)
    if keeper:
        because = f"kept by {keeper.name}: {keeper.rule.finding}"
        return FilterVerdict(is_kept=True, because=because, found_by=found_by)
    if _first(filters, Action.KEEP):
        return FilterVerdict(is_kept=False, because="dropped: no filter keeps it", found_by=())
    return FilterVerdict(is_kept=True, because="kept: no filter drops it", found_by=())


def _first(filters: Sequence[Filter], action: Action) -> Filter | None:
    return next((one for one in filters if one.rule.action is action), None)
