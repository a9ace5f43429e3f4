"""Hubs: subscribed to by themselves, believed when they push, not missed when they do not."""

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from browser.showcase import Showcase, serving
from fake_hub import CHALLENGE, FakeHub
from fake_publisher import answer, silence
from feed_documents import an_item, atom
from installation import on_sqlite
from parsed_entries import DAY, HOUR
from tidings.app.polling import polling
from tidings.app.scheduler import ticking
from tidings.catalog import entries, source_edits, sources, text_sources
from tidings.catalog.entries import ListWindow, Selection
from tidings.catalog.sources import NewSource, SourceState
from tidings.db.intake_tables import websub
from tidings.model.full_text import TextMode
from tidings.model.websub import HubState
from tidings.polling.push import HubRequests
from tidings.polling.source_list import remove_source
from tidings.polling.store import leases
from web.visitors import Operations, Visitor, app_of

MAX_SIZE = 100_000
MINUTE = timedelta(minutes=1)


@pytest.fixture
def station(tidings, web):
    """The inside of the program, with a clock of its own, and its address for hubs."""
    settings = {
        "WEBSUB__SUBSCRIBE": "on",
        "WEB__BASE_URL": "http://127.0.0.1:1",
        "FETCH__HOST_INTERVAL": "0s",
    }
    hubs, publishers = [web.enter(FakeHub()) for _ in range(2)], [web.publisher() for _ in range(3)]
    with tidings.opened(**settings) as app, polling(app) as gathering:
        callbacks = HubRequests(app.database, clock=lambda: station.now, max_size=MAX_SIZE)
        with serving(app_of(Showcase(), Operations(), callbacks=callbacks)) as url:
            station = Station(gathering, hubs, publishers=publishers, url=url)
            yield station


class Station:
    def __init__(self, polling, hubs, *, publishers, url):
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.hub, self.other_hub = hubs
        self.polling = replace(polling, clock=lambda: self.now)
        self._database = polling.app.database
        self._publishers = publishers
        self._url = url
        self._items = [an_item(1)]

    @property
    def subscriber(self):
        return self.polling.hub_subscriber(f"{self._url}/websub/")

    def follow(self):
        """Follow a source that names the hub; nobody has asked the hub yet."""
        self.publisher = self._publishers.pop()
        self.publish(*self._items)
        new = NewSource(url=self.publisher.url("/feed"))
        self.source_id = self.polling.source_adder().add(new, choose=lambda _: None).source.id
        return self.source_id

    def document(self, *items):
        link = f'<link rel="hub" href="{self.hub.url()}"/>'
        return atom(*items, extra=f'{link}<link rel="self" href="{self.publisher.url("/feed")}"/>')

    def publish(self, *items):
        self._items = [*items]
        return self.publisher.serve("/feed", answer(body=self.document(*items)))

    def attend(self, *, after=timedelta(0)):
        self.now += after
        self.subscriber.send_requests(stop=Event())

    def poll(self, *, after=timedelta(0)):
        """Poll what is due; return how often the publisher was asked for it."""
        self.now += after
        before = len(self.publisher.received)
        self.polling.intake_reader().ingest_all(stop=Event())
        self.polling.poller().poll_due(report=lambda _: None, stop=Event())
        return len(self.publisher.received) - before

    def subscribe(self):
        """Follow a source whose hub has confirmed."""
        self.follow()
        self.attend()
        assert self.hub.confirm().status == 200
        self.now += HOUR / 2
        return self.source_id

    def rely(self):
        """Follow a source whose hub has pushed, too."""
        self.subscribe()
        self.push(an_item(2))
        self.poll()
        assert self.row.state == HubState.ACTIVE

    def push(self, *items, **how):
        return self.hub.push(self.document(*items), **how)

    @property
    def row(self):
        with self._database.read() as connection:
            return connection.execute(select(websub)).one_or_none()

    def set_row(self, **columns):
        with self._database.write() as connection:
            connection.execute(websub.update().values(columns))

    @property
    def guids(self):
        with self._database.read() as connection:
            found = entries.select_entries(connection, Selection(), ListWindow(limit=None))
        return {entry.guid.rpartition(":")[2] for entry in found}

    @property
    def source(self):
        with self._database.read() as connection:
            return sources.get(connection, self.source_id)

    def set_full_text(self, mode):
        with self._database.write() as connection:
            text_sources.put(connection, self.source_id, mode)

    def set_state(self, state):
        with self._database.write() as connection:
            source_edits.set_state(connection, self.source_id, state, now=self.now)

    def remove(self):
        with self._database.write() as connection:
            remove_source(connection, self.source_id, now=self.now)


