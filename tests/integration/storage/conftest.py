"""Sources that can be followed and polled by hand."""

from collections.abc import Callable

import pytest

from factories import NOON
from polling import read_poll
from tidings.catalog import sources
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.model.feed import ParsedEntry
from tidings.polling.store import leases, polls


@pytest.fixture
def follow(database: Database) -> Callable[..., int]:
    """Add a source and return its id."""

    def add(url: str = "https://example.org/feed", **fields) -> int:
        with database.write() as connection:
            return sources.add(connection, [NewSource(url=url, **fields)], now=NOON)[0]

    return add


@pytest.fixture
def poll(database: Database) -> Callable[..., None]:
    """Poll a source: these entries are what its document holds."""

    def save(source_id: int, *entries: ParsedEntry, now=NOON, owner="test") -> None:
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, owner, due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            settled = read_poll(due, *entries, known=known, now=now)
            polls.save(connection, owner, [settled])

    return save
