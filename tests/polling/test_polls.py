from dataclasses import fields
from functools import partial

import pytest
from sqlalchemy import event

from parsed_entries import DAY, HOUR, NOON, an_entry
from polls_by_hand import failed_poll, read_poll, silent_poll
from tidings.catalog import change_log, entries, source_edits, sources, topics
from tidings.catalog.entries import ListWindow, Selection
from tidings.errors import LeaseLostError
from tidings.model.entries import EntryState
from tidings.model.service_status import PollOutcome
from tidings.model.sources import DueSource, SourceState
from tidings.operator.store import status
from tidings.polling.polled_source import FEED_METADATA, PolledSource
from tidings.polling.store import leases, polls

ALL = Selection(states=tuple(EntryState))


def stored(database, selection=ALL, **window):
    with database.read() as connection:
        return entries.select_entries(connection, selection, ListWindow(limit=None, **window))


def change_of(database, scope):
    with database.read() as connection:
        return change_log.get_change(connection, scope)[0]


def test_the_first_poll_publishes_the_newest_and_keeps_the_rest_as_backfill(database, follow, poll):
    source_id = follow()

    poll(
        source_id, *[an_entry(f"urn:example:{age}", published=NOON - age * DAY) for age in range(5)]
    )

    states = {entry.guid: entry.state for entry in stored(database)}
    assert [guid for guid, state in states.items() if state is EntryState.PUBLIC] == [
        "urn:example:0",
        "urn:example:1",
    ]
    assert len(states) == 5


def test_entries_get_the_next_publish_sequences_oldest_first(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry("urn:example:1"))

    late, early = (
        an_entry("urn:example:3", published=NOON + HOUR),
        an_entry("urn:example:2", published=NOON),
    )
    poll(source_id, late, early, now=NOON + 2 * HOUR)

    assert [(entry.guid, entry.seq) for entry in stored(database, by_seq=True)] == [
        ("urn:example:3", 3),
        ("urn:example:2", 2),
        ("urn:example:1", 1),
    ]


def test_the_same_document_again_brings_nothing(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry())
    before = stored(database), change_of(database, "all")

    poll(source_id, an_entry(), now=NOON + HOUR)

    assert (stored(database), change_of(database, "all")) == before


def test_an_edit_is_an_update_and_keeps_the_place_of_the_entry(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry(title="Before"))

    poll(source_id, an_entry(title="After"), now=NOON + HOUR)

    [entry] = stored(database)
    assert (entry.title, entry.seq, entry.changed_at) == ("After", 1, NOON + HOUR)


def test_a_changed_date_alone_is_stored_but_is_no_news(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry(published=NOON - DAY))

    poll(source_id, an_entry(published=NOON - HOUR), now=NOON + HOUR)

    [entry] = stored(database)
    assert (entry.published, entry.changed_at, entry.sort_at) == (NOON - HOUR, NOON, NOON - DAY)


def test_an_id_that_another_source_uses_already_is_replaced_by_a_name_of_our_own(
    database, follow, poll
):
    first, second = follow("https://a.example/feed"), follow("https://b.example/feed")
    poll(first, an_entry("https://a.example/post"))

    poll(second, an_entry("https://a.example/post"))

    ids = {entry.source.id: entry.atom_id for entry in stored(database)}
    assert ids[first] == "https://a.example/post"
    assert ids[second].startswith("urn:uuid:")


def test_of_two_sources_in_one_batch_the_later_gets_a_name_of_our_own(database, follow):
    ids = [follow(f"https://{name}.example/feed") for name in ("a", "b")]

    with database.write() as connection:
        dues = leases.due(connection, ids)
        for due in dues:
            leases.claim_one(connection, "test", due.host)
        said = [an_entry("https://a.example/post"), an_entry("https://a.example/another")]
        polls.save(connection, "test", [read_poll(due, *said) for due in dues])

    found = {(entry.source.id, entry.atom_id) for entry in stored(database)}
    assert len({atom_id for _, atom_id in found}) == 4
    assert {one for one in found if not one[1].startswith("urn:uuid:")} == {
        (ids[0], "https://a.example/post"),
        (ids[0], "https://a.example/another"),
    }


def test_whoever_lost_the_lease_writes_nothing(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry("urn:example:1"), owner="slow")

    with database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.release_all(connection, "slow")
        assert leases.claim_one(connection, "quick", due.host)
    with pytest.raises(LeaseLostError), database.write() as connection:
        polls.save(connection, "slow", [failed_poll(due)])

    with database.read() as connection:
        assert sources.get(connection, source_id).failures == 0


