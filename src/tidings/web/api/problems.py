"""What cannot be answered, told to programs as `application/problem+json` (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidings.errors import (
    ConfigError,
    ConflictError,
    DeliveryError,
    FetchError,
    NoFeedError,
    NotFoundError,
    TidingsError,
)
from tidings.web.middleware import SOON
from tidings.web.responses import FOR_ANY_SITE

TYPE = "application/problem+json"

# What our errors come to; all others are mistakes of ours, or outages.
STATUSES: Mapping[type[TidingsError], int] = MappingProxyType(
    {
        NotFoundError: 404,
        ConflictError: 409,
        ConfigError: 409,
        DeliveryError: 409,
        FetchError: 422,
        NoFeedError: 422,
    }
)

LOOK_UP = "/api/openapi.json describes what there is"

DETAILS: Mapping[int, str] = MappingProxyType(
    {
        400: f"the request cannot be understood; {LOOK_UP}",
        401: "send `Authorization: Bearer TOKEN`, with a token of `tidings token create`",
        404: f"there is nothing at this address; {LOOK_UP}",
        405: f"this address does not take that method; {LOOK_UP}",
        413: "the body is too long",
        415: "send the body as application/json",
        429: "too many wrong tokens came from your network; try again in an hour",
        500: "a mistake of ours, which is in the log of the service",
        503: "the database is away; try again in half a minute",
    }
)


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with what is wrong."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    shared = {"Content-Type": TYPE, "Cache-Control": "no-store", **FOR_ANY_SITE}
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(body, status, {**shared, **(headers or {})})


def problem_of(error: TidingsError) -> Response:
    """Answer with one of our errors; raises it again if it is nothing that who asks could mend."""
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return problem(status, str(error))
    raise error


def refused(_: Request, error: Exception) -> Response:
    """Answer 4xx."""
    if isinstance(error, NotFoundError):
        return problem(404, str(error))
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    return problem(status, DETAILS.get(status, error.detail), headers=error.headers)


def failed(_: Request) -> Response:
    """Answer 500."""
    return problem(500, DETAILS[500])


def away(_: Request) -> Response:
    """Answer 503."""
    return problem(503, DETAILS[503], headers=SOON)
