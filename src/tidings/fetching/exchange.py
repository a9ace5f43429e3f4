"""Send one HTTP request with aiohttp: timeouts, throttling by host, errors translated to ours."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import aiohttp

from tidings.errors import (
    BrokenTransferError,
    FetchError,
    ForbiddenAddressError,
    TimedOutError,
    UnknownHostError,
    UnreachableError,
)
from tidings.fetching.bodies import ACCEPTED
from tidings.fetching.guard import Guard
from tidings.fetching.interpret import HttpRequest, Redirect, read_reply, read_response
from tidings.fetching.outcomes import Fetched, NotModified, PostReply
from tidings.fetching.policy import FetchPolicy
from tidings.fetching.protocol import TolerantConnector

_T = TypeVar("_T")

_MAX_HEADER = 32_768

_DOCUMENT_TYPES = (
    "application/atom+xml, application/rss+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.9, */*;q=0.5"
)

# How long to wait for a host that another process holds.
LEASE_PATIENCE = timedelta(seconds=30)

_LEASE_PAUSE = timedelta(seconds=1)

# Characters of a malformed response that are quoted in an error.
MAX_DETAIL = 120

# The first that fits counts: the special stand before the general.
_TRANSLATIONS: tuple[tuple[type[Exception], type[FetchError], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, UnreachableError, "certificate refused"),
    (aiohttp.ClientConnectorDNSError, UnknownHostError, "name not found"),
    (aiohttp.ClientConnectorError, UnreachableError, "no connection"),
    (aiohttp.InvalidURL, ForbiddenAddressError, "not a valid address"),
    (aiohttp.ClientPayloadError, BrokenTransferError, "the body ends early"),
    (aiohttp.ClientResponseError, BrokenTransferError, "the answer is not HTTP"),
    (aiohttp.ServerDisconnectedError, BrokenTransferError, "disconnected without an answer"),
    (TimeoutError, TimedOutError, "took too long"),
    (OSError, UnreachableError, "connection lost"),
)


class Exchange:
    """The connections to the web, on one event loop."""

    def __init__(self, policy: FetchPolicy, *, version: str, guard: Guard) -> None:
        self._policy = policy
        self._guard = guard
        contact = f" (+{policy.contact_url})" if policy.contact_url else ""
        self._headers = {
            "User-Agent": f"tidings/{version}{contact}",
            "Accept": _DOCUMENT_TYPES,
            "Accept-Encoding": ACCEPTED,
        }
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def open(self) -> None:
        """Get ready; nothing is dialled yet."""
        # Two pools: what the operator allowed by name has connections that the guard does not
        # check, and no other name may be served from one of them.
        for is_exempt, socket_factory in ((False, self._guard.open_socket), (True, None)):
            connector = TolerantConnector(
                socket_factory=socket_factory, resolver=aiohttp.ThreadedResolver(), limit=0
            )
            self._sessions[is_exempt] = self._session(connector)

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()

    async def send(
        self, request: HttpRequest, *, within: timedelta
    ) -> Fetched | NotModified | Redirect:
        """Send `request` and return the whole response.

        Raises:
            FetchError: There is no response, or none of use.
        """
        read = partial(read_response, request=request, policy=self._policy)
        return await self._respond(request, read, within=within)

    async def post(self, request: HttpRequest, *, within: timedelta) -> PostReply:
        """Post the data of `request` and return how the response begins, whatever its status.

        Raises:
            FetchError: There is no response.
        """
        read = partial(read_reply, request=request)
        return await self._respond(request, read, within=within)

    async def _respond(
        self,
        request: HttpRequest,
        read: Callable[[aiohttp.ClientResponse], Awaitable[_T]],
        *,
        within: timedelta,
    ) -> _T:
        url = str(request.url)
        try:
            async with (
                asyncio.timeout(within.total_seconds()),
                await self._start(request, url) as response,
            ):
                return await read(response)
        except TimeoutError as error:
            limit = self._policy.total_timeout.total_seconds()
            raise TimedOutError(url, f"not done within {limit:g} s") from error
        except aiohttp.ClientProxyConnectionError as error:
            raise UnreachableError(url, "no connection to its proxy") from error
        except aiohttp.ClientHttpProxyError as error:
            raise UnreachableError(url, f"its proxy answers {error.status}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise translate_error(error, url) from error

    async def _start(self, request: HttpRequest, url: str) -> aiohttp.ClientResponse:
        """Return the response as soon as its headers are there."""
        connect, first_byte = self._policy.connect_timeout, self._policy.first_byte_timeout
        try:
            async with asyncio.timeout((connect + first_byte).total_seconds()):
                return await self._request(request)
        except aiohttp.ConnectionTimeoutError as error:
            because = f"no connection within {connect.total_seconds():g} s"
            raise TimedOutError(url, because) from error
        except TimeoutError as error:
            because = f"no answer within {first_byte.total_seconds():g} s"
            raise TimedOutError(url, because) from error

    async def _request(self, request: HttpRequest) -> aiohttp.ClientResponse:
        headers, proxy = request.headers, request.proxy
        login = (
            {"Proxy-Authorization": proxy.authorization} if proxy and proxy.authorization else {}
        )
        # With https, the proxy sees only CONNECT: its login goes there, not to the publisher.
        is_tunnelled = request.url.scheme == "https"
        # A proxy was named by the operator, and may well have a private address.
        session = self._sessions[proxy is not None or self._guard.is_exempt(request.host)]
        return await session.request(
            "GET" if request.data is None else "POST",
            request.url,
            headers=headers if is_tunnelled else {**headers, **login},
            data=request.data,
            allow_redirects=False,
            proxy=proxy.url if proxy else None,
            proxy_headers=login if is_tunnelled else None,
        )

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # `bodies` decodes, with limits
            trust_env=False,  # a proxy from the environment would dial for us, past the guard
            timeout=aiohttp.ClientTimeout(connect=self._policy.connect_timeout.total_seconds()),
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
        )


class HostThrottle:
    """One request at a time and host, with a pause between their starts; for one event loop.

    Args:
        policy: How long the pauses are.
        lease: Called in a thread with a `hostname:port`, to lease the host that a redirect leads
            to; true if it is ours now.
    """

    def __init__(self, policy: FetchPolicy, *, lease: Callable[[str], bool]) -> None:
        self._policy = policy
        self._lease = lease
        self._patience = min(LEASE_PATIENCE, policy.total_timeout)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until `host` is free, and keep it while in this context.

        To be held for one request and its response, never while waiting for another turn: two
        hosts that redirect to each other would deadlock.
        """
        lock = self._locks.setdefault(host, asyncio.Lock())
        await lock.acquire()
        loop = asyncio.get_running_loop()
        free_at = loop.time() + self._policy.interval_of(host).total_seconds()
        try:
            yield
        finally:
            # The locks are weak references: the timer keeps this one alive, and with it the
            # memory of this turn, for just as long as it matters.
            if loop.time() < free_at:
                loop.call_at(free_at, lock.release)
            else:
                lock.release()

    async def borrow(self, host: str) -> bool:
        """Lease `host` for this process, trying for a while; return whether that worked."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._patience.total_seconds()
        while not await asyncio.to_thread(self._lease, host):
            left = give_up_at - clock()
            if left <= 0:
                return False
            await asyncio.sleep(min(left, _LEASE_PAUSE.total_seconds()))
        return True


def translate_error(error: aiohttp.ClientError | OSError, url: str) -> FetchError:
    """Return our error for aiohttp's, met while requesting `url`."""
    # How `Guard.open_socket` refuses an address.
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno == errno.EACCES:
        return ForbiddenAddressError(url, "its address is not public")
    for foreign, ours, phrase in _TRANSLATIONS:
        if isinstance(error, foreign):
            detail = _detail(error)
            return ours(url, f"{phrase}: {detail}" if detail else phrase)
    return BrokenTransferError(url, type(error).__name__)


def _detail(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientResponseError():
            # aiohttp quotes all that came with what it cannot read: a whole document, perhaps.
            said = " ".join(error.message.split())
            return said if len(said) <= MAX_DETAIL else f"{said[:MAX_DETAIL]}…"
        case aiohttp.ClientConnectorDNSError() | aiohttp.ClientConnectorSSLError():
            return error.strerror or ""
        case OSError():
            return os.strerror(error.errno) if error.errno else error.strerror or ""
    return ""
