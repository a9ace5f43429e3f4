from datetime import UTC, datetime

import pytest
from sqlalchemy import JSON, BigInteger, Column, LargeBinary, MetaData, Table, Text, insert, select

from tidings.db import given_rows
from tidings.db.given_rows import given, is_among
from tidings.db.types import UtcDateTime

KEPT = Table(
    "kept",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("packed", LargeBinary),
    Column("at", UtcDateTime),
    Column("names", JSON(none_as_null=True)),
)
ROWS = [
    (3, "tide", b"\0\xff", datetime(2026, 11, 20, 12, tzinfo=UTC), ["a", ["b", {"c": None}]]),
    (-(2**63), "{\"},'\\ NULL", b"", None, []),
    (2**63 - 1, None, None, None, None),
]


@pytest.fixture
def connection(database):
    with database.write() as connection:
        KEPT.create(connection)
        yield connection
        KEPT.drop(connection)


@pytest.fixture
def store(connection):
    rows = given(connection.dialect.name, {column.name: column.type for column in KEPT.c})
    statement = insert(KEPT).from_select(list(KEPT.c), select(rows))

    def put(*stored):
        named = [dict(zip(KEPT.c.keys(), row, strict=True)) for row in stored]
        given_rows.execute(connection, statement, named)

    return put


def test_rows_come_out_as_they_were_given(connection, store):
    store(*ROWS)

    assert sorted(connection.execute(select(KEPT)).all()) == sorted(ROWS)


def test_no_rows_are_no_statement(connection, store):
    store()

    assert connection.execute(select(KEPT)).all() == []


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        pytest.param("id", [3, 2**63 - 1, 7], {3, 2**63 - 1}, id="numbers"),
        pytest.param("name", ["tide", "flood"], {3}, id="texts"),
        pytest.param("id", [], set(), id="none"),
        pytest.param("id", list(range(70_000)), {3}, id="more than a statement can name"),
    ],
)
def test_a_list_of_any_length_finds_what_is_in_it(connection, store, name, values, found):
    store(*ROWS)
    rule = is_among(connection.dialect.name, KEPT.c[name], "wanted")

    assert set(connection.scalars(select(KEPT.c.id).where(rule), {"wanted": values})) == found
