import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import feedparser
import pytest
from lxml import etree

from tidings.model.feed import Document
from tidings.model.scopes import ArchiveLinks
from tidings.parsing.document import parse as parse_document
from tidings.publishing.formats.atom import ATOM, render_atom
from tidings.publishing.formats.rss import MEDIA_RSS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = {"a": "http://www.w3.org/2005/Atom", "fh": "http://purl.org/syndication/history/1.0"}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ONCE_PER_ENTRY = ("id", "title", "updated", "published", "summary", "content", "source")


def parse(body):
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False))


def texts(element, path):
    return [found.text for found in element.xpath(path, namespaces=NAMES)]


def test_an_atom_feed_is_written_as_in_the_golden_file(varied_feed, golden):
    body = render_atom(varied_feed)

    golden("latest.atom", body)


def test_the_same_feed_gives_the_same_bytes(varied_feed):
    assert render_atom(varied_feed) == render_atom(varied_feed)


def test_an_atom_feed_has_what_rfc_4287_demands(varied_feed):
    feed = parse(render_atom(varied_feed))

    for parent in (feed, *feed.xpath("a:entry | a:entry/a:source", namespaces=NAMES)):
        for name in ("id", "title", "updated"):
            assert len(texts(parent, f"a:{name}")) == 1
            assert all(texts(parent, f"a:{name}"))
    for entry in feed.xpath("a:entry", namespaces=NAMES):
        assert all(texts(entry, "a:author/a:name"))
        assert texts(entry, "a:author/a:name")
        assert texts(entry, "a:content") or entry.xpath(
            "a:link[@rel='alternate']", namespaces=NAMES
        )
        assert all(len(texts(entry, f"a:{name}")) <= 1 for name in ONCE_PER_ENTRY)


def test_identifiers_are_unique_absolute_and_those_we_were_given(varied_feed):
    feed = parse(render_atom(varied_feed))

    ids = texts(feed, "a:entry/a:id")
    assert ids == [entry.atom_id for entry in varied_feed.entries]
    assert len(set(ids)) == len(ids)
    assert all(urlsplit(found).scheme for found in texts(feed, "//a:id"))


def test_every_address_is_an_absolute_uri(varied_feed):
    feed = parse(render_atom(varied_feed))

    hrefs = feed.xpath("//a:link/@href", namespaces=NAMES)
    assert hrefs
    assert all(href.isascii() and urlsplit(href).netloc for href in hrefs)


def test_every_date_is_rfc_3339(varied_feed):
    feed = parse(render_atom(varied_feed))

    dates = texts(feed, "//a:updated | //a:published")
    assert dates
    assert all(RFC_3339.fullmatch(date) for date in dates)


def test_a_feed_names_itself_its_page_and_its_other_forms(varied_feed):
    feed = parse(render_atom(varied_feed))

    links = {
        (link.get("rel"), link.get("type"), link.get("href"))
        for link in feed.iterchildren("{*}link")
    }
    assert links == {
        ("self", "application/atom+xml", "https://tidings.example/feed.atom"),
        ("alternate", "application/rss+xml", "https://tidings.example/feed.rss"),
        ("alternate", "application/feed+json", "https://tidings.example/feed.json"),
        ("alternate", "text/html", "https://tidings.example/"),
    }


def test_an_archive_is_marked_and_leads_to_its_neighbours_and_to_the_current_document(
    varied_feed, golden
):
    base = "https://tidings.example"
    archive = replace(
        varied_feed,
        forms=(ATOM.at(f"{base}/archive/2.atom"),),
        entries=varied_feed.entries[:1],
        archive=ArchiveLinks(
            previous=f"{base}/archive/1.atom",
            following=f"{base}/archive/3.atom",
            current=f"{base}/feed.atom",
        ),
    )

    body = render_atom(archive)

    golden("archive.atom", body)
    feed = parse(body)
    assert len(feed.xpath("fh:archive", namespaces=NAMES)) == 1
    links = {link.get("rel"): link.get("href") for link in feed.iterchildren("{*}link")}
    assert links == {
        "self": f"{base}/archive/2.atom",
        "alternate": f"{base}/",
        "prev-archive": f"{base}/archive/1.atom",
        "next-archive": f"{base}/archive/3.atom",
        "current": f"{base}/feed.atom",
    }


