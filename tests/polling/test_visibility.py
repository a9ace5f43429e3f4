"""Entries that the operator releases, hides and shows again."""

import pytest
from sqlalchemy import select, update

from parsed_entries import DAY, HOUR, NOON, an_entry
from tidings.catalog import change_log, entries, topics
from tidings.db.tables import entry
from tidings.errors import ConflictError, NotFoundError
from tidings.model.entries import EntryState
from tidings.polling.store import visibility

PUBLIC, BACKFILL, HELD, HIDDEN = EntryState


@pytest.fixture
def stored(database, follow, poll):
    """Follow a source with entries in these states, the oldest first, and return their ids."""

    def store(*states, url="https://example.org/feed", **fields):
        source_id = follow(url, **fields)
        found = [
            an_entry(f"urn:{source_id}:{n}", published=NOON - DAY + n * HOUR / 9)
            for n in range(len(states))
        ]
        poll(source_id, *found[::-1])
        with database.write() as connection:
            of_source = entry.c.source_id == source_id
            ids = list(
                connection.scalars(select(entry.c.id).where(of_source).order_by(entry.c.sort_at))
            )
            for entry_id, state in zip(ids, states, strict=True):
                values = {"state": state} | ({"seq": None} if state in {HELD, BACKFILL} else {})
                connection.execute(update(entry).where(entry.c.id == entry_id).values(values))
        return ids

    return store


@pytest.fixture
def do(database):
    """Do something to entries an hour later, and return which of them changed."""

    def decide(what, *entry_ids):
        with database.write() as connection:
            return what(connection, entry_ids, now=NOON + HOUR)

    return decide


def places(database, entry_ids):
    with database.read() as connection:
        found = [entries.get(connection, entry_id) for entry_id in entry_ids]
        return [(one.state, one.seq) for one in found], change_log.last_seq(connection)


def change_of(database, scope):
    with database.read() as connection:
        return change_log.get_change(connection, scope)[0]


def test_what_is_released_is_published_now_oldest_first(database, stored, do):
    ids = stored(HELD, HELD, PUBLIC)
    _, last = places(database, ids)

    changed = do(visibility.release, ids[1], ids[0])

    shown, _ = places(database, ids[:2])
    assert changed == ids[:2]
    assert shown == [(PUBLIC, last + 1), (PUBLIC, last + 2)]


def test_all_that_is_held_of_a_source_can_be_found(database, stored):
    ids = stored(HELD, PUBLIC, HELD)
    stored(HELD, url="https://other.example/feed")

    with database.read() as connection:
        assert visibility.held_ids(connection, 1) == sorted([ids[0], ids[2]])


def test_what_was_public_returns_to_its_place(database, stored, do):
    ids = stored(PUBLIC, PUBLIC)
    before = places(database, ids)

    hidden = do(visibility.hide, ids[0])
    while_hidden, _ = places(database, ids)
    do(visibility.unhide, ids[0])

    assert hidden == [ids[0]]
    assert [state for state, _ in while_hidden] == [HIDDEN, PUBLIC]
    assert places(database, ids) == before


def test_what_was_never_public_gets_a_place_when_it_is_shown(database, stored, do):
    ids = stored(HELD, PUBLIC)
    _, last = places(database, ids)

    do(visibility.hide, ids[0])
    do(visibility.unhide, ids[0])

    assert places(database, ids[:1]) == ([(PUBLIC, last + 1)], last + 1)


@pytest.mark.parametrize(
    ("what", "state"),
    [
        pytest.param(visibility.release, PUBLIC, id="release"),
        pytest.param(visibility.hide, HIDDEN, id="hide"),
        pytest.param(visibility.unhide, PUBLIC, id="unhide"),
    ],
)
def test_what_is_so_already_stays_as_it_is(database, stored, do, what, state):
    ids = stored(state)
    before = places(database, ids), change_of(database, "all")

    assert do(what, *ids) == []
    assert (places(database, ids), change_of(database, "all")) == before


@pytest.mark.parametrize(
    ("what", "state", "because"),
    [
        pytest.param(visibility.release, BACKFILL, "is not held", id="release backfill"),
        pytest.param(visibility.release, HIDDEN, "is hidden", id="release what is hidden"),
        pytest.param(visibility.unhide, HELD, "release it", id="unhide what is held"),
        pytest.param(visibility.unhide, BACKFILL, "is not hidden", id="unhide backfill"),
    ],
)
def test_what_makes_no_sense_is_refused_as_a_whole(database, stored, do, what, state, because):
    sensible = HELD if what is visibility.release else HIDDEN
    ids = stored(sensible, state)
    before = places(database, ids)

    with pytest.raises(ConflictError, match=f"entry {ids[1]} .*{because}"):
        do(what, *ids)

    assert places(database, ids) == before


@pytest.mark.parametrize("what", [visibility.release, visibility.hide, visibility.unhide])
def test_what_is_not_there_is_named(stored, do, what):
    ids = stored(HELD)

    with pytest.raises(NotFoundError, match="entry 77"):
        do(what, *ids, 77)


def test_every_page_and_feed_that_shows_the_entry_is_touched_and_no_other(database, stored, do):
    with database.write() as connection:
        topics.ensure(connection, ["science", "life"], now=NOON)
    ids = stored(PUBLIC, topics=["science"], title="Aaa")
    stored(PUBLIC, url="https://b.example/feed", topics=["life"], title="Bbb")
    scopes = ("all", "sources", "source:aaa", "topic:science", "source:bbb", "topic:life")
    before = {scope: change_of(database, scope) for scope in scopes}

    do(visibility.hide, *ids)

    moved = {scope for scope in scopes if change_of(database, scope) != before[scope]}
    assert moved == {"all", "sources", "source:aaa", "topic:science"}


def test_decisions_of_the_operator_are_added_to_the_history(database, stored, do):
    ids = stored(PUBLIC)

    do(visibility.hide, *ids)
    do(visibility.unhide, *ids)

    with database.read() as connection:
        [history] = connection.scalars(select(entry.c.history).where(entry.c.id == ids[0]))
    assert [words for _, words in history] == [
        "hidden by the operator",
        "made public by the operator",
    ]