def test_a_hub_is_asked_and_confirmed_and_what_it_pushes_is_not_fetched(station):
    station.follow()
    station.attend()
    [asked] = station.hub.asked

    confirmed = station.hub.confirm()
    pushed = station.push(an_item(2))

    assert (asked.mode, asked.topic) == ("subscribe", station.publisher.url("/feed"))
    assert len(asked.secret) >= 32
    assert len(asked.callback.rpartition("/")[2]) >= 22
    assert (confirmed.status, confirmed.body) == (200, CHALLENGE.encode())
    assert confirmed.headers["content-type"] == "text/plain; charset=utf-8"
    assert pushed.status == 202
    station.attend(after=MINUTE)
    assert station.poll() == 0
    assert station.guids == {"1", "2"}
    assert (station.row.state, station.row.pushed_body) == (HubState.ACTIVE, None)


@on_sqlite
def test_a_push_is_left_to_a_poll_where_pages_are_to_be_fetched(station):
    station.subscribe()
    station.set_full_text(TextMode.ON)
    text = "".join(
        f"<p>What was found out on day {day}, told at some length.</p>" for day in range(9)
    )
    body = f"<html><article>{text}</article></html>".encode()
    page = station.publisher.serve("/page", answer(body=body, Content_Type="text/html"))
    station.push(an_item(2, url=page))

    station.poll()
    assert station.guids == {"1"}
    station.attend(after=MINUTE)
    station.poll(after=MINUTE)

    assert station.guids == {"1", "2"}
    asked = [one.path for one in station.publisher.received]
    assert asked == ["/feed", "/robots.txt", "/page"]


@on_sqlite
def test_the_headers_of_an_answer_name_a_hub_as_well(station):
    station.publisher = station._publishers.pop()
    links = f'<{station.hub.url()}>; rel="hub", <{station.publisher.url("/own")}>; rel="self"'
    url = station.publisher.serve("/feed", answer(body=atom(an_item(1)), Link=links))

    station.polling.source_adder().add(NewSource(url=url), choose=lambda _: None)
    station.attend()

    assert [asked.topic for asked in station.hub.asked] == [station.publisher.url("/own")]


def test_a_source_is_asked_less_often_once_its_hub_has_brought_something(station):
    station.rely()
    before = station.source.next_poll_at - station.now
    station.now += HOUR / 2

    station.push(an_item(3))
    station.poll()

    assert "hub" in station.source.next_poll_because
    assert station.source.next_poll_at - station.now > 4 * before


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X_Hub_Signature": ""}, id="not signed"),
        pytest.param({"X_Hub_Signature": "sha256=" + 64 * "0"}, id="wrongly signed"),
        pytest.param({"method": "md5"}, id="signed in a way that is broken"),
        pytest.param({"X_Hub_Signature": "sha256"}, id="signed with nothing"),
    ],
)
@on_sqlite
def test_a_forged_push_is_answered_and_changes_nothing(station, headers):
    station.subscribe()
    before = station.row, station.source

    pushed = station.push(an_item(2), **headers)

    assert pushed.status == 202
    assert (station.row, station.source) == before
    assert station.guids == {"1"}


@on_sqlite
def test_a_push_signed_for_another_source_changes_nothing(station):
    station.subscribe()
    secret = station.row.secret
    before = station.row
    body = station.document(an_item(2))

    forged = station.hub.signature(body, secret=f"{secret}x")
    pushed = station.push(an_item(2), X_Hub_Signature=forged)

    assert pushed.status == 202
    assert station.row == before


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        pytest.param("subscribe", {"topic": "https://example.org/other"}, id="another topic"),
        pytest.param("subscribe", {"challenge": "<script>"}, id="a challenge to run"),
        pytest.param("subscribe", {"challenge": ""}, id="no challenge"),
        pytest.param("publish", {}, id="no such mode"),
        pytest.param("denied", {"topic": ""}, id="a denial of nothing"),
    ],
)
@on_sqlite
def test_who_asks_what_we_did_not_wish_for_gets_nothing(station, mode, changes):
    station.subscribe()

    for state in HubState:
        station.set_row(state=state)
        before = station.row

        refused = station.hub.confirm(mode=mode, **changes)

        assert refused.status == 404, state
        assert CHALLENGE.encode() not in refused.body
        assert station.row == before


