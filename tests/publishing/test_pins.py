"""Entries on top of the first page."""

import pytest
from sqlalchemy import select, update

from parsed_entries import HOUR, NOON, an_entry
from tidings.catalog import change_log, entries
from tidings.db.tables import entry
from tidings.errors import ConflictError, NotFoundError
from tidings.model.entries import EntryState
from tidings.polling.store import visibility
from tidings.publishing.store import pins


@pytest.fixture
def ids(database, follow, poll):
    """Publish two entries of a source; return their ids."""
    poll(follow(topics=[]), an_entry("urn:1"), an_entry("urn:2"))
    with database.read() as connection:
        return list(connection.scalars(select(entry.c.id).order_by(entry.c.id)))


def do(database, what, *entry_ids, now=NOON + HOUR):
    with database.write() as connection:
        return what(connection, entry_ids, now=now)


def test_what_is_pinned_stays_so_until_it_is_not(database, ids):
    changed = [
        do(database, pins.pin, *ids),
        do(database, pins.pin, ids[0], now=NOON + 2 * HOUR),
        do(database, pins.unpin, ids[1]),
        do(database, pins.unpin, ids[1]),
    ]

    with database.read() as connection:
        pinned = [entries.get(connection, one).pinned_at for one in ids]
        history = connection.scalar(select(entry.c.history).where(entry.c.id == ids[1]))
    assert changed == [ids, [], [ids[1]], []]
    assert pinned == [NOON + HOUR, None]
    assert [words for _, words in history] == ["pinned by the operator", "unpinned by the operator"]


def test_pinning_is_a_visible_change_of_pages_and_none_of_the_entry(database, ids):
    def changes():
        with database.read() as connection:
            scopes = [change_log.ALL, change_log.of_source("example-org"), change_log.SOURCES]
            return [change_log.get_change(connection, scope)[0] for scope in scopes]

    def shown():
        with database.read() as connection:
            found = entries.get(connection, ids[0])
            return found.change, found.changed_at, found.seq

    before, was = changes(), shown()

    do(database, pins.pin, ids[0])

    after = changes()
    assert [now > old for now, old in zip(after, before, strict=True)] == [True, True, False]
    assert shown() == was


@pytest.mark.parametrize("state", [one for one in EntryState if one is not EntryState.PUBLIC])
def test_only_what_is_public_is_pinned(database, ids, state):
    with database.write() as connection:
        connection.execute(update(entry).where(entry.c.id == ids[1]).values(state=state))

    with pytest.raises(ConflictError, match=f"is {state}, not public"):
        do(database, pins.pin, *ids)

    with database.read() as connection:
        assert entries.get(connection, ids[0]).pinned_at is None


def test_what_is_not_there_is_not_pinned(database, ids):
    with pytest.raises(NotFoundError):
        do(database, pins.unpin, *ids, 4711)


def test_the_newest_pin_is_on_top_and_what_is_hidden_is_not_there(database, ids):
    do(database, pins.pin, ids[0])
    do(database, pins.pin, ids[1], now=NOON + 2 * HOUR)
    with database.read() as connection:
        before = pins.on_top(connection)

    with database.write() as connection:
        visibility.hide(connection, [ids[1]], now=NOON + 3 * HOUR)

    with database.read() as connection:
        after = pins.on_top(connection)
    assert (before, after) == (ids[::-1], ids[:1])
