"""The service itself on the operator's pages: its settings, the jobs of its workers, its channels."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import InvalidError
from tidings.model.operators import ChannelAct, Role, ServiceAct, Session
from tidings.operator.pages import ChannelsPage, JobsPage, SettingsPage
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers, chosen


class OperatorService:
    """The pages of settings, jobs and channels."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._service = answers.sessions.operators.service
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of all three."""
        return [
            Route("/operator/settings", self.settings),
            Route("/operator/jobs", self.jobs, methods=["GET", "POST"]),
            Route("/operator/channels", self.channels, methods=["GET", "POST"]),
        ]

    async def settings(self, request: Request) -> Response:
        """Answer with the settings in force."""
        return await self._answers.show(request, self._settings)

    async def jobs(self, request: Request) -> Response:
        """Answer with jobs and workers; cancel a job."""
        if request.method != "POST":
            return await self._answers.show(request, self._jobs)
        return await self._answers.act(request, self._cancel, role=Role.ALL)

    async def channels(self, request: Request) -> Response:
        """Answer with the channels; pause one, or tell it again."""
        if request.method != "POST":
            return await self._answers.show(request, self._channels)
        return await self._answers.act(request, self._act_on_channel, role=Role.ALL)

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

    def _channels(self, request: Request, session: Session) -> Response:
        page = ChannelsPage(site=self._site, found=self._service.channels())
        return self._answers.page(request, session, page)

    def _act_on_channel(self, _: Request, session: Session, form: Form) -> Response:
        name, act = form.text("channel"), chosen(ChannelAct, form)
        self._service.act_on_channel(name, act)
        return self._answers.done(session, form, act, f"channel {name}")
