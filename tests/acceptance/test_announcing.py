"""Hubs are told when, and only when, a feed of ours has changed."""

from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import pytest

from browser.showcase import shipped_templates
from fake_hub import FakeHub
from fake_publisher import answer
from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR
from polls_by_hand import failed_poll
from tidings.app.publishing import hubs_of, site_of
from tidings.catalog import change_log, sources
from tidings.db.database import Database
from tidings.db.tables import feed_state, hub_ping
from tidings.errors import NotFoundError, UnreachableError
from tidings.fetching.fetcher import Fetcher
from tidings.polling.store import leases, polls, visibility
from tidings.publishing.hub_pings import HubPinger, forget_others
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext
from tidings.publishing.store import pings

BASE = "https://news.example"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def published(tidings, web):
    """A publication with a hub, which knows its feeds as they are."""
    hub = web.enter(FakeHub())
    settings = {"WEB__BASE_URL": BASE, "WEBSUB__HUBS": hub.url(), "FETCH__HOST_INTERVAL": "0s"}
    with (
        tidings.opened(**settings) as app,
        Fetcher(app.settings.fetch, version="1", lease=lambda _: True) as fetcher,
    ):
        context = SiteContext(
            settings=app.settings.publish,
            site=site_of(app),
            templates=shipped_templates(),
            page_path="{}?page={}".format,
        )
        published = Press(
            app.database,
            hub,
            publication=Publication(app.database, context),
            hubs=hubs_of(app),
            post=fetcher.post,
        )
        published.announce()
        yield published


class Press:
    def __init__(self, database, hub, **parts):
        self.hub = hub
        self.hubs, self.post = parts["hubs"], parts["post"]
        self.room = NewsletterSite(database)
        self._parts = {"base_url": BASE, "clock": lambda: self.room.now, **parts}

    def pinger(self, *, database=None, **changes):
        return HubPinger(database or self.room.database, **self._parts | changes)

    def announce(self, *, after=timedelta(0), **changes):
        """Do what a tick does; return what the hub was told, without what precedes paths."""
        self.room.now += after
        before = len(self.hub.told)
        self.pinger(**changes).announce_changes(stop=Event())
        return sorted(url.removeprefix(BASE) for url in self.hub.told[before:])

    def follow(self, topic=None):
        """Follow a source with an entry, all of whose feeds are known; return its id."""
        source_id = self.room.follow(topic=topic)
        self.room.publish(source_id)
        self.announce()
        self.announce(after=HOUR)
        return source_id

    def slug(self, source_id):
        with self.room.database.read() as connection:
            return sources.get(connection, source_id).slug

    def pings(self):
        with self.room.database.read() as connection:
            return connection.execute(hub_ping.select()).all()

    def touch(self, *scopes):
        """Note a change of feeds that none of them shows."""
        with self.room.database.write() as connection:
            change, _ = change_log.next_change(connection)
            change_log.touch(connection, scopes, change=change, now=self.room.now)


def feeds_at(*paths):
    return sorted(f"{path}.{form}" for path in paths for form in ("atom", "rss", "json"))


def test_when_a_hub_is_told_every_process_answers_with_the_change(published, database_url):
    other = Database(database_url)
    source_id = published.follow()
    before = other.state()
    states = []

    def post(form, report):
        states.append(other.state())
        published.post(form, report)

    published.room.publish(source_id)
    published.announce(post=post)

    assert states
    assert before not in states
    other.close()


def test_a_change_of_a_topic_is_told_for_its_feeds_and_those_of_everything(published):
    source_id = published.follow("databases")
    published.follow("physics")

    published.room.publish(source_id)

    told = published.announce()
    assert told == feeds_at("/feed", "/topics/databases", f"/sources/{published.slug(source_id)}")
    assert published.announce(after=HOUR) == []


