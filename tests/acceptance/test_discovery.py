"""Finding the feeds of a site: asked little, offered all, followed one."""

import os
import pty
from dataclasses import replace
from itertools import pairwise

import pytest

from fake_publisher import FakePublisher, answer, redirect
from feed_documents import atom, items, rss
from installation import on_sqlite
from tidings.app.polling import polling
from tidings.catalog.sources import NewSource
from tidings.fetching.outcomes import Fetched, Validators


def a_page(*elements):
    head = "".join(elements)
    body = f"<!doctype html><html><head><title>A page</title></head><body>{head}</body></html>"
    return answer(body=body.encode(), Content_Type="text/html")


def advertised(href, title="", kind="application/atom+xml"):
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">'


def a_feed(title="A feed"):
    return answer(body=atom(*items(2), title=title), Content_Type="application/atom+xml")


def paths(publisher):
    return [request.path for request in publisher.received]


def followed(tidings):
    return [source["url"] for source in tidings("source", "list", "--json").json]


@on_sqlite
def test_the_feeds_of_a_site_are_listed_and_none_is_followed(tidings, web):
    site, elsewhere = web.publisher(), web.publisher()
    url = site.serve(
        "/",
        a_page(
            advertised("/comments/feed", "Comments"),
            advertised(elsewhere.url("/all"), "All", "text/xml"),
        ),
    )

    found = tidings("source", "discover", url, "--json")

    assert found.status == 0
    assert found.json == [
        {"url": elsewhere.url("/all"), "title": "All", "type": "text/xml"},
        {"url": site.url("/comments/feed"), "title": "Comments", "type": "application/atom+xml"},
    ]
    assert tidings("source", "discover", url).out.splitlines()[0] == (
        f"All\ttext/xml\t{elsewhere.url('/all')}"
    )
    assert followed(tidings) == []
    assert (paths(site), paths(elsewhere)) == (["/", "/"], [])


def test_a_feed_is_found_to_be_one_itself(tidings_on_sqlite, web):
    url = web.serve(a_feed("News"))

    found = tidings_on_sqlite("source", "discover", url, "--json")

    assert found.json == [{"url": url, "title": "News", "type": "application/atom+xml"}]


@on_sqlite
def test_links_that_look_like_feeds_are_tried_and_those_that_are_none_do_not_count(tidings, web):
    site, server = web.publisher(), web.publisher()
    url = site.serve(
        "/blog/",
        a_page(
            '<a href="/rss">About feeds</a>',
            '<a href="news.rss">News</a>',
            '<a href="/also.rss">News</a>',
            '<a href="/gone.rss">Old</a>',
            f'<a href="{server.url("/rss")}">Somebody else</a>',
        ),
    )
    site.serve("/rss", a_page("All about feeds."))
    site.serve("/blog/news.rss", answer(body=rss(*items(1), title="News")))
    site.serve("/also.rss", redirect("/blog/news.rss", "301 Moved Permanently"))

    found = tidings("source", "discover", url, "--json")

    assert [feed["url"] for feed in found.json] == [site.url("/blog/news.rss")]
    assert found.json[0]["title"] == "News"
    asked = ["/blog/", "/rss", "/blog/news.rss", "/also.rss", "/blog/news.rss", "/gone.rss"]
    assert paths(site) == asked
    # Ports of one address are one site to the rule of kinship, and several hosts to politeness.
    assert paths(server) == ["/rss"]


@on_sqlite
def test_a_feed_in_a_usual_place_is_found_and_asked_for_once(tidings, web):
    site = web.publisher()
    url = site.serve("/", a_page("Welcome."))
    site.serve("/feed", a_page("Every path of ours is a page."))
    feed = site.serve("/rss.xml", a_feed())

    added = tidings("source", "add", url, "--first")

    assert added.status == 0
    assert added.out == "1: A feed\n2 entries found, 2 of them public now\n"
    assert followed(tidings) == [feed]
    assert paths(site) == ["/", "/feed", "/rss.xml"]
    assert tidings.polled() == {}
    assert tidings("db", "check").out == "nothing is wrong\n"


def test_where_a_tried_address_has_moved_for_good_is_followed_there(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page("Welcome."))
    site.serve("/feed", redirect("/feed/", "301 Moved Permanently"))
    feed = site.serve("/feed/", a_feed())

    tidings_on_sqlite("source", "add", url, "--first")

    assert followed(tidings_on_sqlite) == [feed]


