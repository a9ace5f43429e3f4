"""The pages for readers, in front of a house on a real database."""

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import select

from browser.showcase import SITE, Showcase, shipped_templates
from subscriber_service import LANGUAGES, SubscriberService
from tidings.catalog import topics
from tidings.db.all_tables import all_tables
from tidings.model.subscribers import parse_networks
from tidings.subscribers.sign_up import NewsletterChoices
from tidings.web.routes import create_app
from tidings.web.services import SubscriberServices, TokenServices
from web.visitors import Operations

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
WAIT = timedelta(seconds=20)
"""How long the people of these tests take to fill in a form."""


class SubscriberPages:
    """Where people sign up for a newsletter with topics, and change their minds; `visitor` asks."""

    def __init__(self, database, *titles):
        self.house = SubscriberService(database)
        self.visitor = None
        self.house.room.add_newsletter(title="Morning tidings")
        with database.write() as connection:
            for title in titles:
                slug = title.lower().replace(" ", "-")
                topics.add(connection, slug, title=title, now=self.house.room.now)

    def app(self, *, trusted=()):
        house = self.house
        readers = SubscriberServices(
            offers=NewsletterChoices(house.database),
            subscribing=house.subscribing,
            preferences=house.preferences,
            moving=house.moving,
            languages=LANGUAGES,
        )
        tokens = TokenServices(
            unsubscribing=house.leaving,
            callbacks=None,
            subscribers=readers,
            trusted=parse_networks(trusted),
            clock=house.clock,
        )
        return create_app(
            Showcase(replace(SITE, has_forms=True)),
            SITE,
            templates=shipped_templates(),
            tokens=tokens,
            probes=Operations(),
        )

    def get(self, path, **headers):
        return self.visitor.ask(path, **headers)

    def post(self, path, fields=(), **headers):
        body = urlencode(fields, doseq=True).encode()
        return self.visitor.ask(path, method="POST", body=body, **(FORM | headers))

    def stamp(self, page=None):
        """Return the signed time in a form, of now if no page is given."""
        page = page or self.get("/subscribe/news")
        return re.search(rb'name="stamp" value="([^"]+)"', page.body)[1].decode()

    def sign_up(self, address="ann@example.org", *, headers=None, **fields):
        """Fill in the form as people do."""
        filled = {"address": address, "stamp": self.stamp()} | fields
        self.house.wait(WAIT)
        return self.post("/subscribe/news", filled, **(headers or {}))

    def confirm_path(self):
        return f"/confirm/{self.house.confirm_token()}"

    def preferences_path(self, key="ann@example.org"):
        return f"/preferences/{self.house.token(key)}"

    def unsubscribe_path(self, number):
        return f"/unsubscribe/{self.house.way_out(number)}"

    def paths(self):
        """Bring about a good link of each kind; return their addresses by kind."""
        number = self.house.room.subscribe()
        preferences = self.preferences_path()
        self.post(preferences, {"do": "move", "address": "new@example.org"})
        self.sign_up("other@example.org")
        return {
            "confirm": self.confirm_path(),
            "preferences": preferences,
            "address": f"/address/{self.house.address_token()}",
            "unsubscribe": self.unsubscribe_path(number),
        }

    def everything(self):
        """Return the whole database."""
        with self.house.database.read() as connection:
            return {
                table.name: sorted(map(str, connection.execute(select(table))))
                for table in all_tables()
            }
