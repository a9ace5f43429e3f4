"""Answers to operators: pages for them alone, and what they do, by POST with their CSRF token."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from hmac import compare_digest
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tidings.errors import (
    ConfigError,
    ConflictError,
    DeliveryError,
    InvalidError,
    NotFoundError,
    TidingsError,
)
from tidings.model.operators import Role, Session
from tidings.model.page_rules import SELECTORS
from tidings.operator.pages import OperatorPage, RefusedPage, SignInPage
from tidings.web.forms import Form, is_upload, read_form, read_upload, refuse_cross_site
from tidings.web.operator_sessions import OperatorSessions, own_path
from tidings.web.private import PRIVATE, PrivateResponses

# Bytes and fields of a form, of which a draft has one an entry.
MAX_BODY, MAX_FIELDS = 1_000_000, 5000

# Bytes of a form with a file: lists of sources have some hundred bytes a source.
MAX_UPLOAD = 5_000_000

# Characters of a selector: how far one can be read is found out by trying.
MAX_SELECTOR = 500

Chosen = TypeVar("Chosen", bound=StrEnum)

Show = Callable[[Request, Session], Response]
Act = Callable[[Request, Session, Form], Response]


class OperatorAnswers:
    """Answers requests for operators' pages, if they are an operator's who may do that."""

    def __init__(self, sessions: OperatorSessions, private: PrivateResponses) -> None:
        self.sessions = sessions
        self.private = private

    async def show(self, request: Request, show: Show, *, role: Role = Role.READ) -> Response:
        """Answer GET with a page."""
        return await run_in_threadpool(self._show, request, show, role)

    async def act(self, request: Request, act: Act, *, role: Role = Role.ALL) -> Response:
        """Answer POST by doing what a form asks for; what cannot be done is said on a page."""
        # Beside the CSRF token: signing in has none yet.
        refuse_cross_site(request, self.private.site.base_url)
        # Who has no session, and is about to be told so, has a short form at most. Looked up before
        # anything is read: a cookie is easily made up.
        may_be = self.sessions.may_be(request)
        if not may_be or await run_in_threadpool(self.sessions.find, request) is None:
            form = await read_form(request)
        elif is_upload(request):
            form = await read_upload(request, max_body=MAX_UPLOAD)
        else:
            form = await read_form(request, max_body=MAX_BODY, max_fields=MAX_FIELDS)
        if any("\0" in value for _, value in form.fields):
            raise HTTPException(400)  # PostgreSQL takes no NUL in a text
        return await run_in_threadpool(self._act, request, act, form, role)

    def _show(self, request: Request, show: Show, role: Role) -> Response:
        session = self.sessions.find(request)
        if session is None:
            return self.sign_in_page(request)
        _refuse_lesser(session, role)
        return show(request, session)

    def _act(self, request: Request, act: Act, form: Form, role: Role) -> Response:
        session = self.find_verified(request, form)
        if session is None:
            return self.sign_in_page(request, fault="ended", status=403)
        _refuse_lesser(session, role)
        try:
            return act(request, session, form)
        except InvalidError as error:
            return self._refused(request, session, form, error, status=422)
        except (ConfigError, ConflictError, DeliveryError) as error:
            return self._refused(request, session, form, error, status=409)

    def find_verified(self, request: Request, form: Form) -> Session | None:
        """Return the session that a form belongs to; None if there is none any more.

        Raises:
            HTTPException: There is one, and the form is not of it.
        """
        session = self.sessions.find(request)
        if session is not None:
            given, right = form.text("proof").encode(), session.csrf_token.encode()
            # In constant time; as bytes, for a text that is not ASCII would be a TypeError.
            if not compare_digest(given, right):
                raise HTTPException(403)
        return session

    def page(
        self, request: Request, session: Session, page: OperatorPage, *, status: int = 200
    ) -> Response:
        """Answer with a page."""
        operator = self.sessions.look(request, session)
        shown = replace(page, site=replace(page.site, operator=operator))
        return self.sessions.told(self.private.page(request, shown, status=status), operator)

    def done(
        self, session: Session, form: Form, act: str, what: str, *, entry_id: int | None = None
    ) -> Response:
        """Record what was done, and redirect to where the form wants to go, which says so."""
        path = own_path(form.text("back"))
        return self.done_at(session, path, act, what, entry_id=entry_id)

    def done_at(
        self, session: Session, path: str, act: str, what: str, *, entry_id: int | None = None
    ) -> Response:
        """Record what was done, and redirect to a page of ours, which says so."""
        self.sessions.operators.sessions.note_act(session, act, what)
        response = self.redirect(path)
        self.sessions.cookies.say(response, act, entry_id)
        return response

    def sign_in_page(self, request: Request, *, fault: str = "", status: int = 200) -> Response:
        """Answer with the form to sign in."""
        page = SignInPage(site=self.private.site, fault=fault)
        return self.private.page(request, page, status=status)

    def redirect(self, path: str) -> Response:
        """Answer with the way to a page of ours."""
        # 303: followed by GET, so that reloading the page does not repeat the action.
        return RedirectResponse(self.private.site.href(path), 303, headers=PRIVATE)

    def _refused(
        self,
        request: Request,
        session: Session,
        form: Form,
        error: TidingsError,
        *,
        status: int,
    ) -> Response:
        page = RefusedPage(
            site=self.private.site, because=str(error), back=own_path(form.text("back"))
        )
        return self.page(request, session, page, status=status)


def _refuse_lesser(session: Session, role: Role) -> None:
    if not session.token.role.includes(role):
        raise HTTPException(403)


def slug_of(request: Request) -> str:
    """Return the slug in an address.

    Raises:
        NotFoundError: It can be nobody's.
    """
    return as_slug(request.path_params["slug"])


def as_slug(text: str) -> str:
    """Return a slug that came with a request.

    Raises:
        NotFoundError: It can be nobody's.
    """
    # PostgreSQL refuses a NUL in a text, which would be answered as an error of ours.
    if not text.isprintable():
        raise NotFoundError("page", text)
    return text


def selectors_in(form: Form) -> dict[str, str]:
    """Return the selectors of a page without a feed that a form has, by name."""
    return {name: form.text(f"selector_{name}")[:MAX_SELECTOR].strip() for name in SELECTORS}


def chosen(kind: type[Chosen], form: Form) -> Chosen:
    """Return the act that a form asks for.

    Raises:
        HTTPException: It asks for none of that kind.
    """
    try:
        return kind(form.text("do"))
    except ValueError as error:
        raise HTTPException(400) from error
