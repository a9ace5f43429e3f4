import re
import sys
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import feedparser
import pytest
from lxml import etree

from tidings.model.feed import Enclosure
from tidings.publishing.formats.rss import MEDIA_RSS, render_rss

NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
RFC_822 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000"
)


def parse(body):
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False))


def texts(element, path):
    return [found.text for found in element.xpath(path, namespaces=NAMESPACES)]


def test_an_rss_feed_is_written_as_in_the_golden_file(varied_feed, golden):
    body = render_rss(varied_feed)

    golden("latest.rss", body)


def test_the_same_feed_gives_the_same_bytes(varied_feed):
    assert render_rss(varied_feed) == render_rss(varied_feed)


def test_a_channel_has_what_rss_demands_once(varied_feed):
    rss = parse(render_rss(varied_feed))

    assert (rss.tag, rss.get("version"), len(rss)) == ("rss", "2.0", 1)
    for name in ("title", "link", "description", "language", "lastBuildDate", "generator"):
        assert len(texts(rss, f"channel/{name}")) == 1
        assert all(texts(rss, f"channel/{name}"))
    assert texts(rss, "channel/link") == ["https://tidings.example/"]
    assert texts(rss, "channel/lastBuildDate") == ["Fri, 20 Nov 2026 12:00:00 +0000"]


def test_a_channel_has_one_self_link_and_names_its_other_forms(varied_feed):
    rss = parse(render_rss(varied_feed))

    links = rss.xpath("channel/atom:link", namespaces=NAMESPACES)
    assert sorted((link.get("rel"), link.get("type"), link.get("href")) for link in links) == [
        ("alternate", "application/atom+xml", "https://tidings.example/feed.atom"),
        ("alternate", "application/feed+json", "https://tidings.example/feed.json"),
        ("self", "application/rss+xml", "https://tidings.example/feed.rss"),
    ]


def test_no_item_repeats_what_may_stand_once(varied_feed):
    rss = parse(render_rss(varied_feed))

    for item in rss.iter("item"):
        names = [child.tag for child in item]
        often = {"category", f"{{{NAMESPACES['dc']}}}creator", f"{{{MEDIA_RSS}}}content"}
        once = [name for name in names if name not in often]
        assert len(set(once)) == len(once)
        assert {"title", "guid", "pubDate", "source"} <= set(once)


def test_pictures_are_there_with_what_is_to_be_seen(an_entry, a_feed):
    rss = parse(render_rss(a_feed(an_entry())))

    first, second = rss.iter(f"{{{MEDIA_RSS}}}content")
    assert dict(first.attrib) == {
        "url": "https://harbour.example/fog.png?w=9",
        "medium": "image",
        "type": "image/png",
        "width": "640",
        "height": "480",
    }
    assert [words.text for words in first] == ["Fog & a ferry"]
    assert (dict(second.attrib), len(second)) == (
        {"url": "https://harbour.example/picture", "medium": "image"},
        0,
    )


def test_every_date_is_rfc_822_in_english(varied_feed):
    rss = parse(render_rss(varied_feed))

    dates = texts(rss, "//lastBuildDate | //pubDate")
    assert len(dates) == 1 + len(varied_feed.entries)
    assert all(RFC_822.fullmatch(date) for date in dates)
    assert parsedate_to_datetime(dates[1]) == varied_feed.entries[0].published


def test_every_address_is_an_absolute_uri(varied_feed):
    rss = parse(render_rss(varied_feed))

    addresses = texts(rss, "//link") + rss.xpath("//@url | //@href")
    assert all(address.isascii() and urlsplit(address).netloc for address in addresses)
    assert "https://shu.example/%E6%BD%AE" in addresses


def test_a_guid_is_a_permalink_only_if_it_is_the_page(an_entry, a_feed):
    page = "https://harbour.example/tides"
    feed = a_feed(an_entry(1), an_entry(2, atom_id=page, url=page))

    guids = parse(render_rss(feed)).xpath("//guid")

    assert [(guid.text, guid.get("isPermaLink")) for guid in guids] == [
        ("tag:harbour.example,2026:1", "false"),
        (page, "true"),
    ]


def test_the_body_is_whole_and_the_description_is_its_excerpt(an_entry, a_feed):
    entry = an_entry()

    rss = parse(render_rss(a_feed(entry)))

    assert texts(rss, "//content:encoded") == [entry.content]
    assert texts(rss, "//item/description") == [
        "High water at six. A storm on Friday &amp; no ferry."
    ]


def test_a_body_without_excerpt_is_the_description(an_entry, a_feed):
    rss = parse(render_rss(a_feed(an_entry(excerpt="", content="<img src='https://a.example/b'>"))))

    assert texts(rss, "//item/description") == ["<img src='https://a.example/b'>"]
    assert texts(rss, "//content:encoded") == []


