"""Fetch one document through redirects.

Each hop is checked by the guard, throttled, and sees only the credentials that are for it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.cookies import BaseCookie

from aiohttp import CookieJar, encode_basic_auth
from yarl import URL

from tidings.errors import FetchError, ForbiddenAddressError, UnreachableError
from tidings.fetching import guard
from tidings.fetching.exchange import Exchange, HostThrottle
from tidings.fetching.guard import Guard, Target, is_web_port
from tidings.fetching.interpret import HttpRequest, Redirect
from tidings.fetching.outcomes import BodyPost, Fetched, FormPost, NotModified, PostReply, Request
from tidings.fetching.policy import FetchPolicy
from tidings.model.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Headers and proxy for the requests of one fetch.

    Attributes:
        source: The address they belong to.
        secret: Headers for the origin of the source, and for nobody else.
        public: Headers for every server on the way.
        proxy: Where every request is sent through.
    """

    source: Target
    secret: Mapping[str, str] = field(repr=False)
    public: Mapping[str, str]
    proxy: Target | None = None

    def headers_for(self, url: URL) -> dict[str, str]:
        """Return the headers for a request to `url`."""
        return {**self.public, **self.secret} if self._is_same_origin(url) else {**self.public}

    def apply_to(self, url: URL) -> bool:
        """Tell whether the source would still send them if it moved to `url`."""
        # A login in the address itself is lost with the address.
        return not self.source.authorization and (not self.secret or self._is_same_origin(url))

    def _is_same_origin(self, url: URL) -> bool:
        source = self.source.url
        return url is source or url.origin() == source.origin()


class Client:
    """Fetches documents, one request at a time and host."""

    def __init__(
        self, policy: FetchPolicy, *, exchange: Exchange, throttle: HostThrottle, guard: Guard
    ) -> None:
        self._policy = policy
        self._exchange = exchange
        self._throttle = throttle
        self._guard = guard

    async def fetch(self, request: Request, *, keep_alive: bool = False) -> Fetched | NotModified:
        """Return the document that `request` asks for, or that it has not changed.

        `policy.total_timeout` bounds what servers take, all hops together; our own pauses
        between requests do not count.

        Args:
            request: What to fetch.
            keep_alive: Whether another request to the same host follows.

        Raises:
            FetchError: There is no such document to be had.
        """
        own = credentials_for(guard.parse_target(request.url), request.access)
        url = own.source.url
        home = None if request.borrows else guard.host_port(url)
        left = self._policy.total_timeout
        permanent: list[bool] = []
        jar: CookieJar | None = None
        # By hand, not by aiohttp: every hop is checked, throttled, and gets its own headers.
        for _ in range(self._policy.max_redirects + 1):
            http_request = _http_request(url, request, own=own, keep_alive=keep_alive)
            if jar and (cookies := jar.filter_cookies(url)):
                http_request = _with_cookies(http_request, cookies)
            await self._admit(http_request, home=home)
            async with self._throttle.turn(http_request.host):
                started = time.monotonic()
                response = await self._exchange.send(http_request, within=left)
                left -= timedelta(seconds=time.monotonic() - started)
            if not isinstance(response, Redirect):
                return _with_move(response, own, permanent=permanent)
            permanent.append(response.is_permanent)
            # Some servers redirect once to see whether a cookie comes back. The jar lasts for this
            # document only; "unsafe" lets IP addresses have cookies, too.
            jar = jar or CookieJar(unsafe=True)
            jar.update_cookies(response.cookies, url)
            url = guard.resolve_redirect(url, response.location)
        raise FetchError(str(own.source.url), f"more than {self._policy.max_redirects} redirects")

    async def post(self, post: FormPost | BodyPost) -> PostReply:
        """Send a form, without anybody's credentials, or a document; return the response.

        Raises:
            FetchError: There is none.
        """
        http_request = _post_request(post)
        # A hub may be a publisher's host, which others must not be asking meanwhile. Whoever is sent a
        # document has asked for it.
        home = None if isinstance(post, FormPost) else http_request.host
        await self._admit(http_request, home=home)
        async with self._throttle.turn(http_request.host):
            return await self._exchange.post(http_request, within=self._policy.total_timeout)

    async def _admit(self, http_request: HttpRequest, *, home: str | None) -> None:
        """Refuse what must not be sent, and lease its host unless that is `home`."""
        host, port = http_request.host, http_request.url.port or 0
        if not is_web_port(port) and not self._guard.is_exempt(host):
            raise ForbiddenAddressError(str(http_request.url), f"port {port} is not for the web")
        if host != home and not await self._throttle.borrow(host):
            raise UnreachableError(str(http_request.url), f"{host} is kept busy by another process")


def _post_request(post: FormPost | BodyPost) -> HttpRequest:
    target = guard.parse_target(post.url)
    url, host = target.url, guard.host_port(target.url)
    if isinstance(post, FormPost):
        return HttpRequest(url=url, host=host, data=post.fields)
    login = {"Authorization": target.authorization} if target.authorization else {}
    return HttpRequest(url=url, host=host, data=post.body, extra_headers={**post.headers, **login})


def _http_request(url: URL, request: Request, *, own: Credentials, keep_alive: bool) -> HttpRequest:
    is_known = request.validators is not None and request.validators.url == str(url)
    return HttpRequest(
        url=url,
        host=guard.host_port(url),
        validators=request.validators if is_known else None,
        extra_headers=own.headers_for(url),
        proxy=own.proxy,
        keep_alive=keep_alive and url.origin() == own.source.url.origin(),
    )


def _with_cookies(http_request: HttpRequest, cookies: BaseCookie[str]) -> HttpRequest:
    """Add cookies that redirects have set; of one name, the operator's own counts."""
    own = [pair for pair in http_request.extra_headers.get("Cookie", "").split("; ") if pair]
    names = {pair.partition("=")[0] for pair in own}
    given = [f"{one.key}={one.coded_value}" for one in cookies.values() if one.key not in names]
    return replace(
        http_request, extra_headers={**http_request.extra_headers, "Cookie": "; ".join(own + given)}
    )


def _with_move(
    response: Fetched | NotModified, own: Credentials, *, permanent: list[bool]
) -> Fetched | NotModified:
    moved = permanent and all(permanent) and own.apply_to(URL(response.url))
    return replace(response, moved_to=response.url) if moved else response


def credentials_for(source: Target, access: Access | None) -> Credentials:
    """Return the credentials of a source; `access` wins over a login in its address.

    Raises:
        ForbiddenAddressError: The address of the proxy is not valid.
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
        public={"User-Agent": own.user_agent} if own.user_agent else {},
        proxy=guard.parse_target(own.proxy) if own.proxy else None,
    )


def _login(access: Access) -> str | None:
    return None if access.user is None else encode_basic_auth(access.user, access.password or "")
