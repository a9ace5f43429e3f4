"""Child processes that work beside this one, each with an interpreter of its own.

A child that ends by itself is started again; one that ends with an error that starting again does
not help ends the service. Children end in order when they are told to, and when their parent is
gone.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Event, Lock, Thread
from typing import Any, cast

from tidings.errors import DatabaseAwayError, TidingsError

logger = logging.getLogger(__name__)

# Seconds before a child that ended is started again: doubled each time, and the first again once it
# has lived for a while.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
A_WHILE = 300.0

# What work is done in: it goes on until the context ends.
Work = Callable[..., AbstractContextManager[None]]


class Child:
    """A process that works beside this one, and is started again when it ends by itself.

    Args:
        name: What it does, for the log.
        work: A function of a module; called in the child, it returns what is worked in.
        arguments: Of that function; they are pickled.
    """

    def __init__(self, name: str, work: Work, *arguments: object) -> None:
        self._name, self._work, self._arguments = name, work, arguments
        self._lock = Lock()
        self._told = Event()
        self._process: BaseProcess | None = None

    def run(self) -> None:
        """Start the child, again and again, and return when it has ended as told.

        Raises:
            TidingsError: It ended with this, which it would end with again.
        """
        pause = FIRST_PAUSE
        while not self._told.is_set():
            started_at = time.monotonic()
            because = self._live()
            if self._told.is_set():
                return
            if time.monotonic() - started_at >= A_WHILE:
                pause = FIRST_PAUSE
            extra = {"child": self._name, "because": because, "again_in": f"{pause:g} s"}
            logger.warning("child ended", extra=extra)
            self._told.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def tell_to_end(self) -> None:
        """Have the child end in order, and start it no more."""
        with self._lock:
            self._told.set()
            if self._process is not None:
                self._process.terminate()

    def _live(self) -> str:
        """Start the child, wait for its end, and return why that came."""
        context = get_context("spawn")  # a fork would copy our threads' locks as they are just now
        ours, theirs = context.Pipe(duplex=False)
        arguments = (self._work, self._arguments, theirs)
        process = context.Process(target=_be_child, args=arguments, name=self._name)
        with ours:
            with self._lock, theirs:
                if self._told.is_set():
                    return ""
                _start(process)
                self._process = process
            error = _receive(ours)
        with self._lock:  # or what has ended could be told to end
            process.join()
            self._process = None
        if isinstance(error, DatabaseAwayError):
            return str(error)
        if error:
            raise error
        return _death(process.exitcode or 0)


@contextmanager
def kept_running(children: Sequence[Child]) -> Iterator[Callable[[], None]]:
    """Yield what starts the children; they are told to end when the context ends.

    If one ends with an error that it would end with again, this process is sent SIGTERM, which
    shall end the context.

    Raises:
        TidingsError: The error of such a child.
    """

    def run(child: Child) -> None:
        try:
            child.run()
        except BaseException:
            os.kill(os.getpid(), signal.SIGTERM)  # for the server, which holds the main thread
            raise

    running: list[Future[None]] = []
    with ThreadPoolExecutor(len(children)) as beside:
        try:
            yield lambda: running.extend(beside.submit(run, child) for child in children)
        finally:
            for child in children:
                child.tell_to_end()
            for one in running:
                one.result()


def _start(process: BaseProcess) -> None:
    # First, for it changes the mask of signals: the process that the first child would start else.
    resource_tracker.ensure_running()
    # Ctrl-C that comes before the child ignores it would end in a traceback, SIGTERM out of order.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _receive(pipe: "Connection[Any, Any]") -> TidingsError | None:
    """Wait for the end of a child, and return the error that it ended with, if it told of one."""
    try:
        error: TidingsError = pipe.recv()
    except EOFError:
        return None
    return error


def _death(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


def _be_child(work: Work, arguments: Sequence[object], errors: "Connection[Any, Any]") -> None:
    told = _notice_sigterm()
    parent = cast("BaseProcess", parent_process())
    try:
        with work(*arguments):
            # Its sentinel: a parent that was killed tells nobody.
            wait([told, parent.sentinel])
            if parent.is_alive():
                Thread(target=_end_with, args=(parent,), daemon=True).start()
    except TidingsError as error:
        errors.send(error)


def _notice_sigterm() -> int:
    """Return what can be read from once SIGTERM has come; Ctrl-C is left to the parent."""
    told, tell = os.pipe()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Not an Event: what the signal interrupts may hold its lock.
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"."))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    return told


def _end_with(parent: BaseProcess) -> None:
    # By a second Ctrl-C, or by force: whoever ends the parent meanwhile wants no end in order.
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
