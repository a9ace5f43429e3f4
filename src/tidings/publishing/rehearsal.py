"""Rehearsal: one page and one feed of each kind, made before the first visitor asks for any.

Templates are compiled and statements built on first use, which takes several times as long as a page
does from then on.
"""

from collections.abc import Iterator
from contextlib import suppress

from tidings.catalog import change_log, topics
from tidings.catalog.entries import Selection
from tidings.db.database import Connection, Database
from tidings.errors import TidingsError
from tidings.model.scopes import (
    EVERYTHING,
    Address,
    EntryAddress,
    FeedAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.publishing.publication import Publication
from tidings.publishing.store import pages
from tidings.search.query import SearchInput


def rehearse(publication: Publication, database: Database) -> None:
    """Make a document of each kind that visitors ask for most, and forget it."""
    with suppress(TidingsError):
        with database.read() as connection:
            addresses = list(_addresses(connection))
        for address in addresses:
            # What cannot be made is an error when somebody asks for it: there may be no such page.
            with suppress(TidingsError):
                publication.stamp(address)
                publication.body(address)


def _addresses(connection: Connection) -> Iterator[Address]:
    yield PageAddress(scope=EVERYTHING)
    yield PageAddress(scope=EVERYTHING, number=1)
    yield FeedAddress(scope=EVERYTHING, form="atom")
    yield ListAddress(name="topics")
    yield ListAddress(name="sources", number=None)
    front = pages.get_span(connection, change_log.ALL, None)
    for entry_id in pages.ids_on(connection, Selection(), front, most=1):
        yield EntryAddress(id=entry_id)
    for topic in topics.every(connection)[:1]:
        yield PageAddress(scope=Scope(kind="topic", slug=topic.slug))
    # A word that many entries have: its hits are shown with their surroundings.
    yield PageAddress(scope=Scope(kind="query", slug=SearchInput(q="a").encoded))
