"""Full texts in a round of polling: who waits for them, who does not, and what ends them."""

import threading
from datetime import timedelta
from threading import Event

import pytest

from feed_documents import an_item, atom
from installation import wait_until
from parsed_entries import HOUR, NOON
from polls_by_hand import RULES, parse_here
from tidings.catalog import entries, sources, text_sources
from tidings.catalog.entries import ListWindow, Selection
from tidings.catalog.sources import NewSource
from tidings.errors import StatusError, TidingsError
from tidings.fetching.outcomes import Fetched, Validators
from tidings.model.full_text import TextMode
from tidings.polling import full_text
from tidings.polling.host_leases import HostRules
from tidings.polling.poll import Poller

FEED, OTHER = "https://example.org/feed", "https://other.example/feed"
TEXT = "".join(f"<p>What was found out on day {day}, told at some length.</p>" for day in range(9))


class Round:
    """Two sources, one of them with full text, and a web of what is put into `web`."""

    def __init__(self, database):
        self.database = database
        self.now = NOON
        self.stop = Event()
        self.asked = []
        self.web = {}
        self.held_back = {}
        self.put_out(1)
        with database.write() as connection:
            new = [NewSource(url=FEED), NewSource(url=OTHER)]
            self.id, self.other_id = sources.add(connection, new, now=NOON)
        self.poll()
        with database.write() as connection:
            text_sources.put(connection, self.id, TextMode.ON)
        self.asked.clear()

    def put_out(self, *numbers):
        """Publish entries in both feeds, and a page for each."""
        for feed, site in ((FEED, "https://example.org"), (OTHER, "https://other.example")):
            named = [an_item(n, guid=f"{site}/{n}", url=f"{site}/{n}") for n in numbers]
            self.web[feed] = atom(*named)
            pages = {f"{site}/{n}": f"<html><article>{TEXT}</article>".encode() for n in numbers}
            self.web |= pages

    def poll(self):
        self.now += HOUR
        poller = Poller(
            self.database,
            fetch=self._fetch,
            parse=parse_here,
            clock=lambda: self.now,
            owner="here:1:a",
            rules=RULES,
            hosts=HostRules(concurrency=4, pause_of=lambda _: timedelta(0)),
            repaginate=lambda: False,
        )
        return poller.poll_sources([self.id, self.other_id], report=str, stop=self.stop)

    def contents(self):
        with self.database.read() as connection:
            window = ListWindow(limit=None, with_content=True)
            found = entries.select_entries(connection, Selection(), window)
        return {entry.url: entry.content for entry in found}

    def source(self):
        with self.database.read() as connection:
            return sources.get(connection, self.id)

    def _fetch(self, requests, done):
        for request in requests:
            self.asked.append(request.url)
            body = self.web.get(request.url, StatusError(request.url, 404, "Not Found"))
            if body is None:
                self.held_back[request.url] = lambda one=request: done(one, self._answer(one.url))
            else:
                done(request, self._answer(request.url))

    def _answer(self, url):
        found = self.web.get(url) or StatusError(url, 404, "Not Found")
        if isinstance(found, TidingsError):
            return found
        return Fetched(url=url, body=found, validators=Validators(url=url))


@pytest.fixture
def polled(database):
    return Round(database)


def test_other_sources_do_not_wait_for_pages(polled):
    polled.put_out(2, 1)
    page = "https://example.org/2"
    polled.web[page], body = None, polled.web[page]
    polling = threading.Thread(target=polled.poll)
    polling.start()

    wait_until(lambda: "https://other.example/2" in polled.contents())
    wait_until(lambda: page in polled.held_back)

    assert page not in polled.contents()
    polled.web[page] = body
    polled.held_back[page]()
    polling.join()
    assert "day 8" in polled.contents()[page]


def test_who_stops_does_not_wait_for_pages_and_the_entry_is_new_the_next_time(polled):
    polled.put_out(2, 1)
    page = "https://example.org/2"
    polled.web[page], body = None, polled.web[page]
    polling = threading.Thread(target=polled.poll)
    polling.start()
    wait_until(lambda: page in polled.held_back)

    polled.stop.set()
    polling.join(5)

    assert not polling.is_alive()
    assert page not in polled.contents()
    polled.stop.clear()
    polled.web[page] = body
    polled.poll()
    assert "day 8" in polled.contents()[page]


def test_a_page_that_answers_429_pauses_the_host(polled):
    polled.put_out(2, 1)
    error = StatusError("https://example.org/2", 429, "Slow", retry_after=timedelta(minutes=20))
    polled.web["https://example.org/2"] = error
    polled.poll()

    [result] = [one for one in polled.poll().sources if one.url == FEED]

    assert "asked for a pause" in result.error
    assert "429 Slow" in polled.source().full_text.error


def test_more_than_so_many_pages_of_one_poll_are_left_alone(polled, monkeypatch):
    monkeypatch.setattr(full_text, "MAX_PAGES", 3)
    polled.put_out(*range(9, 0, -1))

    polled.poll()

    pages = [url for url in polled.asked if url.startswith("https://example.org/")]
    assert len(pages) == len(("feed", "robots.txt")) + 3
    known = polled.source().full_text
    assert (known.fetched, known.failed) == (3, 5)
    assert known.error == "there were too many pages for one poll"


def test_what_works_again_fails_no_longer(polled):
    polled.put_out(2, 1)
    del polled.web["https://example.org/2"]
    polled.poll()
    assert polled.source().full_text.failing_since == polled.now
    polled.put_out(3, 1)

    polled.poll()

    known = polled.source().full_text
    assert (known.fetched, known.failed, known.failing_since, known.error) == (
        1,
        1,
        None,
        None,
    )


def test_robots_txt_is_asked_for_once_a_day(polled):
    robots = "https://example.org/robots.txt"
    for number in (2, 3):
        polled.put_out(number, 1)
        polled.poll()
    assert polled.asked.count(robots) == 1

    polled.now += timedelta(days=1)
    polled.put_out(4, 1)
    polled.poll()

    assert polled.asked.count(robots) == 2
