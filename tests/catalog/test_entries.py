"""The feed of a topic holds what became public last, however its sources are spread in time."""

import pytest
from sqlalchemy import select, update

from parsed_entries import HOUR, NOON, an_entry
from tidings.catalog import entries, topics
from tidings.catalog.entries import ListWindow, Selection
from tidings.db.tables import entry
from tidings.model.entries import EntryState

SEQS = {"a": [1, 2, 3, 20, 21, 22], "b": [4, 19], "c": [5], "d": [6, 7, 8, 9], "e": []}
"""The publish sequences of each source of the topic."""


@pytest.fixture
def stored(database, follow, poll):
    with database.write() as connection:
        topics.add(connection, "news", title="News", now=NOON)
    others = follow("https://others.example/feed")
    poll(others, *[an_entry(f"urn:other:{n}", published=NOON - n * HOUR) for n in range(2)])
    for name, seqs in SEQS.items():
        source_id = follow(f"https://{name}.example/feed", topics=["news"])
        poll(source_id, *[an_entry(f"urn:{name}:{seq}") for seq in seqs])
        for seq in seqs:
            with database.write() as connection:
                one = update(entry).where(entry.c.guid == f"urn:{name}:{seq}")
                connection.execute(one.values(seq=1000 + seq, state=EntryState.PUBLIC))
    return database


def latest(database, limit):
    window = ListWindow(limit=limit, by_seq=True)
    with database.read() as connection:
        found = entries.select_entries(connection, Selection(topic="news"), window)
    return [one.seq - 1000 for one in found]


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(2, id="fewer than there are sources: the quiet ones are left aside"),
        pytest.param(4, id="as many as there are sources with entries"),
        pytest.param(7, id="more than there are sources"),
        pytest.param(50, id="more than there are entries"),
    ],
)
def test_a_topics_feed_has_the_latest_of_all_its_sources(stored, limit):
    every = sorted((seq for seqs in SEQS.values() for seq in seqs), reverse=True)

    assert latest(stored, limit) == every[:limit]


def test_what_is_hidden_makes_room_for_what_is_older(stored):
    with stored.write() as connection:
        hidden = connection.scalars(select(entry.c.id).where(entry.c.seq.in_([1019, 1022]))).all()
        connection.execute(
            update(entry).where(entry.c.id.in_(hidden)).values(state=EntryState.HIDDEN)
        )

    assert latest(stored, 3) == [21, 20, 9]
