"""Sources that get another address: by themselves, by the operator, and back."""

from dataclasses import replace

import pytest

from parsed_entries import DAY, HOUR, NOON, an_entry
from polls_by_hand import failed_poll, read_poll
from tidings.catalog import change_log, source_edits, sources
from tidings.catalog.source_edits import SourceEdit
from tidings.errors import ConflictError, NotFoundError
from tidings.model.sources import SourceState
from tidings.polling.store import leases, polls
from tidings.polling.store.leases import LeaseRequest

OLD, NEW = "https://old.example/feed", "https://new.example/feed"


@pytest.fixture
def move(database):
    """Poll a source that moves with this poll."""

    def move(source_id, url=NEW, **fields):
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            polled = read_poll(due, an_entry(), known=known)
            moved = replace(
                polled, new_url=url, former_url=due.url, metadata_changed=True, **fields
            )
            polls.save(connection, "test", [moved])

    return move


def shown(database, source_id):
    with database.read() as connection:
        return sources.get(connection, source_id)


def due_of(database, source_id):
    with database.read() as connection:
        [due] = leases.due(connection, [source_id])
    return due


def test_a_source_that_moved_is_polled_at_its_new_host(database, follow, move):
    source_id = follow(OLD)

    move(source_id)

    assert (shown(database, source_id).url, shown(database, source_id).former_url) == (NEW, OLD)
    with database.write() as connection:
        leases.release_all(connection, "test")
        [[due]] = leases.claim(
            connection, "next", wanted=LeaseRequest(due_at=NOON + 9 * DAY), limit=5
        )
    assert (due.host, due.url) == ("new.example:443", NEW)


def test_a_move_is_told_to_readers_of_the_list_of_sources(database, follow, move):
    source_id = follow(OLD)
    with database.read() as connection:
        before, _ = change_log.get_change(connection, change_log.SOURCES)

    move(source_id)

    with database.read() as connection:
        assert change_log.get_change(connection, change_log.SOURCES)[0] > before


def test_a_source_goes_back_where_it_was_and_stays_there(database, follow, move):
    source_id = follow(OLD)
    move(source_id)

    with database.write() as connection:
        back = source_edits.revert_redirect(connection, source_id, now=NOON + HOUR)

    found, due = shown(database, source_id), due_of(database, source_id)
    assert (back, found.url, found.former_url) == (OLD, OLD, None)
    assert (due.host, due.keeps_url, due.etag) == ("old.example:443", True, None)
    assert found.next_poll_at == NOON + HOUR
    assert found.history[-1].text == f"back to {OLD}, to stay"


def test_what_did_not_move_does_not_go_back(database, follow):
    source_id = follow(OLD)

    with database.write() as connection, pytest.raises(ConflictError, match="did not move"):
        source_edits.revert_redirect(connection, source_id, now=NOON)
    with database.write() as connection, pytest.raises(NotFoundError):
        source_edits.revert_redirect(connection, 99, now=NOON)


def test_a_source_does_not_go_back_where_another_one_is_now(database, follow, move):
    source_id = follow(OLD)
    move(source_id)
    follow(OLD)

    with database.write() as connection, pytest.raises(ConflictError, match="exists already"):
        source_edits.revert_redirect(connection, source_id, now=NOON)


def test_a_notice_stays_until_it_is_taken_back(database, follow, move):
    source_id = follow(OLD)
    notices = []

    for notice in ("remove one of them", None, ""):
        move(source_id, url=None, notice=notice)
        notices.append(shown(database, source_id).notice)

    assert notices == ["remove one of them", "remove one of them", None]


def test_an_interval_of_the_operator_counts_at_once_until_it_is_taken_away(database, follow):
    source_id = follow(OLD)
    intervals = []

    for interval in (3 * HOUR, None, 0 * HOUR):
        with database.write() as connection:
            source_edits.edit(connection, source_id, SourceEdit(interval=interval), now=NOON + HOUR)
        intervals.append(shown(database, source_id).given_interval)

    assert intervals == [3 * HOUR, 3 * HOUR, None]
    assert "operator" in (shown(database, source_id).next_poll_because or "")


def test_a_source_that_is_resumed_begins_anew_with_being_gone(database, follow):
    source_id = follow(OLD)
    with database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        gone = replace(failed_poll(due), state=SourceState.RETIRED, gone_at=NOON)
        polls.save(connection, "test", [gone])

    with database.write() as connection:
        source_edits.set_state(connection, source_id, SourceState.ACTIVE, now=NOON + DAY)

    assert due_of(database, source_id).gone_at is None
    assert shown(database, source_id).state is SourceState.ACTIVE
    assert shown(database, source_id).next_poll_at == NOON + DAY


def test_another_address_makes_forget_what_was_known_of_the_former(database, follow, move):
    source_id = follow(OLD)
    move(source_id, notice="remove one of them")

    with database.write() as connection:
        source_edits.edit(connection, source_id, SourceEdit(url="https://third.example/"), now=NOON)

    due, found = due_of(database, source_id), shown(database, source_id)
    assert (due.etag, due.validators_url, due.body_hash) == (None, None, None)
    assert (found.former_url, found.notice) == (None, None)