def test_no_hub_ends_a_subscription_that_we_want(station):
    station.subscribe()

    for state in set(HubState) - {HubState.LEAVING}:
        station.set_row(state=state)
        before = station.row

        assert station.hub.confirm(mode="unsubscribe").status == 404, state
        assert station.row == before


def test_a_subscription_that_was_never_asked_for_is_not_confirmed(station):
    station.follow()
    before = station.row
    visitor = Visitor(station._url)
    query = f"hub.mode=subscribe&hub.topic={before.topic}&hub.challenge=x"

    assert visitor.ask(f"/websub/{before.token}?{query}").status == 404
    for token in ("x" * 22, "%00", "%ed%a0%80", "x" * 5000, f"{before.token}%20"):
        assert visitor.ask(f"/websub/{token}?{query}").status == 404
        assert visitor.ask(f"/websub/{token}", method="POST", body=b"x").status == 410
    assert station.row == before


@on_sqlite
def test_looking_at_the_address_changes_nothing(station):
    station.follow()
    station.attend()
    before = station.row

    looked = station.hub.confirm(method="HEAD")

    assert (looked.status, looked.headers["allow"]) == (405, "GET, POST")
    assert station.row == before


def test_a_hub_that_denies_is_asked_again_after_a_week(station):
    station.follow()
    station.attend()

    assert station.hub.confirm(mode="denied", reason="not\0here").status == 200
    station.attend(after=6 * DAY)
    assert len(station.hub.asked) == 1
    assert station.row.last_error == "denied: not here"

    station.attend(after=DAY)
    assert station.hub.confirm().status == 200


def test_a_subscription_is_renewed_before_it_ends(station):
    station.rely()
    station.attend(after=6 * DAY)
    assert len(station.hub.asked) == 1

    station.attend(after=2 * DAY)
    [first, second] = station.hub.asked
    station.hub.confirm()

    assert first == second
    assert station.row.state == HubState.ACTIVE
    assert station.row.lease_until == station.now + 10 * DAY


def test_a_hub_that_refuses_is_asked_again_later_and_says_why(station):
    station.follow()
    echo = answer("503 Service Unavailable", body=station.row.token.encode() + b" is too much")
    station.hub.serve("/", echo, answer("202 Accepted"))

    station.attend()
    station.attend(after=HOUR / 2)
    assert len(station.hub.received) == 1
    assert station.row.last_error == "503: … is too much"

    station.attend(after=HOUR / 2)
    assert station.hub.confirm().status == 200
    assert station.row.last_error is None


def test_a_hub_that_cannot_be_reached_is_tried_once_for_all_its_sources(station):
    station.hub.serve("/", silence_for_good)
    for _ in range(3):
        station.follow()

    station.attend()

    assert len(station.hub.received) == 1
    with station._database.read() as connection:
        rows = connection.execute(select(websub)).all()
    assert [row.state for row in rows] == 3 * [HubState.ASKED]
    assert all("cannot fetch" in row.last_error for row in rows)


async def silence_for_good(writer):
    writer.close()


def test_a_service_that_ends_while_a_hub_is_asked_can_still_be_confirmed(station):
    station.follow()
    station.hub.serve("/", silence)
    stop = Event()
    asking = Thread(target=station.subscriber.send_requests, kwargs={"stop": stop})

    asking.start()
    _wait_until(lambda: station.hub.received)
    stop.set()
    asking.join()

    assert station.hub.confirm().status == 200
    assert station.row.state == HubState.SILENT


def test_a_hub_that_went_silent_is_not_relied_on_and_asked_again(station):
    station.rely()
    for number in range(3, 6):
        assert station.row.state == HubState.ACTIVE
        station.publish(an_item(number))
        station.poll(after=1.2 * DAY)

    assert station.row.state == HubState.SILENT
    assert station.guids == {"1", "2", "3", "4", "5"}
    station.attend(after=DAY)
    station.hub.confirm()
    station.push(an_item(6))
    station.poll()
    assert station.row.state == HubState.ACTIVE


