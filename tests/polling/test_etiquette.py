"""What publishers see of us: real requests to loopback, while the clock runs as it is told."""

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from math import ceil
from threading import Event

import pytest

from fake_publisher import FakePublisher, answer, redirect
from feed_documents import an_item, atom, rss
from installation import on_sqlite
from parsed_entries import DAY, HOUR, NOON
from polls_by_hand import RULES, parse_here
from tidings.catalog import source_edits, sources
from tidings.catalog.source_edits import SourceEdit
from tidings.catalog.sources import NewSource
from tidings.fetching.fetcher import Fetcher
from tidings.fetching.policy import FetchPolicy
from tidings.model.service_status import PollOutcome
from tidings.model.sources import SourceState
from tidings.operator.store import status
from tidings.polling.host_leases import HostRules
from tidings.polling.poll import Poller
from tidings.polling.store.leases import DUE_A_LEASE
from tidings.publishing.repaginate import repaginate_some

TICK = HOUR / 4


@pytest.fixture
def publisher():
    with FakePublisher() as publisher:
        yield publisher


PATIENCE = timedelta(seconds=20)


class World:
    """A process that polls, and a clock that only we move on."""

    def __init__(self, database, fetcher, *, name):
        self.database = database
        self.now = NOON
        self._fetcher = fetcher
        self._name = name

    def poller(self, rules=RULES):
        return Poller(
            self.database,
            fetch=self._fetcher.submit,
            parse=parse_here,
            clock=lambda: self.now,
            owner=self._name,
            rules=rules,
            hosts=HostRules(concurrency=8, pause_of=lambda _: timedelta(0), patience=PATIENCE),
            repaginate=partial(repaginate_some, self.database, size=20, clock=lambda: self.now),
        )

    def follow(self, *urls):
        with self.database.write() as connection:
            return sources.add(connection, [NewSource(url=url) for url in urls], now=self.now)

    def edit(self, source_id, **fields):
        with self.database.write() as connection:
            source_edits.edit(connection, source_id, SourceEdit(**fields), now=self.now)

    def tick(self, rules=RULES):
        return self.poller(rules).poll_due(report=lambda _: None, stop=Event())

    def poll(self, source_id):
        return self.poller().poll_sources([source_id], report=lambda _: None, stop=Event())

    def show(self, source_id):
        with self.database.read() as connection:
            return sources.get(connection, source_id)

    def count_dead(self):
        with self.database.read() as connection:
            return status.collect(connection, now=self.now).dead

    def until_due(self, source_id):
        """Go on to the next poll of a source; return how long that took."""
        before, self.now = self.now, self.show(source_id).next_poll_at
        self.tick()
        return self.now - before

    def live(self, span):
        """Go on from poll to poll for that long."""
        until = self.now + span
        while self.now < until:
            self.tick()
            self.now = min(max(self._next_poll_at(), self.now + TICK), until)

    def _next_poll_at(self):
        with self.database.read() as connection:
            return min(source.next_poll_at for source in sources.every(connection))


@contextmanager
def a_world(database, publisher, name="here:1:a"):
    policy = FetchPolicy(
        contact_url="https://tidings.example/about",
        allow=(publisher.host,),
        host_interval=timedelta(0),
        concurrency=8,
        connect_timeout=timedelta(seconds=5),
        first_byte_timeout=timedelta(seconds=5),
        read_timeout=timedelta(seconds=5),
        total_timeout=timedelta(seconds=5),
        max_size=4_000_000,
        max_ratio=50,
        max_redirects=5,
        hosts={},
    )
    with Fetcher(policy, version="1.2.3", lease=lambda _: True) as fetcher:
        yield World(database, fetcher, name=name)


@pytest.fixture
def world(database, publisher):
    with a_world(database, publisher) as world:
        yield world


def growing(world, publisher, *, gap, has_validators=True, stuck_for=timedelta(0)):
    """Return a script that serves a new entry each `gap`, to whom does not know it.

    Publishers whose validators are stuck say for a while that nothing has changed.
    """

    async def script(writer):
        count = 3 + int((world.now - NOON) / gap)
        body = atom(*[an_item(n) for n in range(count, max(count - 10, 0), -1)])
        tag = f'"{0 if world.now - NOON < stuck_for else count}"'
        headers = {"ETag": tag} if has_validators else {}
        knows = publisher.received[-1].headers.get("if-none-match") == tag
        status = "304 Not Modified" if knows else "200 OK"
        writer.write(answer(status, b"" if knows else body, **headers))
        await writer.drain()

    return script


def seen_by(publisher):
    return Counter(request.path for request in publisher.received)


def roughly(span):
    return pytest.approx(span.total_seconds(), rel=0.11)


