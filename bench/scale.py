"""Benchmark: a million sources and a million subscribers on PostgreSQL.

`python bench/scale.py`: fills the tables, and lets the real code work on them, with publishers and a
relay that answer at once: what is left is the work for the database. Prints what a unit of each kind
of work costs, which statements are the dearest, and what that makes of a whole day. A smaller number
is for trying it: `python bench/scale.py 10000`.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import create_engine, text

import scale_work as work
from measure import databases, server_time, settings, table
from scale_filling import DAYS, fill
from statements import Statement, recorded
from tidings.app.app import App, opened, utc_now
from tidings.model.newsletters import Frequency, Schedule
from tidings.newsletters.plan import CHUNK
from tidings.newsletters.windows import latest_slot

SERVER = (
    "-h '' -c max_connections=60 -c shared_buffers=2GB -c max_wal_size=4GB"
    " -c checkpoint_timeout=15min -c maintenance_work_mem=512MB -k"
)
"""As an operator would set it up: what is committed is on the disk."""

QUIET, NEWS, CHUNKS, VISITS = 10_000, 100, 40, 10
"""Polls without and with news; chunks of subscriptions to plan; how often pages are asked for."""

AFTER_CHECKPOINT = "poll without news, after a checkpoint"
QUIET_POLL, NEWS_POLL = "poll without news", "poll with two new entries"
PLANNED, SENT = "subscription planned", "letter sent"

LOADS = {
    QUIET_POLL: (1.0, 24 * 0.95),
    NEWS_POLL: (15.0, 24 * 0.05),
    PLANNED: (0.09, 1),
    SENT: (0.9, 1),
}
"""Processor time of a worker and its children in ms, as docs/explanation/speed.md has it; and how many
there are a day for each source or subscriber: of polls, 5 % find something."""

MILLION, HOUR = 1_000_000, 3600

SHOWN = 3
"""Statements of each kind of work that are shown in any case."""

SIZES = """
SELECT relname, n_live_tup, pg_relation_size(relid) / 1e6::float, pg_indexes_size(relid) / 1e6::float,
    n_tup_upd, 100 * n_tup_hot_upd / greatest(n_tup_upd, 1)