def test_a_site_that_only_has_pages_is_asked_a_few_times(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/blog/about", a_page("Welcome."))

    found = tidings_on_sqlite("source", "discover", url)

    assert found.status == 1
    assert found.err.startswith(f"tidings: no feed at {url}: an HTML page, not a feed (200 OK")
    assert len(paths(site)) == len(set(paths(site))) == 11
    assert {"/blog/feed", "/feed", "/blog/atom.xml", "/atom.xml"} < set(paths(site))
    assert site.most_at_once == 1


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(answer("429 Too Many Requests"), id="too many requests"),
        pytest.param(answer("503 Service Unavailable"), id="overloaded"),
    ],
)
def test_a_server_that_has_enough_is_asked_no_more(tidings_on_sqlite, web, refusal):
    site = web.publisher()
    url = site.serve("/", a_page("Welcome."))
    site.serve("/feed", refusal)
    site.serve("/rss.xml", a_feed())

    found = tidings_on_sqlite("source", "discover", url)

    assert found.status == 1
    assert paths(site) == ["/", "/feed"]


def test_too_many_requests_leave_the_host_alone_for_everybody(tidings, web):
    site = web.publisher()
    url = site.serve("/feed", answer("429 Too Many Requests", Retry_After="3600"))
    tidings.add(site.url("/other"))

    refused = tidings("source", "add", url)
    tidings("poll")

    assert refused.status == 1
    assert "429 Too Many Requests" in refused.err
    assert paths(site) == ["/feed"]


def test_requests_to_one_host_keep_their_distance(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page("Welcome."))
    site.serve("/rss.xml", a_feed())

    tidings_on_sqlite("source", "discover", url, FETCH__HOST_INTERVAL="0.2s")

    starts = [request.at for request in site.received]
    assert len(starts) == 3
    assert all(later - earlier > 0.18 for earlier, later in pairwise(starts))


@on_sqlite
def test_a_site_that_redirects_to_another_host_is_followed_there_at_once(tidings, web):
    old, site = web.publisher(), web.publisher()
    url = old.serve("/", redirect(site.url("/"), "301 Moved Permanently"))
    site.serve("/", a_page(advertised("/feed")))
    feed = site.serve("/feed", a_feed())

    added = tidings("source", "add", url, "--first")

    assert (added.status, added.err) == (0, "")
    assert followed(tidings) == [feed]


def test_an_advertised_private_address_is_not_dialled(tidings_on_sqlite, web):
    site = web.publisher()
    with FakePublisher() as canary:
        advertises = a_page(advertised(canary.url("/feed")))
        links = a_page(f'<a href="{canary.url("/rss")}">RSS</a>')
        url, other = site.serve("/", advertises), site.serve("/other", links)

        refused = tidings_on_sqlite("source", "add", url, "--first")
        found = tidings_on_sqlite("source", "discover", other)

    assert refused.status == found.status == 1
    assert canary.host in refused.err
    assert canary.connections == 0


def test_without_a_terminal_the_only_feed_of_a_site_is_followed(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page("Welcome."))
    feed = site.serve("/feed", a_feed())

    added = tidings_on_sqlite("source", "add", url)

    assert added.status == 0
    assert added.err == f"note: the feed there is {feed}\n"
    assert followed(tidings_on_sqlite) == [feed]


def test_without_a_terminal_the_choice_of_several_is_left_to_the_caller(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page(advertised("/all", "All"), advertised("/some", "Some")))

    refused = tidings_on_sqlite("source", "add", url)

    error, hint = refused.err.splitlines()
    assert (refused.status, refused.out) == (1, "")
    assert "--first" in hint
    assert error.endswith(f"; feeds found: {site.url('/all')}, {site.url('/some')}")
    assert followed(tidings_on_sqlite) == []


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("{host}/feed", id="no scheme"),
        pytest.param("//{host}/feed", id="slashes only"),
        pytest.param("feed://{host}/feed", id="feed://"),
        pytest.param("FEED:http://{host}/feed", id="feed: before another scheme"),
        pytest.param("feed:{host}/feed", id="feed: and nothing else"),
        pytest.param("http:/{host}/feed", id="a slash missing"),
        pytest.param("http//{host}/feed", id="a colon missing"),
        pytest.param("  http://{host}/feed#top ", id="blanks and a fragment"),
    ],
)
def test_an_address_is_understood_as_people_write_it(tidings_on_sqlite, web, written):
    site = web.publisher()
    feed = site.serve("/feed", a_feed())

    added = tidings_on_sqlite("source", "add", written.format(host=site.host))

    assert added.status == 0, added.err
    assert followed(tidings_on_sqlite) == [feed]


