"""The pages about errors: made at start, so that they show whatever else is broken."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidings.rendering import pages
from tidings.rendering.pages import ErrorPage, Site
from tidings.rendering.templates import Templates
from tidings.web import answers
from tidings.web.bodies import compress

STATUSES = (400, 404, 405, 413, 500)


class ErrorPages:
    """Answers in place of what was asked for. Nothing of a request is shown."""

    def __init__(self, site: Site, templates: Templates) -> None:
        """Render them all.

        Raises:
            TemplateError: The template is broken, or there is no catalogue for the language.
        """
        self._bodies = {
            status: compress(pages.render(ErrorPage(site=site, status=status), templates))
            for status in STATUSES
        }

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answer a request for what is not there, or not to be had in this way."""
        if isinstance(error, HTTPException):
            return self._page(request, error.status_code, headers=error.headers)
        return self._page(request, 404)

    def failed(self, request: Request) -> Response:
        """Answer a request that met a bug."""
        return self._page(request, 500)

    def _page(
        self, request: Request, status: int, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        page = answers.page_headers(cache_control="no-store")
        return answers.full(
            request, self._bodies[status], headers={**page, **(headers or {})}, status=status
        )
