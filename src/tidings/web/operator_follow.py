"""Following sources on the operator's pages: a feed, a page without one, a whole OPML list."""

import re
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import ConflictError, FetchError, InvalidError, NoFeedError, ParseError
from tidings.model.feed import Link
from tidings.model.operators import FollowAct, Role, Session
from tidings.operator.source_desk import FollowForm
from tidings.operator.source_pages import FollowPage, ImportPage, PageTrialPage, PassingPage
from tidings.polling.follow import FeedPreview, PagePreview
from tidings.publishing.formats.opml import render_opml
from tidings.web.forms import Form
from tidings.web.operator_answers import OperatorAnswers, as_slug, selectors_in

# Characters of an address that are looked at.
MAX_ADDRESS = 2000

# A list that was pasted is UTF-8 by now, whatever it says of itself.
DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


class OperatorFollow:
    """The pages on which sources are found and followed."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._desk = answers.sessions.operators.sources
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/operator/follow", self.follow, methods=["GET", "POST"]),
            Route("/operator/follow/page", self.page, methods=["GET", "POST"]),
            Route("/operator/opml", self.opml, methods=["GET", "POST"]),
        ]

    async def follow(self, request: Request) -> Response:
        """Answer with what is found at an address; follow it."""
        if request.method == "POST":
            return await self._answers.act(request, self._follow)
        if _comes_from_elsewhere(request) and not self._answers.sessions.may_be(request):
            # By a bookmark that was pressed on another site, from where browsers send no cookie of
            # ours. A step on our own page, and they do.
            path = f"/operator/follow?{request.scope['query_string'].decode('latin-1')}"
            return self._answers.private.page(request, PassingPage(site=self._site, path=path))
        # Looking asks a server, which the lesser roles may not.
        return await self._answers.show(request, self._find, role=Role.ALL)

    async def page(self, request: Request) -> Response:
        """Answer with what selectors find on a page without a feed; follow it."""
        if request.method == "POST":
            return await self._answers.act(request, self._follow_page)
        return await self._answers.show(request, self._try_page, role=Role.ALL)

    async def opml(self, request: Request) -> Response:
        """Answer with the form for a list; show what is in it; import it."""
        if request.method == "POST":
            return await self._answers.act(request, self._on_list)
        return await self._answers.show(request, self._ask_for_list, role=Role.ALL)

    def _find(self, request: Request, session: Session) -> Response:
        address = request.query_params.get("address", "").strip()[:MAX_ADDRESS]
        instead = as_slug(request.query_params.get("instead", ""))
        if instead and not address:
            address = self._desk.address_to_search(instead)
        found, fault = [], ""
        if address:
            try:
                found = self._desk.find(address)
            except (ConflictError, FetchError, InvalidError, NoFeedError) as error:
                fault = str(error)
        form = FollowForm(url=found[0].link.url if found else "")
        page = self._page(address, found, form, instead=instead, fault=fault)
        return self._answers.page(request, session, page, status=422 if fault else 200)

    def _follow(self, request: Request, session: Session, form: Form) -> Response:
        instead = as_slug(form.text("instead"))
        filled = _filled(form, url=form.text("feed"))
        try:
            if instead:
                self._desk.take_feed(instead, filled.url)
                path = f"/operator/sources/{instead}?wait=yes"
                return self._answers.done_at(session, path, FollowAct.MOVE, f"source {instead}")
            slug = self._desk.follow(filled).slug
        except (ConflictError, FetchError, InvalidError, NoFeedError) as error:
            # The others that were found are looked up again only if they are asked for.
            found = [FeedPreview(link=Link(url=filled.url))]
            address = form.text("address")
            page = self._page(address, found, filled, instead=instead, fault=str(error))
            return self._answers.page(request, session, page, status=422)
        return self._answers.done_at(
            session, f"/sources/{slug}", FollowAct.FOLLOW, f"source {slug}"
        )

    def _try_page(self, request: Request, session: Session) -> Response:
        asked = Form(tuple(request.query_params.multi_items()))
        address, selectors = asked.text("address").strip()[:MAX_ADDRESS], selectors_in(asked)
        form = FollowForm(url=address, selectors=selectors)
        preview, fault = None, ""
        if address and "selector_item" in request.query_params:
            try:
                preview = self._desk.try_page(address, selectors)
            except (ConflictError, FetchError, InvalidError) as error:
                fault = str(error)
        return self._trial(request, session, form, preview=preview, fault=fault)

    def _follow_page(self, request: Request, session: Session, form: Form) -> Response:
        filled = replace(_filled(form, url=form.text("address")), selectors=selectors_in(form))
        try:
            slug = self._desk.follow(filled).slug
        except (ConflictError, FetchError, InvalidError, ParseError) as error:
            return self._trial(request, session, filled, preview=None, fault=str(error))
        return self._answers.done_at(
            session, f"/sources/{slug}", FollowAct.FOLLOW, f"source {slug}"
        )

    def _trial(
        self,
        request: Request,
        session: Session,
        form: FollowForm,
        *,
        preview: PagePreview | None,
        fault: str,
    ) -> Response:
        # What was written into it must not be lost if it could not be followed.
        is_ready = bool(preview.findings[0].found) if preview else request.method == "POST"
        page = PageTrialPage(
            site=self._site,
            preview=preview,
            is_ready=is_ready,
            form=form,
            topics=self._desk.topics(),
            fault=fault,
        )
        return self._answers.page(request, session, page, status=422 if fault else 200)

    def _page(
        self,
        address: str,
        found: list[FeedPreview],
        form: FollowForm,
        *,
        instead: str,
        fault: str,
    ) -> FollowPage:
        return FollowPage(
            site=self._site,
            address=address,
            found=tuple(found),
            form=form,
            topics=self._desk.topics(),
            instead=self._desk.get(instead) if instead else None,
            fault=fault,
        )

    def _ask_for_list(self, request: Request, session: Session) -> Response:
        return self._answers.page(request, session, ImportPage(site=self._site))

    def _on_list(self, request: Request, session: Session, form: Form) -> Response:
        body = form.files.get("file") or DECLARATION.sub("", form.text("list")).encode()
        try:
            if form.text("do") == "import":
                result = self._desk.import_list(body)
                what = f"{result.added} sources"
                self._answers.sessions.operators.sessions.note_act(session, FollowAct.IMPORT, what)
                # Without a redirect: the page says what was done, and loading it again adds nothing.
                page = ImportPage(site=self._site, result=result)
                return self._answers.page(request, session, page)
            preview = self._desk.preview_import(body)
        except InvalidError as error:
            page = ImportPage(site=self._site, fault=str(error))
            return self._answers.page(request, session, page, status=422)
        new = render_opml(preview.new, title="").decode()
        return self._answers.page(
            request, session, ImportPage(site=self._site, preview=preview, opml=new)
        )


def _filled(form: Form, *, url: str) -> FollowForm:
    return FollowForm(
        url=url.strip()[:MAX_ADDRESS],
        title=form.text("title"),
        topics=(*form.every("topic"), form.text("new_topic")),
        public=form.text("public"),
        republish=form.text("republish"),
    )


def _comes_from_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site") == "cross-site"
