"""Answers for everything that is published."""

import re
from functools import partial

from starlette.exceptions import HTTPException
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
from tidings.web import answers
from tidings.web.bodies import Bodies
from tidings.web.conditions import is_current
from tidings.web.publication import Publication

EVERYTHING = Scope(kind="all")
DIRECTORIES = ("topics", "sources", "sources.opml", "issues", "issues.atom")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""A number that every database can hold."""


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


def _page_number(request: Request) -> int:
    number = request.query_params.get("page", "1")
    if not NUMBER.fullmatch(number):
        raise HTTPException(400)
    return int(number)
