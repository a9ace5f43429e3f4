"""Jobs that wait in PostgreSQL and are worked off by any number of processes, by Procrastinate.

What it is relied on for: to spread jobs, to wake workers, to keep kinds apart that must not run twice
at a time, and to show all that. Nothing is lost with a job, so its jobs are never tried again, and
those of dead workers are deleted.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Thread

from procrastinate import App as Procrastinate
from procrastinate import JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException, ProcrastinateException
from procrastinate.jobs import Status

from tidings.app.in_process import Handlers
from tidings.db import job_tickets
from tidings.db.database import Database
from tidings.errors import StorageError
from tidings.log import Seldom
from tidings.model.jobs import Job, JobQueue

logger = logging.getLogger(__name__)

# Seconds after its last sign of life that a worker is taken for dead. One that was only stopped may
# come back, and go on with its job: that holds leases, and finds them lost.
STALLED = 30

# Seconds between two looks for jobs of dead workers; between two for jobs, should the server's
# notifications not arrive; before a worker that has ended begins again.
SWEEP, POLLING, PAUSE = 10, 5, 3

# Hours that a failed job is shown.
KEPT = 72


class Engine:
    """The jobs of all processes that use a database.

    Args:
        database: On PostgreSQL.
        handlers: Of the kinds of jobs that this process can work off.
    """

    def __init__(self, database: Database, handlers: Handlers) -> None:
        self._database, self._handlers = database, handlers
        self._outage = Seldom(logger, "jobs wait for the database")

    def defer(self, *jobs: Job) -> None:
        """Let jobs wait; one that waits already is not doubled, one that runs is."""
        with self._database.write() as connection:
            job_tickets.defer(connection, *jobs)

    @contextmanager
    def working(self, threads: Mapping[JobQueue, int]) -> Iterator[None]:
        """Work off queues by so many threads each; at the end jobs that run are waited for."""
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        loop = runner.get_loop()
        # By default asyncio has fewer threads than that on small machines.
        loop.set_default_executor(ThreadPoolExecutor(sum(threads.values())))
        serving = loop.create_task(self._serve_all(threads))
        thread = Thread(target=_run, args=[runner, serving])
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(serving.cancel)
            thread.join()

    async def _serve_all(self, threads: Mapping[JobQueue, int]) -> None:
        while True:
            jobs = self._procrastinate()
            try:
                async with jobs.open_async():
                    serving = [self._serve(jobs, *one) for one in threads.items()]
                    await asyncio.gather(*serving, self._sweep(jobs))
            except ConnectorException as error:  # the database is away just at the start
                self._outage.warn(because=str(error))
            await asyncio.sleep(PAUSE)

    def _procrastinate(self) -> Procrastinate:
        url = self._database.url.set(drivername="postgresql")
        conninfo = url.render_as_string(hide_password=False)
        # Of the short timeout the end of the service has to wait while the database is away.
        connector = PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4, timeout=3)
        jobs = Procrastinate(connector=connector)
        for name, handler in self._handlers.items():
            jobs.task(name=name, retry=False, pass_context=True)(self._noting_failure(handler))
        return jobs

    def _noting_failure(self, handler: Callable[[int], object]) -> Callable[[JobContext], None]:
        """Return a handler that leaves with its job why it failed; the library keeps only that."""

        def work(context: JobContext) -> None:
            _, _, part = (context.job.queueing_lock or "").rpartition(":")
            try:
                handler(int(part or 0))
            except Exception as error:
                number = context.job.id
                if number is not None:
                    with suppress(StorageError), self._database.write() as connection:
                        job_tickets.note_failure(connection, number, because=repr(error))
                raise

        return work

    async def _serve(self, jobs: Procrastinate, queue: JobQueue, threads: int) -> None:
        """Work off a queue; again, if the library gives up: after an outage, or a long stop."""
        while True:
            try:
                await jobs.run_worker_async(
                    queues=[queue],
                    name=queue,
                    concurrency=threads,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    fetch_job_polling_interval=POLLING,
                    stalled_worker_timeout=STALLED,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the queue has to go on
                self._outage.warn(because=str(error))
            await asyncio.sleep(PAUSE)

    async def _sweep(self, jobs: Procrastinate) -> None:
        """Delete the jobs of dead workers, which would keep others of their kind from running."""
        manager = jobs.job_manager
        while True:
            with suppress(ProcrastinateException):  # of an outage the workers tell
                for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                    if job.id is not None:
                        await manager.finish_job_by_id_async(
                            job.id, status=Status.FAILED, delete_job=True
                        )
                await manager.delete_old_jobs(nb_hours=KEPT, include_failed=True)
            await asyncio.sleep(SWEEP)


def _run(runner: asyncio.Runner, serving: asyncio.Task[None]) -> None:
    # The runner ends what is left: a pool of connections that was just opening.
    with runner, suppress(asyncio.CancelledError):
        runner.get_loop().run_until_complete(serving)
