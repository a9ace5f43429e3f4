"""The operator's pages, session cookies, and the buttons that operators see on public pages.

Everything is done by POST with a CSRF token.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model.entries import Republish
from tidings.model.operators import EntryAct, Session, SourceAct, SourceForm
from tidings.model.scopes import Address, PageAddress, Scope
from tidings.model.sources import SourceState
from tidings.operator.moderation import OperatorView, to_form
from tidings.operator.pages import OperatorPage, OverviewPage, SignInPage, SourceFormPage
from tidings.templating.site import Operator
from tidings.web import responses
from tidings.web.forms import NUMBER, Form, read_form, refuse_cross_site
from tidings.web.private import PRIVATE, PrivateResponses
from tidings.web.response_cache import compress
from tidings.web.services import OperatorServices, PublishedDocuments

Act = TypeVar("Act", bound=StrEnum)

# No second slash at the start, nor a backslash: browsers take `//host` for another site.
OWN_PATH = re.compile(r"/(?:[\w.~%!$&'()*+,;=:@?-][\w.~%!$&'()*+,;=:@?/-]{0,499})?", re.ASCII)

# Browsers resolve these segments, and may end up at `//host` after all.
DOTS = frozenset({".", ".."})

# 256 bits in base64url.
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

# An action, and the entry that it was done to.
SAID = re.compile(r"([a-z]{1,20})(?:\.([1-9][0-9]{0,17}))?")

# Seconds that the message about an action is kept for the page that follows it.
MOMENT = 60


class OperatorSessions:
    """Recognises operators by their cookie; a request without one costs nothing."""

    def __init__(
        self, operators: OperatorServices, publication: PublishedDocuments, base_url: str
    ) -> None:
        self.operators = operators
        self._publication = publication
        self.cookies = OperatorCookies(base_url)

    def may_be(self, request: Request) -> bool:
        """Tell whether a request may be an operator's: it has the cookie."""
        # Without the database: every visitor comes through here.
        return self.cookies.find_secret(request) is not None

    def find(self, request: Request) -> Session | None:
        """Return the operator's session of a request, if there is one: one quick read at most."""
        secret = self.cookies.find_secret(request)
        return self.operators.sessions.find(secret) if secret else None

    def find_answer(self, request: Request, address: Address) -> Response | None:
        """Answer an operator with what is at `address`; None for anybody else.

        Such a page is rendered each time, cached nowhere, and has no tag by which a copy of the
        public page could be confirmed.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        session = self.find(request)
        headers = responses.headers_of(address) if session else {}
        # Feeds are the same for operators: nobody presses a button in a feed reader.
        if session is None or headers["Content-Type"] != responses.HTML_TYPE:
            return None
        operator = self.look(request, session, source=_source_of(address))
        body = compress(self._publication.body(address, operator=operator))
        answer = responses.full_response(request, body, headers={**headers, **PRIVATE})
        return self.told(answer, operator)

    def look(self, request: Request, session: Session, *, source: str = "") -> Operator:
        """Return what the requested page shows to an operator alone.

        Args:
            request: For the page.
            session: Theirs.
            source: The slug of the source that the page is about; empty if it is about none.
        """
        act, entry_id = self.cookies.said(request)
        looking = OperatorView(path=_path(request), source=source, act=act, entry_id=entry_id)
        return self.operators.overview.look(session, looking)

    def told(self, answer: Response, operator: Operator) -> Response:
        """Return a response with a page, which clears the message of the last action."""
        if operator.said is not None:
            self.cookies.has_said(answer)
        return answer


class OperatorPages:
    """The operator's pages."""

    def __init__(self, operator_sessions: OperatorSessions, answers: PrivateResponses) -> None:
        self._sessions = operator_sessions.operators.sessions
        self._actions = operator_sessions.operators.operating
        self._overview = operator_sessions.operators.overview
        self._operator_sessions = operator_sessions
        self._answers = answers

    def routes(self) -> list[Route]:
        """Return the routes of the overview and of all actions."""
        return [
            Route("/operator", self.desk, methods=["GET", "POST"]),
            Route("/operator/entries", self.entries, methods=["POST"]),
            Route("/operator/sources/{slug}", self.source, methods=["GET", "POST"]),
        ]

    async def desk(self, request: Request) -> Response:
        """Answer with the overview; sign in or out."""
        return await self._answer(request, self._desk, self._sign)

    async def entries(self, request: Request) -> Response:
        """Perform an action on an entry, and redirect back."""
        return await self._answer(request, self._desk, self._on_entry)

    async def source(self, request: Request) -> Response:
        """Answer with the form of a source, or perform an action on it."""
        return await self._answer(request, self._source_form, self._on_source)

    async def _answer(
        self,
        request: Request,
        show: Callable[[Request], Response],
        act: Callable[[Request, Form], Response],
    ) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(show, request)
        # Beside the CSRF token: signing in has none yet.
        refuse_cross_site(request, self._answers.site.base_url)
        form = await read_form(request)
        try:
            return await run_in_threadpool(act, request, form)
        except ConflictError as error:
            raise HTTPException(409) from error

    def _desk(self, request: Request) -> Response:
        session = self._operator_sessions.find(request)
        if session is None:
            return self._sign_in_page(request)
        page = OverviewPage(
            site=self._answers.site, token=session.token, desk=self._overview.desk()
        )
        return self._page(request, session, page)

    def _sign(self, request: Request, form: Form) -> Response:
        if form.text("do") == "sign out":
            return self._sign_out(request, form)
        try:
            visitor = self._answers.visitor(request)
            session = self._sessions.sign_in(form.text("token").strip(), visitor)
        except NotFoundError:
            return self._sign_in_page(request, fault="token", status=403)
        except ConflictError:
            return self._sign_in_page(request, fault="tries", status=429)
        # A browser has one session: the former would stay valid, with nobody left to sign it out.
        if former := self._operator_sessions.find(request):
            self._sessions.sign_out(former)
        response = self._redirect("/operator")
        self._operator_sessions.cookies.keep_secret(
            response, session.secret, until=session.token.expires_at
        )
        return response

    def _sign_out(self, request: Request, form: Form) -> Response:
        if session := self._find_verified(request, form):
            self._sessions.sign_out(session)
        response = self._redirect("/")
        self._operator_sessions.cookies.drop_secret(response)
        return response

    def _on_entry(self, request: Request, form: Form) -> Response:
        session = self._find_verified(request, form)
        if session is None:
            return self._sign_in_page(request, fault="ended", status=403)
        act, entry_id = _act(EntryAct, form), _number(form)
        self._actions.on_entries(act, [entry_id])
        return self._done(session, form, act, entry_id)

    def _source_form(self, request: Request) -> Response:
        session = self._operator_sessions.find(request)
        if session is None:
            return self._sign_in_page(request)
        found, _ = self._overview.source(_slug(request))
        return self._form_page(request, session, to_form(found))

    def _on_source(self, request: Request, form: Form) -> Response:
        session = self._find_verified(request, form)
        if session is None:
            return self._sign_in_page(request, fault="ended", status=403)
        act = _act(SourceAct, form)
        found, _ = self._overview.source(_slug(request))
        match act:
            case SourceAct.PAUSE:
                self._actions.set_state(found.id, SourceState.PAUSED)
            case SourceAct.RESUME:
                self._actions.set_state(found.id, SourceState.ACTIVE)
            case SourceAct.POLL:
                self._actions.make_due(found.id)
            case SourceAct.RELEASE:
                self._actions.release_source(found.id)
            case SourceAct.EDIT:
                filled = _filled(form)
                try:
                    self._actions.edit_source(found.id, filled)
                except InvalidError as error:
                    return self._form_page(request, session, filled, fault=error.kind)
        return self._done(session, form, act)

    def _find_verified(self, request: Request, form: Form) -> Session | None:
        """Return the session that a form belongs to; None if there is none any more.

        Raises:
            HTTPException: There is one, and the form is not of it.
        """
        session = self._operator_sessions.find(request)
        if session is not None:
            given, right = form.text("proof").encode(), session.csrf_token.encode()
            # In constant time; as bytes, for a text that is not ASCII would be a TypeError.
            if not compare_digest(given, right):
                raise HTTPException(403)
        return session

    def _done(
        self, session: Session, form: Form, act: EntryAct | SourceAct, entry_id: int | None = None
    ) -> Response:
        """Redirect back to the page of the form, which shows a message."""
        self._sessions.note_act(session, act)
        response = self._redirect(own_path(form.text("back")))
        self._operator_sessions.cookies.say(response, act, entry_id)
        return response

    def _form_page(
        self, request: Request, session: Session, form: SourceForm, *, fault: str = ""
    ) -> Response:
        found, topics = self._overview.source(_slug(request))
        page = SourceFormPage(
            site=self._answers.site,
            source=found,
            topics=topics,
            rights=tuple(Republish),
            form=form,
            fault=fault,
        )
        return self._page(request, session, page, status=422 if fault else 200)

    def _page(
        self, request: Request, session: Session, page: OperatorPage, *, status: int = 200
    ) -> Response:
        operator = self._operator_sessions.look(request, session)
        shown = replace(page, site=replace(page.site, operator=operator))
        return self._operator_sessions.told(
            self._answers.page(request, shown, status=status), operator
        )

    def _sign_in_page(self, request: Request, *, fault: str = "", status: int = 200) -> Response:
        page = SignInPage(site=self._answers.site, fault=fault)
        return self._answers.page(request, page, status=status)

    def _redirect(self, path: str) -> Response:
        # 303: followed by GET, so that reloading the page does not repeat the action.
        return RedirectResponse(self._answers.site.href(path), 303, headers=PRIVATE)


