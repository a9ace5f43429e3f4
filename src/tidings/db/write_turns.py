"""Turns to write to an SQLite file, so that nobody waits for one that never comes.

SQLite lets one write at a time, and has the others sleep and try again: no queue, no order. Who
writes again and again, as a sender of messages does, is hardly ever met between two transactions:
others were kept waiting for seconds. So whoever wants to write queues for being the next, and only
the next one waits for the end of the transaction that is going on. Its checkpoint is part of that:
versions before 3.51.3 may damage a file that one process writes while another checkpoints it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path
from threading import Lock

# Seconds between two tries to become the next, or to write.
LOOK = 0.001


class WriteTurns:
    """The turns of the threads of this process, and of the processes that use a database.

    They are locks on two empty files beside it, never on that itself: to close it would release
    the locks that SQLite holds. The kernel releases the locks of whoever dies.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._writer = Lock()
        self._files: list[int] = []

    @contextmanager
    def taken(self, patience: float) -> Iterator[None]:
        """Wait for a turn, and keep it until the end.

        Args:
            patience: Seconds to wait.

        Raises:
            TimeoutError: Others were in the way for as long.
            OSError: The files cannot be used.
        """
        give_up_at = time.monotonic() + patience
        if not self._writer.acquire(timeout=patience):
            raise TimeoutError
        try:
            self._open()
            following, writing = self._files
            with _locked(following, give_up_at):
                _lock(writing, give_up_at)
            try:
                yield
            finally:
                flock(writing, LOCK_UN)
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close the files."""
        with self._writer:
            while self._files:
                os.close(self._files.pop())

    def _open(self) -> None:
        for name in ("next", "writing")[len(self._files) :]:
            path = self._database.with_name(f"{self._database.name}-{name}")
            is_new = not path.exists()
            self._files.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            # Root may run a command before the service does, which could not open them then.
            if is_new and os.geteuid() == 0:
                with suppress(OSError):
                    owner = self._database.stat()
                    os.fchown(self._files[-1], owner.st_uid, owner.st_gid)


@contextmanager
def _locked(file: int, give_up_at: float) -> Iterator[None]:
    _lock(file, give_up_at)
    try:
        yield
    finally:
        flock(file, LOCK_UN)


def _lock(file: int, give_up_at: float) -> None:
    # The kernel's own queue knows no patience.
    while True:
        with suppress(BlockingIOError):
            flock(file, LOCK_EX | LOCK_NB)
            return
        if time.monotonic() >= give_up_at:
            raise TimeoutError
        time.sleep(LOOK)
