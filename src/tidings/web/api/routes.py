"""The routes of the API, its description, and which errors are told as problems."""

from functools import partial
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.templating.site import Site
from tidings.web import responses
from tidings.web.api import problems
from tidings.web.api.acting import ApiActs
from tidings.web.api.acts import ACTS
from tidings.web.api.openapi import render_openapi
from tidings.web.api.reading import READS, ApiReads
from tidings.web.middleware import ErrorPages
from tidings.web.minutely import FOR_A_MINUTE, MinutelyDocument
from tidings.web.private import PrivateResponses
from tidings.web.published import Documents
from tidings.web.response_cache import CachedBody, compress
from tidings.web.services import Probes, TokenServices

FOR_AN_HOUR = "public, max-age=3600"


def api_routes(
    documents: Documents,
    probes: Probes,
    tokens: TokenServices,
    private: PrivateResponses,
) -> list[Route]:
    """Return all routes; those of operators only if there can be any."""
    operators = tokens.operators
    status = MinutelyDocument(
        probes.figures,
        headers={**responses.DATA_HEADERS, "Cache-Control": FOR_A_MINUTE},
        clock=tokens.clock,
    )
    described = [*READS.values(), *(ACTS.values() if operators else ())]
    description = compress(render_openapi(described, private.site))
    return [
        Route("/api/openapi.json", partial(_describe, body=description)),
        *ApiReads(documents, status).routes(),
        *(ApiActs(operators, private).routes() if operators else ()),
    ]


async def _describe(request: Request, *, body: CachedBody) -> Response:
    headers = {**responses.DATA_HEADERS, "Cache-Control": FOR_AN_HOUR}
    return responses.full_response(request, body, headers=headers)


class ErrorTeller(Protocol):
    """What answers errors: 4xx, 500 and 503."""

    def refused(self, request: Request, error: Exception, /) -> Response:
        """Answer 4xx."""

    def failed(self, request: Request, /) -> Response:
        """Answer 500."""

    def away(self, request: Request, /) -> Response:
        """Answer 503."""


class ErrorAnswers:
    """Answers programs with problems, and people with pages."""

    def __init__(self, pages: ErrorPages, site: Site) -> None:
        self._pages = pages
        # Whether a proxy takes the path of the site off or not.
        self._beginnings = ("/api/", site.href("/api/"))

    def refused(self, request: Request, error: Exception) -> Response:
        """Answer 4xx."""
        return self._teller(request).refused(request, error)

    def failed(self, request: Request) -> Response:
        """Answer 500."""
        return self._teller(request).failed(request)

    def away(self, request: Request) -> Response:
        """Answer 503."""
        return self._teller(request).away(request)

    def _teller(self, request: Request) -> ErrorTeller:
        return problems if request.scope["path"].startswith(self._beginnings) else self._pages
