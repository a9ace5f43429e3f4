"""Newsletters on the operator's pages: settings, the next issue and its review, sending."""

import re
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.catalog.newsletters import NewsletterForm
from tidings.errors import InvalidError
from tidings.mail.addresses import parse_address, parse_sender
from tidings.model.drafts import DraftAct, EditorText, Edits
from tidings.model.durations import format_duration
from tidings.model.newsletters import (
    WEEKDAYS,
    Frequency,
    Newsletter,
    Schedule,
    parse_review,
    parse_timezone,
    parse_weekday,
)
from tidings.model.operators import DeskAct, Role, Session
from tidings.operator.pages import (
    NewsletterFields,
    NewsletterFormPage,
    NewsletterListPage,
    NextIssuePage,
    SendPage,
)
from tidings.web import responses
from tidings.web.forms import NUMBER, Form
from tidings.web.operator_answers import OperatorAnswers, slug_of
from tidings.web.private import PRIVATE
from tidings.web.response_cache import compress

# No more digits than any of the numbers that are asked for.
NUMBER_OR_ZERO = re.compile(r"[0-9]{1,10}", re.ASCII)

# Bounds of `min_entries` and `max_entries`.
ENTRIES = range(1, 501)

# Of a letter that is shown: its styles stand in its elements, and its pictures are publishers'.
# It is an own document without rights, and only our pages may frame it.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


