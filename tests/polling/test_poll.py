"""Rounds of polling on real databases, with answers at hand: leases, batches, failures."""

from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from sqlalchemy import text

from parsed_entries import NOON, a_feed, an_entry
from polls_by_hand import RULES
from tidings.catalog import entries, sources
from tidings.catalog.entries import ListWindow, Selection
from tidings.catalog.sources import NewSource
from tidings.errors import ConflictError, ParseError, UnreachableError
from tidings.fetching.outcomes import Fetched, Validators
from tidings.model.service_status import PollOutcome
from tidings.operator.store import status
from tidings.polling.discover import Prober
from tidings.polling.follow import SourceAdder
from tidings.polling.host_leases import HostRules
from tidings.polling.poll import Poller
from tidings.polling.source_list import remove_source
from tidings.polling.store import leases
from tidings.publishing.repaginate import repaginate_some


class Web:
    """Documents by address, as the fetcher and the parser would hand them over."""

    def __init__(self):
        self.feeds = {}
        self.asked = []
        self.on_fetch = []

    def fetch(self, requests, done):
        for hook in self.on_fetch:
            hook()
        for request in requests:
            self.asked.append(request.url)
            done(request, self._outcome(request.url))

    def parse(self, document, known, **_):
        del known
        answer = Future()
        feed = self.feeds[document.url]
        if isinstance(feed, ParseError):
            answer.set_exception(feed)
        else:
            answer.set_result(feed)
        return answer

    def _outcome(self, url):
        if url not in self.feeds:
            return UnreachableError(url, "no route to host")
        body = repr(self.feeds[url]).encode()
        return Fetched(url=url, body=body, validators=Validators(url=url))


@pytest.fixture
def web():
    return Web()


HOSTS = HostRules(concurrency=100, pause_of=lambda _: timedelta(0), patience=timedelta(seconds=0.3))


def poller_of(database, web, *, hosts=HOSTS):
    return Poller(
        database,
        fetch=web.fetch,
        parse=web.parse,
        clock=lambda: NOON,
        owner="here:1:a",
        rules=RULES,
        hosts=hosts,
        repaginate=partial(repaginate_some, database, size=20, clock=lambda: NOON),
    )


@pytest.fixture
def poller(database, web):
    return poller_of(database, web)


@pytest.fixture
def follow(database, web):
    """Follow sources, each of a host of its own, with one entry each."""

    def follow(*names):
        urls = [f"https://{name}.example/feed" for name in names]
        for name, url in zip(names, urls, strict=True):
            web.feeds[url] = a_feed(an_entry(f"urn:{name}:1", title=name))
        with database.write() as connection:
            return sources.add(connection, [NewSource(url=url) for url in urls], now=NOON)

    return follow


def outcomes(summary):
    return [result.outcome for result in summary.sources]


def poll(poller, *source_ids, stop=None):
    return poller.poll_sources(source_ids, report=lambda _: None, stop=stop or Event())


def titles(database):
    with database.read() as connection:
        found = entries.select_entries(connection, Selection(), ListWindow(limit=None))
    return sorted(entry.title for entry in found)


def holder_of(database, host):
    with database.read() as connection:
        return leases.find_obstacle(connection, host)


def test_more_sources_than_a_batch_holds_are_all_saved(database, poller, follow):
    names = [f"s{number:03}" for number in range(150)]
    follow(*names)

    summary = poller.poll_due(report=lambda _: None, stop=Event())

    assert (summary.polled, summary.new, summary.failed) == (150, 150, 0)
    assert titles(database) == names


def test_every_result_is_reported_as_it_comes(poller, follow):
    follow("a", "b", "c")
    reported = []

    summary = poller.poll_due(report=reported.append, stop=Event())

    assert sorted(reported, key=lambda result: result.source_id) == list(summary.sources)


def test_a_host_that_somebody_else_holds_is_skipped_and_the_holder_named(
    database, poller, follow, web
):
    ids = follow("a", "b")
    with database.write() as connection:
        leases.claim_one(connection, "there:2:b", "a.example:443")

    summary = poll(poller, *ids)

    assert outcomes(summary) == [PollOutcome.SKIPPED, PollOutcome.NEW]
    assert "there:2:b" in summary.sources[0].error
    assert (summary.polled, summary.skipped) == (1, 1)
    assert web.asked == ["https://b.example/feed"]
    assert "there:2:b" in holder_of(database, "a.example:443")


def test_due_sources_of_a_held_host_wait_for_another_round(database, poller, follow):
    follow("a")
    with database.write() as connection:
        leases.claim_one(connection, "there:2:b", "a.example:443")

    assert poller.poll_due(report=lambda _: None, stop=Event()).sources == ()


