"""How fast letters may go out to one relay, whatever the number of threads."""

import time
from collections.abc import Callable
from threading import Lock

CATCH_UP = 0.1
"""Seconds by which somebody who came late may make up for it."""


class RateLimit:
    """A bucket of tokens that fills at a steady rate, shared by all threads.

    Args:
        per_second: Letters; 0 for as many as will.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock, self._sleep = clock, sleep
        self._lock = Lock()
        self._next = clock()

    def wait(self) -> None:
        """Return when the next letter may go."""
        if not self._interval:
            return
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - CATCH_UP)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
