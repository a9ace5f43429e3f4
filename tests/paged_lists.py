"""Lists of entries on a real database, with pages that are cut small."""

from datetime import timedelta

from sqlalchemy import select, update

from newsletter_site import NewsletterSite
from parsed_entries import HOUR, NOON, an_entry
from polls_by_hand import read_poll
from tidings.catalog import entries
from tidings.catalog.entries import Selection
from tidings.db.tables import entry
from tidings.model.scopes import PageAddress, Scope
from tidings.polling.store import leases, polls, visibility
from tidings.publishing.repaginate import repaginate
from tidings.publishing.site_context import key_of, last_change
from tidings.publishing.store import pages

SIZE = 3
EVERYTHING = Scope(kind="all")
MINUTE = timedelta(minutes=1)


class PagedLists:
    """Lists on a real database; entries are told by when they were published, in minutes."""

    def __init__(self, database):
        self.database = database
        self.room = NewsletterSite(database)

    def publish(self, source_id, *minutes):
        """Let entries become public."""
        found = [
            an_entry(f"urn:{source_id}:{n}", published=NOON - 10 * HOUR + n * MINUTE)
            for n in minutes
        ]
        with self.database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            polls.save(connection, "test", [read_poll(due, *found, known=known)])
            connection.execute(update(entry).values(folded=False))

    def keep(self, size=SIZE):
        repaginate(self.database, size=size, clock=lambda: NOON)

    def span(self, number=None, scope=EVERYTHING):
        with self.database.read() as connection:
            return pages.get_span(connection, key_of(scope), number)

    def page(self, number=None, scope=EVERYTHING):
        """Return what stands on a page, newest first."""
        selection = Selection(topic=scope.slug or None, folded=False, one_per_story=True)
        with self.database.read() as connection:
            span = pages.get_span(connection, key_of(scope), number)
            ids = pages.ids_on(connection, selection, span, most=1000)
            shown = entries.in_order(connection, ids)
        return [int(one.guid.rpartition(":")[2]) for one in shown]

    def pages(self, scope=EVERYTHING):
        """Return what stands on every page, the oldest first, the front last."""
        numbers = range(1, self.span(scope=scope).last + 1)
        return [self.page(number, scope) for number in (*numbers, None)]

    def stamps(self, scope=EVERYTHING):
        """Return the stamps of all numbered pages, the oldest first."""
        numbers = range(1, self.span(scope=scope).last + 1)
        return [self.stamp(PageAddress(scope=scope, number=number)) for number in numbers]

    def stamp(self, address):
        with self.database.read() as connection:
            return last_change(connection, address)[0]

    def id_of(self, minute):
        with self.database.read() as connection:
            guids = entry.c.guid.endswith(f":{minute}")
            return connection.scalars(select(entry.c.id).where(guids)).one()

    def hide(self, *minutes):
        with self.database.write() as connection:
            visibility.hide(connection, [self.id_of(n) for n in minutes], now=NOON)