def test_a_host_that_becomes_free_in_time_is_polled(database, web, follow):
    ids = follow("a")
    with database.write() as connection:
        leases.claim_one(connection, "there:2:b", "a.example:443", lease=timedelta(seconds=0.5))
    patient = poller_of(database, web, hosts=replace(HOSTS, patience=timedelta(seconds=20)))

    summary = poll(patient, *ids)

    assert outcomes(summary) == [PollOutcome.NEW]


def test_adding_a_source_of_a_held_host_names_the_holder(database, follow, web):
    follow("a")
    with database.write() as connection:
        leases.claim_one(connection, "there:2:b", "a.example:443")
    web.feeds["https://a.example/other"] = a_feed()
    prober = Prober(
        database,
        fetch=web.fetch,
        parse=web.parse,
        owner="here:1:a",
        hosts=HOSTS,
        policy=RULES.policy,
    )
    adder = SourceAdder(database, prober=prober, clock=lambda: NOON, rules=RULES)

    with pytest.raises(ConflictError, match="there:2:b"):
        adder.add(NewSource(url="https://a.example/other"), choose=lambda _: None)

    assert web.asked == []


def test_nothing_of_a_source_that_was_taken_over_meanwhile_is_kept(database, poller, follow, web):
    ids = follow("a", "b")

    def take_over():
        with database.write() as connection:
            connection.execute(
                text("UPDATE host SET lease_owner = 'there:2:b' WHERE name = 'a.example:443'")
            )

    web.on_fetch.append(take_over)
    summary = poll(poller, *ids)

    assert outcomes(summary) == [PollOutcome.SKIPPED, PollOutcome.NEW]
    assert "taken over" in summary.sources[0].error
    assert titles(database) == ["b"]
    assert "there:2:b" in holder_of(database, "a.example:443")


def test_a_source_that_is_removed_while_it_is_polled_leaves_nothing(database, poller, follow, web):
    ids = follow("a", "b")

    def remove():
        web.on_fetch.clear()
        with database.write() as connection:
            remove_source(connection, ids[0], now=NOON)

    web.on_fetch.append(remove)
    summary = poll(poller, *ids)

    assert outcomes(summary) == [PollOutcome.SKIPPED, PollOutcome.NEW]
    assert titles(database) == ["b"]


def test_what_the_database_refuses_costs_its_own_source_only(database, poller, follow, web):
    ids = follow("a", "b", "c")
    too_much = an_entry("urn:b:2", title="refused", language=object())
    web.feeds["https://b.example/feed"] = a_feed(too_much)

    summary = poll(poller, *ids)

    assert outcomes(summary) == [PollOutcome.NEW, PollOutcome.FAILED, PollOutcome.NEW]
    assert titles(database) == ["a", "c"]
    with database.read() as connection:
        refused = sources.get(connection, ids[1])
    assert refused.failures == 1
    assert refused.last_error
    assert len(refused.last_error.encode()) <= 1000


def test_failures_are_kept_on_their_sources(database, poller, follow, web):
    ids = follow("a", "b", "c")
    del web.feeds["https://a.example/feed"]
    web.feeds["https://b.example/feed"] = ParseError("https://b.example/feed", "an HTML page")

    summary = poll(poller, *ids)

    assert outcomes(summary) == [PollOutcome.FAILED, PollOutcome.FAILED, PollOutcome.NEW]
    with database.read() as connection:
        errors = [source.last_error for source in sources.every(connection)]
    assert errors == [
        "cannot fetch https://a.example/feed: no route to host",
        "cannot read https://b.example/feed: an HTML page",
        None,
    ]


def test_a_round_that_is_told_to_stop_gives_everything_back(database, poller, follow, web):
    stop = Event()
    web.on_fetch.append(stop.set)
    ids = follow("a", "b", "c")

    poll(poller, *ids, stop=stop)

    assert {holder_of(database, f"{name}.example:443") for name in "abc"} == {None}
    assert poll(poller, *ids).failed == 0
    assert titles(database) == ["a", "b", "c"]


def test_nothing_is_held_after_a_crash_of_the_report(database, poller, follow):
    ids = follow("a")

    def report(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        poller.poll_sources(ids, report=report, stop=Event())

    assert holder_of(database, "a.example:443") is None
    assert titles(database) == ["a"]


def test_a_document_that_is_read_differently_by_feedparser_is_counted_and_logged(
    database, web, follow, caplog
):
    follow("a")
    web.feeds["https://a.example/feed"] = a_feed(an_entry(), disagreement="entries.title")
    caplog.set_level("WARNING", logger="tidings")  # commands that ran before log errors only

    poller_of(database, web).poll_due(report=str, stop=Event())

    [record] = [one for one in caplog.records if one.message == "readers disagree"]
    assert (record.source, record.field) == ("https://a.example/feed", "entries.title")
    with database.read() as connection:
        assert status.collect(connection, now=NOON).disagreements == 1
