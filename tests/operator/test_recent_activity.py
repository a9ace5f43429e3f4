"""What happened lately, read from the rows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from browser.showcase import SITE, shipped_templates
from newsletter_site import NewsletterSite, Outbox, reject
from parsed_entries import DAY, HOUR, NOON, an_entry
from polls_by_hand import failed_poll, read_poll
from tidings.catalog import source_edits, sources
from tidings.catalog.sources import NewSource, SourceState
from tidings.db.mail_tables import delivery
from tidings.db.tables import source
from tidings.model.newsletters import DeliveryState
from tidings.model.service_status import HubStatus, MessageOutcome, PollOutcome, starts_of
from tidings.model.sources import SourceHealth
from tidings.operator.status import read_status, status_body
from tidings.operator.store import status
from tidings.polling.store import leases, polls
from tidings.publishing.ping_rules import HubPing
from tidings.publishing.site_context import SiteContext
from tidings.publishing.store import pings

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(database):
    return Desk(database)


class Desk:
    """Sources that are polled at a time and with a result that the test says."""

    def __init__(self, database):
        self.database = database
        self._guids = iter(range(1000))

    def follow(self, url="https://example.org/feed", **fields):
        with self.database.write() as connection:
            [source_id] = sources.add(
                connection, [NewSource(url=url, **fields)], now=NOON - 99 * DAY
            )
        return source_id

    def poll(self, source_id, *lags, at=NOON, fails=False):
        """Poll a source, which brings an entry for each lag."""
        entries = [an_entry(f"urn:x:{next(self._guids)}", published=at - lag) for lag in lags]
        with self.database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            polled = (
                failed_poll(due, now=at) if fails else read_poll(due, *entries, known=known, now=at)
            )
            polls.save(connection, "test", [polled])

    def status(self, *, span=30 * DAY, now=NOON):
        return read_status(self.database, now=now, spans=[span])


def test_nothing_has_happened_in_the_beginning(desk):
    status = desk.status()

    assert (status.polled_at, status.issues, status.failing, status.slow) == (None, 0, (), ())
    assert sum(status.whole.polls.values()) == sum(status.whole.lags) == 0
    assert len(status.steps) == 30


def test_polls_are_told_by_outcome_and_day(desk):
    source_id = desk.follow()
    desk.poll(source_id, HOUR, at=NOON - 2 * DAY)
    desk.poll(source_id, fails=True, at=NOON - DAY)
    desk.poll(source_id, fails=True, at=NOON)
    desk.poll(source_id, at=NOON - 40 * DAY)

    status = desk.status()

    by_day = [sum(step.tally.polls.values()) for step in status.steps]
    assert by_day == [0] * 27 + [1, 1, 1]
    assert status.whole.polls[PollOutcome.NEW] == 1
    assert status.whole.polls[PollOutcome.FAILED] == 2
    assert status.polled_at == NOON - 40 * DAY


def test_a_poll_counts_in_every_span_that_reaches_back_to_it(desk):
    source_id = desk.follow()
    desk.poll(source_id, at=NOON - 3 * DAY)

    status = read_status(desk.database, now=NOON, spans=[DAY, 7 * DAY])

    assert {span: sum(tally.polls.values()) for span, tally in status.spans.items()} == {
        DAY: 0,
        7 * DAY: 1,
    }


def test_freshness_is_told_of_what_came_after_the_first_poll(desk):
    source_id = desk.follow()
    desk.poll(source_id, 9 * DAY, at=NOON - DAY)
    desk.poll(source_id, 5 * MINUTE, 20 * MINUTE, 50 * MINUTE, 2 * DAY)

    assert desk.status().whole.lags == (1, 2, 0, 0, 1)


def test_sources_are_counted_by_health(desk):
    fine, failing, paused, retired, _ = [
        desk.follow(f"https://{name}.example/feed") for name in "abcde"
    ]
    for source_id in (fine, paused, retired):
        desk.poll(source_id)
    desk.poll(failing, fails=True)
    with desk.database.write() as connection:
        source_edits.set_state(connection, paused, SourceState.PAUSED, now=NOON)
        source_edits.set_state(connection, retired, SourceState.RETIRED, now=NOON)

    assert desk.status().sources == dict.fromkeys(SourceHealth, 1)


def test_who_fails_longest_is_named_first_and_with_a_word_only(desk):
    for days, name in ((3, "b"), (9, "a"), (5, "c")):
        source_id = desk.follow(f"https://user:pass@{name}.example/feed", title=name)
        desk.poll(source_id, at=NOON - days * DAY)
        desk.poll(source_id, fails=True)

    failing = desk.status().failing

    assert [one.title for one in failing] == ["a", "c", "b"]
    assert failing[0].since == NOON - 9 * DAY
    assert {one.word for one in failing} == {"unreachable"}


def test_the_slowest_are_told_by_the_median_of_their_entries(desk):
    quick, slow = (
        desk.follow("https://quick.example/feed"),
        desk.follow("https://slow.example/feed"),
    )
    for source_id, lags in ((quick, (MINUTE, MINUTE, DAY)), (slow, (HOUR, 2 * HOUR, 3 * HOUR))):
        desk.poll(source_id, 90 * DAY, at=NOON - DAY)
        desk.poll(source_id, *lags)

    slow, quick = desk.status().slow

    assert (slow.title, slow.lag) == ("A feed", 2 * HOUR)
    assert quick.lag == MINUTE


def test_letters_are_told_by_the_day_of_their_issue_and_what_became_of_them(database):
    room, outbox = NewsletterSite(database), Outbox()
    room.add_newsletter()
    for name in ("ann", "bob", "eve"):
        room.subscribe(f"{name}@example.org", hour=13)
    room.publish(room.follow())
    room.now = NOON + HOUR
    room.plan()
    outbox.tell(reject)
    room.deliver(outbox)
    room.now += DAY
    room.publish(room.follow())
    room.plan()
    last = room.deliveries()[-1].id
    with database.write() as connection:
        cancelled = update(delivery).where(delivery.c.id == last)
        connection.execute(cancelled.values(state=DeliveryState.CANCELLED))

    status = read_status(database, now=room.now, spans=[7 * DAY])

    yesterday, today = status.steps[-2:]
    assert yesterday.issues >= 1
    assert yesterday.letters == {
        MessageOutcome.ACCEPTED: 2,
        MessageOutcome.WAITING: 0,
        MessageOutcome.FAILED: 1,
    }
    assert today.letters == {
        MessageOutcome.ACCEPTED: 0,
        MessageOutcome.WAITING: 2,
        MessageOutcome.FAILED: 0,
    }
    assert status.letters[MessageOutcome.ACCEPTED] == 2


def test_hubs_are_told_of_by_how_it_stands_with_them(database):
    def ping(number, **fields):
        return HubPing(hub="https://hub.example", feed_url=f"/{number}", change=1, **fields)

    with database.write() as connection:
        for one in (
            ping(1, accepted_at=NOON),
            ping(2, accepted_at=NOON - 90 * DAY),
            ping(3, next_try_at=NOON),
            ping(4, next_try_at=NOON, attempts=3, last_error="503"),
            ping(5, attempts=14, last_error="503"),
        ):
            pings.put(connection, one)

    with database.read() as connection:
        counted = pings.count_by_state(connection)
        figures = status.collect(connection, now=NOON)
    [standing] = read_status(database, now=NOON).hubs
    assert counted == figures.hub_pings == {"told": 2, "waiting": 1, "failing": 2}
    assert standing == HubStatus(
        hub="https://hub.example", told=1, waiting=1, failing=2, error="503"
    )


def test_how_long_the_longest_due_source_waits_is_told(desk):
    source_id = desk.follow()
    with desk.database.write() as connection:
        connection.execute(
            update(source).where(source.c.id == source_id).values(next_poll_at=NOON - HOUR)
        )

    assert desk.status().overdue == HOUR


def test_a_year_is_told_in_one_statement_for_all_its_hours(desk):
    source_id = desk.follow()
    desk.poll(source_id, at=NOON - 300 * DAY)

    with desk.database.read() as connection:
        tallies = status.polls_by_step(connection, starts_of(364 * DAY, now=NOON))

    assert sum(sum(tally.polls.values()) for tally in tallies) == 1


def test_the_page_is_made_of_it_and_of_what_all_pages_have(desk):
    source_id = desk.follow(title="A source that fails")
    desk.poll(source_id, fails=True)
    context = SiteContext(
        settings=None,
        site=replace(SITE, topics=()),
        templates=shipped_templates(),
        page_path="{}?page={}".format,
    )

    page = status_body(desk.database, context, now=NOON).decode()

    assert "A source that fails" in page
    assert "Last poll: 20 November 2026, 12:00 UTC." in page
