"""What single statements cost a PostgreSQL server: how often, how long, and what they touch.

Each statement is known by the function that runs it. Of some of its calls the server is asked for the
plan, with what it touched, right before it is run.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from traceback import walk_stack
from typing import Any

from sqlalchemy import Connection, Engine, event

EXPLAINED = {1, 3, 30}
"""The calls of a statement before which its plan is asked for: the first finds nothing in memory."""

LARGE = 10_000
"""Rows of a table that no statement should read as a whole."""

LIST = re.compile(r"%\(\w+\)s(::\w+)?(, %\(\w+\)s(::\w+)?)+")
"""Parameters in a row: the same statement whatever their number."""

_ASKING = "EXPLAIN (ANALYZE, BUFFERS, WAL, TIMING OFF, FORMAT JSON) "
_PACKAGES = Path(__file__).parents[1] / "src" / "tidings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a statement did, by its plan.

    Attributes:
        returned: Rows that it returned or wrote.
        touched: Rows that it looked at, in tables and their indexes.
        blocks: Blocks of 8 kB that it looked at, in memory or not.
        whole: Large tables that it read from one end to the other.
    """

    returned: float
    touched: float
    blocks: int
    whole: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Statement:
    """What is known of a statement so far; `seconds` as the client waited for it."""

    text: str
    calls: int = 0
    seconds: float = 0.0
    plans: list[Plan] = field(default_factory=list)

    @property
    def last(self) -> Plan | None:
        """The last plan: by then what it needs is in memory, and statistics are used."""
        return self.plans[-1] if self.plans else None


@contextmanager
def recorded() -> Iterator[Mapping[str, Statement]]:
    """Record the statements of all engines of this process, by who runs them."""
    found: dict[str, Statement] = {}
    names: dict[str, str] = {}
    numbers: defaultdict[str, int] = defaultdict(int)
    running: dict[Connection, tuple[Statement, float]] = {}

    def before(connection: Connection, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        alike = LIST.sub("…", sql)
        if alike not in names:
            who = _caller()
            numbers[who] += 1
            names[alike] = who if numbers[who] == 1 else f"{who} ({numbers[who]})"
        one = found.setdefault(names[alike], Statement(text=alike))
        one.calls += 1
        if one.calls in EXPLAINED and sql.startswith(
            ("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")
        ):
            one.plans.append(
                _explained(connection, sql, values[0] if isinstance(values, list) else values)
            )
        running[connection] = one, time.perf_counter()

    def after(connection: Connection, *_: Any) -> None:
        one, began = running.pop(connection)
        one.seconds += time.perf_counter() - began

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", before)
        event.remove(Engine, "after_cursor_execute", after)


def _caller() -> str:
    """Return the function of ours that runs a statement, by module and name."""
    for frame, _ in walk_stack(None):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGES) and path.stem not in {"database", "given_rows"}:
            return f"{path.stem}.{frame.f_code.co_name}"
    return "?"


def _explained(connection: Connection, sql: str, values: Any) -> Plan:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute("SAVEPOINT explained")
        cursor.execute(_ASKING + sql, values)
        [[[answer]]] = cursor.fetchall()
        cursor.execute("ROLLBACK TO explained")
    top = answer["Plan"]
    nodes = list(_nodes(top))
    result = nodes[1] if top["Node Type"] == "ModifyTable" and len(nodes) > 1 else top
    return Plan(
        returned=result["Actual Rows"] * result["Actual Loops"],
        touched=sum(_touched(node) for node in nodes if "Scan" in node["Node Type"]),
        blocks=top["Shared Hit Blocks"] + top["Shared Read Blocks"],
        whole=frozenset(
            node["Relation Name"]
            for node in nodes
            if node["Node Type"] == "Seq Scan" and _touched(node) >= LARGE
        ),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from _nodes(part)


def _touched(node: Mapping[str, Any]) -> float:
    left_out = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    each: Sequence[float] = [node["Actual Rows"], *(node.get(name, 0) for name in left_out)]
    return sum(each) * node["Actual Loops"]
