"""Limits on visitors' connections: how many there are, and how long one may keep us waiting.

Whoever opens connections and sends nothing (slowloris) takes file descriptors that polls,
messages and other visitors need. So their number stays below the process's limit; when it is
reached, the connection that has kept us waiting longest is closed: for a request, for the rest
of one, or to take its response. uvicorn itself waits for a first request, and for a slow
reader, forever.
"""

import asyncio
import errno
import gc
import logging
import resource
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import uvicorn
from starlette.concurrency import run_in_threadpool
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from tidings.log import Seldom

logger = logging.getLogger(__name__)

# How long a visitor may take to send the headers of a request.
HEAD_SECONDS = 10.0

# How long a visitor may take without reading anything of a response.
STALL_SECONDS = 20.0

# How often each connection is checked.
LOOK_SECONDS = 5.0

# The backlog: connections that the kernel accepts before we see them (listen(2)).
BURST = 64

# How many connections are accepted before others get their turn: of several processes the first to
# wake up would take all that come together. asyncio has one number for this and the backlog, so
# `Server` sets the latter afterwards.
AT_A_TIME = 1

# Descriptors for all else: the database, feeds that are fetched, children, the relay.
RESERVED = 256

MOST = 4096

# SO_LINGER with a timeout of 0: closing sends a reset, and discards what was not sent.
RESET = struct.pack("ii", 1, 0)


def max_connections(descriptors: int) -> int:
    """Return how many visitors may be connected to a process with so many descriptors."""
    # Where the limit is so low that nothing would be left, visitors get a quarter of it.
    return min(MOST, max(descriptors - RESERVED - BURST, descriptors // 4))


class VisitorProtocol(H11Protocol):
    """uvicorn's protocol for one connection, with time limits.

    Args:
        connections: All connections.
    """

    def __init__(self, *arguments: Any, connections: "Connections", **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._connections = connections
        self._unsent = 0
        self._next_look: asyncio.TimerHandle | None = None
        self.quiet_since = self._moved_at = self.loop.time()

    @property
    def is_quiet(self) -> bool:
        """Whether the visitor has no request in progress."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    @property
    def is_awaited(self) -> bool:
        """Whether it is the visitor's turn: to send a request, or to take a response."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return self.is_quiet or bool(cycle and cycle.more_body) or self._is_stalled

    @property
    def _is_stalled(self) -> bool:
        # Two looks, since `_moved_at` is noted by looks alone: after one it may simply be old.
        return self.loop.time() - self._moved_at >= 2 * LOOK_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, if need be in the place of one that keeps us waiting."""
        super().connection_made(transport)
        self._next_look = self.loop.call_later(LOOK_SECONDS, self._look)
        # uvicorn's own set, which this connection is in by now.
        self._connections.make_room(cast("Iterable[VisitorProtocol]", self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        # Or the timer would keep the protocol alive, and look at a closed transport.
        if self._next_look:
            self._next_look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.quiet_since = self.loop.time()
        super().on_response_complete()

    def _look(self) -> None:
        """Close the connection if its visitor has kept us waiting too long."""
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        # uvicorn does not say what a visitor takes; that the buffer shrinks does.
        if unsent != self._unsent or not unsent:
            self._unsent, self._moved_at = unsent, now
        # A response that still leaves our buffer is no silence of the visitor.
        is_late = self.is_quiet and not unsent and now - self.quiet_since >= HEAD_SECONDS
        if is_late or now - self._moved_at >= STALL_SECONDS:
            # By a reset, or the system would keep trying to send what is in its own buffer.
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()
        else:
            self._next_look = self.loop.call_later(LOOK_SECONDS, self._look)


class Connections:
    """All connections of visitors; belongs to one event loop."""

    def __init__(self) -> None:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Below zero is RLIM_INFINITY.
        self._most = max_connections(MOST * 2 if descriptors < 0 else descriptors)
        self._too_many = Seldom(logger, "too many connections")

    def make_room(self, connections: Iterable[VisitorProtocol]) -> None:
        """Close the connection that we have waited for longest, if there are too many."""
        # Those that were aborted stay in uvicorn's set until the loop comes round to them.
        open_ones = [one for one in connections if not one.transport.is_closing()]
        if len(open_ones) <= self._most:
            return
        awaited = [one for one in open_ones if one.is_awaited]
        # No response is cut off: if all connections are getting one, the newest has to wait.
        leaving = min(awaited, key=lambda one: one.quiet_since)
        leaving.transport.abort()
        self._too_many.warn(because=f"more than {self._most}: one that kept us waiting is closed")

    def on_loop_error(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Log an error of the event loop; missing descriptors only now and then.

        asyncio reports every connection that it has no descriptor for, thousands a second.
        """
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
            self._too_many.warn(because=str(error))
        else:
            loop.default_exception_handler(dict(context))


class Server(uvicorn.Server):
    """uvicorn's server, with a handler for errors of the event loop.

    Args:
        config: uvicorn's.
        connections: All connections.
        rehearse: Called in a thread before visitors are answered.
        on_start: Called once they are.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        connections: Connections,
        *,
        rehearse: Callable[[], None],
        on_start: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._rehearse = rehearse
        self._on_start = on_start

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen."""
        # Here, not in `__init__`: uvicorn makes the loop in `run`.
        asyncio.get_running_loop().set_exception_handler(self._connections.on_loop_error)
        # In a thread as for visitors, since the first one loads code of its own.
        await run_in_threadpool(self._rehearse)
        # What is loaded by now stays: every look at all of it, for garbage, would hold up requests
        # for 40 ms.
        gc.freeze()
        await super().startup(sockets)
        for listening in sockets or []:
            listening.listen(BURST)
        self._on_start()
