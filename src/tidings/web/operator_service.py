"""The service itself on the operator's pages: its settings, and the jobs of its workers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import InvalidError
from tidings.model.operators import Role, ServiceAct, Session
from tidings.operator.pages import JobsPage, SettingsPage
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers


class OperatorService:
    """The pages of settings and jobs."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._service = answers.sessions.operators.service
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of both."""
        return [
            Route("/operator/settings", self.settings),
            Route("/operator/jobs", self.jobs, methods=["GET", "POST"]),
        ]

    async def settings(self, request: Request) -> Response:
        """Answer with the settings in force."""
        return await self._answers.show(request, self._settings)

    async def jobs(self, request: Request) -> Response:
        """Answer with jobs and workers; cancel a job."""
        if request.method != "POST":
            return await self._answers.show(request, self._jobs)
        return await self._answers.act(request, self._cancel, role=Role.ALL)

    def _settings(self, request: Request, session: Session) -> Response:
        page = SettingsPage(site=self._site, lines=self._service.settings)
        return self._answers.page(request, session, page)

    def _jobs(self, request: Request, session: Session) -> Response:
        page = JobsPage(site=self._site, found=self._service.jobs())
        return self._answers.page(request, session, page)

    def _cancel(self, _: Request, session: Session, form: Form) -> Response:
        number = form.text("job")
        if not NUMBER.fullmatch(number):
            raise InvalidError("job", number, "expected its number")
        self._service.cancel(int(number))
        return self._answers.done(session, form, ServiceAct.CANCEL, f"job {number}")
