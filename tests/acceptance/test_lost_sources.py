"""Sources that are not where they were: looked for once, and the operator is told."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from fake_publisher import FakePublisher, answer, silence
from feed_documents import an_item, atom, items
from installation import on_sqlite
from tidings.app.polling import polling
from tidings.polling.moved_sources import MoveFinder

GONE = answer("410 Gone")
NOT_FOUND = answer("404 Not Found")


def a_feed(*entries, site):
    linked = f'<link rel="alternate" type="text/html" href="{site}"/>'
    body = atom(*entries).replace(b'<link href="https://example.org/"/>', linked.encode())
    return answer(body=body)


def a_page(*hrefs):
    links = "".join(f'<link rel="alternate" type="text/xml" href="{href}">' for href in hrefs)
    return answer(body=f"<!doctype html><html>{links}".encode(), Content_Type="text/html")


def look(tidings):
    with tidings.opened() as app, polling(app) as gathering:
        return gathering.move_finder().find(stop=Event())


def notice(tidings):
    return tidings("source", "show", 1, "--json").json["notice"]


def paths(publisher):
    return [request.path for request in publisher.received]


def lose(tidings, site, *, instead=NOT_FOUND, entries=None, page=None):
    """Follow a feed until it answered something else three times."""
    first = a_feed(*(entries or items(2)), site=page or site.url("/"))
    url = site.serve("/old", first, instead)
    tidings("source", "add", url)
    for _ in range(3):
        tidings("poll", 1)
    site.received.clear()
    return url


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(NOT_FOUND, id="not found"),
        pytest.param(GONE, id="gone"),
        pytest.param(a_page(), id="a page"),
    ],
)
@on_sqlite
def test_where_it_has_moved_is_told_and_not_followed(tidings, web, instead):
    site = web.publisher()
    old = lose(tidings, site, instead=instead)
    site.serve("/", a_page("/comments", "/new"))
    new = site.serve("/new", answer(body=atom(*items(3))))
    site.serve("/comments", answer(body=atom(an_item(99))))

    found = look(tidings)

    assert found == 1
    command = f"tidings source edit 1 --url {new}"
    assert notice(tidings) == f"it seems to have moved to {new}; to follow it there: {command}"
    assert tidings("source", "show", 1, "--json").json["url"] == old
    assert f"notice: it seems to have moved to {new}" in tidings("source", "show", 1).out


def test_the_page_that_stands_where_the_feed_was_is_looked_at(tidings_on_sqlite, web):
    site = web.publisher()
    lose(tidings_on_sqlite, site, instead=a_page("/new"))
    new = site.serve("/new", answer(body=atom(*items(2))))

    look(tidings_on_sqlite)

    assert new in notice(tidings_on_sqlite)
    assert paths(site) == ["/old", "/new"]


@on_sqlite
def test_entries_are_recognised_by_their_pages_too(tidings, web):
    site = web.publisher()
    lose(tidings, site, entries=[an_item(1, url="http://example.org/first")])
    site.serve("/", a_page("/new"))
    renamed = an_item(1, guid="urn:other:1", url="https://example.org/first")
    site.serve("/new", answer(body=atom(renamed)))

    assert look(tidings) == 1


def test_another_feed_is_no_new_address(tidings_on_sqlite, web):
    site = web.publisher()
    lose(tidings_on_sqlite, site)
    site.serve("/", a_page("/other"))
    site.serve("/other", answer(body=atom(an_item(99))))

    found = look(tidings_on_sqlite)

    assert found == 0
    assert notice(tidings_on_sqlite) is None


def test_a_feed_that_is_followed_already_is_named_as_such(tidings, web):
    site = web.publisher()
    lose(tidings, site)
    site.serve("/", a_page("/new"))
    new = site.serve("/new", answer(body=atom(*items(2))))
    tidings("source", "add", new)

    look(tidings)

    assert notice(tidings) == f"it seems to have moved to {new}, which is source 2 already"


def test_it_is_looked_for_once_in_a_row_of_failures(tidings, web):
    site = web.publisher()
    lose(tidings, site)
    site.serve("/", a_page("/old", "/new"))
    new = site.serve("/new", answer(body=atom(*items(2))))

    look(tidings)
    asked = paths(site)
    tidings("poll", 1)
    site.received.clear()
    look(tidings)

    assert asked == ["/", "/new"]
    assert site.received == []
    assert new in notice(tidings)


def test_after_it_came_back_the_notice_is_gone_and_it_is_looked_for_again(tidings, web):
    site = web.publisher()
    old = lose(tidings, site)
    site.serve("/", a_page("/new"))
    site.serve("/new", answer(body=atom(*items(2))))
    look(tidings)
    site.serve("/old", a_feed(*items(3), site=site.url("/")), NOT_FOUND)

    tidings("poll", 1)
    came_back = notice(tidings)
    for _ in range(3):
        tidings("poll", 1)
    found = look(tidings)

    assert came_back is None
    assert found == 1
    assert old not in notice(tidings)


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(answer("503 Service Unavailable"), id="overloaded"),
        pytest.param(answer(body=b"<rss"), id="broken"),
    ],
)
def test_a_source_that_is_only_in_trouble_is_left_alone(tidings_on_sqlite, web, instead):
    site = web.publisher()
    lose(tidings_on_sqlite, site, instead=instead)

    found = look(tidings_on_sqlite)

    assert found == 0
    assert site.received == []


def test_two_failures_may_be_an_accident(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/old", a_feed(*items(2), site=site.url("/")), NOT_FOUND)
    tidings_on_sqlite("source", "add", url)
    for _ in range(2):
        tidings_on_sqlite("poll", 1)
    site.received.clear()

    look(tidings_on_sqlite)

    assert site.received == []


def test_looking_dials_no_private_address(tidings_on_sqlite, web):
    site = web.publisher()
    with FakePublisher() as canary:
        lose(tidings_on_sqlite, site, page=canary.url("/"), instead=a_page(canary.url("/feed")))

        found = look(tidings_on_sqlite)

    assert found == 0
    assert canary.connections == 0


def test_a_site_of_several_hosts_is_followed_across_them(tidings_on_sqlite, web):
    site, page, store = web.publisher(), web.publisher(), web.publisher()
    lose(tidings_on_sqlite, site, page=page.url("/"))
    page.serve("/", a_page(store.url("/feed")))
    new = store.serve("/feed", answer(body=atom(*items(2))))

    look(tidings_on_sqlite)

    assert new in notice(tidings_on_sqlite)
    assert (paths(site), paths(page), paths(store)) == ([], ["/"], ["/feed"])


def test_a_host_that_has_to_be_left_alone_is_for_another_time(tidings, web):
    site = web.publisher()
    lose(tidings, site)
    tidings.add(site.url("/also-lost"))
    for _ in range(3):
        tidings("poll", 2)
    tidings("poll", 1, FETCH__HOST_INTERVAL="60s")
    site.received.clear()
    with tidings.opened() as app, polling(app) as gathering:
        hurried = gathering.prober()
        hurried.hosts = replace(hurried.hosts, patience=timedelta(0))
        finder = MoveFinder(app.database, prober=hurried, clock=gathering.clock)
        meanwhile = finder.find(stop=Event())

    assert meanwhile == 0
    assert site.received == []
    assert notice(tidings) is None


def test_a_service_that_stops_looks_no_further(tidings_on_sqlite, web):
    site = web.publisher()
    lose(tidings_on_sqlite, site)
    stop = Event()
    stop.set()

    with tidings_on_sqlite.opened() as app, polling(app) as gathering:
        gathering.move_finder().find(stop=stop)

    assert site.received == []


def test_a_service_that_stops_does_not_wait_for_an_answer(tidings_on_sqlite, web):
    site = web.publisher()
    lose(tidings_on_sqlite, site)
    stop = Event()

    async def hang(writer):
        stop.set()
        await silence(writer)

    site.serve("/", hang)
    with tidings_on_sqlite.opened() as app, polling(app) as gathering:
        started = time.monotonic()
        gathering.move_finder().find(stop=stop)
        waited = time.monotonic() - started
    site.serve("/", a_page("/new"))
    site.serve("/new", answer(body=atom(*items(2))))

    assert waited < 5
    assert look(tidings_on_sqlite) == 1


def test_a_site_that_does_not_answer_keeps_nobody_from_being_found(tidings_on_sqlite, web):
    dead, site = web.publisher(), web.publisher()
    lose(tidings_on_sqlite, dead)
    dead.serve("/", a_page("/broken", "/old"))
    lose(tidings_on_sqlite, site)
    for _ in range(3):
        tidings_on_sqlite("poll", 2)
    site.serve("/", a_page("/new"))
    new = site.serve("/new", answer(body=atom(*items(2))))

    found = look(tidings_on_sqlite)

    assert found == 1
    assert new in tidings_on_sqlite("source", "show", 2, "--json").json["notice"]
    assert notice(tidings_on_sqlite) is None


def test_two_services_look_once_between_them(tidings, web):
    site = web.publisher()
    lose(tidings, site)
    site.serve("/new", answer(body=atom(*items(2))))
    is_asked = Event()

    async def answer_slowly(writer):
        is_asked.set()
        await asyncio.sleep(0.7)
        writer.write(a_page("/new"))

    site.serve("/", answer_slowly)
    with tidings.opened() as app, polling(app) as gathering, ThreadPoolExecutor() as pool:
        other = replace(gathering, owner="another service")
        first = pool.submit(gathering.move_finder().find, stop=Event())
        is_asked.wait(10)
        second = pool.submit(other.move_finder().find, stop=Event())
        found = (first.result(), second.result())

    assert found == (1, 0)
    assert paths(site) == ["/", "/new"]
