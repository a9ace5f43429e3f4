"""One document, wherever redirects lead: every hop is checked, and takes its turn."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from yarl import URL

from tidings.domain.urls import host_of
from tidings.errors import FetchError, ForbiddenAddressError, UnreachableError
from tidings.fetching import addresses
from tidings.fetching.addresses import Target
from tidings.fetching.answers import Question, Redirect
from tidings.fetching.exchange import Exchange
from tidings.fetching.gate import Gate
from tidings.fetching.guard import Guard, is_web_port
from tidings.fetching.outcomes import Fetched, NotModified, Request
from tidings.fetching.policy import FetchPolicy


class Client:
    """Fetches documents, one request at a time and host."""

    def __init__(
        self, policy: FetchPolicy, *, exchange: Exchange, gate: Gate, guard: Guard
    ) -> None:
        self._policy = policy
        self._exchange = exchange
        self._gate = gate
        self._guard = guard

    async def fetch(self, request: Request, *, keep_alive: bool = False) -> Fetched | NotModified:
        """Return the document that `request` asks for, or that it has not changed.

        `policy.total_timeout` bounds what servers take, all hops together. Pauses that we
        make on our own account do not count.

        Args:
            request: What to fetch.
            keep_alive: Whether another request to the same host follows.

        Raises:
            FetchError: There is no such document to be had.
        """
        source = addresses.read(request.url)
        url, left = source.url, self._policy.total_timeout
        own = host_of(str(url))
        permanent: list[bool] = []
        for _ in range(self._policy.max_redirects + 1):
            question = _question(url, request, source=source, keep_alive=keep_alive)
            answer, spent = await self._hop(question, own=own, within=left)
            if not isinstance(answer, Redirect):
                return _with_move(answer, source, permanent=permanent)
            left -= spent
            permanent.append(answer.is_permanent)
            url = addresses.follow(url, answer.location)
        raise FetchError(str(source.url), f"more than {self._policy.max_redirects} redirects")

    async def _hop(
        self, question: Question, *, own: str, within: timedelta
    ) -> tuple[Fetched | NotModified | Redirect, timedelta]:
        """Ask one question in its turn; return the answer and the time it took."""
        host, port = question.host, question.url.port or 0
        if not is_web_port(port) and not self._guard.is_exempt(host):
            raise ForbiddenAddressError(str(question.url), f"port {port} is not for the web")
        if host != own and not await self._gate.borrow(host):
            raise UnreachableError(str(question.url), f"{host} is kept busy by another process")
        async with self._gate.turn(host):
            clock = asyncio.get_running_loop().time
            started = clock()
            answer = await self._exchange.ask(question, within=within)
            return answer, timedelta(seconds=clock() - started)


def _question(url: URL, request: Request, *, source: Target, keep_alive: bool) -> Question:
    is_known = request.validators is not None and request.validators.url == str(url)
    is_home = url.origin() == source.url.origin()
    return Question(
        url=url,
        host=host_of(str(url)),
        validators=request.validators if is_known else None,
        authorization=source.authorization if is_home else None,
        keep_alive=keep_alive and is_home,
    )


def _with_move(
    answer: Fetched | NotModified, source: Target, *, permanent: list[bool]
) -> Fetched | NotModified:
    moved = permanent and all(permanent) and source.authorization is None
    return replace(answer, moved_to=answer.url) if moved else answer
