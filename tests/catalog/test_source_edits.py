"""What the operator changes in a source, and that it is remembered."""

import pytest

from parsed_entries import HOUR, NOON, an_entry
from tidings.catalog import change_log, entries, source_edits, sources
from tidings.catalog.source_edits import SourceEdit
from tidings.errors import ConflictError
from tidings.model.access import Access
from tidings.model.entries import Republish
from tidings.model.sources import SourceState


def found(database, source_id):
    with database.read() as connection:
        return sources.get(connection, source_id)


def edit(database, source_id, **fields):
    with database.write() as connection:
        source_edits.edit(connection, source_id, SourceEdit(**fields), now=NOON + HOUR)


def test_rights_and_the_wish_not_to_be_indexed_reach_every_entry(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry())

    edit(database, source_id, republish=Republish.EXCERPT, noindex=True)

    with database.read() as connection:
        shown = entries.get(connection, 1)
    assert (shown.source.republish, shown.source.noindex) == (Republish.EXCERPT, True)
    assert (found(database, source_id).republish, found(database, source_id).noindex) == (
        Republish.EXCERPT,
        True,
    )


def test_what_an_edit_leaves_out_stays_as_it_is(database, follow):
    source_id = follow(title="Mine")
    edit(database, source_id, noindex=True, republish=Republish.TITLE)

    edit(database, source_id, noindex=False)

    stays = found(database, source_id)
    assert (stays.title, stays.republish, stays.noindex) == ("Mine", Republish.TITLE, False)


def test_every_edit_is_remembered_by_the_names_of_what_changed(database, follow):
    source_id = follow()

    edit(database, source_id, title="Mine", noindex=True)
    edit(database, source_id, access=Access(user="reader", password="canary"))

    words = [one.text for one in found(database, source_id).history]
    assert words == ["changed by the operator: title, noindex", "changed by the operator: access"]


def test_a_source_that_is_paused_is_not_made_due(database, follow):
    source_id = follow()
    with database.write() as connection:
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=NOON)

    with database.write() as connection, pytest.raises(ConflictError, match="is paused: resume it"):
        source_edits.make_due(connection, source_id, now=NOON + HOUR)


def test_pausing_shows_on_the_page_of_the_source(database, follow):
    source_id = follow()

    def change():
        with database.read() as connection:
            return change_log.get_change(connection, change_log.of_source("example-org"))[0]

    before = change()
    with database.write() as connection:
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=NOON)

    assert change() > before
