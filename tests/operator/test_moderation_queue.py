"""What operators find to do."""

from sqlalchemy import insert, select

from parsed_entries import NOON, an_entry
from tidings.db.tables import entry
from tidings.model.entries import EntryState
from tidings.operator.store import moderation
from tidings.polling.store import visibility


def test_what_never_was_public_is_not_listed_as_hidden(database, follow, poll):
    poll(follow(), *(an_entry(f"urn:example:{n}") for n in range(3)))
    with database.write() as connection:
        rows = connection.execute(select(entry.c.state, entry.c.id))
        by_state = {row.state: row.id for row in rows}
        both = [by_state[EntryState.PUBLIC], by_state[EntryState.BACKFILL]]
        visibility.hide(connection, both, now=NOON)

        found = moderation.read_queue(connection)

    assert [one.id for one in found.hidden] == [by_state[EntryState.PUBLIC]]


def test_no_more_is_shown_than_can_be_looked_through_and_all_is_counted(database, follow, poll):
    poll(follow(), an_entry())
    with database.write() as connection:
        [row] = connection.execute(select(entry)).mappings()
        held = dict(row) | {"state": EntryState.HELD, "seq": None}
        copies = [
            {name: value for name, value in held.items() if name != "id"}
            | {"key": bytes([n]), "atom_id": f"urn:{n}"}
            for n in range(moderation.MOST + 1)
        ]
        connection.execute(insert(entry), copies)

        found = moderation.read_queue(connection)

        assert len(found.held) == moderation.MOST
        assert moderation.count_pending(connection) == moderation.MOST + 1
        assert [one.entries for one in found.waiting] == [moderation.MOST + 1]
