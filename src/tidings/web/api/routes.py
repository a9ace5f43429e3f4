"""The routes of the API, its description, and which errors are told as problems."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
from tidings.web.middleware import SOON, ErrorPages
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswers:
    """What answers errors: 4xx, 500 and 503."""

    refused: Callable[[Request, Exception], Response]
    failed: Callable[[Request], Response]
    away: Callable[[Request], Response]


def by_path(pages: ErrorPages, site: Site) -> ErrorAnswers:
    """Return what tells programs of problems, and people by `pages`."""
    prefix = site.href("/api/")

    def is_api(request: Request) -> bool:
        path: str = request.scope["path"]
        return path.startswith(("/api/", prefix))

    return ErrorAnswers(
        refused=lambda request, error: (
            problems.refused(request, error) if is_api(request) else pages.refused(request, error)
        ),
        failed=lambda request: (
            problems.failed(request) if is_api(request) else pages.failed(request)
        ),
        away=lambda request: (
            problems.away(request, headers=SOON) if is_api(request) else pages.away(request)
        ),
    )
