"""One document, wherever redirects lead: every hop is checked, and takes its turn.

What a source shows of itself to its publisher, and to the proxy on the way.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.cookies import BaseCookie

from aiohttp import CookieJar, encode_basic_auth
from yarl import URL

from tidings.errors import FetchError, ForbiddenAddressError, UnreachableError
from tidings.fetching import guard
from tidings.fetching.exchange import Exchange, Gate
from tidings.fetching.guard import Guard, Target, is_web_port
from tidings.fetching.outcomes import Fetched, FormPost, NotModified, PostReply, Request
from tidings.fetching.policy import FetchPolicy
from tidings.fetching.responses import Question, Redirect
from tidings.model.access import Access
from tidings.model.urls import host_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What goes with the questions of one fetch.

    Attributes:
        source: Whose they are.
        secret: Headers for the origin of the source, and for nobody else.
        open: Headers for every server on the way.
        proxy: Who is told to ask every question.
    """

    source: Target
    secret: Mapping[str, str] = field(repr=False)
    open: Mapping[str, str]
    proxy: Target | None = None

    def shown_to(self, url: URL) -> dict[str, str]:
        """Return the headers that go with a question for `url`."""
        return {**self.open, **self.secret} if self._is_home(url) else {**self.open}

    def are_known_at(self, url: URL) -> bool:
        """Tell whether the source would still have them if it moved to `url`."""
        return not self.source.authorization and (not self.secret or self._is_home(url))

    def _is_home(self, url: URL) -> bool:
        return url.origin() == self.source.url.origin()


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
        own = credentials_for(guard.parse_target(request.url), request.access)
        start = url = own.source.url
        left = self._policy.total_timeout
        permanent: list[bool] = []
        # Some servers send a visitor round once to see whether a cookie comes back. It is kept for
        # this document and this once; addresses instead of names may have cookies, too.
        jar = CookieJar(unsafe=True)
        for _ in range(self._policy.max_redirects + 1):
            question = _question(url, request, own=own, keep_alive=keep_alive)
            if cookies := jar.filter_cookies(url):
                question = _with_cookies(question, cookies)
            async with self._turn(question, home=host_of(str(start))):
                started = time.monotonic()
                answer = await self._exchange.ask(question, within=left)
                left -= timedelta(seconds=time.monotonic() - started)
            if not isinstance(answer, Redirect):
                return _with_move(answer, own, permanent=permanent)
            permanent.append(answer.is_permanent)
            jar.update_cookies(answer.cookies, url)
            url = guard.resolve_redirect(url, answer.location)
        raise FetchError(str(start), f"more than {self._policy.max_redirects} redirects")

    async def post(self, form: FormPost) -> PostReply:
        """Send `form`, without anybody's credentials, and return the answer.

        Raises:
            FetchError: There is none.
        """
        url = guard.parse_target(form.url).url
        question = Question(url=url, host=host_of(str(url)), form=form.fields)
        async with self._turn(question, home=None):
            return await self._exchange.post(question, within=self._policy.total_timeout)

    @asynccontextmanager
    async def _turn(self, question: Question, *, home: str | None) -> AsyncIterator[None]:
        """Wait until `question` may be asked; `home` is the host that the caller holds."""
        host, port = question.host, question.url.port or 0
        if not is_web_port(port) and not self._guard.is_exempt(host):
            raise ForbiddenAddressError(str(question.url), f"port {port} is not for the web")
        if host != home and not await self._gate.borrow(host):
            raise UnreachableError(str(question.url), f"{host} is kept busy by another process")
        async with self._gate.turn(host):
            yield


def _question(url: URL, request: Request, *, own: Credentials, keep_alive: bool) -> Question:
    is_known = request.validators is not None and request.validators.url == str(url)
    return Question(
        url=url,
        host=host_of(str(url)),
        validators=request.validators if is_known else None,
        shown=own.shown_to(url),
        proxy=own.proxy,
        keep_alive=keep_alive and url.origin() == own.source.url.origin(),
    )


def _with_cookies(question: Question, cookies: BaseCookie[str]) -> Question:
    """Add what was set on the way; of one name, the operator's own cookie counts."""
    own = [pair for pair in question.shown.get("Cookie", "").split("; ") if pair]
    names = {pair.partition("=")[0] for pair in own}
    given = [f"{one.key}={one.coded_value}" for one in cookies.values() if one.key not in names]
    return replace(question, shown={**question.shown, "Cookie": "; ".join(own + given)})


def _with_move(
    answer: Fetched | NotModified, own: Credentials, *, permanent: list[bool]
) -> Fetched | NotModified:
    moved = permanent and all(permanent) and own.are_known_at(URL(answer.url))
    return replace(answer, moved_to=answer.url) if moved else answer


def credentials_for(source: Target, access: Access | None) -> Credentials:
    """Return what a source is asked with; `access` goes before a login in its address.

    Raises:
        ForbiddenAddressError: The address of the proxy is none that we could dial.
    """
    own = access or Access()
    login = _login(own) or source.authorization
    secret = {"Authorization": login} if login else {}
    secret |= own.headers
    if own.cookies:
        secret["Cookie"] = "; ".join(f"{name}={value}" for name, value in own.cookies.items())
    return Credentials(
        source=source,
        secret=secret,
        open={"User-Agent": own.user_agent} if own.user_agent else {},
        proxy=guard.parse_target(own.proxy) if own.proxy else None,
    )


def _login(access: Access) -> str | None:
    return None if access.user is None else encode_basic_auth(access.user, access.password or "")