def _slug(request: Request) -> str:
    slug: str = request.path_params["slug"]
    # PostgreSQL refuses a NUL in a text, which would be answered as an error of ours.
    if not slug.isprintable():
        raise NotFoundError("source", slug)
    return slug


def _act(kind: type[Act], form: Form) -> Act:
    try:
        return kind(form.text("do"))
    except ValueError as error:
        raise HTTPException(400) from error


def _number(form: Form) -> int:
    number = form.text("entry")
    if not NUMBER.fullmatch(number):
        raise HTTPException(400)
    return int(number)


def _filled(form: Form) -> SourceForm:
    return SourceForm(
        title=form.text("title"),
        topics=form.every("topic"),
        interval=form.text("interval"),
        republish=form.text("republish"),
        noindex=bool(form.text("noindex")),
    )


def own_path(text: str) -> str:
    """Return `text` if it is a path of ours, else that of the overview: no open redirect."""
    if not OWN_PATH.fullmatch(text):
        return "/operator"
    parts = unquote(urlsplit(text).path).split("/")
    return "/operator" if DOTS.intersection(parts) else text


def _source_of(address: Address) -> str:
    match address:
        case PageAddress(scope=Scope(kind="source", slug=slug)):
            return slug
        case _:
            return ""


def _path(request: Request) -> str:
    # ASGI decodes the path and leaves the query as bytes; `own_path` refuses what is not ASCII.
    path, query = quote(request.scope["path"]), request.scope["query_string"].decode("latin-1")
    return own_path(f"{path}?{query}" if query else path)