@on_sqlite  # half a minute is enough
def test_what_publishers_see_in_a_week(world, publisher):
    serve = partial(growing, world, publisher)
    world.follow(
        publisher.serve("/hourly", serve(gap=HOUR)),
        publisher.serve("/hourly-bare", serve(gap=HOUR, has_validators=False)),
        publisher.serve("/daily", serve(gap=DAY)),
        publisher.serve("/daily-bare", serve(gap=DAY, has_validators=False)),
        publisher.serve("/asleep", serve(gap=365 * DAY)),
        publisher.url("/dead"),
    )

    world.live(7 * DAY)

    seen = seen_by(publisher)
    assert 250 <= seen["/hourly"] <= 520
    assert 140 <= seen["/hourly-bare"] <= 170
    assert 20 <= seen["/daily"] <= 50
    assert 20 <= seen["/daily-bare"] <= 50
    assert 10 <= seen["/asleep"] <= 30
    assert 9 <= seen["/dead"] <= 16
    unconditional = sum(
        "if-none-match" not in request.headers
        for request in publisher.received
        if request.path in {"/hourly", "/daily", "/asleep"}
    )
    assert unconditional == 3


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        pytest.param({"Cache_Control": "max-age=18000", "Age": "3600"}, 4 * HOUR, id="max-age"),
        pytest.param({"Expires": "tomorrow"}, DAY, id="Expires"),
        pytest.param({}, HOUR, id="nothing"),
    ],
)
@on_sqlite
def test_a_cache_lifetime_is_honoured_with_and_without_a_document(world, publisher, headers, pause):
    if "Expires" in headers:
        now = datetime.now(UTC)
        expires = format_datetime(now + DAY, usegmt=True)
        headers = {"Expires": expires, "Date": format_datetime(now, usegmt=True)}
    tagged = {"ETag": '"1"'} | headers
    url = publisher.serve(
        "/", answer(body=atom(an_item()), **tagged), answer("304 Not Modified", **tagged)
    )
    [source_id] = world.follow(url)
    world.tick()

    pauses = [world.until_due(source_id).total_seconds() for _ in range(2)]

    assert pauses[0] == roughly(pause)
    assert pauses[1] == roughly(pause)
    assert len(publisher.received) == 3


def test_what_the_document_asks_for_is_remembered_while_it_does_not_come(world, publisher):
    asks = "<ttl>360</ttl><skipHours><hour>17</hour><hour>18</hour><hour>19</hour></skipHours>"
    url = publisher.serve(
        "/",
        answer(body=rss(an_item(), extra=asks), ETag='"1"'),
        answer("304 Not Modified", ETag='"1"'),
    )
    [source_id] = world.follow(url)
    world.tick()

    first, second = world.until_due(source_id), world.until_due(source_id)

    assert 8 * HOUR <= first <= 8.2 * HOUR
    assert second.total_seconds() == roughly(6 * HOUR)
    assert "ttl" in world.show(source_id).next_poll_because


@pytest.mark.parametrize(
    ("answers", "rests"),
    [
        pytest.param([answer("429 Too Many Requests", Retry_After="7200")], True, id="429"),
        pytest.param([answer("429 Too Many Requests")], True, id="429 that names no pause"),
        pytest.param([answer(body=atom()), answer("403 Forbidden")], True, id="403 all at once"),
        pytest.param([answer("403 Forbidden")], False, id="403 from the start"),
        pytest.param([answer("503 Service Unavailable", Retry_After="7200")], False, id="503"),
    ],
)
@on_sqlite
def test_who_pauses_after_a_refusal(world, publisher, answers, rests):
    refusing, fine = world.follow(
        publisher.serve("/refusing", *answers), publisher.serve("/fine", answer(body=atom()))
    )
    for _ in answers:
        world.poll(refusing)
    began = time.monotonic()

    [result] = world.poll(fine).sources

    assert (result.outcome is PollOutcome.SKIPPED) is rests
    assert ("asked for a pause until" in (result.error or "")) is rests
    assert time.monotonic() - began < PATIENCE.total_seconds() / 2


@pytest.mark.parametrize("written", ["seconds", "date"])
@on_sqlite
def test_a_source_that_is_out_of_service_waits_as_long_as_it_says(world, publisher, written):
    later = format_datetime(datetime.now(UTC) + 9 * HOUR, usegmt=True)
    pause = "32400" if written == "seconds" else later
    url = publisher.serve("/", answer("503 Service Unavailable", Retry_After=pause))
    [source_id] = world.follow(url)

    world.tick()

    assert world.until_due(source_id).total_seconds() == roughly(9 * HOUR)


@on_sqlite
def test_a_source_that_is_gone_is_asked_until_that_is_certain_and_never_again(world, publisher):
    [source_id] = world.follow(publisher.serve("/", answer("410 Gone")))

    world.live(8 * DAY)

    found = world.show(source_id)
    assert found.state is SourceState.RETIRED
    assert 2 <= len(publisher.received) <= 10
    assert found.last_polled_at - NOON >= DAY
    assert [decision.text for decision in found.history][-1].startswith("retired")


