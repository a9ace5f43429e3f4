"""Feeds and archives as they are asked for over HTTP: headers, conditions, and what is newer alone."""

import gzip
import json

import feedparser
import pytest

from browser.showcase import serving
from installation import on_sqlite
from newsletter_site import NewsletterSite
from parsed_entries import HOUR
from published_documents import PublishedDocuments
from tidings.catalog import topics
from web.visitors import Operations, Visitor, app_of

FEEDS = {
    "/feed.atom": "application/atom+xml; charset=utf-8",
    "/feed.rss": "application/rss+xml; charset=utf-8",
    "/feed.json": "application/feed+json",
    "/archive/1.atom": "application/atom+xml; charset=utf-8",
}


@pytest.fixture
def room(database):
    return NewsletterSite(database)


@pytest.fixture
def url(database):
    publication = PublishedDocuments(database, feed_size=2).publication
    with serving(app_of(publication, Operations())) as address:
        yield address


@pytest.fixture
def visitor(url):
    return Visitor(url)


def titles(body):
    """Return the titles in a feed of any form."""
    if body.startswith(b"{"):
        return [item["title"] for item in json.loads(body)["items"]]
    return [entry.title for entry in feedparser.parse(body).entries]


def fill(room):
    source_id = room.follow()
    for _ in range(5):
        room.publish(source_id, 21)
    return source_id


def test_every_feed_has_all_its_headers(room, visitor):
    fill(room)

    for path, kind in FEEDS.items():
        answer = visitor.ask(path)

        assert answer.status == 200
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-length"] == str(len(answer.body))
        assert answer.headers["etag"].startswith('"')
        assert answer.headers["last-modified"].endswith("GMT")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["vary"] == "Accept-Encoding"
        age = 86400 if "archive" in path else 300
        assert answer.headers["cache-control"] == f"public, max-age={age}"


def test_every_feed_is_compressed_confirmed_and_asked_for_its_head(room, visitor):
    fill(room)

    for path in FEEDS:
        plain = visitor.ask(path)
        small = visitor.ask(path, Accept_Encoding="gzip")
        head = visitor.ask(path, method="HEAD")
        same = visitor.ask(path, If_None_Match=plain.headers["etag"])
        unchanged = visitor.ask(path, If_Modified_Since=plain.headers["last-modified"])

        assert gzip.decompress(small.body) == plain.body
        assert small.headers["etag"] == f"W/{plain.headers['etag']}"
        assert (head.body, head.headers["etag"]) == (b"", plain.headers["etag"])
        assert [(answer.status, answer.body) for answer in (same, unchanged)] == [(304, b"")] * 2
        assert same.headers["cache-control"] == plain.headers["cache-control"]


@pytest.mark.parametrize("number", ["0", "2", "01", "x", "-1", "9" * 30])
@on_sqlite
def test_archives_that_are_not_there_get_a_page_that_helps(room, visitor, number):
    fill(room)

    answer = visitor.ask(f"/archive/{number}.atom")

    assert answer.status == 404
    assert b"Go to the latest updates" in answer.body


@pytest.mark.parametrize("path", [path for path in FEEDS if "archive" not in path])
def test_who_asks_for_it_gets_only_what_is_newer(room, visitor, path):
    source_id = room.follow()
    room.publish(source_id, title="Old")
    had = visitor.ask(path).headers["etag"]
    room.publish(source_id, title="New")

    answer = visitor.ask(path, If_None_Match=had, A_IM="feed")

    assert answer.status == 226
    assert titles(answer.body) == ["New"]
    assert answer.headers["im"] == "feed"
    assert answer.headers["cache-control"] == "no-store, im"
    assert answer.headers["vary"] == "Accept-Encoding, A-IM"
    assert answer.headers["content-type"] == FEEDS[path]
    whole = visitor.ask(path)
    assert titles(whole.body) == ["New", "Old"]
    assert answer.headers["etag"] == whole.headers["etag"]
    assert visitor.ask(path, If_None_Match=answer.headers["etag"], A_IM="feed").status == 304


@pytest.mark.parametrize(
    ("manipulations", "status"),
    [
        pytest.param("feed", 226, id="feed"),
        pytest.param("vcdiff, Feed;q=0.5", 226, id="among others"),
        pytest.param("feed;q=0", 200, id="anything but that"),
        pytest.param("vcdiff", 200, id="others only"),
        pytest.param("*", 200, id="anything"),
        pytest.param("", 200, id="nothing"),
    ],
)
@on_sqlite
def test_only_who_knows_how_to_read_a_part_gets_one(room, visitor, manipulations, status):
    source_id = room.follow()
    room.publish(source_id)
    had = visitor.ask("/feed.atom").headers["etag"]
    room.publish(source_id)

    assert visitor.ask("/feed.atom", If_None_Match=had, A_IM=manipulations).status == status


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param('"1-0123456789ab"', id="made otherwise"),
        pytest.param('"0-{made_by}"', id="before all changes"),
        pytest.param('"999999-{made_by}"', id="of a later state: the database was restored"),
        pytest.param('"{made_by}"', id="none of ours"),
        pytest.param("", id="none"),
    ],
)
@on_sqlite
def test_who_has_nothing_of_ours_gets_all(room, visitor, tags):
    room.publish(room.follow())
    made_by = visitor.ask("/feed.atom").headers["etag"].strip('"').partition("-")[2]

    answer = visitor.ask("/feed.atom", If_None_Match=tags.format(made_by=made_by), A_IM="feed")

    assert answer.status == 200


def test_of_several_copies_the_newest_counts_compressed_or_not(room, visitor):
    source_id = room.follow()
    tags = []
    for title in ("First", "Second", "Third"):
        room.publish(source_id, title=title)
        tags.append(visitor.ask("/feed.atom", Accept_Encoding="gzip").headers["etag"])

    tag = ", ".join(tags[:2])
    answer = visitor.ask("/feed.atom", If_None_Match=tag, A_IM="feed", Accept_Encoding="gzip")

    assert answer.status == 226
    assert titles(gzip.decompress(answer.body)) == ["Third"]


def test_archives_and_pages_are_never_sent_in_part(room, visitor):
    source_id = fill(room)
    tags = {path: visitor.ask(path).headers["etag"] for path in ("/archive/1.atom", "/")}
    room.now += HOUR
    with room.database.write() as connection:
        topics.ensure(connection, ["new topic"], now=room.now)
    room.publish(source_id)

    for path, tag in tags.items():
        assert visitor.ask(path, If_None_Match=tag, A_IM="feed").status == 200
