"""The few files that pages need."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.rendering.site import Site
from tidings.rendering.sitemap import robots
from tidings.rendering.templates import Templates
from tidings.web import answers
from tidings.web.bodies import CachedBody, compress

FOR_EVER = "public, max-age=31536000, immutable"
A_DAY = "public, max-age=86400"
TEXT = "text/plain; charset=utf-8"
VERSIONED: Mapping[str, str] = MappingProxyType(
    {
        "style.css": "text/css; charset=utf-8",
        "operator.css": "text/css; charset=utf-8",
        "status.css": "text/css; charset=utf-8",
        "script.js": "text/javascript; charset=utf-8",
    }
)
"""What pages ask for by its version, with its type."""


def asset_routes(templates: Templates, site: Site) -> list[Route]:
    """Return the routes of all files.

    Raises:
        TemplateError: A file is missing.
    """
    icon = compress(templates.file("favicon.svg"))
    return [
        *(_versioned(name, templates) for name in VERSIONED),
        Route("/favicon.svg", partial(_file, body=icon, media_type="image/svg+xml")),
        Route("/robots.txt", partial(_file, body=compress(robots(site)), media_type=TEXT)),
    ]


def _versioned(name: str, templates: Templates) -> Route:
    """Return the route of a file; who asks for this very version need never ask again."""
    body = compress(templates.file(name))

    async def answer(request: Request) -> Response:
        is_this = request.query_params.get("v") == templates.fingerprint
        headers = {
            "Content-Type": VERSIONED[name],
            "Cache-Control": FOR_EVER if is_this else answers.ASK_AGAIN,
        }
        return answers.full_response(request, body, headers=headers)

    return Route(f"/{name}", answer)


async def _file(request: Request, *, body: CachedBody, media_type: str) -> Response:
    headers = {"Content-Type": media_type, "Cache-Control": A_DAY}
    return answers.full_response(request, body, headers=headers)
