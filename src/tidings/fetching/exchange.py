"""One request and its answer; where a redirect leads is for others to follow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp

from tidings.errors import TimedOutError, UnreachableError
from tidings.fetching.answers import Question, Redirect, read_answer, read_reply
from tidings.fetching.bodies import ACCEPTED
from tidings.fetching.failures import translated
from tidings.fetching.guard import Guard
from tidings.fetching.outcomes import Fetched, NotModified, PostReply
from tidings.fetching.policy import FetchPolicy
from tidings.fetching.protocol import TolerantConnector

_MAX_HEADER = 32_768
_DOCUMENT_TYPES = (
    "application/atom+xml, application/rss+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.9, */*;q=0.5"
)


class Exchange:
    """The connections to the web, on one event loop.

    What the operator exempted by name has connections of its own, which the guard does not
    watch: so no other name can be served from one of them. Proxies are dialled there, too.
    """

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
        for is_exempt, socket_factory in ((False, self._guard.open_socket), (True, None)):
            connector = TolerantConnector(
                socket_factory=socket_factory, resolver=aiohttp.ThreadedResolver(), limit=0
            )
            self._sessions[is_exempt] = self._session(connector)

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()

    async def ask(
        self, question: Question, *, within: timedelta
    ) -> Fetched | NotModified | Redirect:
        """Send `question` and return the answer, whole.

        Raises:
            FetchError: There is no answer, or none of use.
        """
        async with self._answer(question, within=within) as response:
            return await read_answer(response, question, policy=self._policy)

    async def post(self, question: Question, *, within: timedelta) -> PostReply:
        """Send the form of `question` and return how the answer begins, whatever it is.

        Raises:
            FetchError: There is no answer.
        """
        async with self._answer(question, within=within) as response:
            return await read_reply(response, question)

    @asynccontextmanager
    async def _answer(
        self, question: Question, *, within: timedelta
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = str(question.url)
        try:
            async with (
                asyncio.timeout(within.total_seconds()),
                await self._send(question) as response,
            ):
                yield response
        except TimeoutError as error:
            limit = self._policy.total_timeout.total_seconds()
            raise TimedOutError(url, f"not done within {limit:g} s") from error
        except aiohttp.ClientProxyConnectionError as error:
            raise UnreachableError(url, "no connection to its proxy") from error
        except aiohttp.ClientHttpProxyError as error:
            raise UnreachableError(url, f"its proxy answers {error.status}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise translated(error, url) from error

    async def _send(self, question: Question) -> aiohttp.ClientResponse:
        """Return the answer as soon as its headers are there."""
        url = str(question.url)
        connect, first_byte = self._policy.connect_timeout, self._policy.first_byte_timeout
        try:
            async with asyncio.timeout((connect + first_byte).total_seconds()):
                return await self._request(question)
        except aiohttp.ConnectionTimeoutError as error:
            because = f"no connection within {connect.total_seconds():g} s"
            raise TimedOutError(url, because) from error
        except TimeoutError as error:
            because = f"no answer within {first_byte.total_seconds():g} s"
            raise TimedOutError(url, because) from error

    async def _request(self, question: Question) -> aiohttp.ClientResponse:
        headers, proxy = question.headers, question.proxy
        login = (
            {"Proxy-Authorization": proxy.authorization} if proxy and proxy.authorization else {}
        )
        # What is tunnelled is not for the proxy to read: its login goes with the tunnel.
        is_tunnelled = question.url.scheme == "https"
        # The operator vouches for a proxy, wherever it is.
        session = self._sessions[proxy is not None or self._guard.is_exempt(question.host)]
        return await session.request(
            "GET" if question.form is None else "POST",
            question.url,
            headers=headers if is_tunnelled else {**headers, **login},
            data=question.form,
            allow_redirects=False,
            proxy=proxy.url if proxy else None,
            proxy_headers=login if is_tunnelled else None,
        )

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(connect=self._policy.connect_timeout.total_seconds()),
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
        )