def test_what_is_seen_for_the_first_time_is_told_to_nobody(published):
    source_id = published.room.follow()
    published.announce()
    published.touch("source:unknown")

    assert published.announce() == []
    published.room.publish(source_id)
    assert f"/sources/{published.slug(source_id)}.atom" in published.announce()


def test_feeds_that_were_touched_and_are_the_same_are_told_to_nobody(published):
    source_id = published.follow()

    published.touch("all", f"source:{published.slug(source_id)}")

    assert published.announce() == []


def test_how_a_source_does_is_told_to_nobody(published):
    source_id = published.follow()
    with published.room.database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        polls.save(connection, "test", [failed_poll(due, now=published.room.now)])

    assert published.announce() == []


def test_a_feed_that_changes_all_the_time_is_told_once_a_minute(published):
    source_id = published.follow()

    told = []
    for _ in range(4):
        published.room.publish(source_id)
        told.append("/feed.atom" in published.announce(after=MINUTE / 3))

    assert told == [True, False, False, True]
    assert published.announce(after=HOUR) == []


def test_a_hub_that_is_down_is_told_later_and_once(published):
    source_id = published.follow()
    published.hub.serve(
        "/", answer("503 Service Unavailable", body=b"busy"), answer("202 Accepted")
    )

    published.room.publish(source_id)
    published.announce()

    [failing] = [ping for ping in published.pings() if ping.last_error]
    assert failing.last_error == "503: busy"
    path = failing.feed_url.removeprefix(BASE)
    assert published.announce(after=MINUTE / 2) == []
    assert published.announce(after=MINUTE) == [path]
    assert published.announce(after=HOUR) == []
    assert not any(ping.last_error for ping in published.pings())


def test_a_hub_that_cannot_be_reached_is_asked_once_in_a_round(published, web):
    source_id = published.follow()
    published.room.publish(source_id)

    published.announce(hubs=["http://127.0.0.1:1/"])

    pings = [ping for ping in published.pings() if ping.hub == "http://127.0.0.1:1/"]
    assert len(pings) == 6
    assert {ping.attempts for ping in pings} == {1}
    assert all("127.0.0.1:1" in ping.last_error for ping in pings)