def test_a_poll_touches_its_source_and_topics_and_no_others(database, follow, poll):
    with database.write() as connection:
        topics.ensure(connection, ["science", "life"], now=NOON)
    source_id = follow("https://a.example/feed", topics=["science"], title="Aaa")
    follow("https://b.example/feed", topics=["life"], title="Bbb")
    scopes = ("all", "sources", "source:aaa", "topic:science", "source:bbb", "topic:life")
    before = {scope: change_of(database, scope) for scope in scopes}

    poll(source_id, an_entry())

    moved = {scope for scope in scopes if change_of(database, scope) != before[scope]}
    assert moved == {"all", "sources", "source:aaa", "topic:science"}


def test_how_a_source_does_is_told_by_its_page_and_the_directory_alone(database, follow):
    with database.write() as connection:
        topics.ensure(connection, ["science"], now=NOON)
    source_id = follow("https://a.example/feed", topics=["science"], title="Aaa")
    scopes = ("all", "sources", "source:aaa", "topic:science")
    moved = []

    for _ in range(2):  # to fail again is nothing new
        before = {scope: change_of(database, scope) for scope in scopes}
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            polls.save(connection, "test", [failed_poll(due)])
        moved.append({scope for scope in scopes if change_of(database, scope) != before[scope]})

    assert moved == [{"sources", "source:aaa"}, set()]


@pytest.mark.parametrize("number", [1, 40])
def test_a_batch_costs_the_same_few_statements_however_large(database, follow, number):
    ids = [follow(f"https://{index}.example/feed") for index in range(number)]
    settled = []
    with database.write() as connection:
        for due in leases.due(connection, ids):
            leases.claim_one(connection, "test", due.host)
            settled.append(read_poll(due, *[an_entry(f"urn:{due.id}:{n}") for n in range(5)]))
    statements = []
    event.listen(
        database._engine, "before_cursor_execute", lambda *call: statements.append(call[2])
    )

    with database.write() as connection:
        polls.save(connection, "test", settled)

    assert len([one for one in statements if not one.startswith("BEGIN")]) == 11
    assert len(stored(database)) == 5 * number


STORED = (
    {field.name for field in fields(DueSource)} & {field.name for field in fields(PolledSource)}
) - {"history", *FEED_METADATA}  # which are kept where a poll does not know better

REDIRECTED = partial(silent_poll, moved_to="https://b.example/feed")


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param([silent_poll], id="at first"),
        pytest.param([read_poll, silent_poll, silent_poll], id="again and again"),
        pytest.param([failed_poll, silent_poll], id="after a failure"),
        pytest.param([REDIRECTED], id="a redirect"),
        pytest.param([REDIRECTED, REDIRECTED], id="the same redirect again"),
        pytest.param([REDIRECTED, silent_poll], id="redirected no more"),
    ],
)
def test_what_a_poll_without_news_changes_is_stored(database, follow, kinds):
    source_id = follow()

    for number, kind in enumerate(kinds):
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            settled = kind(due, now=NOON + number * HOUR)
            polls.save(connection, "test", [settled])

    with database.read() as connection:
        [stored] = leases.due(connection, [source_id])
        source = sources.get(connection, source_id)
    assert {name: getattr(stored, name) for name in STORED} == {
        name: getattr(settled, name) for name in STORED
    }
    assert (source.next_poll_at, source.last_error) == (settled.next_poll_at, None)


@pytest.mark.parametrize("kind", [silent_poll, read_poll, failed_poll])
def test_who_pauses_a_source_while_it_is_polled_is_obeyed(database, follow, poll, kind):
    source_id = follow()
    poll(source_id, an_entry())
    with database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=NOON)

        polls.save(connection, "test", [kind(due, now=NOON + HOUR)])

    with database.read() as connection:
        assert sources.get(connection, source_id).state is SourceState.PAUSED


def test_figures_come_from_the_rows(database, follow, poll):
    source_id = follow()
    poll(source_id, an_entry("urn:example:1"))
    poll(source_id, an_entry("urn:example:2", published=NOON), now=NOON + HOUR / 2)

    with database.read() as connection:
        figures = status.collect(connection, now=NOON + 2 * HOUR)

    assert figures.polls[PollOutcome.NEW] == 2
    assert figures.entries == {"public": 2}
    assert figures.lags[3600.0] == 1
    assert figures.lag_seconds == 1800
