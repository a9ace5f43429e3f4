"""The few files that pages need."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.rendering.templates import Templates
from tidings.web import answers
from tidings.web.bodies import Body, compress

FOR_EVER = "public, max-age=31536000, immutable"
A_DAY = "public, max-age=86400"
TEXT = "text/plain; charset=utf-8"


def routes(templates: Templates, *, prefix: str) -> list[Route]:
    """Return the routes of all files; `prefix` is the path that the site lies under.

    Raises:
        TemplateError: A file is missing.
    """
    style = compress(templates.file("style.css"))
    icon = compress(templates.file("favicon.svg"))
    robots = f"User-agent: *\nDisallow: {prefix}/health/\nDisallow: {prefix}/metrics\n"
    return [
        Route("/style.css", partial(_style, body=style, fingerprint=templates.fingerprint)),
        Route("/favicon.svg", partial(_file, body=icon, media_type="image/svg+xml")),
        Route("/robots.txt", partial(_file, body=compress(robots.encode()), media_type=TEXT)),
    ]


async def _style(request: Request, *, body: Body, fingerprint: str) -> Response:
    """Answer with the style sheet; who asks for this very version need never ask again."""
    is_this = request.query_params.get("v") == fingerprint
    headers = {
        "Content-Type": "text/css; charset=utf-8",
        "Cache-Control": FOR_EVER if is_this else answers.ASK_AGAIN,
    }
    return answers.full(request, body, headers=headers)


async def _file(request: Request, *, body: Body, media_type: str) -> Response:
    headers = {"Content-Type": media_type, "Cache-Control": A_DAY}
    return answers.full(request, body, headers=headers)
