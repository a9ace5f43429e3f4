"""The way out of a newsletter: a page with a button, and the one click of mail programs."""

from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidings.rendering import pages
from tidings.rendering.pages import Site, UnsubscribePage
from tidings.rendering.templates import Templates
from tidings.web import answers
from tidings.web.bodies import compress
from tidings.web.incoming import read_body
from tidings.web.publication import Unsubscribing

MAX_BODY = 10_000
"""Bytes of a POST that are read; a browser sends none, a mail program some dozens."""

ONE_CLICK = b"One-Click"
"""Stands in the body, however it is encoded, when a mail program asks (RFC 8058)."""

KEPT_NOWHERE = "no-store"


class UnsubscribePages:
    """Answers to those who leave. Only POST acts: scanners follow every link in a letter."""

    def __init__(self, unsubscribing: Unsubscribing, site: Site, *, templates: Templates) -> None:
        self._unsubscribing = unsubscribing
        self._site = site
        self._templates = templates

    def route(self) -> Route:
        """Return the route of all links in letters."""
        return Route("/unsubscribe/{token}", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> Response:
        """Answer with the page, or end the subscription."""
        token: str = request.path_params["token"]
        if request.method != "POST":
            return await run_in_threadpool(self._page, request, token)
        body = await read_body(request, MAX_BODY)
        await run_in_threadpool(self._unsubscribing.end, token)
        if ONE_CLICK in body:
            return PlainTextResponse("unsubscribed\n", headers={"Cache-Control": KEPT_NOWHERE})
        return await run_in_threadpool(self._page, request, token)

    def _page(self, request: Request, token: str) -> Response:
        subscription = self._unsubscribing.find(token)
        language = subscription.language
        if language not in self._templates.languages:
            language = self._site.language
        page = UnsubscribePage(
            site=replace(self._site, language=language, has_newsletters=True),
            newsletter=subscription.newsletter.title,
            has_ended=subscription.ended_at is not None,
        )
        body = compress(pages.render(page, self._templates))
        headers = answers.page_headers(cache_control=KEPT_NOWHERE)
        return answers.full(request, body, headers=headers)
