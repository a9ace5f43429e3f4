"""The web application: which address is answered with what."""

import re
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.domain.publishing import (
    Address,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.errors import NotFoundError
from tidings.rendering.site import Site
from tidings.rendering.templates import Templates
from tidings.web import answers, assets, operations
from tidings.web.bodies import Bodies
from tidings.web.conditions import is_current
from tidings.web.envelope import Envelope
from tidings.web.error_pages import ErrorPages
from tidings.web.preferences import PreferencePages
from tidings.web.publication import Probes, Publication, Readers, Tokens
from tidings.web.reader_answers import ReaderAnswers
from tidings.web.subscribing import SubscribePages
from tidings.web.unsubscribe import UnsubscribePages
from tidings.web.websub import HubCallbacks

EVERYTHING = Scope(kind="all")
DIRECTORIES = ("topics", "sources", "sources.opml", "issues", "issues.atom")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""A number that every database can hold."""


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
        probes: Answers `/health/ready` and `/metrics`.

    Raises:
        TemplateError: An error page or the site's language is missing.
    """
    readers = tokens.readers
    site = replace(site, has_newsletters=True, has_forms=readers is not None)
    error_pages = ErrorPages(
        site,
        templates,
        has_newsletters=lambda: readers is not None and bool(readers.offers.every()),
    )
    documents = Documents(publication)
    private = ReaderAnswers(site, templates, trusted=tokens.trusted, clock=tokens.clock)
    prefix = urlsplit(site.base_url).path
    app = Starlette(
        routes=[
            *documents.routes(),
            UnsubscribePages(tokens.unsubscribing, private).route(),
            *_reader_routes(readers, private),
            HubCallbacks(tokens.callbacks).route(),
            *assets.routes(templates, prefix=prefix),
            *operations.routes(probes),
        ],
        middleware=[Middleware(Envelope, prefix=prefix, failed=error_pages.failed)],
        exception_handlers={
            HTTPException: error_pages.refused,
            NotFoundError: error_pages.refused,
        },
    )
    app.router.redirect_slashes = False  # it would redirect to whatever Host the request names
    return app


class Documents:
    """Answers for everything that is published."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._bodies = Bodies()

    def routes(self) -> list[Route]:
        """Return the routes of all published addresses."""
        return [
            Route("/", self.home),
            Route("/feed.{form}", self.feed),
            *(Route(f"/{name}", partial(self.directory, name=name)) for name in DIRECTORIES),
            Route("/topics/{slug}", partial(self.scope, kind="topic")),
            Route("/sources/{slug}", partial(self.scope, kind="source")),
            Route("/entries/{id}", self.entry),
            Route("/issues/{slug}", self.issue),
        ]

    def home(self, request: Request) -> Response:
        """Answer with a page of everything."""
        return self._answer(request, PageAddress(scope=EVERYTHING, number=_page_number(request)))

    def feed(self, request: Request) -> Response:
        """Answer with the feed of everything."""
        form: str = request.path_params["form"]
        if form not in answers.FEED_TYPES:
            raise NotFoundError("feed", form)
        return self._answer(request, FeedAddress(scope=EVERYTHING, form=form))

    def scope(self, request: Request, *, kind: str) -> Response:
        """Answer with a page or, told by the suffix, a feed of a topic or a source."""
        slug: str = request.path_params["slug"]
        if not slug.isprintable():
            raise NotFoundError(kind, slug)
        name, _, form = slug.rpartition(".")
        if form in answers.FEED_TYPES:
            return self._answer(request, FeedAddress(scope=Scope(kind=kind, slug=name), form=form))
        number = _page_number(request)
        return self._answer(request, PageAddress(scope=Scope(kind=kind, slug=slug), number=number))

    def directory(self, request: Request, *, name: str) -> Response:
        """Answer with a list of everything of a kind, the archive page by page."""
        number = _page_number(request) if name == "issues" else 1
        return self._answer(request, ListAddress(name=name, number=number))

    def entry(self, request: Request) -> Response:
        """Answer with the page of an entry."""
        number: str = request.path_params["id"]
        if not NUMBER.fullmatch(number):
            raise NotFoundError("entry", number)
        return self._answer(request, EntryAddress(id=int(number)))

    def issue(self, request: Request) -> Response:
        """Answer with the page of an issue, listed or not."""
        slug: str = request.path_params["slug"]
        if not slug.isprintable():
            raise NotFoundError("issue", slug)
        return self._answer(request, IssueAddress(slug=slug))

    def _answer(self, request: Request, address: Address) -> Response:
        """Answer with what is at `address`, or that the visitor has it already.

        The stamp is read before the body: a change in between is kept under the older tag,
        which nobody will ask for again, and never the other way round.
        """
        stamp = self._publication.stamp(address)
        headers = answers.headers_of(address) | answers.validators(request, stamp)
        if is_current(request.headers, etag=stamp.etag, changed_at=stamp.changed_at):
            return answers.not_modified(headers)
        render = partial(self._publication.body, address)
        body = self._bodies.get(address, stamp.etag, render=render)
        return answers.full(request, body, headers=headers)


def _reader_routes(readers: Readers | None, private: ReaderAnswers) -> list[Route]:
    if readers is None:
        return []
    return [
        *SubscribePages(readers, private).routes(),
        *PreferencePages(readers, private).routes(),
    ]


def _page_number(request: Request) -> int:
    number = request.query_params.get("page", "1")
    if not NUMBER.fullmatch(number):
        raise HTTPException(400)
    return int(number)
