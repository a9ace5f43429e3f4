"""The older entries of first documents: stored after all that is news, and never lost."""

import shutil
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import delete, select, update

from feed_documents import an_item, atom, items
from parsed_entries import DAY, HOUR, NOON
from polls_by_hand import RULES
from tidings.catalog import sources
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.db.intake_tables import document
from tidings.db.tables import entry, source
from tidings.errors import ParseError
from tidings.fetching.outcomes import Fetched, Validators
from tidings.filters import filtering
from tidings.filters.rules import Action, Field, Filter, Kind, Rule
from tidings.model.entries import EntryState
from tidings.parsing.document import parse
from tidings.polling.host_leases import HostRules
from tidings.polling.poll import Poller

URL = "https://example.org/feed"
DOCUMENT = atom(*items(12))


class Service:
    """A service that follows one source; it can be told to stop when the first result comes."""

    def __init__(self, database):
        self.database = database
        self.now = NOON
        self.body = DOCUMENT
        self.stop = Event()
        self.seen = []
        self.fails = False
        with database.write() as connection:
            [self.id] = sources.add(connection, [NewSource(url=URL)], now=NOON)

    def poll(self, *, stops=False, defers=True):
        """Poll everything that is due; return the result of the source, None if there is none."""
        self.stop = Event()
        self.now += HOUR
        poller = Poller(
            self.database,
            fetch=self._fetch,
            parse=lambda document, known, *, memo=None, newest=None: self._parse(
                document, known, memo, newest if defers else None
            ),
            clock=lambda: self.now,
            owner="here:1:a",
            rules=RULES,
            hosts=HostRules(concurrency=1, pause_of=lambda _: timedelta(0)),
            repaginate=lambda: False,
        )

        def report(_result):
            self.seen.append((self.states(), self.deferred()))
            if stops:
                self.stop.set()

        results = poller.poll_due(report=report, stop=self.stop).sources
        return results[0] if results else None

    def _fetch(self, requests, done):
        for request in requests:
            done(request, Fetched(url=URL, body=self.body, validators=Validators(url=URL)))

    def _parse(self, document, known, memo, newest):
        future = Future()
        if self.fails and newest is None:
            future.set_exception(ParseError(document.url, "took longer than 20 s"))
        else:
            future.set_result(parse(document, known, memo=memo, newest=newest))
        return future

    def states(self):
        with self.database.read() as connection:
            rows = connection.execute(select(entry.c.title, entry.c.state).order_by(entry.c.title))
            return {row.title: row.state for row in rows}

    def deferred(self):
        with self.database.read() as connection:
            return sources.get(connection, self.id).deferred

    def make_due(self):
        with self.database.write() as connection:
            connection.execute(update(source).values(next_poll_at=NOON))

    def rows(self):
        """Return all that is stored of entries, but for the order in which they came."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(entry).order_by(entry.c.sort_at, entry.c.id)
            ).mappings()
            return [{**row, "id": None, "change": None} for row in rows]


@pytest.fixture
def service(database):
    return Service(database)


@pytest.fixture
def another_database(sqlite_template, tmp_path):
    copy = shutil.copyfile(sqlite_template, tmp_path / "another.db")
    with closing(Database(f"sqlite:///{copy}")) as opened:
        yield opened


def _count(states, state):
    return sum(one == state for one in states.values())


def test_what_is_public_is_stored_first_and_the_rest_when_there_is_nothing_else_to_do(service):
    result = service.poll()

    assert service.seen == [({"Entry 11": "public", "Entry 12": "public"}, 10)]
    assert result.new == 12
    assert _count(service.states(), EntryState.BACKFILL) == 10
    assert service.deferred() == 0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DOCUMENT, id="dated"),
        pytest.param(atom(*[replace(one, published=NOON + DAY) for one in items(9)]), id="future"),
        pytest.param(
            atom(*items(4), *[an_item(n, published=NOON) for n in range(9, 5, -1)]),
            id="of one moment",
        ),
        pytest.param(
            atom(*items(9), an_item(30, guid="urn:example:9", title="Again")), id="doubled"
        ),
    ],
)
def test_it_makes_no_difference_in_the_end(service, another_database, body):
    at_once = Service(another_database)
    for one, defers in (service, True), (at_once, False):
        one.body = body
        one.poll(defers=defers)

    assert at_once.seen[0][1] == 0
    assert service.rows() == at_once.rows()


def test_entries_of_one_moment_are_not_separated(service):
    service.body = atom(*[an_item(number, published=NOON - DAY) for number in range(9)])

    service.poll()

    assert service.seen[0][1] == 0


def test_whoever_is_killed_before_goes_on_with_it(service):
    service.poll(stops=True)
    assert service.deferred() == 10

    service.poll()

    assert len(service.states()) == 12
    assert service.deferred() == 0


def test_the_next_poll_does_not_take_it_for_news(service):
    service.poll(stops=True)
    service.make_due()
    service.body = atom(an_item(13), *items(12))

    result = service.poll()

    assert result.new == 1
    assert _count(service.states(), EntryState.PUBLIC) == 3
    assert len(service.states()) == 13


def test_what_cannot_be_read_any_more_is_given_up_and_said(service):
    service.fails = True

    service.poll()

    with service.database.read() as connection:
        found = sources.get(connection, service.id)
    assert found.deferred == 0
    assert len(service.states()) == 2
    assert "10 older entries of its first document not stored" in found.history[-1].text


def test_what_was_deferred_is_given_up_if_its_document_is_gone(service):
    service.poll(stops=True)
    with service.database.write() as connection:
        connection.execute(delete(document))

    service.poll()

    with service.database.read() as connection:
        found = sources.get(connection, service.id)
    assert found.deferred == 0
    assert "10 older entries of its first document not stored" in found.history[-1].text


def test_what_a_filter_has_to_read_is_not_deferred(service):
    with service.database.write() as connection:
        rule = Rule(action=Action.DROP, field=Field.TEXT, kind=Kind.WORDS, pattern="says")
        filtering.add(connection, Filter(rule=rule, source_id=service.id), now=NOON)

    service.poll()

    assert service.seen == [(dict.fromkeys(service.states(), "hidden"), 0)]
