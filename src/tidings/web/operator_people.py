"""Subscribers on the operator's pages: search, changes, import and export, suppression.

Addresses come and go in forms: an address of a page would be in the logs of proxies.
"""

from collections.abc import Iterator
from dataclasses import replace
from io import TextIOWrapper
from tempfile import TemporaryFile

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model.operators import PeopleAct, Role, Session
from tidings.model.subscribers import SignUp
from tidings.operator.people_pages import (
    AddPersonPage,
    ErasePage,
    PeopleFields,
    PeoplePage,
    PersonPage,
    SubscriberImportPage,
    SuppressionPage,
)
from tidings.subscribers.bulk_import import ImportPlan
from tidings.subscribers.pages import NewsletterChoice, Preference, to_form
from tidings.subscribers.store.bulk import ListPiece, SubscriptionFilter
from tidings.subscribers.subscriber_csv import (
    FIELDS,
    LEAVE_OUT,
    decoded,
    read_headings,
    unknown_headings,
)
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers
from tidings.web.private import PRIVATE
from tidings.web.sign_up_pages import choice_in

UNCONFIRMED = "unconfirmed"

STATES = ("active", "paused", "ended", "bouncing", UNCONFIRMED)

# Bytes of a download that are sent at a time.
CHUNK = 65_536

DOWNLOAD = {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": 'attachment; filename="subscribers.csv"',
    **PRIVATE,
}