def test_a_hub_that_confirms_and_never_pushes_is_never_relied_on(station):
    station.subscribe()

    for number in range(2, 5):
        station.publish(an_item(number))
        station.poll(after=DAY)
        assert station.row.state == HubState.SILENT

    assert "hub" not in station.source.next_poll_because


def test_of_many_pushes_at_once_one_poll_is_made(station):
    station.subscribe()
    station.publish(an_item(3), an_item(2), an_item(1))

    for number in (2, 3):
        station.push(an_item(number))

    assert station.poll() == 1
    assert station.guids == {"1", "2", "3"}
    assert station.row.state == HubState.ACTIVE


def test_however_much_is_pushed_a_source_is_polled_once_a_minute(station):
    station.subscribe()
    station.push(an_item(2))
    station.poll()
    station.publish(an_item(3))

    for number in range(20):
        station.push(an_item(100 + number))
        station.push(an_item(200 + number))  # that is one too many to be kept: a hint
        station.attend(after=MINUTE / 60)
        assert station.poll() == 0
    station.attend(after=MINUTE)

    assert station.poll() == 1
    assert station.guids == {"1", "2", "3"}


def test_a_push_that_comes_while_its_source_is_polled_is_not_forgotten(station):
    station.subscribe()

    async def push_first(writer):
        writer.write(answer(body=station.document(an_item(1), an_item(0))))

    station.publisher.serve("/feed", push_first)
    station.polling = replace(station.polling, fetch=_after(station, station.polling.fetch))
    station.polling.poller().poll_sources([station.source_id], report=lambda _: None, stop=Event())
    station.attend(after=2 * MINUTE)
    station.poll()

    assert station.guids == {"0", "1", "2"}


def _after(station, fetch):
    """Return `fetch`, with a push that comes when its source is claimed already."""

    def fetch_after_push(requests, done):
        station.push(an_item(2))
        fetch(requests, done)

    return fetch_after_push


def test_a_push_that_had_to_wait_for_long_is_fetched_instead(station):
    station.subscribe()
    station.push(an_item(2))
    station.publish(an_item(3))

    assert station.poll(after=HOUR) == 1
    assert station.guids == {"1", "3"}


def test_a_push_that_is_lost_on_the_way_is_fetched(station):
    station.subscribe()
    station.publish(an_item(2))
    station.push(an_item(2))
    station.attend(after=MINUTE)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(station.polling, parse=killed).poller().poll_due(
            report=lambda _: None, stop=Event()
        )

    assert station.guids == {"1"}
    assert station.row.pushed_body is None
    assert station.poll() == 1
    assert station.guids == {"1", "2"}


def test_a_push_is_kept_until_what_it_brings_is_saved(station):
    station.subscribe()
    station.push(an_item(2))

    def killed(*_, **__):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(station.polling, parse=killed).intake_reader().ingest_all(stop=Event())
    station.polling.intake_reader().ingest_all(stop=Event())

    assert station.guids == {"1", "2"}
    assert station.row.pushed_body is None


def test_a_push_is_taken_in_whoever_holds_the_host(station):
    station.subscribe()
    with station.polling.app.database.write() as connection:
        [due] = leases.due(connection, [station.source_id])
        leases.claim_one(connection, "somebody else", due.host)

    station.push(an_item(2))
    station.polling.intake_reader().ingest_all(stop=Event())

    assert station.guids == {"1", "2"}


def test_a_push_that_cannot_be_read_has_its_source_fetched(station):
    station.subscribe()
    station.publish(an_item(2))
    station.hub.push(b"<html>busy</html>")
    station.polling.intake_reader().ingest_all(stop=Event())
    station.attend(after=MINUTE)

    assert station.source.failures == 0
    assert station.poll() == 1
    assert station.guids == {"1", "2"}


