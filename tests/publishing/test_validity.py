"""Whatever sources held, our feeds hold nothing that the validator of the W3C refuses."""

import json
from datetime import timedelta
from html import escape
from itertools import cycle
from pathlib import Path

import feedparser_rs
import pytest

from hostile_documents import channel
from parsed_entries import NOON
from tidings.model.entries import Entry, SourceCredit
from tidings.model.feed import Document
from tidings.parsing.document import parse
from tidings.polling.new_entries import Circumstances, receive
from tidings.publishing.formats.atom import render_atom
from tidings.publishing.formats.rss import render_rss
from w3c_feed_rules import faults

FORMS = [pytest.param(render_atom, id="atom"), pytest.param(render_rss, id="rss")]
POINTS = sorted(
    path
    for path in (Path(__file__).parents[1] / "data" / "feeds").glob("*.xml")
    if json.loads(path.with_suffix(".json").read_text("utf-8"))["entries"]
)
URL = "https://poll.example/feed.xml"

TEXTS = (
    "<b>bold</b> & <script>alert(1)</script>",
    "a < b &amp;&amp; c > d &nope; &#38;",
    "\x85 \ufffd \u202e\u2028 \x1b[0m",
    "潮汐 🌊 הגאות",
    "]]>",
    "word " * 2000,
    "",
)
ADDRESSES = (
    "",
    "/relative?a=1&b=2",
    "//other.example/x",
    "https://bücher.example/a b?ü=[1]&<x>",
    "http://user:secret@files.example:8080/x.mp3#t=1",
    "HTTPS://EXAMPLE.ORG",
    "http://[2001:db8::1]/x",
    "http://localhost:8000/x",
    "javascript:alert(1)",
    "mailto:ann@example.org",
)
NAMES = (
    "",
    "17",
    "tag:example.org:undated",
    "tag:Example.org,2026:1",
    "tag:example.org,2026:1",
    "urn:uuid:nonsense",
    "urn:x:1",
    "http://example.org",
    "HTTP://EXAMPLE.ORG/a",
    "https://example.org/%e6%bd%ae",
    "https://example.org/[a]",
    "https://example.org/a/../b",
    "https://example.org/潮",
)
LANGUAGES = ("", "cn", "jp", "english", "en_US", "zh-Hans-CN", "xx-klingon", "de-", "und")
DATES = (
    "",
    "yesterday",
    "Fri, 99 Nov 2026 25:61:00 +0000",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Mon, 01 Jan 2099 00:00:00 GMT",
    "Fri, 20 Nov 2026 08:00:00 +0100",
)
FILES = (
    ("audio/mpeg", "1337"),
    ("mp3, I think", "-1"),
    ("", "unknown"),
    ("audio/x-m4a; codecs=mp4a", "9" * 40),
)


def hostile_item(text, address, name, language, date, file):
    media_type, length = file
    body = f'{text}<a href="{address}">x</a><img src="{address}">'
    return (
        f"<item><guid>{escape(name)}</guid><title>{escape(text)}</title><link>{escape(address)}"
        f"</link><author>{escape(text)}</author><category>{escape(text)}</category>"
        f"<dc:language>{language}</dc:language><pubDate>{date}</pubDate>"
        f'<enclosure url="{escape(address)}" type="{media_type}" length="{length}"/>'
        f"<description>{escape(body)}</description></item>"
    )


def hostile_document():
    """Return a feed in which every oddity meets many of the others."""
    columns = zip(
        *map(cycle, (TEXTS, ADDRESSES, NAMES, LANGUAGES, DATES, FILES)), range(60), strict=False
    )
    items = "".join(hostile_item(*row) for *row, _ in columns)
    head = f"<language>cn</language><copyright>{escape(TEXTS[1])}</copyright>"
    return channel(head + items, title=escape(TEXTS[0])).replace("\x1b", "")


def published(document):
    """Return what we publish of a document, as if it had just been polled."""
    feed = parse(Document(url=URL, body=document), {})
    source = SourceCredit(
        id=1,
        slug="source",
        title=feed.title,
        url=URL,
        site_url=feed.site_url,
        guid=feed.guid,
        rights=feed.rights,
    )
    taken = set()
    shown = set(Entry.__dataclass_fields__) & set(feed.entries[0].__dataclass_fields__)
    return [
        Entry(
            **{name: getattr(new.entry, name) for name in shown},
            id=number,
            seq=number,
            source=source,
            atom_id=_free_name(new, taken),
            first_seen_at=NOON,
            changed_at=NOON,
            sort_at=new.sort_at,
            state=new.state,
        )
        for number, new in enumerate(receive(feed.entries, Circumstances(source_url=URL, now=NOON)))
    ]


def _free_name(new, taken):
    """Return what an entry is called where names are unique, as they are where entries are stored."""
    name = new.fallback_id if new.atom_id in taken else new.atom_id
    taken.add(name)
    return name


@pytest.mark.parametrize("render", FORMS)
def test_nothing_that_sources_hold_is_refused(render, a_feed):
    entries = published(hostile_document().encode())

    assert len(entries) > 40
    assert faults(render(a_feed(*entries))) == []


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in POINTS])
def test_documents_of_every_kind_come_out_valid(path, a_feed):
    feed = a_feed(*published(path.read_bytes()))

    assert faults(render_atom(feed)) + faults(render_rss(feed)) == []


@pytest.mark.parametrize("render", FORMS)
def test_every_kind_of_entry_is_valid(render, varied_feed):
    assert faults(render(varied_feed)) == []


@pytest.mark.parametrize("render", FORMS)
def test_five_megabytes_of_content_are_written_whole(render, an_entry, a_feed):
    content = "<p>High &amp; low water, 潮汐.</p>" * 160_000

    body = render(a_feed(an_entry(content=content)))

    assert len(content.encode()) > 5_000_000
    assert faults(body) == []
    assert body.count("潮汐".encode()) == 160_000


@pytest.mark.parametrize("render", FORMS)
def test_somebody_elses_parser_reads_what_we_wrote(render, varied_feed):
    parsed = feedparser_rs.parse(render(varied_feed))

    assert not parsed.bozo
    assert parsed.feed.title == varied_feed.title
    assert [entry.id for entry in parsed.entries] == [one.atom_id for one in varied_feed.entries]
    first, second, third, *_ = parsed.entries
    assert first.title == "Tides of the week"
    assert first.link == "https://harbour.example/tides"
    assert first.content[0].value == varied_feed.entries[0].content
    assert first.enclosures[0].href == "https://harbour.example/tides.mp3"
    assert second.title == "A note without title or page"
    assert third.title == "潮汐的数学"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"atom_id": "tag:example.org:1"}, "no address", id="a tag without a date"),
        pytest.param({"atom_id": "urn:uuid:1"}, "no address", id="a UUID that is none"),
        pytest.param({"first_seen_at": NOON - timedelta(days=20_000)}, "no date", id="a date"),
        pytest.param({"content": "<script>"}, "dangerous", id="a script"),
        pytest.param({"content": "<a href='/x'>"}, "relative", id="a relative link"),
    ],
)
def test_the_rules_find_faults(change, fault, an_entry, a_feed):
    entry = an_entry(**{"published": None} | change)

    assert any(fault in found for found in faults(render_atom(a_feed(entry))))
