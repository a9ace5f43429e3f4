"""Jobs that are worked off in threads of the process that defers them."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Condition, Thread

from tidings.model.jobs import Job, JobQueue

logger = logging.getLogger(__name__)

# Does the work of one kind that is due; by the job's name.
Handlers = Mapping[str, Callable[[], object]]


class InProcess:
    """Jobs by queue and priority, then in the order in which they came.

    Attributes:
        is_shared: Whether other processes may work them off as well.
    """

    is_shared = False

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._changed = Condition()
        self._waiting: dict[str, Job] = {}
        self._running: Counter[str] = Counter()  # by key
        self._is_over = False

    def defer(self, *jobs: Job) -> None:
        """Let jobs wait; one that waits already is not doubled, one that runs is."""
        with self._changed:
            for job in jobs:
                self._waiting.setdefault(job.key, job)
            self._changed.notify_all()

    @contextmanager
    def working(self, threads: Mapping[JobQueue, int]) -> Iterator[None]:
        """Work off queues by so many threads each; at the end jobs that run are waited for."""
        workers = [
            Thread(target=self._work, args=[queue], name=f"{queue}-{number}")
            for queue, several in threads.items()
            for number in range(several)
        ]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()
            for worker in workers:
                worker.join()

    def _work(self, queue: JobQueue) -> None:
        while job := self._take(queue):
            try:
                self._handlers[job.name]()
            except Exception:  # the next tick tries again; the other jobs go on
                logger.exception("job failed", extra={"job": job.key})
            with self._changed:
                self._running[job.key] -= 1
                self._changed.notify_all()

    def _take(self, queue: JobQueue) -> Job | None:
        """Wait for a job that may run now; None at the end."""
        with self._changed:
            while not self._is_over:
                ready = [
                    job
                    for job in self._waiting.values()
                    if job.queue is queue and not (job.is_alone and self._running[job.key])
                ]
                if ready:
                    job = max(ready, key=lambda one: one.priority)
                    del self._waiting[job.key]
                    self._running[job.key] += 1
                    return job
                self._changed.wait()
        return None
