"""Responses to subscribers: in their language, and cached by nobody."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from tidings.model.newsletters import WEEKDAYS, Frequency, Subscription
from tidings.model.subscribers import Network, Visitor, can_undo, visitor_address
from tidings.operator.pages import NextIssuePage, OperatorPage
from tidings.publishing import views
from tidings.subscribers.pages import (
    InvalidLinkPage,
    Menu,
    NewslettersPage,
    SubscribePage,
    SubscriberPage,
    regions,
)
from tidings.templating.engine import Templates
from tidings.templating.site import Site
from tidings.web import responses
from tidings.web.response_cache import compress
from tidings.web.responses import in_wanted_language

# A subscriber's page is stored by no cache, and found by no search engine.
PRIVATE = MappingProxyType({"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})


class PrivateResponses:
    """Makes responses to subscribers.

    Args:
        site: What all pages share.
        templates: Of the pages.
        trusted: Proxies whose `X-Forwarded-For` is believed.
        clock: Aware UTC.
    """

    def __init__(
        self,
        site: Site,
        templates: Templates,
        *,
        trusted: Sequence[Network],
        clock: Callable[[], datetime],
    ) -> None:
        self.site = site
        self._templates = templates
        self._trusted = trusted
        self._clock = clock

    def page(
        self, request: Request, page: SubscriberPage | OperatorPage, *, status: int = 200
    ) -> Response:
        """Answer with a page."""
        body = compress(views.render(page, self._templates))
        # Operators look at letters in frames.
        framing = "; frame-src 'self'" if isinstance(page, NextIssuePage) else ""
        headers = {**responses.page_headers(responses.PAGE_POLICY + framing), **PRIVATE}
        if isinstance(page, NewslettersPage | SubscribePage):
            # Pages for everybody, which search engines may find.
            del headers["X-Robots-Tag"]
        return responses.full_response(request, body, headers=headers, status=status)

    def lost(self, request: Request) -> Response:
        """Answer to an invalid or outdated link."""
        return self.page(request, InvalidLinkPage(site=self.site_for(request)), status=404)

    def site_for(self, request: Request, *, known: str | None = None) -> Site:
        """Return what pages share, in the language that a visitor asks for by `?lang=`.

        Without that in `known`, that of their letters; failing that, in their browser's.
        """
        return in_wanted_language(request, self.site, self._templates, known=known)

    def menu(self, languages: Collection[str]) -> Menu:
        """Return the choices that all newsletters share; `languages` are those of messages."""
        # Both: who chooses a language gets pages and letters in it.
        known = sorted(set(languages) & set(self._templates.languages))
        return Menu(
            frequencies=tuple(Frequency),
            weekdays=WEEKDAYS,
            regions=regions(),
            languages={one: self._templates.words(one)("own-name") for one in known},
        )

    def can_undo(self, subscription: Subscription) -> bool:
        """Tell whether a subscription has ended, and its subscriber can restore it."""
        return can_undo(subscription, now=self._clock())

    def wording(self, site: Site, newsletter: str) -> str:
        """Return the sentence that somebody who signs up agrees to, for the consent record."""
        return self._templates.words(site.language)("agree", newsletter=newsletter)

    def visitor(self, request: Request) -> Visitor:
        """Return the visitor: network and language."""
        peer = request.client.host if request.client else ""
        # A list: each proxy on the way may add a line of its own.
        forwarded = request.headers.getlist("x-forwarded-for")
        return Visitor(network=visitor_address(peer, forwarded, trusted=self._trusted))