FROM pg_stat_user_tables WHERE n_live_tup > 5000 ORDER BY pg_total_relation_size(relid) DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What so many units of a kind of work have cost.

    Attributes:
        seconds: By the clock.
        server: Processor seconds of the database's server; with what it took to ask for plans.
        wal: Bytes of the write-ahead log.
    """

    units: int
    seconds: float
    server: float
    wal: int
    statements: Mapping[str, Statement]


class Meter:
    """Measures kinds of work on one database."""

    def __init__(self, url: str, app: App) -> None:
        self.app = app
        self.costs: dict[str, Cost] = {}
        self._url = url
        self._admin = create_engine(url, isolation_level="AUTOCOMMIT")

    def measure(self, name: str, do: Callable[[], int]) -> None:
        """Measure some work, which returns how many units it was."""
        wal, server, began = self._wal(), server_time(self._url), time.perf_counter()
        with recorded() as statements:
            units = do() or 1  # to find nothing is work as well
        self.costs[name] = Cost(
            units=units,
            seconds=time.perf_counter() - began,
            server=server_time(self._url) - server,
            wal=self._wal() - wal,
            statements=statements,
        )

    def order(self, *statements: str) -> None:
        """Have the server do something that belongs into no transaction."""
        with self._admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def ask(self, statement: str) -> Sequence[Any]:
        """Return the rows of an answer."""
        with self._admin.connect() as connection:
            return connection.execute(text(statement)).all()

    def _wal(self) -> int:
        [[position]] = self.ask("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(position)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("most", type=int, nargs="?", default=1_000_000, help="sources, subscribers")
    chosen = parser.parse_args()
    with databases("postgresql", SERVER) as fresh:
        measure(next(fresh), chosen.most)


def measure(url: str, most: int) -> None:
    """Fill a database with so many sources and subscribers, work on it, and print everything."""
    now = utc_now()
    slot = latest_slot(Schedule(frequency=Frequency.DAILY, hour=now.hour, timezone="UTC"), now)
    with opened(replace(settings(url), secret="0" * 48)) as app:
        began = time.perf_counter()
        fill(app.database, most=most, now=now, slot=slot)
        seconds = time.perf_counter() - began
        print(f"{most:,} sources, subscribers, entries; {most * DAYS:,} letters: {seconds:.0f} s")
        meter = Meter(url, app)
        _poll(meter, most=most)
        _mail(meter, most=most, now=slot.due_at + timedelta(minutes=1))
        _look_around(meter)
        _print_costs(meter.costs)
        _print_statements(meter.costs)
        head = ("table", "rows", "MB", "MB of indexes", "updates", "% HOT")
        table("Tables", head, [tuple(row) for row in meter.ask(SIZES)])
        _print_day(meter.costs)


def _poll(meter: Meter, *, most: int) -> None:
    app, quiet, some = meter.app, min(QUIET, most // 100), min(NEWS, most // 100)
    polled: list[int] = []
    meter.measure("due hosts counted", partial(work.count_due, app, times=VISITS))
    meter.measure(AFTER_CHECKPOINT, lambda: len(work.poll(app, work.unchanged, most=quiet)))
    # What a page costs that was in the log since the last checkpoint: nothing but the change.
    meter.order("ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
    meter.measure(QUIET_POLL, lambda: len(work.poll(app, work.unchanged, most=quiet)))

    def first() -> int:
        polled.extend(work.poll(app, work.with_news(0), most=some, later=timedelta(hours=1)))
        return len(polled)

    meter.measure("first document, 25 entries", first)
    time.sleep(2)  # until hosts may be asked again
    meter.measure(NEWS_POLL, lambda: work.poll_again(app, work.with_news(1), polled))


def _mail(meter: Meter, *, most: int, now: datetime) -> None:
    app, chunks = meter.app, max(1, min(CHUNKS, most // CHUNK // 10))
    meter.measure(PLANNED, lambda: work.plan(app, now=now, chunks=chunks))
    meter.measure(SENT, lambda: work.send(app, now=now))
    meter.order("ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()")
    meter.measure("round of a sender, nothing due", lambda: work.send(app, now=now))
    meter.measure("sign-up", partial(work.sign_up, app, times=VISITS))
    meter.measure("unsubscribed by link", partial(work.unsubscribe, app, times=VISITS))


def _look_around(meter: Meter) -> None:
    for name, look in work.PAGES.items():
        meter.measure(name, partial(look, meter.app, times=VISITS // 5))
    for job in work.IDLE:
        meter.measure(f"job: {job}", partial(work.work_off, meter.app, job))
    for name, listed in work.LISTS.items():
        meter.measure(f"list: {name}", partial(work.read, meter.app, listed, times=VISITS // 5))


def _print_costs(costs: Mapping[str, Cost]) -> None:
    rows = [
        (
            name,
            one.units,
            one.seconds / one.units * 1e3,
            one.server / one.units * 1e3,
            sum(statement.calls for statement in one.statements.values()) / one.units,
            one.wal / one.units,
        )
        for name, one in costs.items()
    ]
    head = ("work", "units", "ms each", "server's CPU ms", "statements", "bytes of log")
    table("What a unit costs", head, rows)


def _print_statements(costs: Mapping[str, Cost]) -> None:
    """Print the dearest statements of each kind of work, and all that read a large table."""
    rows = []
    for name, cost in costs.items():
        dearest = sorted(cost.statements.items(), key=lambda one: -one[1].seconds)
        for place, (who, one) in enumerate(dearest):
            if one.last and (place < SHOWN or one.last.whole):
                plan, each = one.last, one.seconds / one.calls * 1e3
                whole = ", ".join(sorted(plan.whole)) or "-"
                numbers = (one.calls / cost.units, each, plan.returned, plan.touched, plan.blocks)
                rows.append((f"{name}: {who}", *numbers, whole))
    head = ("statement", "a unit", "ms", "rows", "touched", "blocks", "reads whole")
    table(f"The {SHOWN} dearest statements of each", head, rows)


def _print_day(costs: Mapping[str, Cost]) -> None:
    """Print what a million of each need: cores, and the write-ahead log."""
    rows = []
    for name, (worker_ms, times) in LOADS.items():
        cost = costs[name]
        server, wal = cost.server / cost.units, cost.wal / cost.units
        # Letters have an hour for all of them.
        rate = MILLION * times / (24 if times > 1 else 1) / HOUR
        cores = (rate * server, rate * worker_ms / 1e3)
        rows.append((name, rate, *cores, rate * wal / 1e6, MILLION * times * wal / 1e9))
    head = (
        "work",
        "a second",
        "server's cores",
        "workers' cores",
        "MB/s of log",
        "GB of log a day",
    )
    table("A million sources every hour, a million letters in one", head, rows)


if __name__ == "__main__":
    main()
