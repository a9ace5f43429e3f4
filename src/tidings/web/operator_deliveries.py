"""Deliveries on the operator's pages: what became of an issue's letters, and what to do."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import NotFoundError
from tidings.model.newsletters import DeliveryState
from tidings.model.operators import DeliveryAct, Role, Session
from tidings.operator.pages import DeliveriesPage, IssueDeliveriesPage
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers


class OperatorDeliveries:
    """The pages of deliveries."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._desk = answers.sessions.operators.deliveries
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of all issues, and of each."""
        return [
            Route("/operator/deliveries", self.every),
            Route("/operator/deliveries/{issue}", self.one, methods=["GET", "POST"]),
        ]

    async def every(self, request: Request) -> Response:
        """Answer with the latest issues, and what became of them in numbers."""
        return await self._answers.show(request, self._every)

    async def one(self, request: Request) -> Response:
        """Answer with the deliveries of an issue, which name people; send again, or cancel."""
        if request.method != "POST":
            return await self._answers.show(request, self._one, role=Role.ALL)
        return await self._answers.act(request, self._act)

    def _every(self, request: Request, session: Session) -> Response:
        page = DeliveriesPage(site=self._site, issues=self._desk.issues())
        return self._answers.page(request, session, page)

    def _one(self, request: Request, session: Session) -> Response:
        wanted = request.query_params.get("state", "")
        state = DeliveryState(wanted) if wanted in set(DeliveryState) else None
        found, lines = self._desk.issue(_issue_of(request), state=state)
        page = IssueDeliveriesPage(site=self._site, found=found, lines=lines, state=state)
        return self._answers.page(request, session, page)

    def _act(self, request: Request, session: Session, form: Form) -> Response:
        issue_id, act = _issue_of(request), form.text("do")
        if act == DeliveryAct.RELEASE:
            self._desk.release(issue_id)
            return self._answers.done(session, form, DeliveryAct.RELEASE, f"issue {issue_id}")
        number = form.text("delivery")
        if not NUMBER.fullmatch(number) or act not in {DeliveryAct.RESEND, DeliveryAct.STOP}:
            raise HTTPException(400)
        if act == DeliveryAct.RESEND:
            self._desk.resend(int(number))
        else:
            self._desk.cancel(int(number))
        return self._answers.done(session, form, DeliveryAct(act), f"delivery {number}")


def _issue_of(request: Request) -> int:
    number = request.path_params["issue"]
    if not NUMBER.fullmatch(number):
        raise NotFoundError("issue", number)
    return int(number)