def test_the_document_that_is_subscribed_to_leads_to_the_archives_and_is_none(a_feed, an_entry):
    previous = "https://tidings.example/archive/1.atom"

    feed = parse(render_atom(a_feed(an_entry(), archive=ArchiveLinks(previous=previous))))

    assert feed.xpath("a:link[@rel='prev-archive']/@href", namespaces=NAMES) == [previous]
    assert feed.xpath("fh:archive | a:link[@rel='current']", namespaces=NAMES) == []


def test_hubs_are_named(a_feed, an_entry):
    hubs = ("https://hub.example/", "https://other.example/hub")

    feed = parse(render_atom(a_feed(an_entry(), hubs=hubs)))

    assert feed.xpath("a:link[@rel='hub']/@href", namespaces=NAMES) == list(hubs)


def test_who_else_tells_a_story_is_said_to_people_and_to_programs(a_feed, an_entry, a_mate):
    feed = parse(render_atom(a_feed(an_entry(also_at=(a_mate(), a_mate(url=None))))))

    related = feed.xpath("a:entry/a:link[@rel='related']/@href", namespaces=NAMES)
    assert related == ["https://quay.example/tides?a=1&b=2"]
    [content] = texts(feed, "a:entry/a:content")
    assert content.endswith(
        '<p>Also at: <a href="https://quay.example/tides?a=1&amp;b=2">Quay &amp; Co</a>, '
        "Quay &amp; Co</p>"
    )


def test_who_else_tells_a_story_follows_the_excerpt_where_there_is_no_content(
    a_feed, an_entry, a_mate
):
    entry = an_entry(content="", excerpt="1 < 2", also_at=(a_mate(url=None),))

    feed = parse(render_atom(a_feed(entry, also_at="Auch bei: ")))

    assert texts(feed, "a:entry/a:content") == ["<p>1 &lt; 2</p><p>Auch bei: Quay &amp; Co</p>"]


def test_pictures_are_there_with_what_is_to_be_seen(an_entry, a_feed):
    feed = parse(render_atom(a_feed(an_entry())))

    shown = feed.findall(f"{{*}}entry/{{{MEDIA_RSS}}}content")
    assert [picture.get("url") for picture in shown] == [
        "https://harbour.example/fog.png?w=9",
        "https://harbour.example/picture",
    ]
    assert shown[0].findtext(f"{{{MEDIA_RSS}}}description") == "Fog & a ferry"


def test_what_is_read_of_our_own_feeds_has_the_same_pictures(an_entry, a_feed):
    document = Document(url="https://news.example/feed.atom", body=render_atom(a_feed(an_entry())))

    (entry,) = parse_document(document, {}).entries

    assert entry.pictures == an_entry().pictures
    assert entry.content == an_entry().content


def test_enclosures_keep_type_and_length_where_known(an_entry, a_feed):
    feed = parse(render_atom(a_feed(an_entry())))

    enclosures = feed.xpath("a:entry/a:link[@rel='enclosure']", namespaces=NAMES)
    assert [dict(link.attrib) for link in enclosures] == [
        {
            "rel": "enclosure",
            "href": "https://harbour.example/tides.mp3",
            "type": "audio/mpeg",
            "length": "40960",
        },
        {"rel": "enclosure", "href": "https://harbour.example/tides.pdf"},
    ]


