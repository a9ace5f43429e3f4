"""A long list of sources is stored in parts, which cost the same however long it is."""

from collections import Counter
from itertools import count

import pytest
from sqlalchemy import event

from parsed_entries import NOON
from tidings.catalog import sources
from tidings.model.scopes import FeedOutline
from tidings.polling import source_list
from tidings.polling.source_list import CHUNK, ImportSummary, import_sources


def outlines(number, *, first=0):
    return [
        FeedOutline(url=f"https://{place}.example.org/feed", title="A blog", topics=("Tides",))
        for place in range(first, first + number)
    ]


def stop_at(call):
    """Return a clock that breaks off a call."""
    calls = count(1)

    def clock():
        if next(calls) == call:
            raise KeyboardInterrupt
        return NOON

    return clock


def test_an_import_that_was_broken_off_is_completed_by_the_next(database):
    listed = outlines(2 * CHUNK + 1)
    with pytest.raises(KeyboardInterrupt):
        import_sources(database, listed, clock=stop_at(3))
    with database.read() as connection:
        assert sources.count_all(connection) == 2 * CHUNK

    again = import_sources(database, listed, clock=lambda: NOON)
    once_more = import_sources(database, listed, clock=lambda: NOON)

    assert again == ImportSummary(added=1, known=2 * CHUNK)
    assert once_more == ImportSummary(added=0, known=2 * CHUNK + 1)


def test_a_part_takes_as_many_statements_as_one_source(database):
    import_sources(database, outlines(1), clock=lambda: NOON)

    few = statements(database, outlines(1, first=1))
    many = statements(database, outlines(CHUNK, first=2))

    assert many == few


def test_others_can_write_between_two_parts(database, monkeypatch):
    written = []

    def write(_pause):
        with database.write(patience=0) as connection:
            written.append(sources.count_all(connection))

    monkeypatch.setattr(source_list.time, "sleep", write)

    import_sources(database, outlines(3 * CHUNK), clock=lambda: NOON)

    assert written == [CHUNK, 2 * CHUNK]


def statements(database, listed):
    """Return the statements of an import, each with how often the database was asked it."""
    asked = Counter()

    def note(_connection, _cursor, statement, *_):
        asked[" ".join(statement.split()[:3])] += 1

    event.listen(database._engine, "before_cursor_execute", note)
    import_sources(database, listed, clock=lambda: NOON)
    event.remove(database._engine, "before_cursor_execute", note)
    return asked
