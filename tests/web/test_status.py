"""The status page as visitors get it, and who feeds say tells of their changes."""

import gzip
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from browser.showcase import SITE, Showcase, serving
from parsed_entries import NOON
from tidings.web.routes import status_of
from web.visitors import Visitor, app_of


@pytest.fixture
def clock():
    return Clock()


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def visitor(operations, clock):
    page = status_of(operations, clock)
    with serving(Starlette(routes=[Route("/status", page.answer)])) as url:
        yield Visitor(url)


def test_the_page_is_made_once_a_minute_whoever_asks(visitor, clock):
    first, second = visitor.ask("/status"), visitor.ask("/status")
    clock.now += timedelta(minutes=1)
    third = visitor.ask("/status")

    assert first.status == 200
    assert first.body == second.body == b"<!doctype html><p>asked 1 times"
    assert third.body == b"<!doctype html><p>asked 2 times"


def test_the_page_may_be_kept_for_a_minute_and_asked_for_again(visitor):
    page = visitor.ask("/status")
    again = visitor.ask("/status", If_None_Match=page.headers["etag"])
    packed = visitor.ask("/status", Accept_Encoding="gzip")

    assert page.headers["cache-control"] == "public, max-age=60"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (again.status, again.body) == (304, b"")
    assert gzip.decompress(packed.body) == page.body


def test_the_application_has_the_page(operations):
    with serving(app_of(Showcase(), operations)) as url:
        assert Visitor(url).ask("/status").body == b"<!doctype html><p>asked 1 times"


def test_feeds_name_their_hubs_and_themselves_in_a_header_and_pages_do_not(operations):
    site = replace(SITE, hubs=("https://hub.example/", "https://other.example/hub"))
    with serving(app_of(Showcase(site), operations, site)) as url:
        ask = Visitor(url).ask
        feed, topic, issues = map(ask, ("/feed.rss", "/topics/databases.json", "/issues.atom"))
        unchanged = ask("/feed.rss", If_None_Match=feed.headers["etag"])
        page, outlines = ask("/"), ask("/sources.opml")

    hubs = '<https://hub.example/>; rel="hub", <https://other.example/hub>; rel="hub"'
    assert feed.headers["link"] == f'{hubs}, <https://news.example/feed.rss>; rel="self"'
    assert topic.headers["link"].endswith(
        '<https://news.example/topics/databases.json>; rel="self"'
    )
    assert issues.headers["link"].endswith('<https://news.example/issues.atom>; rel="self"')
    assert unchanged.headers["link"] == feed.headers["link"]
    assert "link" not in page.headers | outlines.headers


def test_without_hubs_no_feed_names_any(operations):
    with serving(app_of(Showcase(), operations)) as url:
        assert "link" not in Visitor(url).ask("/feed.atom").headers
