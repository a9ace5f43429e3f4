"""The pages behind unsubscribe links: the button, and the one click of mail programs (RFC 8058)."""

from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model.newsletters import Ending, Frequency
from tidings.newsletters.windows import CALENDARS
from tidings.subscribers.pages import (
    StatusMessage,
    UnsubscribePage,
)
from tidings.web.forms import MAX_BODY, Form, is_form, parse_form, read_body
from tidings.web.private import PRIVATE, PrivateResponses
from tidings.web.services import Unsubscribing

# Stands in the body, however it is encoded, when a mail program asks (RFC 8058).
ONE_CLICK = b"One-Click"

# Those after the present one are offered on the way out.
OFTENEST_FIRST = tuple(sorted(Frequency, key=lambda one: CALENDARS[one].period))


class UnsubscribePages:
    """The page of unsubscribe links. Only POST acts: mail scanners follow every link."""

    def __init__(self, unsubscribing: Unsubscribing, answers: PrivateResponses) -> None:
        self._unsubscribing = unsubscribing
        self._answers = answers

    def route(self) -> Route:
        """Return the route of the links."""
        return Route("/unsubscribe/{token}", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """Answer with the page, or do what its buttons say; by default end the subscription."""
        if request.method != "POST":
            return await run_in_threadpool(self._page, request)
        body = await read_body(request, MAX_BODY)
        # RFC 8058 allows form-urlencoded and multipart; no cookies and no redirect, so before
        # anything else, and without a check of the origin: the provider's server sends it.
        if ONE_CLICK in body:
            return await run_in_threadpool(self._one_click, request)
        form = parse_form(body) if is_form(request) else Form(())
        return await run_in_threadpool(self._act, request, form)

    def _one_click(self, request: Request) -> Response:
        """End the subscription; succeed as well if there is nothing left to end."""
        token: str = request.path_params["token"]
        visitor = self._answers.visitor(request)
        try:
            self._unsubscribing.end(token, Ending.ONE_CLICK, visitor=visitor)
        # A provider that gets an error may show the button as broken: who was erased has left too.
        except NotFoundError as error:
            # No link of ours. All other tokens are valid, and there is nothing left to end.
            if error.kind == "link":
                return self._answers.lost(request)
        return PlainTextResponse("unsubscribed\n", headers=PRIVATE)

    def _act(self, request: Request, form: Form) -> Response:
        token: str = request.path_params["token"]
        visitor = self._answers.visitor(request)
        said = StatusMessage.ENDED
        try:
            if form.text("do") == "undo":
                said = StatusMessage.TOO_LATE
                with suppress(ConflictError):
                    self._unsubscribing.undo(token, visitor=visitor)
                    said = StatusMessage.UNDONE
            elif form.text("do") == "slow down":
                said = StatusMessage.TOO_LATE
                with suppress(ConflictError):
                    self._unsubscribing.slow_down(token, form.text("frequency"), visitor=visitor)
                    said = StatusMessage.SAVED
            else:
                self._unsubscribing.end(token, Ending.READER, visitor=visitor)
        except InvalidError as error:
            raise HTTPException(400) from error
        except NotFoundError:
            return self._answers.lost(request)
        return self._page(request, said)

    def _page(self, request: Request, said: StatusMessage = StatusMessage.NOTHING) -> Response:
        try:
            found = self._unsubscribing.find(request.path_params["token"])
        except NotFoundError:
            return self._answers.lost(request)
        page = UnsubscribePage(
            site=self._answers.site_for(request, known=found.language),
            newsletter=found.newsletter.title,
            said=said,
            has_ended=found.ended_at is not None,
            can_undo=self._answers.can_undo(found),
            slower=OFTENEST_FIRST[OFTENEST_FIRST.index(found.schedule.frequency) + 1 :],
        )
        return self._answers.page(request, page)
