"""Several processes that answer at one address: a parent that bound it, and its children.

The parent opens neither a database nor a thread, so that it may fork at any time. Visitors who come
while a child is started again are taken by the others, or wait in the queue of the socket, which the
parent holds open.
"""

import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread

logger = logging.getLogger(__name__)

# Before a child that ended is replaced: one that dies of whatever comes must not take all the
# processor time there is.
PAUSE_SECONDS = 1.0

# Before the next try after one that could not start, as when the database is away.
RETRY_SECONDS = 5.0

# How long children may take to end; they give requests in progress a second.
GRACE_SECONDS = 8.0


def in_children(number: int) -> Callable[[], None]:
    """Return in each of so many children; the parent stays here, and looks after them.

    A child that ends is replaced. All end when the parent does, of whatever it dies.

    Returns:
        What a child has to call once it answers visitors.

    Raises:
        SystemExit: In the parent: it was told to end, or a child of the first ones could not
            start, and has said why. The status is that child's.
    """
    # Or children would copy what is loaded, by looking for garbage in it.
    gc.freeze()
    parent = _Parent()
    try:
        for _ in range(number):
            answering = parent.start_child()
            if answering:
                return answering
            if parent.failed_to_start:
                sys.exit(parent.failed_to_start)
        while True:
            parent.await_end_of_child()
            time.sleep(RETRY_SECONDS if parent.failed_to_start else PAUSE_SECONDS)
            answering = parent.start_child()
            if answering:
                return answering
    except BaseException:
        # Not in a child that is told to end while it leaves this function.
        if os.getpid() == parent.pid:
            parent.end_children()
        raise


class _Parent:
    """What the parent knows.

    Attributes:
        pid: Its process id.
        failed_to_start: The exit status of the child started last, if it ended before it
            answered; else 0.
    """

    def __init__(self) -> None:
        # Nothing is ever written to it: that its other end is closed tells children to end.
        self._alive_read, self._alive_write = os.pipe()
        self._children: set[int] = set()
        self.pid = os.getpid()
        self.failed_to_start = 0

    def start_child(self) -> Callable[[], None] | None:
        """Fork: return None in the parent, once the child answers or has ended."""
        ready_read, ready_write = os.pipe()
        # What is in the buffers would be written by both.
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            os.close(ready_read)
            os.close(self._alive_write)  # or it would stay open without the parent
            # Ctrl-C goes to all processes of a terminal; the parent tells when to end.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            Thread(target=_end_without_parent, args=(self._alive_read,), daemon=True).start()
            return partial(_tell, ready_write)
        self._children.add(child)
        os.close(ready_write)
        try:
            has_started = bool(os.read(ready_read, 1))
        finally:
            os.close(ready_read)
        self.failed_to_start = 0 if has_started else self._status_of_ended(child)
        return None

    def await_end_of_child(self) -> None:
        """Wait until a child ends; at once if the one started last already has."""
        if self.failed_to_start:
            return
        child, status = os.wait()
        self._children.discard(child)
        logger.error(
            "web process ended", extra={"pid": child, "status": os.waitstatus_to_exitcode(status)}
        )

    def end_children(self) -> None:
        """Tell all children to end, and wait until they have."""
        os.close(self._alive_write)
        give_up_at = time.monotonic() + GRACE_SECONDS
        with suppress(ChildProcessError):  # none is left
            while time.monotonic() < give_up_at:
                child, _ = os.waitpid(-1, os.WNOHANG)
                self._children.discard(child)
                if not child:
                    time.sleep(0.02)
            for late in self._children:
                os.kill(late, signal.SIGKILL)
            for late in self._children:
                os.waitpid(late, 0)

    def _status_of_ended(self, child: int) -> int:
        _, status = os.waitpid(child, 0)
        self._children.discard(child)
        # Negative after a signal; and a child that ends before it answers has failed in any case.
        code = os.waitstatus_to_exitcode(status)
        return code if code > 0 else 1


def _tell(ready_write: int) -> None:
    os.write(ready_write, b"\0")
    os.close(ready_write)


def _end_without_parent(alive_read: int) -> None:
    os.read(alive_read, 1)  # until the parent closes the other end, or is dead
    os.kill(os.getpid(), signal.SIGTERM)
