"""The web application: which address is answered with what."""

from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from tidings.errors import NotFoundError
from tidings.rendering.site import Site
from tidings.rendering.templates import Templates
from tidings.web import assets, operations
from tidings.web.documents import Documents
from tidings.web.envelope import ExchangeMiddleware
from tidings.web.error_pages import ErrorPages
from tidings.web.operator_visits import OperatorSessions
from tidings.web.operators import OperatorPages
from tidings.web.preferences import PreferencePages
from tidings.web.publication import Probes, Publication, Readers, Tokens
from tidings.web.reader_answers import PrivateResponses
from tidings.web.status import StatusPages
from tidings.web.subscribing import SubscribePages
from tidings.web.unsubscribe import UnsubscribePages
from tidings.web.websub import HubCallbacks


def create_app(
    publication: Publication,
    site: Site,
    *,
    templates: Templates,
    tokens: Tokens,
    probes: Probes,
) -> Starlette:
    """Build the application.

    It answers below the path of `site.base_url`, and at the root as well, for a proxy that
    takes that path off. No address in an answer comes from the request.

    Args:
        publication: What is published; asked from many threads.
        site: For the pages made here, which are those about errors and those for readers.
        templates: For the same, and for the style sheet.
        tokens: Acts for those who have an address with a token.
        probes: Answers `/health/ready`, `/metrics` and `/status`.

    Raises:
        TemplateError: An error page or the site's language is missing.
    """
    readers = tokens.readers
    has_forms = readers is not None
    site = replace(site, has_newsletters=True, has_forms=has_forms, has_status=True)
    error_pages = ErrorPages(
        site,
        templates,
        has_newsletters=lambda: readers is not None and bool(readers.offers.every()),
    )
    operators = tokens.operators
    visits = OperatorSessions(operators, publication, site.base_url) if operators else None
    documents = Documents(publication, site, visits)
    private = PrivateResponses(site, templates, trusted=tokens.trusted, clock=tokens.clock)
    app = Starlette(
        routes=[
            *documents.routes(),
            UnsubscribePages(tokens.unsubscribing, private).route(),
            *_reader_routes(readers, private),
            *(OperatorPages(visits, private).routes() if visits else []),
            HubCallbacks(tokens.callbacks).route(),
            *assets.asset_routes(templates, site),
            *operations.health_routes(probes),
            StatusPages(probes, clock=tokens.clock).route(),
        ],
        middleware=[
            Middleware(
                ExchangeMiddleware,
                base_url=site.base_url,
                failed=error_pages.failed,
                away=error_pages.away,
            )
        ],
        exception_handlers={
            HTTPException: error_pages.refused,
            NotFoundError: error_pages.refused,
        },
    )
    app.router.redirect_slashes = False  # it would redirect to whatever Host the request names
    return app


def _reader_routes(readers: Readers | None, private: PrivateResponses) -> list[Route]:
    if readers is None:
        return []
    return [
        *SubscribePages(readers, private).routes(),
        *PreferencePages(readers, private).routes(),
    ]
