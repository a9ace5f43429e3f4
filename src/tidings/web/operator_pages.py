"""The operator's desk, signing in and out, what is done to entries, and who did what.

Everything is done by POST with a CSRF token.
"""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import ConflictError, NotFoundError
from tidings.model.operators import EntryAct, Role, Session
from tidings.operator.pages import AuditPage, EntriesPage, OverviewPage
from tidings.web.forms import NUMBER, Form, read_form, refuse_cross_site
from tidings.web.operator_answers import OperatorAnswers, chosen


class OperatorPages:
    """The operator's pages."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._sessions = answers.sessions.operators.sessions
        self._actions = answers.sessions.operators.operating
        self._overview = answers.sessions.operators.overview
        self._sources = answers.sessions.operators.sources
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of the overview and of all actions."""
        return [
            Route("/operator", self.desk, methods=["GET", "POST"]),
            Route("/operator/entries", self.entries, methods=["GET", "POST"]),
            Route("/operator/audit", self.audit),
        ]

    async def desk(self, request: Request) -> Response:
        """Answer with the overview; sign in or out."""
        if request.method != "POST":
            return await self._answers.show(request, self._desk)
        refuse_cross_site(request, self._site.base_url)
        form = await read_form(request)
        return await run_in_threadpool(self._sign, request, form)

    async def entries(self, request: Request) -> Response:
        """Answer with what waits; perform an action on an entry, and redirect back."""
        if request.method != "POST":
            return await self._answers.show(request, self._entries)
        return await self._answers.act(request, self._on_entry, role=Role.MODERATE)

    async def audit(self, request: Request) -> Response:
        """Answer with what operators did."""
        return await self._answers.show(request, self._audit)

    def _desk(self, request: Request, session: Session) -> Response:
        operators = self._answers.sessions.operators
        page = OverviewPage(
            site=self._site,
            token=session.token,
            attention=self._sources.attention(),
            issues=operators.deliveries.of_week(),
            lines=operators.newsletters.every(),
            people=operators.people.figures(),
        )
        return self._answers.page(request, session, page)

    def _entries(self, request: Request, session: Session) -> Response:
        page = EntriesPage(site=self._site, desk=self._overview.desk())
        return self._answers.page(request, session, page)

    def _audit(self, request: Request, session: Session) -> Response:
        page = AuditPage(site=self._site, lines=self._overview.acts())
        return self._answers.page(request, session, page)

    def _sign(self, request: Request, form: Form) -> Response:
        if form.text("do") == "sign out":
            return self._sign_out(request, form)
        try:
            visitor = self._answers.private.visitor(request)
            session = self._sessions.sign_in(form.text("token").strip(), visitor)
        except NotFoundError:
            return self._answers.sign_in_page(request, fault="token", status=403)
        except ConflictError:
            return self._answers.sign_in_page(request, fault="tries", status=429)
        # A browser has one session: the former would stay valid, with nobody left to sign it out.
        if former := self._answers.sessions.find(request):
            self._sessions.sign_out(former)
        response = self._answers.redirect("/operator")
        self._answers.sessions.cookies.keep_secret(
            response, session.secret, until=session.token.expires_at
        )
        return response

    def _sign_out(self, request: Request, form: Form) -> Response:
        if session := self._answers.find_verified(request, form):
            self._sessions.sign_out(session)
        response = self._answers.redirect("/")
        self._answers.sessions.cookies.drop_secret(response)
        return response

    def _on_entry(self, _: Request, session: Session, form: Form) -> Response:
        act, entry_id = chosen(EntryAct, form), _number(form)
        self._actions.on_entries(act, [entry_id])
        return self._answers.done(session, form, act, f"entry {entry_id}", entry_id=entry_id)


def _number(form: Form) -> int:
    number = form.text("entry")
    if not NUMBER.fullmatch(number):
        raise HTTPException(400)
    return int(number)
