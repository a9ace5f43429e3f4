"""What operators do by the API, with a token in the place of a session and its forms.

Each operation is a use case of the operator's pages; nothing is decided here.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import ConflictError, InvalidError, NotFoundError, TidingsError
from tidings.model.contracts import entry_json, rfc3339, source_json
from tidings.model.entries import Entry, Republish
from tidings.model.operators import DeskAct, EntryAct, FollowAct, Session, SourceAct
from tidings.model.scopes import API_PATH
from tidings.model.sources import Source, SourceState
from tidings.newsletters.drafts import draft_json
from tidings.operator.moderation import to_form
from tidings.operator.source_desk import FollowForm
from tidings.web import responses
from tidings.web.api.acts import ACTS
from tidings.web.api.operations import read_object, read_query
from tidings.web.api.problems import problem, problem_of
from tidings.web.forms import NO_MORE, NUMBER, read_body
from tidings.web.operator_answers import slug_of
from tidings.web.private import PRIVATE, PrivateResponses
from tidings.web.services import OperatorServices

Given = Mapping[str, Any]
Handler = Callable[[Request, Session, Given], Response]

# Bytes of a body.
MAX_BODY = 100_000

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tidings"'}


class ApiActs:
    """The routes of what operators do."""

    def __init__(self, operators: OperatorServices, private: PrivateResponses) -> None:
        self._operators = operators
        self._private = private
        self._handlers: Mapping[str, Handler] = {
            "listOwnSources": self._list_sources,
            "followSource": self._follow,
            "watchSource": self._watch,
            "actOnSource": self._act_on_source,
            "editSource": self._edit,
            "removeSource": self._remove,
            "listQueue": self._list_queue,
            "actOnEntry": self._act_on_entry,
            "listNewsletters": self._list_newsletters,
            "getDraft": self._draft,
            "actOnDraft": self._act_on_draft,
            "listActs": self._list_acts,
        }

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(f"{API_PATH}{one.path}", partial(self._answer, name=name), methods=[one.method])
            for name, one in ACTS.items()
        ]

    async def _answer(self, request: Request, *, name: str) -> Response:
        try:
            # Before anything is read: who has no token sends us no bodies.
            session = await run_in_threadpool(self._session, request)
            operation = ACTS[name]
            if operation.role and not session.token.role.includes(operation.role):
                because = f"this takes a token with the role {operation.role}"
                return problem(403, because, headers=NO_MORE)
            given = read_query(operation, request.query_params)
            if operation.body:
                if _media_type(request) != responses.JSON_TYPE:
                    raise HTTPException(415, headers=NO_MORE)
                given = read_object(operation, await read_body(request, MAX_BODY))
            return await run_in_threadpool(self._handlers[name], request, session, given)
        except InvalidError as error:
            return problem(400 if request.method == "GET" else 422, str(error))
        except TidingsError as error:
            return problem_of(error)

    def _session(self, request: Request) -> Session:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        visitor = self._private.visitor(request)
        if scheme.lower() != "bearer":
            raise HTTPException(401, headers={**CHALLENGE, **NO_MORE})
        try:
            return self._operators.sessions.of_token(token.strip(), visitor)
        except NotFoundError as error:
            raise HTTPException(401, headers={**CHALLENGE, **NO_MORE}) from error
        except ConflictError as error:
            raise HTTPException(429, headers={"Retry-After": "3600", **NO_MORE}) from error

    def _list_sources(self, _: Request, session: Session, given: Given) -> Response:
        del session
        page = given.get("page", 1)
        listing = self._operators.sources.listing(
            q=given.get("q", ""), health=given.get("health", ""), number=page
        )
        path = f"{self._private.site.base_url}{API_PATH}/operator/sources"
        following = urlencode({**given, "page": page + 1})
        return _json(
            {
                "next": f"{path}?{following}" if page < listing.pages else None,
                "pages": listing.pages,
                "sources": [_own_source(one) for one in listing.sources],
            }
        )

    def _follow(self, _: Request, session: Session, given: Given) -> Response:
        form = FollowForm(
            url=given["url"].strip(),
            title=given.get("title", ""),
            topics=tuple(given.get("topics", ())),
            public="all" if given.get("all_public") else "",
            republish=given.get("republish", Republish.FULL),
        )
        made = self._operators.sources.follow(form)
        self._note(session, FollowAct.FOLLOW, f"source {made.slug}")
        path = f"{self._private.site.base_url}{API_PATH}/operator/sources/{made.slug}"
        return _json(_own_source(made), status=201, headers={"Location": path})

    def _watch(self, request: Request, session: Session, given: Given) -> Response:
        del session, given
        watched = self._operators.sources.watch(slug_of(request))
        form = to_form(watched.source)
        more = {
            "interval": form.interval,
            "republish": form.republish,
            "noindex": form.noindex,
            "access": watched.access,
            "why": watched.lines,
        }
        return _json(_own_source(watched.source) | more)

    def _act_on_source(self, request: Request, session: Session, given: Given) -> Response:
        act, found = SourceAct(given["do"]), self._operators.sources.get(slug_of(request))
        actions = self._operators.operating
        match act:
            case SourceAct.PAUSE:
                actions.set_state(found.id, SourceState.PAUSED)
            case SourceAct.RESUME:
                actions.set_state(found.id, SourceState.ACTIVE)
            case SourceAct.POLL:
                actions.make_due(found.id)
            case _:
                actions.release_source(found.id)
        self._note(session, act, f"source {found.slug}")
        return self._watch(request, session, {})

    def _edit(self, request: Request, session: Session, given: Given) -> Response:
        found = self._operators.sources.get(slug_of(request))
        self._operators.operating.edit_source(found.id, replace(to_form(found), **given))
        self._note(session, SourceAct.EDIT, f"source {found.slug}")
        return self._watch(request, session, {})

    def _remove(self, request: Request, session: Session, given: Given) -> Response:
        del given
        found = self._operators.sources.get(slug_of(request))
        self._operators.operating.remove_source(found.id)
        self._note(session, FollowAct.REMOVE, f"source {found.slug}")
        return _done()

    def _list_queue(self, _: Request, session: Session, given: Given) -> Response:
        del session, given
        queue = self._operators.overview.desk()
        return _json(
            {
                "held": _own_entries(queue.held),
                "pinned": _own_entries(queue.pinned),
                "hidden": _own_entries(queue.hidden),
                "waiting": [asdict(one) for one in queue.waiting],
            }
        )

    def _act_on_entry(self, request: Request, session: Session, given: Given) -> Response:
        act, number = EntryAct(given["do"]), request.path_params["id"]
        if not NUMBER.fullmatch(number):
            raise NotFoundError("entry", number)
        self._operators.operating.on_entries(act, [int(number)])
        self._note(session, act, f"entry {number}")
        return _done()

    def _list_newsletters(self, _: Request, session: Session, given: Given) -> Response:
        del session, given
        listed = [
            {
                "slug": one.newsletter.slug,
                "title": one.newsletter.title,
                "frequency": one.newsletter.schedule.frequency,
                "next_issue_at": rfc3339(one.next_issue_at),
                "subscribers": one.subscribers,
                "is_more": one.is_more,
                "has_draft": one.draft is not None,
            }
            for one in self._operators.newsletters.every()
        ]
        return _json({"newsletters": listed})

    def _draft(self, request: Request, session: Session, given: Given) -> Response:
        del session, given
        return _json(draft_json(self._operators.newsletters.drafts.get(slug_of(request))))

    def _act_on_draft(self, request: Request, session: Session, given: Given) -> Response:
        slug, drafts = slug_of(request), self._operators.newsletters.drafts
        act = DeskAct(given["do"])
        if act is DeskAct.OPEN:
            drafts.open(slug)
        else:
            drafts.approve(slug)
        self._note(session, act, f"issue of {slug}")
        return self._draft(request, session, {})

    def _list_acts(self, _: Request, session: Session, given: Given) -> Response:
        del session, given
        lines = self._operators.overview.acts()
        return _json({"acts": [{**asdict(one), "at": rfc3339(one.at)} for one in lines]})

    def _note(self, session: Session, act: str, what: str) -> None:
        self._operators.sessions.note_act(session, act, what)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _own_source(source: Source) -> dict[str, object]:
    return {**source_json(source), "slug": source.slug}


def _own_entries(found: Iterable[Entry]) -> list[dict[str, object]]:
    return [entry_json(one) for one in found]


def _json(
    value: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    shown = {"Content-Type": responses.JSON_TYPE, **PRIVATE, **(headers or {})}
    return Response(body, status, shown)


def _done() -> Response:
    return Response(status_code=204, headers=PRIVATE)
