"""Sources that are followed on the operator's pages: the list, each of them, access, filters."""

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import InvalidError, NotFoundError
from tidings.filters.rules import Action, Field, Kind, Rule
from tidings.model.access import Access, parse_pairs
from tidings.model.entries import Republish
from tidings.model.operators import FollowAct, Role, Session, SourceAct, SourceForm
from tidings.model.sources import SourceHealth, SourceState
from tidings.operator.moderation import to_form
from tidings.operator.source_pages import (
    AccessForm,
    AccessPage,
    FilterForm,
    FiltersPage,
    SourceFormPage,
    SourceListPage,
)
from tidings.publishing.pagination import paginate_from_first
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers, chosen, selectors_in, slug_of

PATH = "/operator/sources"


class OperatorSources:
    """The pages of sources, and what is done on them."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._desk = answers.sessions.operators.sources
        self._actions = answers.sessions.operators.operating
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of all sources, and of each."""
        return [
            Route(PATH, self.every),
            Route(f"{PATH}/{{slug}}", self.one, methods=["GET", "POST"]),
            Route(f"{PATH}/{{slug}}/access", self.access, methods=["GET", "POST"]),
            Route(f"{PATH}/{{slug}}/filters", self.filters, methods=["GET", "POST"]),
        ]

    async def every(self, request: Request) -> Response:
        """Answer with the list of sources."""
        return await self._answers.show(request, self._every)

    async def one(self, request: Request) -> Response:
        """Answer with a source and its form, or perform an action on it."""
        if request.method != "POST":
            return await self._answers.show(request, self._one)
        return await self._answers.act(request, self._on_source, role=Role.MODERATE)

    async def access(self, request: Request) -> Response:
        """Answer with the form of how a source is fetched; change that."""
        if request.method != "POST":
            return await self._answers.show(request, self._access, role=Role.ALL)
        return await self._answers.act(request, self._change_access)

    async def filters(self, request: Request) -> Response:
        """Answer with the filters of a source; try, add or remove one."""
        if request.method != "POST":
            return await self._answers.show(request, self._filters)
        return await self._answers.act(request, self._on_filter, role=Role.MODERATE)

    def _every(self, request: Request, session: Session) -> Response:
        asked = request.query_params
        q, health = asked.get("q", "")[:200], asked.get("health", "")
        if health not in {"", *SourceHealth}:
            raise HTTPException(404)
        number = asked.get("page", "1")
        if not NUMBER.fullmatch(number):
            raise NotFoundError("page", number)
        listing = self._desk.listing(q=q, health=health, number=int(number))

        def href(page: int) -> str:
            wanted = {"q": q, "health": health, "page": str(page) if page > 1 else ""}
            query = urlencode({name: value for name, value in wanted.items() if value})
            return self._site.href(f"{PATH}?{query}" if query else PATH)

        page = SourceListPage(
            site=self._site,
            listing=listing,
            q=q,
            health=health,
            pagination=paginate_from_first(int(number), count=listing.pages, href=href),
        )
        return self._answers.page(request, session, page)

    def _one(self, request: Request, session: Session) -> Response:
        return self._form_page(request, session, None)

    def _on_source(self, request: Request, session: Session, form: Form) -> Response:
        act, found = chosen(SourceAct, form), self._desk.get(slug_of(request))
        match act:
            case SourceAct.PAUSE:
                self._actions.set_state(found.id, SourceState.PAUSED)
            case SourceAct.RESUME:
                self._actions.set_state(found.id, SourceState.ACTIVE)
            case SourceAct.POLL:
                self._actions.make_due(found.id)
            case SourceAct.RELEASE:
                self._actions.release_source(found.id)
            case SourceAct.EDIT:
                filled = _filled(form)
                try:
                    self._actions.edit_source(found.id, filled)
                except InvalidError as error:
                    return self._form_page(request, session, filled, error=error)
        return self._answers.done(session, form, act, f"source {found.slug}")

    def _form_page(
        self,
        request: Request,
        session: Session,
        form: SourceForm | None,
        *,
        error: InvalidError | None = None,
    ) -> Response:
        watched = self._desk.watch(slug_of(request))
        page = SourceFormPage(
            site=self._site,
            watched=watched,
            # Only for who asked to wait: a form that is loaded again would lose what was typed.
            waits=watched.waits and "wait" in request.query_params,
            topics=self._desk.topics(),
            rights=tuple(Republish),
            form=form or to_form(watched.source),
            fault=error.kind if error else "",
            because=str(error) if error else "",
        )
        return self._answers.page(request, session, page, status=422 if error else 200)

    def _access(self, request: Request, session: Session) -> Response:
        page = AccessPage(
            site=self._site, watched=self._desk.watch(slug_of(request)), form=AccessForm()
        )
        return self._answers.page(request, session, page)

    def _change_access(self, request: Request, session: Session, form: Form) -> Response:
        watched = self._desk.watch(slug_of(request))
        filled = AccessForm(
            user=form.text("user"),
            headers=form.text("headers"),
            cookies=form.text("cookies"),
            proxy=form.text("proxy"),
            user_agent=form.text("user_agent"),
            afresh=bool(form.text("afresh")),
        )
        try:
            change = _access_of(filled, password=form.text("password"))
            self._actions.change_access(watched.source.id, change, afresh=filled.afresh)
        except InvalidError as error:
            page = AccessPage(site=self._site, watched=watched, form=filled, fault=str(error))
            return self._answers.page(request, session, page, status=422)
        return self._answers.done(session, form, FollowAct.ACCESS, f"source {watched.source.slug}")

    def _filters(self, request: Request, session: Session) -> Response:
        return self._filters_page(request, session, FilterForm())

    def _on_filter(self, request: Request, session: Session, form: Form) -> Response:
        found = self._desk.get(slug_of(request))
        what = f"source {found.slug}"
        if form.text("do") == "remove":
            number = form.text("filter")
            if not NUMBER.fullmatch(number):
                raise HTTPException(400)
            self._desk.remove_filter(found.id, int(number))
            return self._answers.done(session, form, FollowAct.UNFILTER, what)
        filled = FilterForm(
            action=form.text("action"),
            field=form.text("field"),
            kind=form.text("kind"),
            pattern=form.text("pattern").strip(),
        )
        try:
            rule = _rule(filled)
            if form.text("do") != "add":
                return self._filters_page(request, session, filled, rule=rule)
            self._desk.add_filter(found.id, rule)
        except InvalidError as error:
            return self._filters_page(request, session, filled, fault=str(error))
        return self._answers.done(session, form, FollowAct.FILTER, what)

    def _filters_page(
        self,
        request: Request,
        session: Session,
        form: FilterForm,
        *,
        rule: Rule | None = None,
        fault: str = "",
    ) -> Response:
        found = self._desk.get(slug_of(request))
        trial = self._desk.try_filters(found.id, rule)
        page = FiltersPage(site=self._site, source=found, trial=trial, form=form, fault=fault)
        return self._answers.page(request, session, page, status=422 if fault else 200)


