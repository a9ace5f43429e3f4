"""Middleware for requests that are worked on: security headers, errors; and the error pages."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.errors import DatabaseAwayError, StorageError
from tidings.log import Seldom
from tidings.publishing import views
from tidings.publishing.views import ErrorPage
from tidings.templating.engine import Templates
from tidings.templating.site import Site
from tidings.web import responses
from tidings.web.access_log import log_answer, request_line
from tidings.web.response_cache import compress
from tidings.web.responses import POLICY

logger = logging.getLogger(__name__)

PROTECTION: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
        # Addresses of subscribers' pages hold tokens.
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)

# Without includeSubDomains: other hosts of the domain are not ours to decide about (RFC 6797).
TLS_ONLY: Mapping[str, str] = MappingProxyType({"Strict-Transport-Security": "max-age=31536000"})

STATUSES = (400, 403, 404, 405, 409, 413, 415, 500, 503)

# Seconds after which an outage may be over: another program's lock, a restart of the server.
SOON = {"Retry-After": "30"}


class ExchangeMiddleware:
    """The middleware around whatever makes an answer.

    Args:
        app: The application.
        base_url: The address of the site, which may lie under a path, as in `/news`; whether a
            proxy in front removes that or not, the same page answers.
        failed: Makes the response to a request that met a bug.
        away: Makes the response to a request while the database is away.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        base_url: str,
        failed: Callable[[Request], Response],
        away: Callable[[Request], Response],
    ) -> None:
        self._app = app
        address = urlsplit(base_url)
        self._prefix = address.path
        self._protection = {**PROTECTION, **(TLS_ONLY if address.scheme == "https" else {})}
        self._failed = failed
        self._away = away
        self._outage = Seldom(logger, "database away")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_protected(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._protection.items():
                    # Not over what a response has of its own: pages have another
                    # Content-Security-Policy.
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(self._within_prefix(scope), receive, send_protected)
        except Exception as error:
            answer = self._answer_to(error, scope)
            # Headers are out: the connection is broken off, or half a page would pass for a whole
            # one.
            if status:
                raise
            await answer(scope, receive, send_protected)
        finally:
            log_answer(request_line(scope), status, started=started)

    def _answer_to(self, error: Exception, scope: Scope) -> Response:
        """Log an error; return the response to it."""
        request = Request(scope)
        if not isinstance(error, StorageError):
            logger.error("request failed", extra=request_line(scope), exc_info=error)
            return self._failed(request)
        # A database that is away is no bug of ours: its traceback says nothing.
        is_fault = not isinstance(error, DatabaseAwayError)
        self._outage.warn(because=str(error), exc_info=error if is_fault else None)
        return self._away(request)

    def _within_prefix(self, scope: Scope) -> Scope:
        path: str = scope["path"]
        # With slashes: `/newsletter` is not below `/news`.
        if self._prefix and f"{path}/".startswith(f"{self._prefix}/"):
            return {**scope, "path": path.removeprefix(self._prefix) or "/"}
        return scope


class ErrorPages:
    """The error pages, rendered at start, so that they work whatever else is broken.

    Nothing of a request is shown in them.
    """

    def __init__(
        self, site: Site, templates: Templates, *, has_newsletters: Callable[[], bool]
    ) -> None:
        """Render them all in each language, with newsletters in the navigation and without.

        Args:
            site: For the rest of the navigation.
            templates: Theirs.
            has_newsletters: Called for each 4xx. Its last result is used while the database is
                away, and after a bug.

        Raises:
            TemplateError: The template is broken, or there is no catalogue for the language.
        """
        self._has_newsletters = has_newsletters
        self._had_newsletters = False
        self._site = site
        self._templates = templates
        self._bodies = {
            (status, known, one.language): compress(
                views.render(
                    ErrorPage(site=replace(one, has_newsletters=known), status=status), templates
                )
            )
            for status in STATUSES
            for known in (False, True)
            for one in (
                responses.in_language(code, site, templates) for code in templates.languages
            )
        }

    def refused(self, request: Request, error: Exception) -> Response:
        """Answer 4xx."""
        with suppress(StorageError):  # these pages are there for such moments
            self._had_newsletters = self._has_newsletters()
        if isinstance(error, HTTPException):
            return self._page(request, error.status_code, headers=error.headers)
        return self._page(request, 404)

    def failed(self, request: Request) -> Response:
        """Answer 500."""
        return self._page(request, 500)

    def away(self, request: Request) -> Response:
        """Answer 503."""
        return self._page(request, 503, headers=SOON)

    def _page(
        self, request: Request, status: int, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        page = responses.page_headers(cache_control="no-store")
        site = responses.in_wanted_language(request, self._site, self._templates)
        body = self._bodies[status, self._had_newsletters, site.language]
        return responses.full_response(
            request, body, headers={**page, **(headers or {})}, status=status
        )
