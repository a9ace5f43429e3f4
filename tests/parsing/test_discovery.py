"""What a page says about feeds, however it says it."""

import json
import time

import pytest

from real_samples import SAMPLES, needs
from tidings.parsing import discovery
from tidings.parsing.discovery import MAX_FEEDS, is_page, read_page

PAGES = SAMPLES / "pages"
URL = "https://example.org/blog/"
CHANNEL = "UC" + "a1_-" * 5 + "Zz"
VIDEOS = "https://www.youtube.com/feeds/videos.xml"


def read(html, url=URL):
    return read_page(html.encode(), url)


def urls(links):
    return [link.url for link in links]


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        pytest.param(
            '<link rel=alternate type="application/rss+xml" href="/feed">',
            ["https://example.org/feed"],
            id="as it should be",
        ),
        pytest.param(
            '<LINK REL="Home ALTERNATE" TYPE="Application/Atom+XML; charset=utf-8" HREF="atom">',
            ["https://example.org/blog/atom"],
            id="in any spelling",
        ),
        pytest.param(
            '<link rel=alternate type="text/xml" href="/news">',
            ["https://example.org/news"],
            id="as any XML",
        ),
        pytest.param(
            '<link rel=alternate type="application/json" href="/feed.json">',
            ["https://example.org/feed.json"],
            id="as any JSON",
        ),
        pytest.param(
            '<link rel=alternate type="application/rss" href="/news">',
            ["https://example.org/news"],
            id="as a type that does not exist",
        ),
        pytest.param(
            '<link rel=alternate href="/rss.xml">', ["https://example.org/rss.xml"], id="untyped"
        ),
        pytest.param('<link rel=alternate hreflang=fr href="/fr/">', [], id="a translation"),
        pytest.param('<link rel=alternate type="text/html" href="/rss">', [], id="another page"),
        pytest.param(
            '<link rel=alternate type="application/json" href="/wp-json/wp/v2/pages/2">',
            [],
            id="an interface for programs",
        ),
        pytest.param(
            '<link rel=alternate type="application/json+oembed" href="/oembed?feed=rss">',
            [],
            id="a preview",
        ),
        pytest.param('<link rel=stylesheet type="text/xml" href="/feed">', [], id="no alternate"),
        pytest.param(
            '<a rel=alternate type="application/atom+xml" href="/a">Atom</a>',
            ["https://example.org/a"],
            id="a link in the text",
        ),
        pytest.param(
            '<link rel=alternate type="application/rss+xml" href="feed://example.org/rss">',
            ["https://example.org/rss"],
            id="an address for feed readers",
        ),
        pytest.param(
            '<link rel=alternate type="application/rss+xml" href="javascript:alert(1)">',
            [],
            id="no web address",
        ),
        pytest.param(
            '<!-- <link rel=alternate type="application/rss+xml" href="/feed"> -->',
            [],
            id="in a comment",
        ),
    ],
)
def test_a_page_advertises(element, expected):
    page = read(f"<!doctype html><head>{element}</head><body>Welcome")

    assert urls(page.advertised) == expected


@pytest.mark.parametrize(
    ("href", "is_feed"),
    [
        pytest.param("/rss", True, id="a path that says so"),
        pytest.param("/category/news/feed/", True, id="the feed of a part"),
        pytest.param("news.rss", True, id="an extension"),
        pytest.param("/index.xml", True, id="the file of a generator"),
        pytest.param("/feeds/all.atom.xml", True, id="a file in a folder of feeds"),
        pytest.param("/?feed=rss2", True, id="a query"),
        pytest.param("/rss.php", True, id="a script"),
        pytest.param("/news/feed.aspx?lang=en", True, id="a script in a folder"),
        pytest.param("/feeds/news", True, id="one of several in a folder"),
        pytest.param("/feedback.php", False, id="a script of another name"),
        pytest.param("https://www.example.org/rss", True, id="the same site with www"),
        pytest.param("https://blog.example.org/rss", True, id="a part of the site"),
        pytest.param("https://feeds.feedburner.com/example", True, id="a server of feeds"),
        pytest.param("https://elsewhere.example/rss", False, id="somebody else's"),
        pytest.param("https://notexample.org/rss", False, id="a similar name"),
        pytest.param("/sitemap.xml", False, id="other XML"),
        pytest.param("/about", False, id="a page"),
        pytest.param("/feedback", False, id="a similar word"),
    ],
)
def test_links_of_a_page_that_look_like_feeds(href, is_feed):
    page = read(f'<p>Follow us by <a href="{href}">RSS</a>')

    assert bool(page.linked) is is_feed
    assert page.advertised == ()


def test_each_feed_is_named_once_and_those_of_comments_last():
    page = read(
        '<link rel=alternate type="application/rss+xml" title="All » Comments" href="/replies">'
        '<link rel=alternate type="application/rss+xml" href="/comments/feed/">'
        '<link rel=alternate type="application/rss+xml" title="A &amp; B" href="/feed/">'
        '<link rel=alternate type="application/atom+xml" href="/feed/#top">'
    )

    assert urls(page.advertised) == [
        "https://example.org/feed/",
        "https://example.org/replies",
        "https://example.org/comments/feed/",
    ]
    assert (page.advertised[0].title, page.advertised[0].type) == ("A & B", "application/rss+xml")