def test_what_was_noted_and_not_told_is_told_after_a_restart(published):
    source_id = published.follow()
    published.room.publish(source_id)

    def killed(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        published.announce(post=killed)

    assert len(published.announce(after=2 * MINUTE)) == 6


def test_of_two_processes_that_look_at_once_one_notes_the_change(published):
    source_id = published.follow()
    published.room.publish(source_id)
    by_other = []
    quicker = Quicker(published.room.database, lambda: by_other.extend(published.announce()))

    told = published.announce(database=quicker)

    assert by_other == told == feeds_at("/feed", f"/sources/{published.slug(source_id)}")


def test_two_processes_tell_a_hub_once(published):
    source_id = published.follow()
    published.room.publish(source_id)
    other = []

    def post_beside(form, done):
        if not other:
            other.append(published.announce())
        published.post(form, done)

    told = published.announce(post=post_beside)

    assert other[0]
    assert told == feeds_at("/feed", f"/sources/{published.slug(source_id)}")


def test_of_two_processes_that_would_tell_a_hub_the_slower_finds_nothing(published):
    source_id = published.follow()
    published.room.publish(source_id)
    published.announce(post=give_up)
    published.room.now += 2 * MINUTE
    by_other = []
    quicker = Quicker(published.room.database, lambda: by_other.extend(published.announce()))

    told = published.announce(database=quicker)

    assert by_other == told == feeds_at("/feed", f"/sources/{published.slug(source_id)}")


class Quicker:
    """A database in which another process writes right before we do."""

    def __init__(self, database, other):
        self.read = database.read
        self.overlooked_seconds = 0.0
        self._database = database
        self._other = other

    @contextmanager
    def write(self):
        self._other()
        with self._database.write() as connection:
            yield connection


def give_up(form, done):
    done(UnreachableError(form.url, "no route"))


def test_a_service_that_ends_leaves_the_rest_for_later(published):
    source_id, stop = published.follow(), Event()
    published.room.publish(source_id)

    def never_answer(*_):
        stop.set()

    before = len(published.hub.told)
    published.pinger(post=never_answer).announce_changes(stop=stop)

    assert len(published.hub.told) == before
    assert len(published.announce(after=2 * MINUTE)) == 6


def test_a_hub_that_is_forgotten_while_it_is_told_stays_forgotten(published):
    source_id = published.follow()
    published.room.publish(source_id)

    def forget_first(form, done):
        forget_others(published.room.database, [], base_url=BASE)
        published.post(form, done)

    published.announce(post=forget_first)

    assert published.pings() == []


def test_what_is_removed_while_it_is_looked_at_is_told_to_nobody(published):
    source_id = published.follow()
    published.room.publish(source_id)

    assert published.announce(publication=Withdrawn()) == []


class Withdrawn:
    """A publication that has nothing any more."""

    def body(self, address):
        raise NotFoundError("feed", address)


def test_many_changes_are_looked_at_in_several_rounds(published):
    for _ in range(3):
        published.room.follow()
    published.announce()
    published.touch("all", "source:1-example-org", "source:2-example-org")

    def ever_later():
        published.room.now += 3 * MINUTE
        return published.room.now

    looked = []
    for _ in range(4):
        with published.room.database.read() as connection:
            looked.append(len(pings.changed_scopes(connection, limit=9)))
        published.pinger(clock=ever_later).announce_changes(stop=Event())

    assert looked == [3, 2, 1, 0]


def test_a_new_issue_is_told_and_so_is_what_it_shows_that_changes_later(published):
    room, source_id = published.room, published.follow()
    room.add_newsletter()
    published.announce()
    [entry_id] = room.publish(source_id)
    published.announce(after=DAY)

    room.plan()
    told = published.announce()
    with room.database.write() as connection:
        visibility.hide(connection, [entry_id], now=room.now)

    assert told == ["/issues.atom"]
    assert "/issues.atom" in published.announce(after=HOUR)


def test_hubs_that_are_not_told_any_more_are_forgotten(published):
    source_id = published.follow()
    published.room.publish(source_id)
    published.announce()

    forget_others(published.room.database, published.hubs, base_url=BASE)
    kept = {ping.feed_url for ping in published.pings()}
    forget_others(published.room.database, [], base_url=BASE)

    assert f"{BASE}/feed.atom" in kept
    assert published.pings() == []
    with published.room.database.read() as connection:
        assert not any(
            connection.scalars(feed_state.select().with_only_columns(feed_state.c.body_hash))
        )


def test_the_doctor_and_the_statistics_say_what_a_hub_refuses(published, tidings):
    source_id = published.follow()
    published.hub.serve("/", answer("403 Forbidden", body=b"not yours"))
    published.room.publish(source_id)
    published.announce()

    doctor, figures = tidings("doctor").out, tidings("stats", "--json").json

    assert (
        f"warning  hub: {published.hub.url()} was not told that feeds have changed, 6 of them"
        in doctor
    )
    assert "403: not yours" in doctor
    [hub] = figures["hubs"]
    assert (hub["failing"], hub["error"]) == (6, "403: not yours")


@pytest.mark.parametrize(
    "hub",
    ["hub.example.org", "ftp://hub.example.org/", "https://user:password@hub.example.org/"],
    ids=["no address", "not of the web", "with a password, which feeds would show"],
)
def test_what_cannot_be_a_hub_is_refused(tidings_on_sqlite, tmp_path, hub):
    refused = tidings_on_sqlite("publish", tmp_path / "site", WEBSUB__HUBS=hub)

    assert refused.status == 2
    assert "[websub] hubs" in refused.err
    assert "password@" not in refused.err
