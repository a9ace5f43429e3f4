"""Politeness: one request at a time and host, and a pause between their starts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

from tidings.fetching.policy import FetchPolicy

LEASE_PATIENCE = timedelta(seconds=30)
"""How long we wait for a host that another process holds."""

_LEASE_PAUSE = timedelta(seconds=1)


class Gate:
    """What every single request of this process passes; belongs to one event loop.

    Args:
        policy: How long the pauses are.
        lease: Called in a thread with a `hostname:port`, to claim a host that no request of
            the caller was submitted for; true if it is ours now.
    """

    def __init__(self, policy: FetchPolicy, *, lease: Callable[[str], bool]) -> None:
        self._policy = policy
        self._lease = lease
        self._patience = min(LEASE_PATIENCE, policy.total_timeout)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until `host` may be asked, and keep it while in this context.

        To be held for one request and its answer, never while waiting for another turn.
        """
        lock = self._locks.setdefault(host, asyncio.Lock())
        await lock.acquire()
        loop = asyncio.get_running_loop()
        free_at = loop.time() + self._policy.interval_of(host).total_seconds()
        try:
            yield
        finally:
            # The timer keeps the lock alive, and with it the memory of this turn, for just
            # as long as it matters.
            if loop.time() < free_at:
                loop.call_at(free_at, lock.release)
            else:
                lock.release()

    async def borrow(self, host: str) -> bool:
        """Claim `host` for this process, trying for a while; tell whether that worked."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._patience.total_seconds()
        while not await asyncio.to_thread(self._lease, host):
            left = give_up_at - clock()
            if left <= 0:
                return False
            await asyncio.sleep(min(left, _LEASE_PAUSE.total_seconds()))
        return True
