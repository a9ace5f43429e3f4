"""Inserting what may be there already, which SQLAlchemy spells differently for each database."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that takes `on_conflict_do_nothing` and `on_conflict_do_update`.

    Args:
        dialect: The name of the connection's.
        table: Where to insert.
    """
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