def _filled(form: Form) -> SourceForm:
    return SourceForm(
        title=form.text("title"),
        topics=form.every("topic"),
        interval=form.text("interval"),
        republish=form.text("republish"),
        noindex=bool(form.text("noindex")),
        full_text=form.text("full_text"),
        selectors=selectors_in(form),
    )


def _access_of(form: AccessForm, *, password: str) -> Access:
    """Return what a form changes: a field that is empty changes nothing."""
    try:
        headers = parse_pairs(filter(str.strip, form.headers.splitlines()), mark=":")
        cookies = parse_pairs(filter(str.strip, form.cookies.splitlines()), mark="=")
    except ValueError as error:
        raise InvalidError("line", "", str(error)) from error
    return Access(
        user=form.user.strip() or None,
        password=password or None,
        headers=headers,
        cookies=cookies,
        proxy=form.proxy.strip() or None,
        user_agent=form.user_agent.strip() or None,
    )


def _rule(form: FilterForm) -> Rule:
    try:
        action, field, kind = Action(form.action), Field(form.field), Kind(form.kind)
    except ValueError as error:
        raise HTTPException(400) from error
    if not form.pattern:
        raise InvalidError("filter", "", "say what to look for")
    return Rule(action=action, field=field, kind=kind, pattern=form.pattern)
