"""A site with news on a real database, and an operator in front of it."""

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from browser.showcase import SITE, Readers, shipped_templates
from newsletter_site import NewsletterSite
from subscriber_service import SECRET
from tidings.app.app import App
from tidings.app.polling import polling
from tidings.config import listed, load
from tidings.model.operators import Role
from tidings.operator.delivery_desk import DeliveryDesk
from tidings.operator.inbox_desk import InboxDesk
from tidings.operator.moderation import OperatorActions, Overview
from tidings.operator.newsletter_desk import MailRoom, NewsletterDesk
from tidings.operator.people_desk import PeopleDesk
from tidings.operator.service import ServiceDesk
from tidings.operator.sessions import Sessions, issue
from tidings.operator.source_desk import SourceDesk
from tidings.operator.status import status_document
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext
from tidings.resources import data_dir
from tidings.subscribers.signed_links import SignedLinks
from tidings.web.routes import create_app
from tidings.web.services import OperatorServices, TokenServices
from web.visitors import Operations

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
COOKIE = re.compile(r"((?:__\w+-)?tidings-operator)=([\w-]{43})")


class Figures(Operations):
    """Probes, with the figures of a real database."""

    def __init__(self, database, clock):
        super().__init__()
        self._database = database
        self._clock = clock

    def figures(self):
        return status_document(self._database, now=self._clock())


class OperatorSite:
    """Where an operator signs in and acts; `visitor` asks, and `cookie` is what it sends."""

    def __init__(self, database, *, base_url="http://news.example", language="en"):
        self.room = NewsletterSite(database)
        self.database = database
        self.base_url = base_url
        self.language = language
        self.links = SignedLinks(SECRET)
        self.sessions = Sessions(database, links=self.links, clock=self.clock)
        self.visitor = None
        # `host:port` of publishers on loopback.
        self.allow = ""
        self.cookie = ""

    def clock(self):
        return self.room.now

    def app(self):
        site = replace(SITE, base_url=self.base_url, language=self.language, has_forms=True)
        settings = load(data_dir("config") / "tidings.toml", None, {"TIDINGS_WEB__PORT": "8001"})
        context = SiteContext(
            settings=settings.publish,
            site=site,
            templates=shipped_templates(),
            page_path=lambda path, number: f"{path}?page={number}",
        )
        operators = OperatorServices(
            sessions=self.sessions,
            operating=OperatorActions(self.database, clock=self.clock),
            overview=Overview(self.database),
            newsletters=NewsletterDesk(
                self.database,
                clock=self.clock,
                mail=MailRoom(
                    composer=self.room.composer,
                    messages=lambda: None,
                    sender=lambda: None,
                    planner=self.room.planner,
                ),
                languages=("en", "zh"),
            ),
            deliveries=DeliveryDesk(self.database, clock=self.clock),
            people=PeopleDesk(
                self.database, links=self.links, clock=self.clock, languages=("en", "zh")
            ),
            service=ServiceDesk(self.database, clock=self.clock, settings=tuple(listed(settings))),
            sources=SourceDesk(self.database, clock=self.clock, probing=self.probing),
            inbox=InboxDesk(self.database, clock=self.clock),
        )
        return create_app(
            Publication(self.database, context),
            site,
            templates=context.templates,
            tokens=TokenServices(Readers(), None, None, (), self.clock, operators),
            probes=Figures(self.database, self.clock),
        )

    @contextmanager
    def probing(self):
        """Start what asks publishers."""
        settings = load(
            data_dir("config") / "tidings.toml",
            None,
            {"TIDINGS_FETCH__ALLOW": self.allow, "TIDINGS_FETCH__HOST_INTERVAL": "0s"},
        )
        with polling(App(settings=settings, database=self.database)) as found:
            yield found

    def token(self, *, days=30, role=Role.ALL):
        """Return a fresh token, and its number."""
        lifetime = timedelta(days=days)
        issued = issue(self.database, label="", role=role, lifetime=lifetime, now=self.room.now)
        return issued.text, issued.token.id

    def get(self, path, **headers):
        return self.visitor.ask(path, **(self._with_cookie() | headers))

    def post(self, path, fields=(), **headers):
        body = urlencode(fields, doseq=True).encode()
        return self.visitor.ask(
            path, method="POST", body=body, **(FORM | self._with_cookie() | headers)
        )

    def sign_in(self, token=None):
        """Sign in, and keep the cookie as a browser does."""
        self.cookie = ""
        answer = self.post("/operator", {"token": token or self.token()[0]})
        name, secret = COOKIE.search(answer.headers["set-cookie"]).groups()
        self.cookie = f"{name}={secret}"
        return answer

    def proof(self):
        page = self.get("/operator")
        return re.search(rb'name="proof" value="(\w+)"', page.body)[1].decode()

    def act(self, do, entry_id, *, back="/", **fields):
        filled = {"do": do, "entry": entry_id, "back": back, "proof": self.proof()}
        return self.post("/operator/entries", filled | fields)

    def act_on(self, slug, do, **fields):
        filled = {"do": do, "back": f"/sources/{slug}", "proof": self.proof()}
        return self.post(f"/operator/sources/{slug}", filled | fields)

    def _with_cookie(self):
        return {"Cookie": self.cookie} if self.cookie else {}