def test_authors_need_no_address(an_entry, a_feed):
    rss = parse(render_rss(a_feed(an_entry(1), an_entry(2, authors=()))))

    assert texts(rss, "//item[1]/dc:creator") == ["Mara Quay", "Jon Lock"]
    assert texts(rss, "//item[2]/dc:creator") == ["The Harbour Log"]


def test_the_source_is_credited(an_entry, a_feed):
    (source,) = parse(render_rss(a_feed(an_entry()))).xpath("//source")

    assert (source.get("url"), source.text) == (
        "https://harbour.example/feed.xml",
        "The Harbour Log",
    )


@pytest.mark.parametrize(
    ("enclosure", "expected"),
    [
        pytest.param(
            Enclosure(url="https://a.example/b.mp3", type="audio/mpeg", length=7),
            {"url": "https://a.example/b.mp3", "type": "audio/mpeg", "length": "7"},
            id="all known",
        ),
        pytest.param(
            Enclosure(url="https://a.example?b"),
            {"url": "https://a.example/?b", "type": "application/octet-stream", "length": "0"},
            id="nothing known",
        ),
        pytest.param(
            Enclosure(url="https://a.example/b", type="mp3, I think", length=-1),
            {"url": "https://a.example/b", "type": "application/octet-stream", "length": "0"},
            id="nonsense",
        ),
    ],
)
def test_an_enclosure_has_all_three_attributes(an_entry, a_feed, enclosure, expected):
    rss = parse(render_rss(a_feed(an_entry(enclosures=(enclosure,)))))

    assert [dict(found.attrib) for found in rss.iter("enclosure")] == [expected]


@pytest.mark.parametrize("host", ["localhost:8000", "my_host.example", "[2001:db8::1]"])
def test_an_enclosure_at_a_host_that_validators_refuse_gives_way_to_the_next(
    an_entry, a_feed, host
):
    next_one = Enclosure(url="https://a.example:8000/b.mp3")
    enclosures = (Enclosure(url=f"http://{host}/a.mp3"), next_one)

    rss = parse(render_rss(a_feed(an_entry(enclosures=enclosures))))

    assert rss.xpath("//enclosure/@url") == [next_one.url]


def test_hubs_are_named(an_entry, a_feed):
    rss = parse(render_rss(a_feed(an_entry(), hubs=("https://hub.example/",))))

    hubs = rss.xpath("channel/atom:link[@rel='hub']/@href", namespaces=NAMESPACES)
    assert hubs == ["https://hub.example/"]


def test_rights_are_told_where_they_are_known(varied_feed):
    rss = parse(render_rss(varied_feed))

    assert texts(rss, "//item[1]/dc:rights") == ["© 2026 The Harbour Log"]
    assert texts(rss, "//item[2]/dc:rights") == []


def test_an_item_has_the_first_of_several_enclosures(an_entry, a_feed):
    rss = parse(render_rss(a_feed(an_entry())))

    assert rss.xpath("//enclosure/@url") == ["https://harbour.example/tides.mp3"]


def test_titles_hold_numeric_references_as_the_profile_advises(an_entry, a_feed):
    body = render_rss(a_feed(an_entry(title="Use <b> & </b>")))

    assert b"<title>Use &#x3C;b&gt; &#x26; &#x3C;/b&gt;</title>" in body
    assert texts(parse(body), "//item/title") == ["Use <b> & </b>"]


def test_a_channel_without_subtitle_is_described_by_its_title(an_entry, a_feed):
    rss = parse(render_rss(a_feed(an_entry(), title="Fish & Chips", subtitle="")))

    assert texts(rss, "channel/description") == ["Fish &amp; Chips"]


def test_rendering_leaves_the_locale_of_the_process_alone(varied_feed):
    called = set()
    sys.setprofile(lambda frame, _event, _argument: called.add(frame.f_code.co_name))
    try:
        render_rss(varied_feed)
    finally:
        sys.setprofile(None)

    assert "rss_str" in called
    assert "setlocale" not in called


def test_what_feedparser_reads_is_what_we_wrote(varied_feed):
    parsed = feedparser.parse(render_rss(varied_feed))

    full, bare, chinese, *_ = parsed.entries
    assert not parsed.bozo
    assert parsed.feed.link == "https://tidings.example/"
    assert full.title == "Tides of the week"
    assert full.content[0].value == varied_feed.entries[0].content
    assert full.enclosures[0].length == "40960"
    assert full.source.href == "https://harbour.example/feed.xml"
    assert full.published_parsed[:5] == (2026, 11, 20, 10, 0)
    assert bare.title == "A note without title or page"
    assert chinese.title == "潮汐的数学"
