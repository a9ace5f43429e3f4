"""Jobs that wait in PostgreSQL and are worked off by any number of processes, by Procrastinate.

What it is relied on for: to spread jobs, to wake workers, to keep kinds apart that must not run twice
at a time, and to show all that. Nothing is lost with a job, so its jobs are never tried again, and
those of dead workers are deleted.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

from procrastinate import App as Procrastinate
from procrastinate import JobContext, PsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from procrastinate.jobs import Status
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

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

# Seconds after which tries to connect begin anew: the pause between them doubles each time, so that
# work would begin again only after twice as long as an outage took.
RECONNECT = 10

# Hours that a failed job is shown.
KEPT = 72


class Engine:
    """The jobs of all processes that use a database.

    Args:
        database: On PostgreSQL.
        handlers: Of the kinds of jobs that this process can work off.

    Attributes:
        is_shared: Whether other processes may work them off as well.
    """

    is_shared = True

    def __init__(self, database: Database, handlers: Handlers) -> None:
        self._database, self._handlers = database, handlers
        self._pause = Seldom(logger, "worker begins again")
        self._unknown = Seldom(logger, "jobs of an unknown kind")
        self._ended: SimpleQueue[int] = SimpleQueue()  # by handlers of this process

    def defer(self, *jobs: Job) -> None:
        """Let jobs wait; one that waits already is not doubled, one that runs is."""
        with self._database.write() as connection:
            job_tickets.defer(connection, *jobs)

    @contextmanager
    def working(self, threads: Mapping[JobQueue, int]) -> Iterator[None]:
        """Work off queues by so many threads each; at the end jobs that run are waited for."""
        loop = asyncio.new_event_loop()
        # By default asyncio has fewer threads than that on small machines. One more clears up.
        loop.set_default_executor(ThreadPoolExecutor(sum(threads.values()) + 1))
        loop.set_exception_handler(_tell_of_others)
        over = asyncio.Event()
        thread = Thread(target=_run, args=[loop, partial(self._serve_all, threads, over)])
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join()

    async def _serve_all(self, threads: Mapping[JobQueue, int], over: asyncio.Event) -> None:
        jobs = Procrastinate(connector=PsycopgConnector())
        for name, handler in self._handlers.items():
            jobs.task(name=name, retry=False, pass_context=True)(self._noting_failure(handler))
        # As everywhere else: the library would read some URLs in another way.
        url = self._database.url
        _, how = url.get_dialect()().create_connect_args(url)
        check = AsyncConnectionPool.check_connection
        pool = AsyncConnectionPool(
            kwargs=dict(how),
            min_size=1,
            max_size=4,
            timeout=3,
            reconnect_timeout=RECONNECT,
            check=check,
            open=False,
        )
        # Ours connects by itself, and again after an outage; the library's would be waited for, and
        # given up.
        async with pool, jobs.open_async(pool):
            serving = [self._serve(jobs, *one, over) for one in threads.items()]
            # Never cancelled: before Python 3.12 that can be lost on who waits for a connection.
            await asyncio.gather(*serving, self._sweep(jobs, over), return_exceptions=True)

    def _noting_failure(self, handler: Callable[[], object]) -> Callable[[JobContext], None]:
        """Return a handler that leaves with its job why it failed; the library keeps only that."""

        def work(context: JobContext) -> None:
            number = context.job.id or 0  # only what does not wait yet has none
            try:
                handler()
            except Exception as error:
                logger.exception("job failed", extra={"job": context.job.queueing_lock})
                with suppress(StorageError), self._database.write() as connection:
                    job_tickets.note_failure(connection, number, because=repr(error))
                raise
            finally:
                self._ended.put(number)

        return work

    async def _serve(
        self, jobs: Procrastinate, queue: JobQueue, threads: int, over: asyncio.Event
    ) -> None:
        """Work off a queue; again, if the library gives up: after an outage, or a long stop."""
        while not over.is_set():
            worker = Worker(
                jobs,
                queues=[queue],
                name=queue,
                concurrency=threads,
                install_signal_handlers=False,
                delete_jobs="successful",
                fetch_job_polling_interval=POLLING,
                stalled_worker_timeout=STALLED,
            )
            running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call] # it has no types
            ending = asyncio.create_task(over.wait())
            await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            worker.stop()  # type: ignore[no-untyped-call] # nor that
            try:
                await running
            except Exception as error:  # noqa: BLE001 - whatever it is, the queue has to go on
                # Its own errors do not say more than that there was one.
                self._pause.warn(because=str(error.__cause__ or error).partition("\n")[0])
            await _pause(over, PAUSE)

    async def _sweep(self, jobs: Procrastinate, over: asyncio.Event) -> None:
        """Delete the jobs of dead workers, which would keep others of their kind from running.

        And of those that live what they could not note: they go on, and nobody takes them for dead.
        """
        manager, ended = jobs.job_manager, list[int]()
        while not over.is_set():
            with suppress(ProcrastinateException):  # of an outage the workers tell
                for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                    if job.id is not None:
                        await manager.finish_job_by_id_async(
                            job.id, status=Status.FAILED, delete_job=True
                        )
                await manager.delete_old_jobs(nb_hours=KEPT, include_failed=True)
            with suppress(StorageError):
                await asyncio.to_thread(self._clear_up, ended)
                # Only the next time: just now the library may be noting it.
                ended = [self._ended.get_nowait() for _ in range(self._ended.qsize())]
            await _pause(over, SWEEP)

    def _clear_up(self, ended: Sequence[int]) -> None:
        with self._database.write() as connection:
            job_tickets.forget_ended(connection, ended)
            unknown = job_tickets.forget_unknown(connection, known=self._handlers)
        if unknown:
            said = f"{', '.join(sorted(unknown))}: does a worker run another version, or settings?"
            self._unknown.warn(because=said)


async def _pause(over: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)


def _tell_of_others(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of a job whose end could not be noted: the sweep sees to it, if it is still there."""
    if not isinstance(context.get("exception"), ProcrastinateException):
        loop.default_exception_handler(context)


def _run(loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.set_event_loop(loop)
    loop.run_until_complete(work())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
