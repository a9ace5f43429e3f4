"""The pages of signing up, and of confirming by the link in the message that follows."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import InvalidError, NotFoundError
from tidings.model.newsletters import WEEKDAYS, Subscription
from tidings.model.subscribers import PreferencesForm, SignUpForm
from tidings.subscribers.pages import (
    AskedPage,
    ConfirmPage,
    NewsletterChoice,
    NewslettersPage,
    SubscribePage,
)
from tidings.subscribers.sign_up import SignUpAnswer
from tidings.web.forms import EMPTY_FORM, Form, read_form, refuse_cross_site
from tidings.web.private import PrivateResponses
from tidings.web.services import SubscriberServices

# What the consent record and the limits call our form.
FORM_NAME = "page"

STATUSES = {SignUpAnswer.TAKEN: 200, SignUpAnswer.AGAIN: 422, SignUpAnswer.LATER: 429}


class SubscribePages:
    """The sign-up pages; the answer is the same whether an address is known or not."""

    def __init__(self, subscribers: SubscriberServices, answers: PrivateResponses) -> None:
        self._choices = subscribers.offers
        self._subscribing = subscribers.subscribing
        self._answers = answers
        self._menu = answers.menu(subscribers.languages)

    def routes(self) -> list[Route]:
        """Return the routes of the forms and of the links in the messages that follow."""
        return [
            Route("/subscribe", self.newsletters),
            Route("/subscribe/{slug}", self.subscribe, methods=["GET", "POST"]),
            Route("/confirm/{token}", self.confirm, methods=["GET", "POST"]),
        ]

    def newsletters(self, request: Request) -> Response:
        """Answer with all newsletters; with the form if there is a single one."""
        every = self._choices.every()
        if len(every) == 1:
            return self._form(request, self._choices.get(every[0].slug))
        page = NewslettersPage(site=self._answers.site_for(request), newsletters=every)
        return self._answers.page(request, page)

    async def subscribe(self, request: Request) -> Response:
        """Answer with the form, or process it."""
        slug: str = request.path_params["slug"]
        if request.method != "POST":
            offer = await run_in_threadpool(self._choices.get, slug)
            return await run_in_threadpool(self._form, request, offer)
        # Or any page could sign up its visitors, from their own networks.
        refuse_cross_site(request, self._answers.site.base_url)
        form = await read_form(request)
        return await run_in_threadpool(self._ask, request, form)

    async def confirm(self, request: Request) -> Response:
        """Answer with a button (GET changes nothing: mail scanners follow links), or confirm."""
        return await run_in_threadpool(self._confirm, request)

    def _ask(self, request: Request, form: Form) -> Response:
        offer = self._choices.get(request.path_params["slug"])
        site, newsletter = self._answers.site_for(request), offer.newsletter
        preferences = SignUpForm(
            newsletter=newsletter.slug,
            address=form.text("address"),
            choice=choice_in(form),
            form=FORM_NAME,
            # The sentence itself goes into the record: it may be worded otherwise next year.
            wording=self._answers.wording(site, newsletter.title),
            # A field that people do not see, and programs fill in.
            honeypot=form.text("homepage"),
            rendered=form.text("stamp"),
        )
        try:
            answer = self._subscribing.ask(preferences, self._answers.visitor(request))
        except InvalidError as error:
            return self._form(request, offer, form, fault=error)
        if answer is not SignUpAnswer.TAKEN:
            return self._form(request, offer, form, answer=answer)
        # Also to an address that is subscribed already: nobody learns who is.
        return self._answers.page(request, AskedPage(site=site, newsletter=newsletter))

    def _form(
        self,
        request: Request,
        offer: NewsletterChoice,
        filled: Form = EMPTY_FORM,
        *,
        fault: InvalidError | None = None,
        answer: SignUpAnswer = SignUpAnswer.TAKEN,
    ) -> Response:
        usual = offer.newsletter.schedule
        site = self._answers.site_for(request)
        language = site.language if site.language in self._menu.languages else None
        choice = PreferencesForm(
            frequency=filled.text("frequency") or usual.frequency,
            hour=filled.text("hour") or str(usual.hour),
            timezone=filled.text("timezone") or usual.timezone,
            weekday=filled.text("weekday") or WEEKDAYS[usual.weekday],
            language=filled.text("language") or language or offer.newsletter.language,
            topics=filled.every("topic"),
        )
        page = SubscribePage(
            site=site,
            offer=offer,
            menu=self._menu,
            choice=choice,
            address=filled.text("address"),
            stamp=self._stamp(filled, answer),
            fault=fault.kind if fault else "",
            detail=fault.detail if fault else "",
            again="" if answer is SignUpAnswer.TAKEN else answer.value,
        )
        status = 422 if fault else STATUSES[answer]
        return self._answers.page(request, page, status=status)

    def _stamp(self, filled: Form, answer: SignUpAnswer) -> str:
        # Dated back: the form is filled in already, so sending it at once is no sign of a bot.
        if answer is SignUpAnswer.AGAIN:
            return self._subscribing.stamp(is_again=True)
        return filled.text("stamp") or self._subscribing.stamp()

    def _confirm(self, request: Request) -> Response:
        token: str = request.path_params["token"]
        try:
            found = self._subscribing.look(token)
            if request.method == "POST":
                found = self._subscribing.confirm(token, self._answers.visitor(request))
        except NotFoundError:
            return self._answers.lost(request)
        if isinstance(found, Subscription):
            # Confirmed, and left since: the link of then must not say that they are subscribed.
            if found.ended_at is not None:
                return self._answers.lost(request)
            language, is_done = found.language, True
        else:
            language, is_done = found.preferences.language, False
        page = ConfirmPage(
            site=self._answers.site_for(request, known=language),
            newsletter=found.newsletter.title,
            is_done=is_done,
        )
        return self._answers.page(request, page)


def choice_in(form: Form) -> PreferencesForm:
    """Return the preferences in a form."""
    return PreferencesForm(
        frequency=form.text("frequency"),
        hour=form.text("hour"),
        timezone=form.text("timezone"),
        weekday=form.text("weekday"),
        language=form.text("language"),
        topics=form.every("topic"),
    )