def test_addresses_are_relative_to_the_base_of_the_page():
    page = read('<base href="//cdn.example.org/x/"><link rel=alternate type=text/xml href=feed>')

    assert urls(page.advertised) == ["https://cdn.example.org/x/feed"]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "guessed"])
def test_titles_are_read_in_the_encoding_of_the_page(declared):
    title = "机器学习日报:每天为你挑选重要的论文和新闻"
    html = (
        f"<html><meta {'charset=gb2312' if declared else ''}>"
        f'<link rel=alternate type="text/xml" title="{title}" href="/feed">'
    )

    page = read_page(html.encode("gb18030"), URL)

    assert [link.title for link in page.advertised] == [title]


def test_feeds_are_usually_beside_the_page_or_at_the_root():
    beside = urls(read("", "https://example.org/blog/about.html?x=1").well_known)
    at_root = urls(read("", "https://example.org").well_known)

    assert beside[:3] == [
        "https://example.org/blog/feed",
        "https://example.org/feed",
        "https://example.org/blog/rss.xml",
    ]
    assert at_root[:2] == ["https://example.org/feed", "https://example.org/rss.xml"]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        pytest.param(b"\n<!DOCTYPE html><p>", None, True, id="a declared page"),
        pytest.param(b"Hello", "text/html", True, id="labelled as a page"),
        pytest.param(b'{"items": {}}', "application/json", False, id="JSON"),
        pytest.param(b"root:x:0:0", "text/plain", False, id="text"),
    ],
)
def test_what_is_a_page(body, content_type, expected):
    assert is_page(body, content_type) is expected


@pytest.mark.parametrize(
    ("url", "feed"),
    [
        pytest.param(
            f"https://www.youtube.com/channel/{CHANNEL}/videos",
            f"{VIDEOS}?channel_id={CHANNEL}",
            id="a channel",
        ),
        pytest.param(
            "https://m.youtube.com/playlist?list=PLabc-DEF_123",
            f"{VIDEOS}?playlist_id=PLabc-DEF_123",
            id="a playlist",
        ),
        pytest.param("https://www.youtube.com/playlist?list=WL", None, id="a private list"),
        pytest.param("https://www.youtube.com/@somebody", None, id="a name"),
        pytest.param(f"https://example.org/channel/{CHANNEL}", None, id="another site"),
    ],
)
def test_what_an_address_of_youtube_names(url, feed):
    found = discovery.find_feed_of(url)

    assert (found.url if found else None) == feed


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(
            f'<link rel="canonical" href="https://www.youtube.com/channel/{CHANNEL}">',
            id="canonical address",
        ),
        pytest.param(f'<meta itemprop="identifier" content="{CHANNEL}">', id="metadata"),
        pytest.param(f'<script>x = {{"externalId":"{CHANNEL}"}}</script>', id="script"),
        pytest.param(f'<script>x = {{"channelId":"{CHANNEL}"}}</script>', id="video"),
    ],
)
def test_pages_of_youtube_lead_to_the_feed_of_their_channel(mark):
    other = '"channelId":"UC' + "x" * 22 + '"'
    html = f"<html>{mark}<script>{other}</script>"

    there, elsewhere = read(html, "https://www.youtube.com/@somebody"), read(html)

    assert urls(there.advertised) == [f"{VIDEOS}?channel_id={CHANNEL}"]
    assert (there.well_known, elsewhere.advertised) == ((), ())


@pytest.mark.parametrize(
    "piece",
    [
        "<div>", "<b><p>", "<a href=/rss>", "<a href=/feeds/1.xml>x</a>", "<!--", "<script>", "<",
        "<meta ", "<a href='", '<link rel=alternate type=text/xml href="/feed', "<svg><style>",
    ],
)  # fmt: skip
def test_no_page_takes_long(piece):
    body = (piece * (4_000_000 // len(piece))).encode()

    started = time.process_time()
    page = read_page(body, "https://www.youtube.com/")

    assert time.process_time() - started < 5
    assert len(page.advertised) + len(page.linked) <= 2 * MAX_FEEDS


@needs("pages")
def test_real_pages_lead_to_their_feeds():
    pages = json.loads((PAGES / "manifest.json").read_text("utf-8"))

    for sample in pages:
        body = (PAGES / sample["path"]).read_bytes()
        page = read_page(body, "https://example.org/")

        # One of them advertises its feed in a comment, and links to it all the same.
        found = page.advertised or page.linked
        assert is_page(body, None)
        assert urls(found) == [
            feed["href"] if "//" in feed["href"] else f"https://example.org{feed['href']}"
            for feed in sample["feeds"]
        ]
    assert len(pages) >= 4
