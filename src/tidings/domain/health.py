"""How a source is doing, in a word."""

from enum import StrEnum

from tidings.domain.sources import SourceState


class SourceHealth(StrEnum):
    """How a source is doing, in a word; a phrase of the catalogue says it."""

    FINE = "fine"
    NEW = "new"
    """Never polled so far."""
    FAILING = "failing"
    PAUSED = "paused"
    """By the operator."""
    RETIRED = "retired"
    """Not polled any more."""


def health_of(state: SourceState, *, fails: bool, has_worked: bool) -> SourceHealth:
    """Return how a source is doing.

    Args:
        state: Whether it is polled.
        fails: Whether its last poll failed.
        has_worked: Whether any poll went well.
    """
    if state is not SourceState.ACTIVE:
        return SourceHealth(state.value)
    if fails:
        return SourceHealth.FAILING
    return SourceHealth.FINE if has_worked else SourceHealth.NEW
