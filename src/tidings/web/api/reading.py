"""What everybody may read by the API."""

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import InvalidError, NotFoundError
from tidings.model.scopes import API_PATH, DataAddress
from tidings.web.api.operations import Argument, Operation, number, read_query, text
from tidings.web.api.problems import problem
from tidings.web.forms import NUMBER
from tidings.web.minutely import MinutelyDocument
from tidings.web.published import Documents

# Items in a part of a list.
MOST = 100

_LIMIT = Argument(
    name="limit", about="How many at most; 50 unless given.", schema=number(least=1, most=MOST)
)

_TOPIC = Argument(
    name="topic", about="Only of sources with the topic of this slug.", schema=text(longest=200)
)

_SOURCE = Argument(
    name="source", about="Only of the source with this slug.", schema=text(longest=200)
)

# By what is read: of a single one the name differs from that of the list.
READS = {
    "entries": Operation(
        method="GET",
        path="/entries",
        name="listEntries",
        about="Public entries in the order in which they became public, the latest first.",
        result="Entries",
        query=(
            _TOPIC,
            _SOURCE,
            Argument(
                name="after",
                about="Only those that became public after the one with this `seq`.",
                schema=number(),
            ),
            Argument(
                name="before",
                about="Only those that became public before the one with this `seq`.",
                schema=number(),
            ),
            _LIMIT,
        ),
    ),
    "entry": Operation(
        method="GET",
        path="/entries/{id}",
        name="getEntry",
        about="An entry with its content.",
        result="WholeEntry",
    ),
    "sources": Operation(
        method="GET",
        path="/sources",
        name="listSources",
        about="Sources by `id`.",
        result="Sources",
        query=(
            _TOPIC,
            Argument(name="after", about="Only those with a higher `id`.", schema=number()),
            _LIMIT,
        ),
    ),
    "source": Operation(
        method="GET",
        path="/sources/{slug}",
        name="getSource",
        about="A source.",
        result="Source",
    ),
    "topics": Operation(
        method="GET",
        path="/topics",
        name="listTopics",
        about="All topics, by title.",
        result="Topics",
    ),
    "search": Operation(
        method="GET",
        path="/search",
        name="search",
        about="What is found, the best first; backfill included.",
        result="Found",
        query=(
            Argument(name="q", about="As in the field of pages.", schema=text(longest=500)),
            _TOPIC,
            _SOURCE,
            Argument(
                name="since", about="From this day, month or year on.", schema=text(longest=10)
            ),
            Argument(name="until", about="Up to this day, month or year.", schema=text(longest=10)),
            Argument(
                name="after", about="What comes after the entry with this `id`.", schema=number()
            ),
            _LIMIT,
        ),
    ),
    "status": Operation(
        method="GET",
        path="/status",
        name="getStatus",
        about="How the service does, of this minute.",
        result="Status",
    ),
}


class ApiReads:
    """The routes of what everybody may read."""

    def __init__(self, documents: Documents, status: MinutelyDocument) -> None:
        self._documents = documents
        self._status = status

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(f"{API_PATH}{one.path}", partial(self._answer, name=name))
            for name, one in READS.items()
        ]

    async def _answer(self, request: Request, *, name: str) -> Response:
        try:
            asked = _asked(request, name)
            if name == "status":
                return await run_in_threadpool(self._status.answer, request)
            address = DataAddress(
                name=name, key=_key_of(request), asked=tuple(sorted(asked.items()))
            )
            return await self._documents.answer(request, address)
        except InvalidError as error:
            return problem(400, str(error))


def _asked(request: Request, name: str) -> dict[str, str | int]:
    asked = read_query(READS[name], request.query_params)
    # No index serves both; of one source it is known which topics it has.
    if name == "entries" and {"topic", "source"} <= asked.keys():
        raise InvalidError("parameter", "source", "narrow by either a topic or a source")
    return asked


def _key_of(request: Request) -> str:
    key: str = request.path_params.get("slug", request.path_params.get("id", ""))
    if not key.isprintable() or ("id" in request.path_params and not NUMBER.fullmatch(key)):
        raise NotFoundError("entry or source", key)
    return key
