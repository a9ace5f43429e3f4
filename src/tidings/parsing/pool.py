"""Pool of child processes that parse documents, with limits: no document can harm the service."""

import itertools
import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from tidings.errors import ParseError
from tidings.model.feed import Document, Newest, ParsedEntry, ParsedFeed
from tidings.parsing import worker
from tidings.parsing.limits import ParseLimits

# Documents after which a child is replaced, so that memory leaks do not add up.
MAX_DOCUMENTS = 500

# Limit of wall time, as a multiple of the limit of processor time.
#
# An expensive document meets the limit of processor time, which the kernel enforces. This one is
# for a child that hangs. It has to be long: children are niced, and get a fraction of a busy
# machine.
WALL_FACTOR = 10

STOPPED = "the service is stopping"

_DEATHS = {
    0: "its reader gave up, most likely for want of memory",
    -signal.SIGTERM: STOPPED,
    -signal.SIGXCPU: "took longer than {seconds:g} s of processor time",
    -signal.SIGABRT: "crashed its reader, most likely for want of memory",
    -signal.SIGKILL: "its reader was killed, most likely for want of memory",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    document: Document
    known: Mapping[bytes, bytes]
    memo: bytes | None
    newest: Newest | None
    result: Future[ParsedFeed]


class Parser:
    """Children that parse documents, several at a time.

    Each has a pipe and a thread of its own here, and shares nothing with the others: if one is
    killed, the rest go on, and the next document gets a new one.
    """

    def __init__(self, limits: ParseLimits) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = Lock()
        self._closed = False
        count = limits.processes or len(os.sched_getaffinity(0))
        self._slots = [_Slot(limits) for _ in range(count)]
        self._threads = [
            Thread(target=self._work, args=(slot,), name="parser", daemon=True)
            for slot in self._slots
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def submit(
        self,
        document: Document,
        known: Mapping[bytes, bytes],
        *,
        memo: bytes | None = None,
        newest: Newest | None = None,
    ) -> Future[ParsedFeed]:
        """Queue `document` to be parsed; the arguments are those of `document.parse`.

        Any failure is a ParseError of the future, also if the document takes too long or too
        much memory, or kills its child. A document that is still queued may be cancelled.
        """
        job = _Job(document=document, known=dict(known), memo=memo, newest=newest, result=Future())
        with self._lock:
            if not self._closed:
                self._jobs.put(job)
                return job.result
        job.result.set_exception(ParseError(document.url, STOPPED))
        return job.result

    def close(self) -> None:
        """Kill all children at once; documents that are not parsed yet fail."""
        with self._lock:
            self._closed = True
        for slot in self._slots:
            slot.close()
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, slot: "_Slot") -> None:
        while job := self._jobs.get():
            if not job.result.set_running_or_notify_cancel():
                continue
            answer = slot.read(job)
            if isinstance(answer, ParsedFeed):
                job.result.set_result(answer)
            else:
                job.result.set_exception(ParseError(job.document.url, answer))
        slot.empty()


class _Slot:
    """Holds one child, which is replaced when it is dead or old."""

    def __init__(self, limits: ParseLimits) -> None:
        # The fork server has no threads, so that forking it is safe whatever threads we have; and
        # it has imported the parsers already, so that a child is ready at once.
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([worker.__name__])
        self._seconds = limits.time_limit.total_seconds()
        self._memory_limit = limits.memory_limit
        self._lock = Lock()
        self._closed = False
        self._child: _Child | None = None

    def read(self, job: _Job) -> ParsedFeed | str:
        """Return the feed, or why there is none."""
        try:
            child = self._filled()
        except (EOFError, OSError) as error:
            return f"no child could be started: {error}"
        if child is None:
            return STOPPED

        answer: ParsedFeed | str
        try:
            child.pipe.send((job.document, job.known, job.memo, job.newest))
            if child.pipe.poll(WALL_FACTOR * self._seconds):
                answer = child.answer()
                if next(child.count) < MAX_DOCUMENTS:
                    return answer
            else:
                answer = f"took longer than {WALL_FACTOR * self._seconds:g} s"
        except (EOFError, OSError):
            answer = self._death(child.process)
        self.empty()
        return answer

    def close(self) -> None:
        """Kill the child, and start no other."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.process.kill()

    def empty(self) -> None:
        """Kill the child, if there is one."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.process.kill()
            child.process.join()
            child.pipe.close()

    def _filled(self) -> "_Child | None":
        with self._lock:
            if self._child is None and not self._closed:
                self._child = self._new_child()
            return None if self._closed else self._child

    def _new_child(self) -> "_Child":
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._seconds, self._memory_limit)
        process = self._context.Process(target=worker.serve, args=arguments, daemon=True)
        # Whatever is started here, the fork server at the first time, inherits the mask: Ctrl-C that
        # comes before a child ignores it would end in a traceback.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        return _Child(process=process, pipe=ours)

    def _death(self, process: BaseProcess) -> str:
        if self._closed:
            return STOPPED
        process.join(1)
        code = process.exitcode
        if code is None:  # it closed its pipe, and has not ended
            return "its reader does not answer"
        death = _DEATHS.get(code, f"crashed its reader (exit code {code})")
        return death.format(seconds=self._seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    process: BaseProcess
    pipe: "Connection[object, Any]"
    count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self) -> ParsedFeed | str:
        """Wait for a feed with all its parts, or for why there is none."""
        answer: str | tuple[ParsedFeed, int] = self.pipe.recv()
        if isinstance(answer, str):
            return answer
        feed, more = answer
        entries = list(feed.entries)
        for _ in range(more):
            part: str | tuple[ParsedEntry, ...] = self.pipe.recv()
            if isinstance(part, str):
                return part
            entries += part
        return replace(feed, entries=tuple(entries)) if more else feed
