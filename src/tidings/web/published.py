"""Everything that is published, over HTTP: pages, feeds, archives, sitemap."""

import re
from asyncio import Future, Task, create_task, get_running_loop, shield
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import NotFoundError
from tidings.model.scopes import (
    EVERYTHING,
    Address,
    ArchiveAddress,
    CacheValidator,
    DataAddress,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.model.sources import SourceHealth
from tidings.publishing.formats.registry import FORMATS
from tidings.search.query import SearchInput
from tidings.templating.site import Site
from tidings.web import responses
from tidings.web.forms import NUMBER
from tidings.web.kept_answers import keep_answer
from tidings.web.operator_sessions import OperatorSessions
from tidings.web.response_cache import ResponseCache
from tidings.web.responses import is_current, known_change
from tidings.web.services import PublishedDocuments

DIRECTORIES = ("topics", "sources", "sources.opml", "issues", "issues.atom")

# Characters of a name or address that sources are looked for by.
MAX_NAME = 200

# The same of a number of archives, which hold many entries each.
ARCHIVE_NUMBER = re.compile(r"[1-9][0-9]{0,14}")


class Documents:
    """The routes of everything that is published."""

    def __init__(
        self,
        publication: PublishedDocuments,
        site: Site,
        operator_sessions: OperatorSessions | None = None,
    ) -> None:
        """Without `operator_sessions`, there are no operators."""
        self._publication = publication
        self._site = site
        self._operator_sessions = operator_sessions
        self._stamps = StampReader(publication.stamp)
        self._bodies = ResponseCache()

    def routes(self) -> list[Route]:
        """Return the routes of all published addresses."""
        return [
            Route("/", self.home),
            Route("/feed.{form}", self.feed),
            Route("/archive/{number}.atom", self.archive),
            *(Route(f"/{name}", partial(self.directory, name=name)) for name in DIRECTORIES),
            Route("/sitemap.xml", partial(self.directory, name="sitemap.xml")),
            Route("/sitemap/{number}.xml", self.sitemap_part),
            Route("/topics/{slug}", partial(self.scope, kind="topic")),
            Route("/sources/{slug}", partial(self.scope, kind="source")),
            Route("/searches/{slug}", partial(self.scope, kind="search")),
            Route("/entries/{id}", self.entry),
            Route("/issues/{slug}", self.issue),
        ]

    async def home(self, request: Request) -> Response:
        """Answer with a page of everything, or of search results."""
        scope = _asked(request) or EVERYTHING
        return await self.answer(request, PageAddress(scope=scope, number=_page_number(request)))

    async def feed(self, request: Request) -> Response:
        """Answer with the feed of everything, or of search results."""
        form: str = request.path_params["form"]
        if form not in FORMATS:
            raise NotFoundError("feed", form)
        scope = _asked(request) or EVERYTHING
        return await self.answer(request, FeedAddress(scope=scope, form=form))

    async def archive(self, request: Request) -> Response:
        """Answer with a full part of the feed of everything."""
        number: str = request.path_params["number"]
        if not ARCHIVE_NUMBER.fullmatch(number):
            raise NotFoundError("archive", number)
        return await self.answer(request, ArchiveAddress(number=int(number)))

    async def scope(self, request: Request, *, kind: str) -> Response:
        """Answer with a page or, told by the suffix, a feed of a topic, source or saved search."""
        slug: str = request.path_params["slug"]
        if not slug.isprintable():
            raise NotFoundError(kind, slug)
        name, _, form = slug.rpartition(".")
        if form in FORMATS:
            return await self.answer(
                request, FeedAddress(scope=Scope(kind=kind, slug=name), form=form)
            )
        number = _page_number(request)
        return await self.answer(
            request, PageAddress(scope=Scope(kind=kind, slug=slug), number=number)
        )

    async def directory(self, request: Request, *, name: str) -> Response:
        """Answer with a list of everything of a kind, long ones page by page."""
        # Of parameters only those that mean something here: others must not fill the cache.
        number = _page_number(request) if name in {"issues", "sources"} else None
        if name == "sources":
            return await self.answer(request, _sources_asked(request, number))
        return await self.answer(request, ListAddress(name=name, number=number))

    async def sitemap_part(self, request: Request) -> Response:
        """Answer with a part of the sitemap, if it has parts."""
        number: str = request.path_params["number"]
        if not NUMBER.fullmatch(number):
            raise NotFoundError("sitemap", number)
        return await self.answer(request, ListAddress(name="sitemap.xml", number=int(number)))

    async def entry(self, request: Request) -> Response:
        """Answer with the page of an entry."""
        number: str = request.path_params["id"]
        if not NUMBER.fullmatch(number):
            raise NotFoundError("entry", number)
        return await self.answer(request, EntryAddress(id=int(number)))

    async def issue(self, request: Request) -> Response:
        """Answer with the page of an issue, listed or not."""
        slug: str = request.path_params["slug"]
        if not slug.isprintable():
            raise NotFoundError("issue", slug)
        return await self.answer(request, IssueAddress(slug=slug))

    async def answer(self, request: Request, address: Address) -> Response:
        """Answer with what is at `address`, or 304 if the visitor's copy is current.

        The stamp is read before the body: a change in between is cached under the older tag, which
        nobody will ask for again, and never the other way round.
        """
        # First of all: what an operator sees must never come out of the cache for everybody.
        if answer := await self._answer_to_operator(request, address):
            return answer
        stamp = await self._stamps.get(address)
        headers = (
            responses.headers_of(address)
            | responses.links_of(address, self._site)
            | responses.validators(request, stamp)
        )
        # Most feed readers' first requests after a change end here; see `KeptAnswers` for others.
        if is_current(request.headers, etag=stamp.etag, changed_at=stamp.changed_at):
            keep_answer(request)
            return responses.not_modified(headers)
        since = known_change(request.headers, fingerprint=stamp.fingerprint)
        wanted = address
        # Not beyond the last change: a tag may be from before a backup was restored.
        if isinstance(address, FeedAddress) and 0 < since < stamp.change:
            wanted = replace(address, since=since)
        # Cached bodies are answered without a thread: to start one costs more than the answer.
        body = self._bodies.find(wanted, stamp.etag)
        if body is None:
            render = partial(self._publication.body, wanted)
            body = await run_in_threadpool(self._bodies.get, wanted, stamp.etag, render=render)
        keep_answer(request)
        if isinstance(address, DataAddress):
            headers |= responses.link_to_next(body)
        answer_with = responses.full_response if wanted == address else responses.feed_delta
        return answer_with(request, body, headers=headers)

    async def _answer_to_operator(self, request: Request, address: Address) -> Response | None:
        # By the cookie alone, without a thread: nearly nobody has one.
        if self._operator_sessions is None or not self._operator_sessions.may_be(request):
            return None
        return await run_in_threadpool(self._operator_sessions.find_answer, request, address)


def _asked(request: Request) -> Scope | None:
    """Return the search that a request has; None if it has none."""
    given = {name: request.query_params.get(name) for name in SearchInput.__slots__}
    # An empty `q` counts: the form was sent, and the page says what to do.
    if all(value is None for value in given.values()):
        return None
    asked = SearchInput(**{name: value for name, value in given.items() if value})
    return Scope(kind="query", slug=asked.encoded)


def _sources_asked(request: Request, number: int | None) -> ListAddress:
    """Return which sources a request asks for; what does not exist counts for nothing."""
    asked = request.query_params.get
    topic, q, health, order = (asked(name, "") for name in ("topic", "q", "health", "order"))
    if not topic.isprintable():
        raise NotFoundError("topic", topic)
    if not q.isprintable() or len(q) > MAX_NAME:
        raise HTTPException(400)
    return ListAddress(
        name="sources",
        number=number,
        topic=topic,
        q=q,
        health=health if health in set(SourceHealth) else "",
        order=order if order in {"failing", "newest"} else "",
    )


def _page_number(request: Request) -> int | None:
    number = request.query_params.get("page")
    if number is None:
        return None
    if not NUMBER.fullmatch(number):
        raise HTTPException(400)
    return int(number)


class StampReader:
    """Batches reads of stamps: requests that come during a read share the next one.

    So no stamp is older than its request, and under load one read serves many requests; a thread
    for each costs more than the read itself.
    """

    def __init__(self, read: Callable[[Address], CacheValidator]) -> None:
        """`read` is called in a thread, for one address after the other."""
        self._read = read
        self._asked: dict[Address, Future[CacheValidator]] = {}
        self._reading: Task[None] | None = None

    async def get(self, address: Address) -> CacheValidator:
        """Return the current stamp of an address; raises what `read` does."""
        if address not in self._asked:
            self._asked[address] = get_running_loop().create_future()
        if self._reading is None or self._reading.done():
            self._reading = create_task(self._serve())
        # A visitor who hangs up cancels only their own wait: others may wait for the same stamp.
        return await shield(self._asked[address])

    async def _serve(self) -> None:
        while self._asked:
            # Requests that come from now on wait for the next read: this one may begin before they
            # came.
            asked, self._asked = self._asked, {}
            found = await run_in_threadpool(self._read_all, asked)
            for future, stamp in zip(asked.values(), found, strict=True):
                if isinstance(stamp, Exception):
                    future.set_exception(stamp)
                else:
                    future.set_result(stamp)

    def _read_all(self, addresses: Iterable[Address]) -> list[CacheValidator | Exception]:
        return [self._try(address) for address in addresses]

    def _try(self, address: Address) -> CacheValidator | Exception:
        try:
            return self._read(address)
        except Exception as error:  # noqa: BLE001 - each is raised where its address was asked for
            return error
