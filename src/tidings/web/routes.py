"""The web application: routes, assets, health checks, and the status page."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tidings.errors import NotFoundError
from tidings.publishing.formats.sitemap import robots
from tidings.templating.engine import Templates
from tidings.templating.site import Site
from tidings.web import responses
from tidings.web.api.routes import ErrorAnswers, api_routes
from tidings.web.hub_callback import HubCallbacks
from tidings.web.kept_answers import KeptAnswers
from tidings.web.middleware import ErrorPages, ExchangeMiddleware
from tidings.web.minutely import FOR_A_MINUTE, MinutelyDocument
from tidings.web.operator_answers import OperatorAnswers
from tidings.web.operator_deliveries import OperatorDeliveries
from tidings.web.operator_follow import OperatorFollow
from tidings.web.operator_inbox import OperatorInbox
from tidings.web.operator_newsletters import OperatorNewsletters
from tidings.web.operator_pages import OperatorPages
from tidings.web.operator_people import OperatorPeople
from tidings.web.operator_service import OperatorService
from tidings.web.operator_sessions import OperatorSessions
from tidings.web.operator_sources import OperatorSources
from tidings.web.preference_pages import PreferencePages
from tidings.web.private import PrivateResponses
from tidings.web.published import Documents
from tidings.web.response_cache import CachedBody, compress
from tidings.web.services import Probes, PublishedDocuments, SubscriberServices, TokenServices
from tidings.web.sign_up_pages import SubscribePages
from tidings.web.unsubscribe_pages import UnsubscribePages

FOR_EVER = "public, max-age=31536000, immutable"

A_DAY = "public, max-age=86400"

TEXT = "text/plain; charset=utf-8"

# What pages ask for by its version, with its type.
VERSIONED: Mapping[str, str] = MappingProxyType(
    {
        "style.css": "text/css; charset=utf-8",
        "operator.css": "text/css; charset=utf-8",
        "status.css": "text/css; charset=utf-8",
        "script.js": "text/javascript; charset=utf-8",
    }
)

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

FRESH = {"Cache-Control": "no-store"}


def create_app(
    publication: PublishedDocuments,
    site: Site,
    *,
    templates: Templates,
    tokens: TokenServices,
    probes: Probes,
) -> Starlette:
    """Build the application.

    It answers below the path of `site.base_url`, and at the root as well, for a proxy that
    takes that path off. No address in an answer comes from the request.

    Args:
        publication: What is published; thread-safe.
        site: For the pages made here, which are those about errors and those for subscribers.
        templates: For the same, and for the style sheet.
        tokens: Serves addresses and forms with a token.
        probes: Answers `/health/ready`, `/metrics` and `/status`.

    Raises:
        TemplateError: An error page or the site's language is missing.
    """
    subscribers = tokens.subscribers
    site = replace(site, has_newsletters=True, has_forms=subscribers is not None, has_status=True)
    error_pages = ErrorPages(
        site,
        templates,
        has_newsletters=lambda: subscribers is not None and bool(subscribers.offers.every()),
    )
    operators = tokens.operators
    operator_sessions = (
        OperatorSessions(operators, publication, site.base_url) if operators else None
    )
    documents = Documents(publication, site, operator_sessions)
    private = PrivateResponses(site, templates, trusted=tokens.trusted, clock=tokens.clock)
    told = ErrorAnswers(error_pages, site)
    app = Starlette(
        routes=[
            *documents.routes(),
            UnsubscribePages(tokens.unsubscribing, private).route(),
            *_subscriber_routes(subscribers, private),
            *_operator_routes(operator_sessions, private),
            HubCallbacks(tokens.callbacks).route(),
            *asset_routes(templates, site),
            *health_routes(probes),
            Route("/status", status_of(probes, tokens.clock).answer),
            *api_routes(documents, probes, tokens, private),
        ],
        middleware=[
            Middleware(KeptAnswers, state=publication.state),
            Middleware(
                ExchangeMiddleware,
                base_url=site.base_url,
                failed=told.failed,
                away=told.away,
            ),
        ],
        exception_handlers=dict.fromkeys((HTTPException, NotFoundError), told.refused),
    )
    app.router.redirect_slashes = False  # it would redirect to whatever Host the request names
    return app


def _subscriber_routes(
    subscribers: SubscriberServices | None, private: PrivateResponses
) -> list[Route]:
    if subscribers is None:
        return []
    return [
        *SubscribePages(subscribers, private).routes(),
        *PreferencePages(subscribers, private).routes(),
    ]


def _operator_routes(sessions: OperatorSessions | None, private: PrivateResponses) -> list[Route]:
    if sessions is None:
        return []
    answers = OperatorAnswers(sessions, private)
    return [
        *OperatorPages(answers).routes(),
        *OperatorFollow(answers).routes(),
        *OperatorInbox(answers).routes(),
        *OperatorSources(answers).routes(),
        *OperatorNewsletters(answers).routes(),
        *OperatorDeliveries(answers).routes(),
        *OperatorPeople(answers).routes(),
        *OperatorService(answers).routes(),
    ]


def asset_routes(templates: Templates, site: Site) -> list[Route]:
    """Return the routes of style sheets, scripts and icons.

    Raises:
        TemplateError: A file is missing.
    """
    # Compressed once, at the start: these files never change while the process lives.
    icon = compress(templates.file("favicon.svg"))
    return [
        *(_versioned(name, templates) for name in VERSIONED),
        *(_font(name, body) for name, body in templates.fonts.items()),
        Route("/favicon.svg", partial(_file, body=icon, media_type="image/svg+xml")),
        Route("/robots.txt", partial(_file, body=compress(robots(site)), media_type=TEXT)),
    ]


def _versioned(name: str, templates: Templates) -> Route:
    """Return the route of a file; its address has a version, so it may be cached forever."""
    body = compress(templates.file(name))

    async def answer(request: Request) -> Response:
        # A page of another version, from a cache, asks by an address that must not keep these
        # bytes.
        is_this = request.query_params.get("v") == templates.fingerprint
        headers = {
            "Content-Type": VERSIONED[name],
            "Cache-Control": FOR_EVER if is_this else responses.ASK_AGAIN,
        }
        return responses.full_response(request, body, headers=headers)

    return Route(f"/{name}", answer)


def _font(name: str, body: bytes) -> Route:
    # It is compressed already; its address in the style sheet has a version of its own.
    headers = {"Content-Type": "font/woff2", "Cache-Control": FOR_EVER}

    async def answer(_: Request) -> Response:
        return Response(body, headers=headers)

    return Route(f"/{name}", answer)


async def _file(request: Request, *, body: CachedBody, media_type: str) -> Response:
    headers = {"Content-Type": media_type, "Cache-Control": A_DAY}
    return responses.full_response(request, body, headers=headers)


def health_routes(probes: Probes) -> list[Route]:
    """Return the routes for probes and counters."""
    return [
        Route("/health/live", _live),
        Route("/health/ready", partial(_ready, probes=probes)),
        Route("/metrics", partial(_metrics, probes=probes)),
    ]


def status_of(probes: Probes, clock: Callable[[], datetime]) -> MinutelyDocument:
    """Return the status page."""
    headers = responses.page_headers(cache_control=FOR_A_MINUTE)
    return MinutelyDocument(probes.status, headers=headers, clock=clock)


async def _live(_: Request) -> Response:
    """Answer 200 as long as the process does; it needs no thread, so a full pool is alive too."""
    return JSONResponse({"live": True}, headers=FRESH)


# No coroutine: Starlette runs it in a thread, for it asks the database.
def _ready(_: Request, *, probes: Probes) -> Response:
    """Answer 200, or 503 with the conditions that do not hold."""
    checks = probes.health()
    ready = all(check.ok for check in checks)
    content = {"ready": ready, "checks": [check._asdict() for check in checks]}
    return JSONResponse(content, status_code=200 if ready else 503, headers=FRESH)


def _metrics(_: Request, *, probes: Probes) -> Response:
    return Response(probes.metrics(), headers=FRESH, media_type=METRICS_TYPE)