def test_the_source_is_credited_with_all_we_know_of_it(an_entry, a_feed):
    entry = an_entry()

    (source,) = parse(render_atom(a_feed(entry))).xpath("a:entry/a:source", namespaces=NAMES)

    assert texts(source, "a:id") == ["tag:harbour.example,2026:log"]
    assert texts(source, "a:title") == [entry.source.title]
    assert texts(source, "a:updated") == [entry.changed_at.isoformat()]
    assert source.xpath("a:link[@rel='self']/@href", namespaces=NAMES) == [entry.source.url]
    assert source.xpath("a:link[@rel='alternate']/@href", namespaces=NAMES) == [
        entry.source.site_url
    ]
    assert texts(source, "a:rights") == ["© 2026 The Harbour Log"]


@pytest.mark.parametrize("guid", [None, "7", "feed", "tag:harbour.example:log", "http://a.example"])
def test_a_source_without_a_name_for_all_the_world_is_called_by_its_address(an_entry, a_feed, guid):
    entry = an_entry()
    nameless = replace(entry, source=replace(entry.source, guid=guid))

    feed = parse(render_atom(a_feed(nameless)))

    assert texts(feed, "//a:source/a:id") == [entry.source.url]


def test_each_entry_says_its_language_if_it_is_known(varied_feed):
    feed = parse(render_atom(varied_feed))

    assert feed.get(XML_LANG) == "en"
    assert [entry.get(XML_LANG) for entry in feed.iterchildren("{*}entry")] == [
        "en-gb",
        None,
        "zh-cn",
        "en-gb",
        "en-gb",
    ]


def test_an_entry_is_updated_when_a_reader_would_see_a_change(an_entry, a_feed):
    entry = an_entry()

    feed = parse(render_atom(a_feed(entry)))

    assert texts(feed, "a:entry/a:updated") == [entry.changed_at.isoformat()]
    assert texts(feed, "a:entry/a:published") == [entry.published.isoformat()]


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(None, id="none"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="a clock never set"),
        pytest.param(datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC), id="after we saw it"),
    ],
)
def test_a_date_that_cannot_be_true_gives_way_to_ours(an_entry, a_feed, claim):
    entry = an_entry(published=claim)

    feed = parse(render_atom(a_feed(entry)))

    assert texts(feed, "a:entry/a:published") == [entry.first_seen_at.isoformat()]


@pytest.mark.parametrize(
    ("excerpt", "expected"),
    [
        pytest.param("", "The Harbour Log", id="nothing: the source"),
        pytest.param("Short note", "Short note", id="short: whole"),
        pytest.param("word " * 20 + "end", "word " * 15 + "word…", id="long: cut at a word"),
        pytest.param("潮" * 100, "潮" * 80 + "…", id="no blanks: cut at a character"),
        pytest.param("再 " + "潮" * 99, "再 " + "潮" * 78 + "…", id="a blank too early to cut at"),
    ],
)
def test_an_entry_without_title_is_headed_by_its_text(an_entry, a_feed, excerpt, expected):
    feed = parse(render_atom(a_feed(an_entry(title="", excerpt=excerpt))))

    assert texts(feed, "a:entry/a:title") == [expected]


def test_an_entry_without_page_or_content_has_its_text_as_content(an_entry, a_feed):
    entry = an_entry(url=None, content=None, excerpt="1 < 2")

    (content,) = parse(render_atom(a_feed(entry))).xpath("//a:content", namespaces=NAMES)

    assert (content.get("type"), content.text) == ("html", "1 &lt; 2")


def test_an_entry_without_content_but_with_a_page_has_none(an_entry, a_feed):
    feed = parse(render_atom(a_feed(an_entry(content=None))))

    assert texts(feed, "a:entry/a:content") == []
    assert feed.xpath("a:entry/a:link[@rel='alternate']/@href", namespaces=NAMES)