class OperatorCookies:
    """Reads and sets the cookies: `SameSite=Strict`, `HttpOnly`.

    Their names begin with `__Host-` at the root of a site with TLS; below a path of such a site,
    where that is not possible, with `__Secure-`.
    """

    def __init__(self, base_url: str) -> None:
        """Cookies are for paths below `base_url`."""
        parts = urlsplit(base_url)
        self._path = parts.path or "/"
        self._is_secure = parts.scheme == "https"
        prefix = ""
        if self._is_secure:
            # `__Host-` demands `Path=/`.
            prefix = "__Secure-" if parts.path else "__Host-"
        self._session, self._said = f"{prefix}tidings-operator", f"{prefix}tidings-said"

    def find_secret(self, request: Request) -> str | None:
        """Return the secret of the browser's session, if it has one."""
        secret = request.cookies.get(self._session, "")
        return secret if SECRET.fullmatch(secret) else None

    def keep_secret(self, response: Response, secret: str, *, until: datetime) -> None:
        """Sign the browser in."""
        self._set(response, self._session, secret, until=until)

    def drop_secret(self, response: Response) -> None:
        """Sign the browser out."""
        self._set(response, self._session, "", until=0)

    def said(self, request: Request) -> tuple[str, int | None]:
        """Return the last action and its entry, if no page has shown it yet."""
        match = SAID.fullmatch(request.cookies.get(self._said, ""))
        if match is None:
            return "", None
        return match[1], int(match[2]) if match[2] else None

    def say(self, response: Response, act: str, entry_id: int | None = None) -> None:
        """Have the next page show a message about an action."""
        text = act if entry_id is None else f"{act}.{entry_id}"
        self._set(response, self._said, text, until=MOMENT)

    def has_said(self, response: Response) -> None:
        """Clear the message."""
        self._set(response, self._said, "", until=0)

    def _set(self, response: Response, name: str, value: str, *, until: datetime | int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=until if isinstance(until, int) else None,
            expires=until if isinstance(until, datetime) else None,
            path=self._path,
            secure=self._is_secure,
            httponly=True,
            # Sent by no page of somebody else, not even by a link there.
            samesite="strict",
        )
