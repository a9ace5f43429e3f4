"""Rows that are handed to a statement: all at once to PostgreSQL, one by one to SQLite.

PostgreSQL plans and runs a statement for every row of `executemany`, and each is a message both
ways; with the columns as arrays it is one statement, whose text is the same for any number of
rows, so that it is prepared but once. SQLite has no messages, and steps through a prepared
statement faster than it would take arrays apart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    any_,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


def given(dialect: str, types: Mapping[str, TypeEngine[Any]]) -> FromClause:
    """Return the rows that `execute` will hand over, to select from in the statement.

    On SQLite the statement sees one row at a time, and what it has written for those before.

    Args:
        dialect: The name of the connection's.
        types: Those of the columns, by name; of PostgreSQL none can be an array.
    """
    if dialect == "sqlite":
        values = [bindparam(name, type_=kind).label(name) for name, kind in types.items()]
        return select(*values).subquery("given")
    arrays = [bindparam(name, type_=ARRAY(kind, dimensions=1)) for name, kind in types.items()]
    columns = [column(name, kind) for name, kind in types.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def execute(
    connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Run a statement made with `given` for some rows, if there are any."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(statement, rows)
    else:
        arrays = {name: [row[name] for row in rows] for name in rows[0]}
        connection.execute(statement, arrays)


def is_among(dialect: str, of: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the rule that a column has one of the values of a parameter, a list of any length.

    Args:
        dialect: The name of the connection's.
        of: A column of numbers or texts.
        name: That of the parameter.
    """
    # As one value: a statement that names each of a list is another one for every length of it,
    # parsed and planned again, and cannot name more than some thousands.
    if dialect == "sqlite":
        listed = func.json_each(bindparam(name, type_=JSON)).table_valued("value")
        return of.in_(select(listed.c.value))
    return of == any_(bindparam(name, type_=ARRAY(of.type, dimensions=1)))
