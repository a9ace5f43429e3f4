"""The clock, which defers jobs, and what works them off while the service runs."""

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from math import ceil
from threading import Event, Thread
from types import MappingProxyType
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from tidings.app import mailing
from tidings.app.app import App, utc_now
from tidings.app.handlers import handling, unless_away
from tidings.app.in_process import Handlers, InProcess
from tidings.db import schema
from tidings.db.database import Database
from tidings.errors import ConfigError, DatabaseAwayError, StorageError
from tidings.log import Seldom
from tidings.model import jobs
from tidings.model.jobs import Job, JobQueue
from tidings.operator.store import maintenance
from tidings.polling.store import leases

logger = logging.getLogger(__name__)

# How often each kind of work is looked for; polls, and what has to do with hubs, as often as the
# settings say.
MAIL_TICK = timedelta(seconds=30)
TICKS = {
    jobs.PLAN: MAIL_TICK,
    # Somebody waits at the screen for the message to confirm.
    jobs.NOTICES: timedelta(seconds=10),
    jobs.CHANNELS: MAIL_TICK,
    jobs.WATCH: timedelta(minutes=15),
    jobs.BOUNCES: timedelta(minutes=5),
    jobs.INBOX: timedelta(minutes=5),
    # Short: a pushed document is here already, and looking for it is a read of a small table.
    jobs.PUSHED: timedelta(seconds=1),
    # For a new address of sources that fail.
    jobs.MOVES: timedelta(minutes=5),
}
# Where jobs wait in the database, whoever keeps a push makes one in the same transaction; this makes up
# for those that are missed.
SHARED_TICKS = {jobs.PUSHED: timedelta(seconds=10)}
# Not at once: some hubs call back before they answer, and must find us listening.
DELAYED = {jobs.HUBS, jobs.ANNOUNCE}


# Due hosts for which one more worker is woken, and the most that are: what one takes on at a time.
HOSTS_A_JOB, MAX_POLL_JOBS = 50, 16

CLOCK_TICK = timedelta(seconds=10)
# How many jobs of each queue a process works off at a time. One to send and one to plan: a process is
# one sender at a time. And one for each kind of the rest: a hub or a mailbox that does not answer holds
# up nothing else.
USUAL_THREADS: Mapping[JobQueue, int] = MappingProxyType(
    {JobQueue.POLL: 1, JobQueue.MAIL: 2, JobQueue.PROMPT: 4, JobQueue.ODD: 4}
)

# Between two looks: a clock that differs by more was set, it did not just drift.
JUMP = timedelta(seconds=5)

# Seconds between two looks at whether the database is still of this version.
SCHEMA_TICK = 5


class Jobs(Protocol):
    """Where jobs wait, and what works them off: in this process, or in many if `is_shared`."""

    is_shared: bool

    def defer(self, *jobs: Job) -> None:
        """Let jobs wait; one that waits already is not doubled, one that runs is."""

    def working(self, threads: Mapping[JobQueue, int]) -> AbstractContextManager[None]:
        """Work off queues by so many threads each; at the end jobs that run are waited for."""


class Every(BaseTrigger):  # type: ignore[misc] # APScheduler is untyped
    """An interval that begins when a run has ended, by the clock of that moment.

    APScheduler's own interval counts from the run before: after a clock was set forward it would
    list every run that was missed, and those of some years take all the memory there is.
    """

    def __init__(self, pause: timedelta, *, at_once: bool) -> None:
        self.pause = pause
        self._at_once = at_once

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when the next run is."""
        return now if self._at_once and previous_fire_time is None else now + self.pause


@contextmanager
def ticking(
    app: App, *, threads: Mapping[JobQueue, int] | None = None, has_clock: bool = True
) -> Iterator[None]:
    """Defer jobs again and again, and work them off, until the context ends.

    What a job does is found in the database, so one that is late, missed or doubled by another
    process does no harm. At the end a round in progress saves what it has decided, waits a few
    seconds for replies, and releases its leases.

    Args:
        app: What is run.
        threads: How many jobs of each queue are worked off at a time, of other queues none; None
            for all queues.
        has_clock: Without, jobs come from elsewhere: they wait in the database.

    Raises:
        ConfigError: A setting cannot be used; no job has begun. Or the database is of another
            version by now: this process was sent SIGTERM for it, which shall end the context.
        TemplateError: A template of the messages is broken; no job has begun.
    """
    stop = Event()
    _compare_clocks(app.database)

    def wake(found: Sequence[Job]) -> None:
        chosen.defer(*found)

    with (
        _watching_schema(app.database, stop),
        handling(app, stop, wake) as handlers,
        ExitStack() as ends,
    ):
        chosen = _jobs(app.database, handlers)
        ends.enter_context(chosen.working(threads or USUAL_THREADS))
        ends.callback(stop.set)  # first of all: jobs that run are waited for
        if has_clock:
            ends.enter_context(_clock(app, chosen, handlers, stop))
        yield


def _compare_clocks(database: Database) -> None:
    """Warn if this machine's clock is not that of the database."""
    with suppress(DatabaseAwayError), database.read() as connection:
        if by := leases.find_drift(connection, utc_now):
            extra = {"by": f"{by.total_seconds():+.0f} s", "advice": leases.SET_CLOCKS}
            logger.warning("clock differs from the database's", extra=extra)