class OperatorNewsletters:
    """The pages of newsletters, and what is done on them."""

    def __init__(self, answers: OperatorAnswers) -> None:
        self._answers = answers
        self._desk = answers.sessions.operators.newsletters
        self._site = answers.private.site

    def routes(self) -> list[Route]:
        """Return the routes of all newsletters, and of each."""
        one = "/operator/newsletters/{slug}"
        return [
            Route("/operator/newsletters", self.every, methods=["GET", "POST"]),
            Route(one, self.one, methods=["GET", "POST"]),
            Route(f"{one}/next", self.next, methods=["GET", "POST"]),
            Route(f"{one}/send", self.send, methods=["GET", "POST"]),
            Route(f"{one}/preview", self.preview),
        ]

    async def every(self, request: Request) -> Response:
        """Answer with all newsletters; add one."""
        if request.method != "POST":
            return await self._answers.show(request, self._every)
        return await self._answers.act(request, self._add)

    async def one(self, request: Request) -> Response:
        """Answer with the settings of a newsletter; change them."""
        if request.method != "POST":
            return await self._answers.show(request, self._settings)
        return await self._answers.act(request, self._edit)

    async def next(self, request: Request) -> Response:
        """Answer with the next issue; review it."""
        if request.method != "POST":
            return await self._answers.show(request, self._next)
        return await self._answers.act(request, self._review, role=Role.MODERATE)

    async def send(self, request: Request) -> Response:
        """Answer with what sending right now would send; send it."""
        if request.method != "POST":
            return await self._answers.show(request, self._ask)
        return await self._answers.act(request, self._send)

    async def preview(self, request: Request) -> Response:
        """Answer with the next issue as a letter, as HTML or plain text."""
        return await self._answers.show(request, self._letter)

    def _every(self, request: Request, session: Session) -> Response:
        page = NewsletterListPage(site=self._site, lines=self._desk.every())
        return self._answers.page(request, session, page)

    def _settings(self, request: Request, session: Session) -> Response:
        slug = slug_of(request)
        if slug == "new":
            return self._form(request, session, _empty(self._site.language), newsletter=None)
        newsletter = self._desk.get(slug)
        return self._form(request, session, _fields_of(newsletter), newsletter=newsletter)

    def _add(self, request: Request, session: Session, form: Form) -> Response:
        fields = _read_fields(form)
        try:
            self._desk.add(fields.slug, self._checked(fields))
        except InvalidError as error:
            return self._form(request, session, fields, newsletter=None, fault=str(error))
        return self._answers.done(session, form, DeskAct.ADD, f"newsletter {fields.slug}")

    def _edit(self, request: Request, session: Session, form: Form) -> Response:
        newsletter, fields = self._desk.get(slug_of(request)), _read_fields(form)
        # Operators' own templates may know no weekdays.
        usual = WEEKDAYS[newsletter.schedule.weekday]
        fields = replace(fields, weekday=fields.weekday or usual)
        try:
            self._desk.edit(newsletter.slug, self._checked(fields))
        except InvalidError as error:
            return self._form(request, session, fields, newsletter=newsletter, fault=str(error))
        return self._answers.done(session, form, DeskAct.EDIT, f"newsletter {newsletter.slug}")

    def _form(
        self,
        request: Request,
        session: Session,
        fields: NewsletterFields,
        *,
        newsletter: Newsletter | None,
        fault: str = "",
    ) -> Response:
        page = NewsletterFormPage(
            site=self._site,
            newsletter=newsletter,
            fields=fields,
            menu=self._answers.private.menu(self._desk.languages),
            topics=self._desk.topics(),
            fault=fault,
        )
        return self._answers.page(request, session, page, status=422 if fault else 200)

    def _checked(self, fields: NewsletterFields) -> NewsletterForm:
        """Return the settings that a form asks for.

        Raises:
            InvalidError: A field cannot be what it should be.
        """
        if fields.language not in self._desk.languages:
            raise InvalidError("language", fields.language, "there are no letters in it")
        review, review_time = parse_review(fields.review)
        return NewsletterForm(
            title=fields.title,
            schedule=Schedule(
                frequency=_frequency(fields.frequency),
                hour=_number("hour", fields.hour, within=range(24)),
                timezone=parse_timezone(fields.timezone),
                weekday=parse_weekday(fields.weekday or WEEKDAYS[0]),
            ),
            topics=fields.topics,
            language=fields.language,
            sender=_sender(fields.sender),
            reply_to=parse_address(fields.reply_to).address if fields.reply_to else None,
            postal_address=fields.postal_address or None,
            min_entries=_number("min entries", fields.min_entries, within=ENTRIES),
            max_entries=_number("max entries", fields.max_entries, within=ENTRIES),
            images=fields.images,
            review=review,
            review_time=review_time,
        )

    def _next(self, request: Request, session: Session) -> Response:
        page = NextIssuePage(
            site=self._site,
            found=self._desk.next_issue(slug_of(request)),
            languages=self._answers.private.menu(self._desk.languages).languages,
        )
        return self._answers.page(request, session, page)

    def _review(self, request: Request, session: Session, form: Form) -> Response:
        slug, drafts = slug_of(request), self._desk.drafts
        match form.text("do"):
            case "open":
                drafts.open(slug)
                act = DeskAct.OPEN
            case "save":
                drafts.change(slug, self._edits(form), version=form.text("version"))
                act = DeskAct.SAVE
            case "approve":
                # With what stands in the form: who changes a note and approves means both.
                edits, seen = self._edits(form), form.text("version")
                drafts.change(slug, edits, version=seen, approve=True)
                act = DeskAct.APPROVE
            case "test":
                self._desk.send_test(slug, form.text("to"))
                act = DeskAct.TEST
            case _:
                raise HTTPException(400)
        return self._answers.done(session, form, act, f"issue of {slug}")

    def _edits(self, form: Form) -> Edits:
        acts = {
            int(name.removeprefix("entry-")): value
            for name, value in form.fields
            if name.startswith("entry-") and NUMBER.fullmatch(name.removeprefix("entry-"))
        }
        lead = form.text("lead")
        texts = {
            language: EditorText(
                subject=form.text(f"subject-{language}").strip() or None,
                note=form.text(f"note-{language}").replace("\r\n", "\n").strip() or None,
            )
            for language in self._desk.languages
        }
        dropped, postponed, raised = (
            [entry_id for entry_id, value in acts.items() if value == act]
            for act in (DraftAct.DROP, DraftAct.POSTPONE, DraftAct.RAISE)
        )
        left_out = {*dropped, *postponed}
        lead_id = int(lead) if NUMBER.fullmatch(lead) else None
        return Edits(
            # Who leaves the lead out has no other yet.
            lead_id=None if lead_id in left_out else lead_id,
            raised=tuple(raised),
            dropped=frozenset(dropped),
            postponed=frozenset(postponed),
            texts=texts,
        )

    def _ask(self, request: Request, session: Session) -> Response:
        newsletter = self._desk.get(slug_of(request))
        expected = self._desk.forecast(newsletter)
        page = SendPage(site=self._site, newsletter=newsletter, forecast=expected)
        return self._answers.page(request, session, page)

    def _send(self, request: Request, session: Session, form: Form) -> Response:
        slug = slug_of(request)
        agreed = _number("recipients", form.text("recipients"), within=range(10**9))
        self._desk.send_now(slug, recipients=agreed)
        return self._answers.done(session, form, DeskAct.SEND, f"newsletter {slug}")

    def _letter(self, request: Request, session: Session) -> Response:
        del session
        slug, wanted = slug_of(request), request.query_params.get("language", "")
        language = wanted if wanted in self._desk.languages else self._desk.get(slug).language
        issue = self._desk.preview(slug, language=language)
        if issue is None:
            raise HTTPException(404)
        if request.query_params.get("format") == "text":
            headers = {"Content-Type": "text/plain; charset=utf-8", **PRIVATE}
            return responses.full_response(request, compress(issue.text.encode()), headers=headers)
        headers = {**responses.page_headers(LETTER_POLICY), **PRIVATE}
        return responses.full_response(request, compress(issue.html.encode()), headers=headers)


