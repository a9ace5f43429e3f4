"""Helpers of benchmarks: fresh databases, counts of statements, memory, tables."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    func,
    insert,
    make_url,
    select,
    text,
)

from tidings.config import Settings, load
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.tables import entry
from tidings.resources import data_dir
from tidings.search.store import index

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import postgres

CHUNK = 100
"""Entries a source that are stored at a time."""

MANY = 1_000_000
"""More than there are sources."""


def settings(url: str, *, allow: Sequence[str] = ()) -> Settings:
    """Return the shipped settings, for this database and these publishers."""
    environment = {"TIDINGS_DATABASE__URL": url, "TIDINGS_FETCH__ALLOW": ",".join(allow)}
    return load(data_dir("config") / "tidings.toml", None, environment)


@contextmanager
def databases(kind: str, server: str = postgres.SETTINGS) -> Iterator[Iterator[str]]:
    """Yield an iterator over the URLs of fresh databases, which are made as they are taken.

    Args:
        kind: `sqlite` or `postgresql`.
        server: The options of PostgreSQL.
    """
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
            yield (f"sqlite:///{folder}/{number}.db" for number in range(1000))
    else:
        with postgres.cluster(server) as folder:
            yield _on_server(folder)


def _on_server(folder: Path) -> Iterator[str]:
    for number in range(1000):
        admin = create_engine(postgres.url(folder, "postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE bench_{number}"))
        admin.dispose()
        database = Database(postgres.url(folder, f"bench_{number}"))
        schema.upgrade(database, rebuild_index=index.rebuild)
        database.close()
        yield postgres.url(folder, f"bench_{number}")


def store_older(database: Database, *, each: int) -> None:
    """Add `each` older entries to every source, copies of one it has."""
    for first in range(0, each, CHUNK):
        with database.write() as connection:
            if not first:
                latest = select(func.max(entry.c.id)).group_by(entry.c.source_id)
                found = connection.execute(select(entry).where(entry.c.id.in_(latest)))
                patterns = [dict(row) for row in found.mappings()]
            rows = [
                _older(pattern, number)
                for number in range(first, min(first + CHUNK, each))
                for pattern in patterns
            ]
            connection.execute(insert(entry), rows)


def _older(pattern: Mapping[str, Any], number: int) -> dict[str, Any]:
    name = f"{pattern['source_id']} {number}"
    copy = dict(pattern) | {
        "key": blake2b(name.encode(), digest_size=16).digest(),
        "atom_id": f"urn:bench:{name}",
        "seq": pattern["seq"] and -(number * MANY + pattern["source_id"]),
        "sort_at": pattern["sort_at"] - timedelta(minutes=number + 1, days=60),
    }
    del copy["id"]
    return copy


@dataclass(slots=True)
class Traffic:
    """Traffic between this process and its databases.

    Attributes:
        batches: Seconds of every transaction that saved polls.
    """

    statements: int = 0
    commits: int = 0
    batch_statements: int = 0
    batches: list[float] = field(default_factory=list)


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count statements and transactions of every engine in this process."""
    traffic = Traffic()
    begun: dict[Connection, float] = {}
    asked: dict[Connection, list[str]] = {}

    def begin(connection: Connection) -> None:
        begun[connection], asked[connection] = time.perf_counter(), []

    def execute(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            asked.setdefault(connection, []).append(statement)

    def end(connection: Connection) -> None:
        now = time.perf_counter()
        # Another thread's may have begun before the counting did: it counts for little.
        seconds, statements = now - begun.pop(connection, now), asked.pop(connection, [])
        traffic.statements += len(statements)
        is_writing = any(not statement.startswith("SELECT") for statement in statements)
        traffic.commits += is_writing
        if any(statement.startswith("INSERT INTO poll_hour") for statement in statements):
            traffic.batches.append(seconds)
            traffic.batch_statements += len(statements)

    listeners = {"begin": begin, "before_cursor_execute": execute, "commit": end, "rollback": end}
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    try:
        yield traffic
    finally:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)


def peak_memory(pid: str = "self") -> float:
    """Return the peak memory of a process, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def children_time() -> float:
    """Return the processor seconds used by all living descendants of this process."""
    return sum(_processor_time(pid) for pid in children_of("self"))


def tree_time(pid: str) -> float:
    """Return the processor seconds of a process and all its living descendants."""
    return _processor_time(pid) + sum(_processor_time(one) for one in children_of(pid))


def server_time(url: str) -> float:
    """Return the processor seconds used by the server of a database; 0 where there is none."""
    folder = make_url(url).query.get("host")
    if not folder:
        return 0
    pid = Path(f"{folder}/data/postmaster.pid").read_text(encoding="ascii").split("\n")[0]
    # With what its ended children used: connections come and go.
    return _processor_time(pid, own=False) + tree_time(pid)


def _processor_time(pid: str, *, own: bool = True) -> float:
    """Return the processor seconds of a process, or those of its ended children."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    first = 11 if own else 13
    fields = stat.rpartition(")")[2].split()[first : first + 2]
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


def children_of(pid: str) -> Iterator[str]:
    """Yield the descendants of a process."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text(encoding="ascii").split():
            yield child
            yield from children_of(child)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table with aligned columns, numbers to the right."""
    cells = [list(head), *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    print(f"\n{title}\n")
    for row in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join([row[0].ljust(len(first)), *others]), flush=True)


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
