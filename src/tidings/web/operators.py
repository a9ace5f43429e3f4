"""What operators do on the pages: all by POST, with what only their own forms carry."""

import re
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from hmac import compare_digest
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tidings.domain.entries import Republish
from tidings.domain.operators import EntryAct, Session, SourceAct, SourceForm
from tidings.domain.sources import SourceState
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.rendering.operator_pages import DeskPage, OperatorPage, SignInPage, SourceFormPage
from tidings.services.desk import in_form
from tidings.web.forms import Form, read_form, refuse_cross_site
from tidings.web.operator_visits import OperatorSessions, own_path
from tidings.web.reader_answers import PRIVATE, PrivateResponses

NUMBER = re.compile(r"[1-9][0-9]{0,17}")

Act = TypeVar("Act", bound=StrEnum)


class OperatorPages:
    """Answers to operators."""

    def __init__(self, visits: OperatorSessions, answers: PrivateResponses) -> None:
        self._sessions = visits.operators.sessions
        self._operating = visits.operators.operating
        self._overview = visits.operators.overview
        self._visits = visits
        self._answers = answers

    def routes(self) -> list[Route]:
        """Return the routes of the desk and of all acts."""
        return [
            Route("/operator", self.desk, methods=["GET", "POST"]),
            Route("/operator/entries", self.entries, methods=["POST"]),
            Route("/operator/sources/{slug}", self.source, methods=["GET", "POST"]),
        ]

    async def desk(self, request: Request) -> Response:
        """Answer with what there is to do; let somebody sign in or out."""
        return await self._answer(request, self._desk, self._sign)

    async def entries(self, request: Request) -> Response:
        """Do something with an entry, and lead back to where that was asked for."""
        return await self._answer(request, self._desk, self._on_entry)

    async def source(self, request: Request) -> Response:
        """Answer with the form of a source, or do something with the source."""
        return await self._answer(request, self._source_form, self._on_source)

    async def _answer(
        self,
        request: Request,
        show: Callable[[Request], Response],
        act: Callable[[Request, Form], Response],
    ) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(show, request)
        refuse_cross_site(request, self._answers.site.base_url)
        form = await read_form(request)
        try:
            return await run_in_threadpool(act, request, form)
        except ConflictError as error:
            raise HTTPException(409) from error

    def _desk(self, request: Request) -> Response:
        session = self._visits.find(request)
        if session is None:
            return self._sign_in_page(request)
        page = DeskPage(site=self._answers.site, token=session.token, desk=self._overview.desk())
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
        if former := self._visits.find(request):
            self._sessions.sign_out(former)
        response = self._redirect("/operator")
        self._visits.cookies.keep_secret(response, session.secret, until=session.token.expires_at)
        return response

    def _sign_out(self, request: Request, form: Form) -> Response:
        if session := self._find_proven(request, form):
            self._sessions.sign_out(session)
        response = self._redirect("/")
        self._visits.cookies.drop_secret(response)
        return response

    def _on_entry(self, request: Request, form: Form) -> Response:
        session = self._find_proven(request, form)
        if session is None:
            return self._sign_in_page(request, fault="ended", status=403)
        act, entry_id = _act(EntryAct, form), _number(form)
        self._operating.on_entries(act, [entry_id])
        return self._done(session, form, act, entry_id)

    def _source_form(self, request: Request) -> Response:
        session = self._visits.find(request)
        if session is None:
            return self._sign_in_page(request)
        found, _ = self._overview.source(_slug(request))
        return self._form_page(request, session, in_form(found))

    def _on_source(self, request: Request, form: Form) -> Response:
        session = self._find_proven(request, form)
        if session is None:
            return self._sign_in_page(request, fault="ended", status=403)
        act = _act(SourceAct, form)
        found, _ = self._overview.source(_slug(request))
        match act:
            case SourceAct.PAUSE:
                self._operating.set_state(found.id, SourceState.PAUSED)
            case SourceAct.RESUME:
                self._operating.set_state(found.id, SourceState.ACTIVE)
            case SourceAct.POLL:
                self._operating.make_due(found.id)
            case SourceAct.RELEASE:
                self._operating.release_source(found.id)
            case SourceAct.EDIT:
                filled = _filled(form)
                try:
                    self._operating.edit_source(found.id, filled)
                except InvalidError as error:
                    return self._form_page(request, session, filled, fault=error.kind)
        return self._done(session, form, act)

    def _find_proven(self, request: Request, form: Form) -> Session | None:
        """Return the session that a form is of; None if there is none any more.

        Raises:
            HTTPException: There is one, and the form is not of it.
        """
        session = self._visits.find(request)
        if session is not None:
            given, right = form.text("proof").encode(), session.proof.encode()
            if not compare_digest(given, right):
                raise HTTPException(403)
        return session

    def _done(
        self, session: Session, form: Form, act: EntryAct | SourceAct, entry_id: int | None = None
    ) -> Response:
        """Lead back to where an act was asked for, and have it told there."""
        self._sessions.note_act(session, act)
        response = self._redirect(own_path(form.text("back")))
        self._visits.cookies.say(response, act, entry_id)
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
        operator = self._visits.look(request, session)
        shown = replace(page, site=replace(page.site, operator=operator))
        return self._visits.told(self._answers.page(request, shown, status=status), operator)

    def _sign_in_page(self, request: Request, *, fault: str = "", status: int = 200) -> Response:
        page = SignInPage(site=self._answers.site, fault=fault)
        return self._answers.page(request, page, status=status)

    def _redirect(self, path: str) -> Response:
        return RedirectResponse(self._answers.site.href(path), 303, headers=PRIVATE)


def _slug(request: Request) -> str:
    slug: str = request.path_params["slug"]
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