def _frequency(text: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError as error:
        raise InvalidError("frequency", text, f"expected one of {', '.join(Frequency)}") from error


def _number(kind: str, text: str, *, within: range) -> int:
    if not NUMBER_OR_ZERO.fullmatch(text) or int(text) not in within:
        raise InvalidError(kind, text, f"expected a number from {within[0]} to {within[-1]}")
    return int(text)


def _sender(text: str) -> str | None:
    if not text:
        return None
    found = parse_sender(text)
    return f"{found.name} <{found.address}>" if found.name else found.address


def _read_fields(form: Form) -> NewsletterFields:
    return NewsletterFields(
        slug=form.text("slug").strip(),
        title=form.text("title").strip(),
        frequency=form.text("frequency"),
        hour=form.text("hour"),
        timezone=form.text("timezone"),
        weekday=form.text("weekday"),
        language=form.text("language"),
        topics=form.every("topic"),
        sender=form.text("sender").strip(),
        reply_to=form.text("reply_to").strip(),
        postal_address=form.text("postal_address").strip(),
        min_entries=form.text("min_entries").strip(),
        max_entries=form.text("max_entries").strip(),
        images=bool(form.text("images")),
        review=form.text("review").strip(),
    )


def _fields_of(newsletter: Newsletter) -> NewsletterFields:
    schedule, span = newsletter.schedule, newsletter.review_time
    review = format_duration(span) if span else "yes" if newsletter.review else "no"
    return NewsletterFields(
        slug=newsletter.slug,
        title=newsletter.title,
        frequency=schedule.frequency,
        hour=str(schedule.hour),
        timezone=schedule.timezone,
        weekday=WEEKDAYS[schedule.weekday],
        language=newsletter.language,
        topics=newsletter.topics,
        sender=newsletter.sender or "",
        reply_to=newsletter.reply_to or "",
        postal_address=newsletter.postal_address or "",
        min_entries=str(newsletter.min_entries),
        max_entries=str(newsletter.max_entries),
        images=newsletter.images,
        review=review,
    )


def _empty(language: str) -> NewsletterFields:
    schedule = Schedule(frequency=Frequency.DAILY, hour=8, timezone="UTC")
    unnamed = Newsletter(
        id=0,
        slug="",
        title="",
        schedule=schedule,
        topics=(),
        language=language,
        reply_to=None,
        postal_address=None,
    )
    return _fields_of(unnamed)
