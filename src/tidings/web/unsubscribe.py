"""The way out of a newsletter: a page with a button, and the one click of mail programs."""

from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidings.domain.newsletters import Ending, Frequency
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.rendering.reader_pages import Notice, UnsubscribePage
from tidings.web.forms import MAX_BODY, Form, is_form, parse_form
from tidings.web.incoming import read_body
from tidings.web.publication import Unsubscribing
from tidings.web.reader_answers import PRIVATE, PrivateResponses

ONE_CLICK = b"One-Click"
"""Stands in the body, however it is encoded, when a mail program asks (RFC 8058)."""

OFTENEST_FIRST = (
    Frequency.INSTANT,
    Frequency.DAILY,
    Frequency.WEEKDAYS,
    Frequency.WEEKLY,
    Frequency.MONTHLY,
)


class UnsubscribePages:
    """Answers to those who leave. Only POST acts: scanners follow every link in a letter."""

    def __init__(self, unsubscribing: Unsubscribing, answers: PrivateResponses) -> None:
        self._unsubscribing = unsubscribing
        self._answers = answers

    def route(self) -> Route:
        """Return the route of all links in letters."""
        return Route("/unsubscribe/{token}", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """Answer with the page, or do what its buttons say: end the subscription, failing that."""
        if request.method != "POST":
            return await run_in_threadpool(self._page, request)
        body = await read_body(request, MAX_BODY)
        if ONE_CLICK in body:
            return await run_in_threadpool(self._one_click, request)
        form = parse_form(body) if is_form(request) else Form(())
        return await run_in_threadpool(self._act, request, form)

    def _one_click(self, request: Request) -> Response:
        """End the subscription; it is no error if there is nobody any more to leave."""
        token: str = request.path_params["token"]
        visitor = self._answers.visitor(request)
        try:
            self._unsubscribing.end(token, Ending.ONE_CLICK, visitor=visitor)
        except NotFoundError as error:
            if error.kind == "link":
                return self._answers.lost(request)
        return PlainTextResponse("unsubscribed\n", headers=PRIVATE)

    def _act(self, request: Request, form: Form) -> Response:
        token: str = request.path_params["token"]
        visitor = self._answers.visitor(request)
        said = Notice.ENDED
        try:
            if form.text("do") == "undo":
                said = Notice.TOO_LATE
                with suppress(ConflictError):
                    self._unsubscribing.undo(token, visitor=visitor)
                    said = Notice.UNDONE
            elif form.text("do") == "slow down":
                said = Notice.TOO_LATE
                with suppress(ConflictError):
                    self._unsubscribing.slow_down(token, form.text("frequency"), visitor=visitor)
                    said = Notice.SAVED
            else:
                self._unsubscribing.end(token, Ending.READER, visitor=visitor)
        except InvalidError as error:
            raise HTTPException(400) from error
        except NotFoundError:
            return self._answers.lost(request)
        return self._page(request, said)

    def _page(self, request: Request, said: Notice = Notice.NOTHING) -> Response:
        try:
            found = self._unsubscribing.find(request.path_params["token"])
        except NotFoundError:
            return self._answers.lost(request)
        page = UnsubscribePage(
            site=self._answers.site_in(found.language),
            newsletter=found.newsletter.title,
            said=said,
            has_ended=found.ended_at is not None,
            can_undo=self._answers.can_undo(found),
            slower=OFTENEST_FIRST[OFTENEST_FIRST.index(found.schedule.frequency) + 1 :],
        )
        return self._answers.page(request, page)
