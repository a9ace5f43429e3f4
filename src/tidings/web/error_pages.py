"""The pages about errors: made at start, so that they show whatever else is broken."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidings.errors import StorageError
from tidings.rendering import pages
from tidings.rendering.pages import ErrorPage
from tidings.rendering.site import Site
from tidings.rendering.templates import Templates
from tidings.web import answers
from tidings.web.bodies import compress

STATUSES = (400, 403, 404, 405, 409, 413, 415, 500, 503)

SOON = {"Retry-After": "30"}
"""Seconds after which an outage may be over: another program's lock, a restart of the server."""


class ErrorPages:
    """Answers in place of what was asked for. Nothing of a request is shown."""

    def __init__(
        self, site: Site, templates: Templates, *, has_newsletters: Callable[[], bool]
    ) -> None:
        """Render them all, with newsletters in the navigation and without.

        Args:
            site: For the rest of the navigation.
            templates: Theirs.
            has_newsletters: Asked before a request is refused; when it cannot tell, and after a
                bug, what it last said is what counts.

        Raises:
            TemplateError: The template is broken, or there is no catalogue for the language.
        """
        self._has_newsletters = has_newsletters
        self._had_newsletters = False
        self._bodies = {
            (status, known): compress(
                pages.render(
                    ErrorPage(site=replace(site, has_newsletters=known), status=status), templates
                )
            )
            for status in STATUSES
            for known in (False, True)
        }

    def refused(self, request: Request, error: Exception) -> Response:
        """Answer a request for what is not there, or not to be had in this way."""
        with suppress(StorageError):  # these pages are there for such moments
            self._had_newsletters = self._has_newsletters()
        if isinstance(error, HTTPException):
            return self._page(request, error.status_code, headers=error.headers)
        return self._page(request, 404)

    def failed(self, request: Request) -> Response:
        """Answer a request that met a bug."""
        return self._page(request, 500)

    def away(self, request: Request) -> Response:
        """Answer a request that the database could not serve, now."""
        return self._page(request, 503, headers=SOON)

    def _page(
        self, request: Request, status: int, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        page = answers.page_headers(cache_control="no-store")
        body = self._bodies[status, self._had_newsletters]
        return answers.full_response(
            request, body, headers={**page, **(headers or {})}, status=status
        )