@contextmanager
def _watching_schema(database: Database, stop: Event) -> Iterator[None]:
    """Have this process end once the database has been upgraded for another version."""
    found: list[ConfigError] = []

    def watch() -> None:
        while not (found or stop.wait(SCHEMA_TICK)):
            try:
                schema.check(database)
            except ConfigError as error:
                found.append(error)
                os.kill(os.getpid(), signal.SIGTERM)
            except StorageError:
                pass  # the next time

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        if found:
            raise found[0]


def _jobs(database: Database, handlers: Handlers) -> Jobs:
    if database.is_sqlite or find_spec("procrastinate") is None:
        return InProcess(handlers)
    from tidings.app.engine import Engine  # needs the extra

    return Engine(database, handlers)


@contextmanager
def _clock(app: App, chosen: Jobs, handlers: Handlers, stop: Event) -> Iterator[None]:
    """Defer each kind of job that has a handler, now and then."""
    scheduler = BackgroundScheduler(
        timezone="UTC",
        # Late runs are made up for once: by default APScheduler drops what is more than a second
        # late.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    outage = Seldom(logger, "database away")
    of_senders = dict.fromkeys(jobs.deliver(mailing.sender_count(app)), MAIL_TICK)
    ticks = {**TICKS, **of_senders, **dict.fromkeys(DELAYED, app.settings.poll.tick)}
    if chosen.is_shared:
        ticks |= SHARED_TICKS
    for job, pause in ticks.items():
        if job.name in handlers:
            defer = unless_away(partial(chosen.defer, job), outage)
            scheduler.add_job(defer, Every(pause, at_once=job not in DELAYED))
    poll = unless_away(partial(_defer_polls, app.database, chosen), outage)
    scheduler.add_job(poll, Every(app.settings.poll.tick, at_once=True))
    scheduler.start()
    observer = Thread(target=_observe_clock, args=(app.database, scheduler, stop))
    observer.start()
    try:
        yield
    finally:
        stop.set()
        scheduler.shutdown(wait=True)
        observer.join()


def _defer_polls(database: Database, chosen: Jobs) -> None:
    """Wake as many workers as there is work for."""
    # One in any case: what first polls have deferred is stored when nothing is due.
    wanted = 1
    if chosen.is_shared:
        most = HOSTS_A_JOB * MAX_POLL_JOBS
        with database.read() as connection:
            due = leases.count_free(connection, due_at=utc_now(), most=most)
        wanted = max(1, ceil(due / HOSTS_A_JOB))
    chosen.defer(*jobs.POLL.in_parts(wanted))


def _observe_clock(database: Database, scheduler: BackgroundScheduler, stop: Event) -> None:
    """Reschedule all jobs when the clock was set; runs until `stop`."""
    # In a thread, not as a job: the scheduler sleeps for a span that it computed by the old clock.
    offset = _clock_offset()
    while not stop.wait(CLOCK_TICK.total_seconds()):
        before, offset = offset, _clock_offset()
        now, planned = utc_now(), scheduler.get_jobs()
        by = offset - before
        # A clock that was wrong for a moment is right again, but not what was planned by it.
        ahead = max(one.next_run_time - now - one.trigger.pause for one in planned)
        by = min(by, -ahead) if ahead >= JUMP else by
        if abs(by) < JUMP:
            continue
        logger.warning("clock set", extra={"by": f"{by.total_seconds():+.0f} s"})
        try:
            if by < timedelta(0):
                with database.write() as connection:
                    maintenance.bring_forward(connection, now=now, by=-by)
        except DatabaseAwayError:
            offset = before  # tried again
        for one in planned:
            # All of them now, since no harm comes of a run too many.
            one.modify(next_run_time=now)


def _clock_offset() -> timedelta:
    """Return the offset of the clock from the monotonic one."""
    return utc_now() - datetime.fromtimestamp(time.monotonic(), UTC)