class OperatorPeople:
    """The pages of subscribers, for operators who may do everything."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._desk = answers.sessions.operators.people
        self._newsletters = answers.sessions.operators.newsletters
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of all subscribers, of each, and of addresses."""
        every = "/operator/subscribers"
        both = ["GET", "POST"]
        return [
            Route(every, self.every, methods=both),
            Route(f"{every}/add", self.add, methods=both),
            Route(f"{every}/import", self.bring_in, methods=both),
            Route(f"{every}/export", self.export, methods=["POST"]),
            Route(f"{every}/{{number}}", self.one, methods=both),
            Route(f"{every}/{{number}}/erase", self.erase, methods=both),
            Route("/operator/suppression", self.suppression, methods=both),
        ]

    async def every(self, request: Request) -> Response:
        """Answer with subscriptions; POST looks for some."""
        if request.method != "POST":
            return await self._answers.show(request, self._every, role=Role.ALL)
        return await self._answers.act(request, self._find)

    async def add(self, request: Request) -> Response:
        """Answer with the form for one more subscriber; subscribe them."""
        if request.method != "POST":
            return await self._answers.show(request, self._form_to_add, role=Role.ALL)
        return await self._answers.act(request, self._add)

    async def bring_in(self, request: Request) -> Response:
        """Answer with the form for a list; try or import it."""
        if request.method != "POST":
            return await self._answers.show(request, self._form_to_import, role=Role.ALL)
        return await self._answers.act(request, self._import)

    async def export(self, request: Request) -> Response:
        """Answer with subscriptions as CSV."""
        return await self._answers.act(request, self._export)

    async def one(self, request: Request) -> Response:
        """Answer with a subscriber; change or end a subscription."""
        if request.method != "POST":
            return await self._answers.show(request, self._one, role=Role.ALL)
        return await self._answers.act(request, self._change)

    async def erase(self, request: Request) -> Response:
        """Ask whether a subscriber shall be erased; do it."""
        if request.method != "POST":
            return await self._answers.show(request, self._ask, role=Role.ALL)
        return await self._answers.act(request, self._erase)

    async def suppression(self, request: Request) -> Response:
        """Answer with the form for an address; look it up, suppress it, or lift that."""
        if request.method != "POST":
            return await self._answers.show(request, self._form_to_look_up, role=Role.ALL)
        return await self._answers.act(request, self._suppression)

    def _every(self, request: Request, session: Session) -> Response:
        given = request.query_params
        fields = PeopleFields(newsletter=given.get("newsletter", ""), state=given.get("state", ""))
        return self._people(request, session, fields, after=None)

    def _find(self, request: Request, session: Session, form: Form) -> Response:
        fields = PeopleFields(
            like=form.text("like").strip(),
            newsletter=form.text("newsletter"),
            state=form.text("state"),
        )
        after = form.text("after")
        number = int(after) if NUMBER.fullmatch(after) else None
        return self._people(request, session, fields, after=number)

    def _people(
        self, request: Request, session: Session, fields: PeopleFields, *, after: int | None
    ) -> Response:
        newsletters = self._desk.newsletters()
        # Whatever else a browser sends counts as all.
        if fields.newsletter not in {one.slug for one in newsletters}:
            fields = replace(fields, newsletter="")
        if fields.state not in STATES:
            fields = replace(fields, state="")
        if not fields.like.isprintable():
            fields = replace(fields, like="")
        found = ListPiece(lines=(), last=None)
        waiting: tuple[SignUp, ...] = ()
        if fields.state == UNCONFIRMED:
            waiting = self._desk.unconfirmed(fields.newsletter or None, like=fields.like)
        else:
            wanted = SubscriptionFilter(
                newsletter=fields.newsletter or None,
                state=fields.state or None,
                like=fields.like or None,
            )
            found = self._desk.find(wanted, after=after)
        page = PeoplePage(
            site=self._site,
            newsletters=newsletters,
            states=STATES,
            fields=fields,
            found=found,
            waiting=waiting,
            figures=self._desk.figures(),
            is_first=after is None,
        )
        return self._answers.page(request, session, page)

    def _form_to_add(self, request: Request, session: Session) -> Response:
        page = AddPersonPage(site=self._site, newsletters=self._desk.newsletters())
        return self._answers.page(request, session, page)

    def _add(self, request: Request, session: Session, form: Form) -> Response:
        address, slug = form.text("address").strip(), form.text("newsletter")
        try:
            number = self._desk.add(address, slug)
        except (ConflictError, InvalidError) as error:
            page = AddPersonPage(
                site=self._site,
                newsletters=self._desk.newsletters(),
                address=address,
                newsletter=slug,
                fault=str(error),
            )
            return self._answers.page(request, session, page, status=422)
        what = f"subscriber {number}"
        return self._answers.done(session, _back_to(number), PeopleAct.ADD, what)

    def _one(self, request: Request, session: Session) -> Response:
        return self._person(request, session, _number_of(request))

    def _change(self, request: Request, session: Session, form: Form) -> Response:
        number, chosen = _number_of(request), form.text("subscription")
        if not NUMBER.fullmatch(chosen):
            raise HTTPException(400)
        what = f"subscription {chosen}"
        match form.text("do"):
            case "save":
                try:
                    self._desk.edit(number, int(chosen), choice_in(form))
                except InvalidError as error:
                    return self._person(request, session, number, fault=(int(chosen), error.kind))
                return self._answers.done(session, _back_to(number), PeopleAct.EDIT, what)
            case "end":
                self._desk.end(number, int(chosen))
                return self._answers.done(session, _back_to(number), PeopleAct.END, what)
            case _:
                raise HTTPException(400)

    def _person(
        self,
        request: Request,
        session: Session,
        number: int,
        *,
        fault: tuple[int, str] = (0, ""),
    ) -> Response:
        found, topics = self._desk.person(number), self._newsletters.topics()
        preferences = []
        for one in found.profile.subscriptions:
            own = tuple(topic for topic in topics if topic.slug in one.newsletter.topics)
            preferences.append(
                Preference(
                    subscription=one,
                    offer=NewsletterChoice(newsletter=one.newsletter, topics=own or topics),
                    choice=to_form(one),
                    fault=fault[1] if one.id == fault[0] else "",
                    can_undo=False,
                )
            )
        page = PersonPage(
            site=self._site,
            found=found,
            preferences=tuple(preferences),
            menu=self._answers.private.menu(self._newsletters.languages),
        )
        return self._answers.page(request, session, page, status=422 if fault[1] else 200)

    def _ask(self, request: Request, session: Session) -> Response:
        page = ErasePage(site=self._site, found=self._desk.person(_number_of(request)))
        return self._answers.page(request, session, page)

    def _erase(self, request: Request, session: Session, form: Form) -> Response:
        number = _number_of(request)
        self._desk.erase(number)
        return self._answers.done(session, form, PeopleAct.ERASE, f"subscriber {number}")

    def _form_to_look_up(self, request: Request, session: Session) -> Response:
        return self._answers.page(request, session, SuppressionPage(site=self._site))

    def _suppression(self, request: Request, session: Session, form: Form) -> Response:
        address = form.text("address").strip()
        try:
            found = self._desk.standing(address)
        except InvalidError as error:
            page = SuppressionPage(site=self._site, address=address, fault=str(error))
            return self._answers.page(request, session, page, status=422)
        # By its hash: no address stands in the audit list.
        what = f"address {found.mark}"
        match form.text("do"):
            case "look":
                page = SuppressionPage(site=self._site, address=address, found=found)
                return self._answers.page(request, session, page)
            case "suppress":
                evidence = form.text("evidence").strip() or None
                self._desk.suppress(address, evidence=evidence)
                return self._answers.done(session, form, PeopleAct.SUPPRESS, what)
            case "lift":
                self._desk.lift(address)
                return self._answers.done(session, form, PeopleAct.LIFT, what)
            case _:
                raise HTTPException(400)

    def _form_to_import(self, request: Request, session: Session) -> Response:
        return self._answers.page(request, session, self._empty_import())

    def _empty_import(self) -> SubscriberImportPage:
        return SubscriberImportPage(
            site=self._site,
            newsletters=self._desk.newsletters(),
            meanings=(*FIELDS, LEAVE_OUT),
            columns={},
        )

    def _import(self, request: Request, session: Session, form: Form) -> Response:
        page = replace(
            self._empty_import(),
            newsletter=form.text("newsletter"),
            asks=bool(form.text("asks")),
        )
        is_rehearsal = form.text("do") != "import"
        try:
            file = form.files.get("file")
            page = replace(page, text=decoded(file) if file else form.text("list"))
            page = replace(page, columns=_columns_in(form, page.text))
            plan = ImportPlan(newsletter=page.newsletter, asks=page.asks, is_rehearsal=is_rehearsal)
            meanings = {name: field for name, field in page.columns.items() if field}
            report = self._desk.bring_in(page.text, meanings, plan)
        except (InvalidError, NotFoundError) as error:
            page = replace(page, fault=str(error))
            return self._answers.page(request, session, page, status=422)
        if not is_rehearsal:
            what = f"{report.counted['in']} to newsletter {plan.newsletter}"
            self._answers.sessions.operators.sessions.note_act(session, PeopleAct.IMPORT, what)
        # No redirect: its numbers are kept nowhere, and to import a list again changes nothing.
        page = replace(page, report=report, is_done=not is_rehearsal)
        return self._answers.page(request, session, page)

    def _export(self, _: Request, session: Session, form: Form) -> Response:
        slug = form.text("newsletter")
        if slug and slug not in {one.slug for one in self._desk.newsletters()}:
            raise NotFoundError("newsletter", slug)
        what = f"newsletter {slug}" if slug else "all newsletters"
        self._answers.sessions.operators.sessions.note_act(session, PeopleAct.EXPORT, what)
        return StreamingResponse(self._exported(slug), headers=DOWNLOAD)

    def _exported(self, slug: str) -> Iterator[bytes]:
        # By a file: a million lines need not be in memory, and no browser that reads slowly holds
        # the database.
        with TemporaryFile() as file:
            text = TextIOWrapper(file, encoding="utf-8", newline="")
            self._desk.export(text, slug or None)
            text.detach()
            file.seek(0)
            while chunk := file.read(CHUNK):
                yield chunk


def _columns_in(form: Form, text: str) -> dict[str, str]:
    headings = read_headings(text)
    unknown = unknown_headings(headings)
    said = dict(form.fields)
    return {
        heading: said.get(f"column {heading}", LEAVE_OUT if heading in unknown else "")
        for heading in headings
    }


def _number_of(request: Request) -> int:
    number = request.path_params["number"]
    if not NUMBER.fullmatch(number):
        raise NotFoundError("subscriber", number)
    return int(number)


def _back_to(number: int) -> Form:
    return Form((("back", f"/operator/subscribers/{number}"),))