def test_a_source_that_is_lost_is_asked_less_and_less_but_never_forgotten(world, publisher):
    [source_id] = world.follow(publisher.url("/lost"))
    asked = []

    for _ in range(12):
        world.live(7 * DAY)
        asked.append(len(publisher.received))

    weeks = [now - before for before, now in pairwise([0, *asked])]
    assert weeks[0] >= 8
    assert weeks[2] <= 8
    assert all(1 <= week <= 2 for week in weeks[6:])
    assert world.show(source_id).is_dead
    assert world.count_dead() == 1
    assert len(world.show(source_id).history) == 2


def test_a_permanent_redirect_is_followed_for_good_once_it_has_proved_itself(world, publisher):
    new = publisher.serve("/new", growing(world, publisher, gap=DAY))
    old = publisher.serve("/old", redirect(new, "301 Moved Permanently"))
    [source_id] = world.follow(old)

    world.live(6 * DAY)
    before = world.show(source_id).url
    world.live(4 * DAY)

    found = world.show(source_id)
    assert (before, found.url, found.former_url) == (old, new, old)
    asked = seen_by(publisher)["/old"]
    world.live(2 * DAY)
    assert seen_by(publisher)["/old"] == asked


@on_sqlite
def test_a_temporary_redirect_is_never_followed_for_good(world, publisher):
    new = publisher.serve("/new", growing(world, publisher, gap=DAY))
    old = publisher.serve("/old", redirect(new, "302 Found"))
    [source_id] = world.follow(old)

    world.live(20 * DAY)

    assert (world.show(source_id).url, world.show(source_id).former_url) == (old, None)


@on_sqlite
def test_a_server_that_denies_its_news_for_too_long_is_asked_for_all(world, publisher):
    [source_id] = world.follow(
        publisher.serve("/", growing(world, publisher, gap=DAY / 2)),
    )
    world.live(10 * DAY)
    publisher.received.clear()
    publisher.serve("/", stuck(publisher))

    world.live(30 * DAY)

    whole = [number for number, asked in enumerate(publisher.received) if not conditional(asked)]
    assert 1 <= len(whole) <= 4
    assert min(after - before for before, after in pairwise([0, *whole])) > 7
    assert any("asked for the whole" in one.text for one in world.show(source_id).history)


def stuck(publisher):
    """Return a script that says for ever that nothing has changed, if it is asked like that."""

    async def script(writer):
        fresh = atom(an_item(900), an_item(1))
        stale = conditional(publisher.received[-1])
        writer.write(answer("304 Not Modified") if stale else answer(body=fresh, ETag='"1"'))
        await writer.drain()

    return script


def conditional(request):
    return "if-none-match" in request.headers or "if-modified-since" in request.headers


def test_the_operators_interval_counts_instead_of_what_is_learned(world, publisher):
    [source_id] = world.follow(publisher.serve("/", answer(body=atom(an_item()))))
    world.edit(source_id, interval=5 * HOUR)
    world.tick()

    assert world.until_due(source_id).total_seconds() == roughly(5 * HOUR)


def test_a_host_may_have_an_interval_of_its_own(world, publisher):
    [source_id] = world.follow(publisher.serve("/", answer(body=atom(an_item()))))
    intervals = {publisher.host: 8 * HOUR}
    world.tick(replace(RULES, interval_of=intervals.get))

    assert world.until_due(source_id).total_seconds() == roughly(8 * HOUR)


def test_a_restart_resets_no_clock(database, publisher):
    with a_world(database, publisher) as world:
        [source_id] = world.follow(publisher.serve("/", answer(body=atom(an_item()))))
        world.tick()
        due_at = world.show(source_id).next_poll_at

    with a_world(database, publisher, name="here:2:b") as restarted:
        restarted.now = due_at - TICK
        early = restarted.tick()
        restarted.now = due_at
        late = restarted.tick()

    assert (early.polled, late.polled) == (0, 1)
    assert len(publisher.received) == 2


def test_what_failed_together_does_not_come_back_together(world, publisher):
    ids = world.follow(*(publisher.url(f"/{number}") for number in range(200)))

    for _ in range(ceil(200 / DUE_A_LEASE)):
        world.tick()

    waits = sorted(world.show(source_id).next_poll_at - NOON for source_id in ids)
    assert waits[0] >= HOUR
    assert waits[-1] <= 2.2 * HOUR
    assert max(after - before for before, after in pairwise(waits)) < HOUR / 6
    minutes = Counter(int(wait.total_seconds() / 60) for wait in waits)
    assert max(minutes.values()) <= 15
