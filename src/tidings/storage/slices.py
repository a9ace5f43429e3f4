"""Many numbers, as many at a time as a statement can name."""

from collections.abc import Collection, Iterator

MAX_NAMED = 10_000
"""Numbers that one statement can name; PostgreSQL takes 65,535 parameters, SQLite 32,766."""


def slices(numbers: Collection[int]) -> Iterator[list[int]]:
    """Yield numbers in ascending order, each once, as many at a time as a statement can name."""
    ordered = sorted(set(numbers))
    for start in range(0, len(ordered), MAX_NAMED):
        yield ordered[start : start + MAX_NAMED]
