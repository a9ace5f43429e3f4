"""The pages behind the links to preferences: subscriptions, address, data."""

import json
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model.subscribers import SubscriberProfile
from tidings.subscribers.pages import (
    AddressPage,
    FarewellPage,
    Preference,
    PreferencesPage,
    StatusMessage,
    masked,
    to_form,
)
from tidings.templating.site import Site
from tidings.web.forms import EMPTY_FORM, NUMBER, Form, read_form
from tidings.web.private import PRIVATE, PrivateResponses
from tidings.web.services import SubscriberServices
from tidings.web.sign_up_pages import choice_in


class PreferencePages:
    """The pages of a subscriber's preferences."""

    def __init__(self, subscribers: SubscriberServices, answers: PrivateResponses) -> None:
        self._choices = subscribers.offers
        self._preferences = subscribers.preferences
        self._address_changes = subscribers.moving
        self._answers = answers
        self._menu = answers.menu(subscribers.languages)

    def routes(self) -> list[Route]:
        """Return the routes of the links."""
        return [
            Route("/preferences/{token}", self.preferences, methods=["GET", "POST"]),
            Route("/address/{token}", self.address, methods=["GET", "POST"]),
        ]

    async def preferences(self, request: Request) -> Response:
        """Answer with a subscriber's preferences, or change some of them."""
        if request.method != "POST":
            return await run_in_threadpool(self._page, request)
        # No check of the origin: the token in the address is the proof, and no other site knows it.
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, form)

    async def address(self, request: Request) -> Response:
        """Answer with a button that confirms a new address, or confirm it."""
        return await run_in_threadpool(self._address, request)

    def _act(self, request: Request, form: Form) -> Response:
        acts: dict[str, Callable[[Request, Form], Response]] = {
            "save": self._save,
            "move": self._move,
            "export": self._export,
            "sign out": self._sign_out,
            "forget": self._forget,
            **dict.fromkeys(("pause", "resume", "catch up", "end", "undo"), self._change),
        }
        try:
            # First: who has no valid link is told so, and nothing about what the form lacks.
            self._preferences.read(_token(request))
            act = acts.get(form.text("do"))
            if act is None:
                raise HTTPException(400)
            return act(request, form)
        except ConflictError:
            return self._page(request, said=StatusMessage.TOO_LATE)
        except NotFoundError:
            return self._answers.lost(request)

    def _save(self, request: Request, form: Form) -> Response:
        token, number, visitor = _token(request), _number(form), self._answers.visitor(request)
        try:
            self._preferences.save(token, number, choice_in(form), visitor)
        except InvalidError as error:
            return self._page(request, form, fault=error)
        return self._page(request, said=StatusMessage.SAVED)

    def _change(self, request: Request, form: Form) -> Response:
        theirs = _token(request), _number(form), self._answers.visitor(request)
        match form.text("do"):
            case "pause":
                self._preferences.pause(*theirs)
                said = StatusMessage.PAUSED
            case "resume":
                self._preferences.resume(*theirs, catches_up=False)
                said = StatusMessage.RESUMED
            case "catch up":
                self._preferences.resume(*theirs, catches_up=True)
                said = StatusMessage.RESUMED
            case "end":
                self._preferences.end(*theirs)
                said = StatusMessage.ENDED
            case _:
                self._preferences.undo(*theirs)
                said = StatusMessage.UNDONE
        return self._page(request, said=said)

    def _move(self, request: Request, form: Form) -> Response:
        try:
            self._address_changes.ask(_token(request), form.text("address"))
        except InvalidError as error:
            return self._page(request, form, fault=error)
        return self._page(request, said=StatusMessage.MOVING)

    def _export(self, request: Request, _: Form) -> Response:
        known = self._preferences.export(_token(request))
        headers = {
            **PRIVATE,
            "Content-Type": "application/json",
            "Content-Disposition": 'attachment; filename="subscriptions.json"',
        }
        return Response(json.dumps(known, ensure_ascii=False, indent=2), headers=headers)

    def _sign_out(self, request: Request, _: Form) -> Response:
        site = self._site(request, self._preferences.read(_token(request)))
        self._preferences.sign_out(_token(request), self._answers.visitor(request))
        return self._answers.page(request, FarewellPage(site=site, kind="signed-out"))

    def _forget(self, request: Request, form: Form) -> Response:
        # The browser checks the box as well; but forms are sent by scripts, too.
        if not form.text("sure"):
            return self._page(request, said=StatusMessage.UNSURE)
        # Before erasing: afterwards nobody knows the language.
        site = self._site(request, self._preferences.read(_token(request)))
        self._preferences.forget(_token(request))
        return self._answers.page(request, FarewellPage(site=site, kind="forgotten"))

    def _page(
        self,
        request: Request,
        form: Form = EMPTY_FORM,
        *,
        said: StatusMessage = StatusMessage.NOTHING,
        fault: InvalidError | None = None,
    ) -> Response:
        try:
            subscriber = self._preferences.read(_token(request))
        except NotFoundError:
            return self._answers.lost(request)
        is_address_changes, kind = form.text("do") == "move", fault.kind if fault else ""
        page = PreferencesPage(
            site=self._site(request, subscriber),
            menu=self._menu,
            address=masked(subscriber.address),
            preferences=self._shown(subscriber, form, fault="" if is_address_changes else kind),
            said=said,
            wanted=form.text("address") if is_address_changes else "",
            fault=kind if is_address_changes else "",
            detail=fault.detail if fault else "",
        )
        is_wrong = fault or said is StatusMessage.UNSURE
        return self._answers.page(request, page, status=422 if is_wrong else 200)

    def _shown(
        self, subscriber: SubscriberProfile, form: Form, *, fault: str
    ) -> tuple[Preference, ...]:
        """Return the subscriptions; the one with a fault as it was filled in."""
        faulty = _number(form) if fault else None
        shown = []
        for one in subscriber.subscriptions:
            # What was typed is shown again, or people would have to fill in all of it once more.
            choice = choice_in(form) if one.id == faulty else to_form(one)
            shown.append(
                Preference(
                    subscription=one,
                    offer=self._choices.get(one.newsletter.slug),
                    choice=choice,
                    fault=fault if one.id == faulty else "",
                    can_undo=self._answers.can_undo(one),
                )
            )
        return tuple(shown)

    def _address(self, request: Request) -> Response:
        token = _token(request)
        try:
            if request.method == "POST":
                subscriber = self._address_changes.confirm(token, self._answers.visitor(request))
                page = AddressPage(site=self._site(request, subscriber), is_done=True)
                return self._answers.page(request, page)
            self._address_changes.look(token)
        except NotFoundError:
            return self._answers.lost(request)
        page = AddressPage(site=self._answers.site_for(request), is_done=False)
        return self._answers.page(request, page)

    def _site(self, request: Request, subscriber: SubscriberProfile) -> Site:
        """Return what pages share, in the language of a subscriber's messages."""
        first = next(iter(subscriber.subscriptions), None)
        return self._answers.site_for(request, known=first.language if first else None)


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    return token


def _number(form: Form) -> int:
    number = form.text("subscription")
    if not NUMBER.fullmatch(number):
        raise HTTPException(400)
    return int(number)
