"""What watches over the service asks here."""

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tidings.web.publication import Probes

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH = {"Cache-Control": "no-store"}


def health_routes(probes: Probes) -> list[Route]:
    """Return the routes for probes and counters."""
    return [
        Route("/health/live", _live),
        Route("/health/ready", partial(_ready, probes=probes)),
        Route("/metrics", partial(_metrics, probes=probes)),
    ]


async def _live(_: Request) -> Response:
    """Answer as long as the process does; it needs no thread, so a full pool is alive too."""
    return JSONResponse({"live": True}, headers=FRESH)


def _ready(_: Request, *, probes: Probes) -> Response:
    """Answer whether everything needed is there, and what is not."""
    checks = probes.health()
    ready = all(check.ok for check in checks)
    content = {"ready": ready, "checks": [check._asdict() for check in checks]}
    return JSONResponse(content, status_code=200 if ready else 503, headers=FRESH)


def _metrics(_: Request, *, probes: Probes) -> Response:
    return Response(probes.metrics(), headers=FRESH, media_type=METRICS_TYPE)