def test_an_address_without_scheme_that_nobody_answers_names_what_is_wrong(tidings_on_sqlite, web):
    refused = tidings_on_sqlite("source", "add", f"{web.publisher().host}/none")

    assert refused.status == 1
    assert refused.err.endswith("/none: 404 Not Found\n")


def test_a_feed_that_only_the_headers_of_a_page_name_is_found(tidings_on_sqlite, web):
    site = web.publisher()
    link = '</all>; rel="alternate"; type="application/rss+xml"; title="All", </de>; rel=alternate'
    page = a_page("Welcome.")
    headed = page.replace(b"\r\n\r\n", f"\r\nLink: {link}\r\n\r\n".encode(), 1)
    url = site.serve("/", headed)
    feed = site.serve("/all", a_feed())

    listed = tidings_on_sqlite("source", "discover", url, "--json").json
    tidings_on_sqlite("source", "add", url)

    assert listed == [{"url": feed, "title": "All", "type": "application/rss+xml"}]
    assert followed(tidings_on_sqlite) == [feed]


def test_an_advertised_feed_that_is_none_is_not_followed(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page(advertised("/feed")))
    none = site.serve("/feed", a_page("Our feeds."))

    refused = tidings_on_sqlite("source", "add", url, "--first")

    assert refused.status == 1
    assert refused.err.endswith(f"tidings: no feed at {none}: an HTML page, not a feed\n")
    assert followed(tidings_on_sqlite) == []


def test_a_feed_that_is_followed_already_is_not_asked_again(tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page(advertised("/feed")))
    feed = site.serve("/feed", a_feed())
    tidings_on_sqlite("source", "add", feed)

    again = tidings_on_sqlite("source", "add", url, "--first")

    assert again.status == 1
    assert again.err.endswith(f"tidings: source {feed} exists already: 1 A feed\n")
    assert paths(site) == ["/feed", "/"]


def test_the_page_of_a_channel_is_not_asked_for_when_its_address_says_enough(tidings_on_sqlite):
    asked = []

    def fetch(requests, done):
        for request in requests:
            asked.append(request.url)
            validators = Validators(url=request.url)
            done(request, Fetched(url=request.url, body=atom(), validators=validators))

    channel = "UC" + "x" * 22
    new = NewSource(url=f"youtube.com/channel/{channel}")
    with tidings_on_sqlite.opened() as app, polling(app) as gathering:
        adder = replace(gathering, fetch=fetch).source_adder()
        added = adder.add(new, choose=lambda links: links[0])

    assert added.source.url == f"https://www.youtube.com/feeds/videos.xml?channel_id={channel}"
    assert asked == [added.source.url]


@pytest.fixture
def at_terminal(tidings_on_sqlite):
    """Run a command as at a terminal, type something, and return what it shows."""

    def at_terminal(*arguments, typed):
        ours, theirs = pty.openpty()
        os.write(ours, typed)
        with tidings_on_sqlite.start(
            *arguments, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = b""
            try:
                while piece := os.read(ours, 4096):
                    shown += piece
            except OSError:  # how a terminal says that its other end is gone
                pass
        os.close(ours)
        return process.returncode, shown.decode()

    return at_terminal


def test_at_a_terminal_one_of_several_is_chosen(at_terminal, tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page(advertised("/all", "All"), advertised("/some", "Some")))
    chosen = site.serve("/some", a_feed())

    status, shown = at_terminal("source", "add", url, typed=b"3\n2\n")

    assert status == 0
    assert all(word in shown for word in ("All", "Some", "Which one [1]", "1: A feed"))
    assert followed(tidings_on_sqlite) == [chosen]


def test_at_a_terminal_the_only_one_is_followed(at_terminal, tidings_on_sqlite, web):
    site = web.publisher()
    url = site.serve("/", a_page(advertised("/all", "All")))
    feed = site.serve("/all", a_feed())

    status, shown = at_terminal("source", "add", url, typed=b"")

    assert status == 0
    assert "Which one" not in shown
    assert followed(tidings_on_sqlite) == [feed]
