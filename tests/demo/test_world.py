"""The demo's world: every publisher as a visitor meets it."""

import calendar
import gzip
import html
import json
import re
import struct
import time
import zlib
from collections import Counter
from datetime import UTC, datetime
from email.message import Message
from io import BytesIO
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import feedparser
import pytest
from latex2mathml.converter import convert
from lxml import etree

from tidings.demo.site_documents import fill
from tidings.demo.world import TOPICS, World

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

ENTRIES = {
    "write-ahead": 6,
    "small-lemma": 5,
    "jiqi-xuexi": 6,
    "xitong-biancheng": 6,
    "dark-sky": 5,
    "kestrel": 5,
    "tidewater-desk": 9,
    "dushu-zhaji": 6,
    "room-tone": 5,
    "harbour-library": 6,
    "plot-fourteen": 6,
    "lock-and-weir": 2,
}
ENCODINGS = {"dushu-zhaji": "gb18030"}
UNDATED = {"plot-fourteen": 2}
XML = sorted(ENTRIES.keys() - {"kestrel"})
FORMULA = re.compile(r"\\\((.+?)\\\)|\$\$(.+?)\$\$", re.DOTALL)
CODE = re.compile(r"<pre>.*?</pre>", re.DOTALL)


@pytest.fixture(scope="module")
def world():
    with World(NOW) as world:
        yield world


def feed_url(world, name):
    return next(p.feed_url for p in world.publishers if p.name == name)


def visit(url, **headers: str) -> tuple[int, Message, bytes]:
    request = Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urlopen(request, timeout=5) as response:
            return response.status, response.headers, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def read_feed(world, name):
    url = feed_url(world, name)
    _, headers, body = visit(url)
    return feedparser.parse(
        BytesIO(body),
        response_headers={"content-location": url, "content-type": headers["Content-Type"]},
        sanitize_html=False,
    )


def read_entries(world, name):
    """Return link, title and HTML of each entry, read independently of the code under test."""
    if name == "kestrel":
        items = json.loads(visit(feed_url(world, name))[2])["items"]
        return [(item["url"], item["title"], item["content_html"]) for item in items]
    return [
        (e.link, e.title, e.content[0].value if "content" in e else e.summary)
        for e in read_feed(world, name).entries
    ]


def dates(world, name):
    if name == "kestrel":
        items = json.loads(visit(feed_url(world, name))[2])["items"]
        return [datetime.fromisoformat(item["date_published"]) for item in items]
    entries = read_feed(world, name).entries
    fields = ("published_parsed", "updated_parsed")
    parsed = [next((e[f] for f in fields if f in e), None) for e in entries]
    return [datetime.fromtimestamp(calendar.timegm(p), UTC) for p in parsed if p]


@pytest.mark.parametrize("name", [n for n in XML if n != "plot-fourteen"])
def test_a_document_is_well_formed(world, name):
    _, _, body = visit(feed_url(world, name))

    # The reading notes use more characters than the encoding they declare.
    root = etree.fromstring(body, etree.XMLParser(encoding=ENCODINGS.get(name)))

    assert etree.QName(root).localname in {"rss", "feed", "RDF"}


def test_the_sloppy_publisher_is_not_well_formed(world):
    _, _, body = visit(feed_url(world, "plot-fourteen"))

    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(body)


@pytest.mark.parametrize(("name", "count"), ENTRIES.items())
def test_a_feed_holds_its_entries(world, name, count):
    entries = read_entries(world, name)

    assert len(entries) == count
    assert all(link.startswith("http://127.0.0.1:") for link, _, _ in entries)
    assert all(title and len(content) > 100 for _, title, content in entries)


@pytest.mark.parametrize("name", ENTRIES)
def test_nothing_is_dated_in_the_future_or_long_ago(world, name):
    ages = [NOW - date for date in dates(world, name)]

    assert len(ages) == ENTRIES[name] - UNDATED.get(name, 0)
    assert all(0 < age.total_seconds() <= 30 * 24 * 3600 for age in ages)


@pytest.mark.parametrize("name", ENTRIES)
def test_no_placeholder_is_left_in_a_feed(world, name):
    _, _, body = visit(feed_url(world, name))

    assert not re.search(rb"\{\{(base|iso|rfc822)", body)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_of_a_feed_has_a_page_and_every_picture_is_there(world, name):
    for link, title, content in read_entries(world, name):
        status, headers, page = visit(link)
        pictures = [urljoin(link, src) for src in re.findall(r'<img[^>]+src="([^"]+)', content)]

        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert html.escape(title) in page.decode()
        assert all(visit(p)[1]["Content-Type"].startswith("image/") for p in pictures)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_formula_of_a_feed_can_be_typeset(world, name):
    for _, _, content in read_entries(world, name):
        for inline, display in FORMULA.findall(CODE.sub("", content)):
            convert(html.unescape(inline or display))


def test_the_home_page_announces_the_feed_and_lists_its_entries(world):
    url = feed_url(world, "small-lemma")

    _, _, page = visit(urljoin(url, "/"))

    assert (
        b'<link rel="alternate" type="application/atom+xml" href="/feed.xml"'
        b' title="The Small Lemma">' in page
    )
    assert page.count(b"<li>") == ENTRIES["small-lemma"]