def test_a_push_that_is_taken_in_while_its_source_is_fetched_costs_neither(station):
    station.subscribe()
    station.publish(an_item(3), an_item(2), an_item(1))
    fetch, told = station.polling.fetch, []

    def fetch_while_a_push_is_taken_in(requests, done):
        station.push(an_item(2), an_item(4))
        replace(station.polling, fetch=fetch).intake_reader().ingest_all(stop=Event())
        fetch(requests, done)

    interrupted = replace(station.polling, fetch=fetch_while_a_push_is_taken_in)
    interrupted.poller().poll_sources([station.source_id], report=told.append, stop=Event())

    assert [(one.new, one.error) for one in told] == [(1, None)]
    assert station.guids == {"1", "2", "3", "4"}
    assert station.source.failures == 0


def test_a_push_holds_less_than_the_document_and_takes_nothing_away(station):
    station.subscribe()
    station.publisher.serve("/feed", answer(body=station.document(an_item(1)), ETag='"1"'))
    station.poll(after=DAY)
    station.now += MINUTE
    station.push(an_item(2))
    station.poll()

    station.poll(after=2 * DAY)

    assert station.publisher.received[-1].headers["if-none-match"] == '"1"'
    assert station.guids == {"1", "2"}


def test_hubs_of_paused_sources_are_asked_to_forget_us(station):
    station.subscribe()
    station.set_state(SourceState.PAUSED)

    station.attend()
    left = station.hub.confirm()
    pushed = station.push(an_item(2))

    assert station.hub.asked[-1].mode == "unsubscribe"
    assert (left.status, left.body) == (200, CHALLENGE.encode())
    assert station.row is None
    assert pushed.status == 410


def test_a_hub_that_does_not_let_us_go_is_left_all_the_same(station):
    station.subscribe()
    station.set_state(SourceState.PAUSED)

    for _ in range(8):
        station.attend(after=6 * HOUR)

    assert [asked.mode for asked in station.hub.asked] == ["subscribe", *3 * ["unsubscribe"]]
    assert station.row is None


def test_a_source_that_names_another_hub_leaves_the_first_for_it(station):
    station.subscribe()
    first, station.hub = station.hub, station.other_hub
    station.publish(an_item(2))
    station.poll(after=DAY)

    station.attend()
    first.confirm()
    station.publish(an_item(3))
    station.poll(after=DAY)
    station.attend()

    assert [asked.mode for asked in first.asked] == ["subscribe", "unsubscribe"]
    assert [asked.mode for asked in station.hub.asked] == ["subscribe"]


def test_hubs_of_removed_sources_are_told_that_nobody_is_there(station):
    station.subscribe()
    station.remove()

    assert station.push(an_item(2)).status == 410
    assert station.hub.confirm().status == 404


@on_sqlite
def test_what_is_too_large_or_packed_is_refused(station):
    station.subscribe()
    before = station.row

    large = station.hub.push(b"x" * (MAX_SIZE + 1))
    packed = station.push(an_item(2), Content_Encoding="gzip")

    assert (large.status, packed.status) == (413, 415)
    assert station.row == before


def test_a_few_pushes_are_read_at_a_time_and_the_others_come_later(station):
    station.subscribe()
    address = urlsplit(station.hub.asked[-1].callback)

    with ExitStack() as slow:

        def is_refused_beside_slow_ones():
            for _ in range(4):
                begun = HTTPConnection(address.hostname, address.port)
                slow.callback(begun.close)
                begun.putrequest("POST", address.path)
                begun.putheader("Content-Length", "10")
                begun.endheaders(b"12345")
            return station.push(an_item(2)).status == 503

        _wait_until(is_refused_beside_slow_ones)

    _wait_until(lambda: station.push(an_item(2)).status == 202)


def test_a_service_that_is_not_to_be_called_forgets_every_hub(station, tidings):
    station.subscribe()

    with tidings.opened(WEBSUB__SUBSCRIBE="off") as app, ticking(app):
        pass

    assert station.row is None
    assert station.push(an_item(2)).status == 410


@on_sqlite
def test_the_tokens_of_hubs_go_into_no_log(station, caplog):
    caplog.set_level("DEBUG")

    station.rely()
    station.push(an_item(3), X_Hub_Signature="sha1=x")

    assert "push ignored" in caplog.text
    for record in caplog.records:
        shown = f"{record.getMessage()} {record.__dict__}"
        assert station.row.token not in shown
        assert station.row.secret not in shown


def _wait_until(is_so):
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
