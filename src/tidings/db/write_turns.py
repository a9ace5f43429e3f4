"""WriteTurns to write to an SQLite file, so that nobody waits for one that never comes.

SQLite lets one write at a time, and has the others sleep and try again: no queue, no order. Who
writes again and again, as a sender of messages does, is hardly ever met between two transactions:
others were kept waiting for seconds. So whoever wants to write queues for being the next, and is
the only one to wait for SQLite; once it has begun, another may queue.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path
from threading import Lock

# Seconds between two tries to become the next.
LOOK = 0.001


class WriteTurns:
    """The turns of the threads of this process, and of the processes that use a file.

    Args:
        path: A file beside the database's, never that itself: to close it would release the locks
            that SQLite holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = Lock()
        self._file: int | None = None

    @contextmanager
    def waited_for(self, patience: float) -> Iterator[Callable[[], None]]:
        """Become the next to write, until what is yielded is called; no other thread is meanwhile.

        Args:
            patience: Seconds to wait.

        Raises:
            TimeoutError: Others were in the way for as long.
            OSError: The file cannot be used.
        """
        give_up_at = time.monotonic() + patience
        if not self._writer.acquire(timeout=patience):
            raise TimeoutError
        try:
            file = self._opened()
            # The kernel's queue knows no patience.
            while not _is_locked(file):
                if time.monotonic() >= give_up_at:
                    raise TimeoutError
                time.sleep(LOOK)
            try:
                yield lambda: flock(file, LOCK_UN)
            finally:
                flock(file, LOCK_UN)
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close the file."""
        with self._writer:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        return self._file


def _is_locked(file: int) -> bool:
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True
