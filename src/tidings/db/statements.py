"""Helpers for statements: long lists of ids in chunks, and upserts for both databases."""

from collections.abc import Collection, Iterator

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

# Numbers that one statement can name; PostgreSQL takes 65,535 parameters, SQLite 32,766.
MAX_NAMED = 10_000


def chunks(numbers: Collection[int]) -> Iterator[list[int]]:
    """Yield numbers in ascending order, each once, as many at a time as a statement can name."""
    ordered = sorted(set(numbers))
    for start in range(0, len(ordered), MAX_NAMED):
        yield ordered[start : start + MAX_NAMED]


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that takes `on_conflict_do_nothing` and `on_conflict_do_update`.

    Args:
        dialect: The name of the connection's.
        table: Where to insert.
    """
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
