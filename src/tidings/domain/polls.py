"""What came of a poll."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
