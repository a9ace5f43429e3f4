"""Benchmark: `tidings worker` in processes of their own, one and two of them, over PostgreSQL.

Polls of sources whose servers take a second each, eight hosts at a time, and what the jobs ask of the
database meanwhile; documents that have to be read, where processors are the limit, each worker on one
of its own; then letters through a relay that takes 10 ms for a reply, over eight connections that the
workers share.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import create_engine, func, literal, make_url, select, text, update

import documents
from measure import databases, settings, table, tree_time
from newsletter import SEVEN, fill, same
from relay import Pace, sink
from tidings.app import mailing
from tidings.app.app import opened, utc_now
from tidings.catalog import sources
from tidings.catalog.sources import NewSource
from tidings.config import Settings
from tidings.db.database import Database
from tidings.db.mail_tables import delivery, subscription
from tidings.db.tables import source
from tidings.newsletters.plan import Planner

SOURCES, LETTERS, CONNECTIONS = 320, 2_000, 8
SECONDS = 180.0
"""That either may take at most."""

FEED = (
    b'<rss version="2.0"><channel><title>Tides</title><link>https://tides.example</link>'
    b"<item><title>In</title><guid>1</guid></item></channel></rss>"
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\n\r\n"

Answer = Callable[[int], Awaitable[bytes]]
"""What is published at a port."""

POLLED = select(func.count()).where(source.c.last_polled_at.is_not(None))

READ = 96
"""Documents that are read when processors are the limit."""

ROUNDS = 2
"""One worker and two in turn, so often: others may work on this machine as well."""

_TOOK = re.compile(r"duration: ([\d.]+) ms +(\w+)")


def main() -> None:
    with databases("postgresql") as fresh:
        with publishers(SOURCES, _slowly) as ports:
            polls = [_polled(next(fresh), ports, workers) for workers in (1, 2)]
            statements, milliseconds = _engine_cost(next(fresh), ports)
        _print_rates("sources polled a second, of slow servers", polls)
        print(
            f"\n  jobs: {statements:.2f} statements, {milliseconds:.2f} ms a source in the database"
        )
        with publishers(READ, _odd) as ports:
            for _ in range(ROUNDS):
                reads = [_read(next(fresh), ports, workers) for workers in (1, 2)]
                _print_rates(
                    "documents read a second, one core a worker", [one for one, _ in reads]
                )
                shown = " and ".join(f"{cpu:.1f}" for _, cpu in reads)
                print(f"\n  {shown} ms of processor time each")
        letters = [_sent(next(fresh), workers) for workers in (1, 2)]
        _print_rates("letters sent a second", letters)


def _print_rates(title: str, rates: Sequence[float]) -> None:
    one, two = rates
    table(title, ("1 worker", "2 workers", "times"), [(f"{one:.1f}", two, two / one)])


def _polled(url: str, ports: list[int], workers: int) -> float:
    own = _following(url, ports)
    with working(own, workers, "poll", **_allowed(ports)):
        return _rate(partial(_count, url, POLLED), len(ports))


def _engine_cost(url: str, ports: list[int]) -> tuple[float, float]:
    """Return what jobs cost the database for each source: statements, and milliseconds."""
    own = _following(url, ports)
    name = make_url(url).database
    _order(url, f"ALTER DATABASE {name} SET log_min_duration_statement = 0")
    with working(own, 2, "poll", **_allowed(ports, tick="15s")):
        _rate(partial(_count, url, POLLED), len(ports))
    log = Path(make_url(url).query["host"], "log").read_text(encoding="utf-8", errors="replace")
    statements, milliseconds = 0, 0.0
    # Each begins with the time; further lines of a statement are indented.
    for record in re.split(r"^(?=\d{4}-)", log, flags=re.MULTILINE):
        if "procrastinate_" in record and (took := _TOOK.search(record)):
            milliseconds += float(took[1])
            statements += took[2] not in {"parse", "bind"}
    return statements / len(ports), milliseconds / len(ports)


def _read(url: str, ports: list[int], workers: int) -> tuple[float, float]:
    """Poll documents that say nothing new, though each byte of them has to be read again.

    Return the rate, and the processor time of workers for each, in milliseconds.
    """
    own, allowed = _following(url, ports), _allowed(ports)
    with working(own, 2, "poll", **allowed):
        _rate(partial(_count, url, POLLED), len(ports))
    _order(url, "UPDATE source SET next_poll_at = now()", "UPDATE host SET cooldown_until = NULL")
    again = POLLED.where(source.c.last_polled_at > utc_now())
    polled = partial(_count, url, again)
    with working(own, workers, "poll", is_pinned=True, **allowed) as running:
        _rate(polled, 1)  # to start takes as long as many documents
        cpu = -sum(tree_time(str(one.pid)) for one in running)
        rate = _rate(polled, len(ports))
        cpu += sum(tree_time(str(one.pid)) for one in running)
    return rate, cpu / len(ports) * 1e3


def _following(url: str, ports: list[int]) -> Settings:
    """Follow a source at each of the ports; return the settings."""
    own = replace(settings(url), secret="0" * 48)
    with opened(own) as app:
        new = [NewSource(url=f"http://127.0.0.1:{port}/feed") for port in ports]
        with app.database.write() as connection:
            sources.add(connection, new, now=utc_now())
    return own


def _allowed(ports: list[int], *, tick: str = "1s") -> dict[str, str]:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    given = {"FETCH__ALLOW": hosts, "FETCH__CONCURRENCY": "8", "FETCH__HOST_INTERVAL": "0.1s"}
    return given | {"POLL__TICK": tick}


def _order(url: str, *statements: str) -> None:
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()


def _sent(url: str, workers: int) -> float:
    own = replace(settings(url), secret="0" * 48)
    fill(own, LETTERS)
    with opened(own) as app:
        composer = mailing.composer(app)
        Planner(app.database, clock=partial(same, SEVEN), composer=composer).plan_due()
        now = literal(time.time())
        moment = func.to_timestamp(now)
        with app.database.write() as connection:
            due = {"next_try_at": moment, "planned_at": moment}
            later = func.to_timestamp(now + 86_400)
            connection.execute(update(delivery).values(**due, expires_at=later))
            connection.execute(update(subscription).values(next_issue_at=later))
    with sink(Pace(reply=0.01)) as relay:
        given = {
            "MAIL__TRANSPORT": "smtp",
            "MAIL__FROM": "news@example.net",
            "SMTP__PORT": str(relay.port),
            "SMTP__CONNECTIONS": str(CONNECTIONS),
            "SMTP__SENDERS": "2",
        }
        with working(own, workers, "mail", **given):
            rate = _rate(lambda: sum(relay.taken().values()), LETTERS)
        assert max(relay.taken().values()) == 1
    return rate


def _rate(count: Callable[[], int], whole: int) -> float:
    """Wait until all is done; return how much of it a second, from the first on."""
    give_up_at = time.monotonic() + SECONDS
    while not count():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    began = time.perf_counter()
    while count() < whole:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    return whole / (time.perf_counter() - began)


def _count(url: str, statement: object) -> int:
    database = Database(url)
    with database.read() as connection:
        found: int = connection.execute(statement).scalar_one()
    database.close()
    return found


@contextmanager
def working(
    own: Settings, workers: int, queue: str, *, is_pinned: bool = False, **given: str
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run so many workers of a queue, as an operator would; pinned each to a core of its own."""
    environment: Mapping[str, str] = os.environ | {
        "TIDINGS_DATABASE__URL": own.database.url,
        "TIDINGS_SECRET": own.secret,
        "TIDINGS_PARSE__PROCESSES": "1",
        "TIDINGS_LOG__LEVEL": "WARNING",
        **{f"TIDINGS_{name}": value for name, value in given.items()},
    }
    command = [sys.executable, "-m", "tidings", "worker", "--queue", queue]
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        running = [
            subprocess.Popen(command, env=environment, cwd=Path(folder)) for _ in range(workers)
        ]
        if is_pinned:
            # Before they have children, which inherit it.
            for core, one in zip(sorted(os.sched_getaffinity(0)), running, strict=False):
                os.sched_setaffinity(one.pid, {core})
        try:
            yield running
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait()


@contextmanager
def publishers(number: int, answer: Answer) -> Iterator[list[int]]:
    """Publish a feed at each of so many ports; yield the ports."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_publish, args=(theirs, number, answer), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _publish(pipe: Connection, number: int, answer: Answer) -> None:
    asyncio.run(_serve(pipe, number, answer))


async def _serve(pipe: Connection, number: int, answer: Answer) -> None:
    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        document = await answer(writer.get_extra_info("sockname")[1])
        writer.write(HEAD % len(document) + document)
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(visit, "127.0.0.1", 0) for _ in range(number)]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.Event().wait()


async def _slowly(_port: int) -> bytes:
    await asyncio.sleep(1)
    return FEED


async def _odd(port: int) -> bytes:
    # Different each time, before its first entry, in an element that the quick reader does not know.
    odd = b'<odd xmlns="urn:example:odd">%d</odd>' % time.monotonic_ns()
    return _document(port).replace(b"<item>", odd + b"<item>", 1)


@cache
def _document(port: int) -> bytes:
    return documents.feed(2 * port + 1)  # RSS


if __name__ == "__main__":
    main()