def test_what_feedparser_reads_is_what_we_wrote(varied_feed):
    parsed = feedparser.parse(render_atom(varied_feed))

    full, bare, chinese, *_ = parsed.entries
    assert not parsed.bozo
    assert parsed.feed.title == "Latest updates"
    assert full.title == "Tides of the week"
    assert full.content[0].value == varied_feed.entries[0].content
    assert [author.name for author in full.authors] == ["Mara Quay", "Jon Lock"]
    assert [tag.term for tag in full.tags] == ["tides", "weather"]
    assert full.source.title == "The Harbour Log"
    assert full.enclosures[0].length == "40960"
    assert bare.title == "A note without title or page"
    assert bare.authors[0].name == "https://harbour.example/feed.xml"
    assert chinese.title == "潮汐的数学"


def test_text_that_looks_like_markup_arrives_as_text(an_entry, a_feed):
    title = "Use <b> & </b>, not &lt;strong&gt;"
    feed = a_feed(an_entry(title=title, excerpt=title), title=title, subtitle=title)

    parsed = parse(render_atom(feed))

    for element in parsed.xpath("//a:title[@type] | //a:subtitle | //a:summary", namespaces=NAMES):
        assert element.get("type") == "html"
        assert etree.HTML(f"<p>{element.text}</p>").findtext(".//p") == title
    assert len(parsed.xpath("//*[@type='html']", namespaces=NAMES)) == 5


def test_the_date_of_the_feed_is_the_one_given(a_feed, an_entry):
    updated = datetime(2026, 11, 21, 8, 30, tzinfo=UTC) + timedelta(microseconds=5)

    feed = parse(render_atom(a_feed(an_entry(), updated=updated)))

    assert texts(feed, "a:updated") == ["2026-11-21T08:30:00.000005+00:00"]


def test_a_feed_without_entries_is_a_feed(a_feed):
    feed = parse(render_atom(a_feed()))

    assert texts(feed, "a:title") == ["Latest updates"]
    assert texts(feed, "a:entry") == []


@pytest.mark.parametrize("url", [None, "javascript:alert(1)", "not an address"])
def test_an_entry_without_a_page_of_its_own_leads_to_ours(an_entry, a_feed, url):
    feed = replace(a_feed(an_entry(id=17, url=url)), entries_url="https://news.example/entries/")

    root = parse(render_atom(feed))

    links = root.xpath("a:entry/a:link[@rel='alternate']/@href", namespaces=NAMES)
    assert links == ["https://news.example/entries/17"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"published": -3}, -3, id="as published"),
        pytest.param({"published": -3, "updated": -2}, -2, id="as its publisher changed it"),
        pytest.param({"published": None, "updated": None}, 0, id="undated: when first seen"),
        pytest.param({"published": 5, "updated": 9}, 0, id="dates of the future: the same"),
        pytest.param({"published": -3, "changed_at": 2}, 2, id="changed since: when we saw it"),
        pytest.param(
            {"published": -3, "updated": 1, "changed_at": 2}, 1, id="changed since, and dated"
        ),
        pytest.param(
            {"published": -3, "updated": -1, "changed_at": 2}, 2, id="changed since, dated before"
        ),
    ],
)
def test_when_an_entry_changed_goes_by_its_publisher_where_that_can_be(
    an_entry, a_feed, fields, expected
):
    dates = {"updated": None, "first_seen_at": 0, "changed_at": 0} | fields
    moments = {
        name: None if hours is None else NOON + timedelta(hours=hours)
        for name, hours in dates.items()
    }

    root = parse(render_atom(a_feed(an_entry(**moments))))

    assert texts(root, "a:entry/a:updated") == [(NOON + timedelta(hours=expected)).isoformat()]


def test_a_private_source_is_credited_without_its_address(an_entry, a_feed):
    source = replace(
        an_entry().source, url="", guid="urn:uuid:7d6b1b1c-9d2a-5b53-8f4e-0a4f7f3d6e11"
    )

    root = parse(render_atom(a_feed(an_entry(source=source))))

    [credit] = root.xpath("a:entry/a:source", namespaces=NAMES)
    assert texts(credit, "a:id") == [source.guid]
    assert credit.xpath("a:link[@rel='self']", namespaces=NAMES) == []
