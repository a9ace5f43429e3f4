"""Benchmark: `tidings worker` in processes of their own, one and two of them, over PostgreSQL.

Polls of sources whose servers take a second each, eight hosts at a time; then letters through a relay
that takes 10 ms for a reply, over eight connections that the workers share.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import func, literal, select, update

from measure import databases, settings, table
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

SOURCES, LETTERS, CONNECTIONS = 200, 2_000, 8
SECONDS = 180.0
"""That either may take at most."""

FEED = (
    b'<rss version="2.0"><channel><title>Tides</title><link>https://tides.example</link>'
    b"<item><title>In</title><guid>1</guid></item></channel></rss>"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\n\r\n%s"


def main() -> None:
    with databases("postgresql") as fresh, slow_publishers() as ports:
        polls = [_polled(next(fresh), ports, workers) for workers in (1, 2)]
        letters = [_sent(next(fresh), workers) for workers in (1, 2)]
    rows = [
        (name, f"{one:,.0f}", f"{two:,.0f}", f"{two / one:.2f}")
        for name, (one, two) in (("sources polled", polls), ("letters sent", letters))
    ]
    table("a second, by workers", ("", "1 worker", "2 workers", "times"), rows)


def _polled(url: str, ports: list[int], workers: int) -> float:
    own = replace(settings(url), secret="0" * 48)
    with opened(own) as app:
        new = [NewSource(url=f"http://127.0.0.1:{port}/feed") for port in ports]
        with app.database.write() as connection:
            sources.add(connection, new, now=utc_now())
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    given = {"FETCH__ALLOW": hosts, "FETCH__CONCURRENCY": "8", "FETCH__HOST_INTERVAL": "0.1s"}
    done = select(func.count()).where(source.c.last_polled_at.is_not(None))
    with working(own, workers, "poll", **given, POLL__TICK="1s"):
        return _rate(partial(_count, url, done), SOURCES)


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
def working(own: Settings, workers: int, queue: str, **given: str) -> Iterator[None]:
    """Run so many workers of a queue, as an operator would."""
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
        try:
            yield
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait()


@contextmanager
def slow_publishers() -> Iterator[list[int]]:
    """Publish a feed at each of many ports, a second after it is asked for; yield the ports."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_publish, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _publish(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1)
        writer.write(ANSWER % (len(FEED), FEED))
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for _ in range(SOURCES)]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