@pytest.mark.parametrize(
    ("known", "status"),
    [
        pytest.param({"If-None-Match": "ETag"}, 304, id="its tag"),
        pytest.param({"If-Modified-Since": "Last-Modified"}, 304, id="its date"),
        pytest.param(
            {"If-None-Match": "Server", "If-Modified-Since": "Last-Modified"},
            200,
            id="another tag counts more than its date",
        ),
        pytest.param({}, 200, id="nothing"),
    ],
)
def test_a_visitor_who_knows_the_document_is_not_sent_it_again(world, known, status):
    url = feed_url(world, "write-ahead")
    _, first, _ = visit(url)

    again, headers, body = visit(url, **{ask: first[answer] for ask, answer in known.items()})

    assert again == status
    assert bool(body) == (status == 200)
    assert headers["ETag"] == first["ETag"]


def test_a_document_is_compressed_for_those_who_ask(world):
    url = feed_url(world, "dark-sky")
    _, _, plain = visit(url)

    _, headers, compressed = visit(url, Accept_Encoding="gzip, deflate")

    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed) == plain
    assert len(compressed) < len(plain) / 2


def test_the_reading_notes_are_gb18030_under_a_smaller_name(world):
    _, _, body = visit(feed_url(world, "dushu-zhaji"))

    assert b'encoding="gb2312"' in body
    assert "囍字的写法" in body.decode("gb18030")
    assert "Gödel" in body.decode("gb18030")
    with pytest.raises(UnicodeDecodeError):
        body.decode("gb2312")
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")


def test_every_episode_can_be_played_and_is_as_long_as_it_says(world):
    for entry in read_feed(world, "room-tone").entries:
        (enclosure,) = entry.enclosures

        _, headers, sound = visit(enclosure.href)

        assert headers["Content-Type"] == enclosure.type == "audio/mpeg"
        assert len(sound) == int(enclosure.length)
        assert {sound[i : i + 4] for i in range(0, len(sound), 104)} == {b"\xff\xfb\x10\xc0"}
        assert len(sound) / 104 * 1152 / 44_100 == pytest.approx(
            int(entry.itunes_duration), abs=0.03
        )


@pytest.mark.parametrize(
    ("name", "path", "size"),
    [
        pytest.param("dark-sky", "/moon.png", 260, id="the moon"),
        pytest.param("room-tone", "/cover.png", 300, id="the cover"),
    ],
)
def test_a_computed_picture_is_a_whole_png(world, name, path, size):
    _, _, picture = visit(urljoin(feed_url(world, name), path))

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (size, size)
    start = picture.index(b"IDAT")
    (length,) = struct.unpack(">I", picture[start - 4 : start])
    assert len(zlib.decompress(picture[start + 4 : start + 4 + length])) == size * (size + 1)
    assert picture.endswith(struct.pack(">I", zlib.crc32(b"IEND")))


def test_one_story_stands_in_two_feeds(world):
    links = Counter(link for name in ENTRIES for link, _, _ in read_entries(world, name))

    shared = [link for link, count in links.items() if count > 1]

    assert shared == [urljoin(feed_url(world, "dark-sky"), "/moon-among-the-pleiades")]


def test_the_broken_publisher_answers_with_a_page_instead_of_a_feed(world):
    status, headers, body = visit(feed_url(world, "old-observatory"))

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert feedparser.parse(BytesIO(body)).version == ""


def test_the_dead_publisher_refuses(world):
    with pytest.raises(URLError) as refused:
        visit(feed_url(world, "last-orders"))

    assert isinstance(refused.value.reason, ConnectionRefusedError)


def test_what_nobody_wrote_is_not_found(world):
    status, _, _ = visit(urljoin(feed_url(world, "write-ahead"), "/nothing-here"))

    assert status == 404


def test_every_publisher_has_a_port_and_known_topics(world):
    assert len(world.publishers) == len(ENTRIES) + 3
    assert len(set(world.allow)) == len(world.publishers)
    assert all(
        f"http://{a}/" in p.feed_url for a, p in zip(world.allow, world.publishers, strict=True)
    )
    assert {topic for p in world.publishers for topic in p.topics} == TOPICS.keys()


def test_who_teases_has_the_rest_on_pages(world):
    for link, _, teaser in read_entries(world, "lock-and-weir"):
        assert len(visit(link)[2]) > 5 * len(teaser)


def test_the_page_without_a_feed_has_items(world):
    [publisher] = [one for one in world.publishers if one.page]

    _, headers, page = visit(publisher.feed_url)

    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.count(b'<article class="notice"') == 3
    assert b"{{" not in page


def test_the_world_ends_at_once():
    with World(NOW) as world:
        url = feed_url(world, "write-ahead")
        visit(url)
        before = time.perf_counter()

    assert time.perf_counter() - before < 1
    with pytest.raises(URLError):
        visit(url)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{base}}/a", "http://here/a", id="its own address"),
        pytest.param("{{base:there}}/a", "http://there/a", id="another's address"),
        pytest.param("{{iso:-90m}}", "2026-03-01T08:00:00+00:00", id="minutes"),
        pytest.param("{{rfc822:-3h}}", "Sun, 01 Mar 2026 06:30:00 +0000", id="hours"),
        pytest.param("{{iso:-2d}}", "2026-02-27T09:30:00+00:00", id="days"),
        pytest.param(r"\(x^{{2}}\)", r"\(x^{{2}}\)", id="a formula is left alone"),
    ],
)
def test_fill(template, expected):
    bases = {"here": "http://here", "there": "http://there"}

    assert fill(template, now=NOW, bases=bases, own="here") == expected
