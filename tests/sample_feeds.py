"""Entries and feeds of every kind as they are published: fixtures of the tests of formats and pages."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidings.model.entries import AlsoAt, Entry, EntryState, SourceCredit
from tidings.model.feed import Enclosure, Image
from tidings.model.scopes import FeedDocument
from tidings.publishing.formats.registry import FORMATS

GOLDEN = Path(__file__).parents[0] / "golden" / "feeds"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

SOURCE = SourceCredit(
    id=1,
    slug="harbour-log",
    title="The Harbour Log",
    url="https://harbour.example/feed.xml",
    site_url="https://harbour.example/",
    language="en",
    guid="tag:harbour.example,2026:log",
    rights="© 2026 The Harbour Log",
)

FULL_ENTRY = Entry(
    id=1,
    seq=1,
    source=SOURCE,
    atom_id="tag:harbour.example,2026:tides",
    title="Tides of the week",
    url="https://harbour.example/tides",
    authors=("Mara Quay", "Jon Lock"),
    categories=("tides", "weather"),
    published=NOON - timedelta(hours=2),
    first_seen_at=NOON - timedelta(hours=1),
    changed_at=NOON,
    sort_at=NOON - timedelta(hours=2),
    state=EntryState.PUBLIC,
    excerpt="High water at six. A storm on Friday & no ferry.",
    language="en-gb",
    image=Image(url="https://harbour.example/tide.jpg"),
    pictures=(
        Image(
            url="https://harbour.example/fog.png?w=9", width=640, height=480, alt="Fog & a ferry"
        ),
        Image(url="https://harbour.example/picture"),
    ),
    enclosures=(
        Enclosure(url="https://harbour.example/tides.mp3", type="audio/mpeg", length=40_960),
        Enclosure(url="https://harbour.example/tides.pdf"),
    ),
    content="<p>High water at <b>six</b>.</p>\n<p>A storm on Friday &amp; no ferry.</p>",
)


@pytest.fixture
def an_entry():
    """Return a function that makes an entry with everything, save what the caller says."""

    def make(number=1, **differing):
        fields = {"id": number, "seq": number, "atom_id": f"tag:harbour.example,2026:{number}"}
        return replace(FULL_ENTRY, **(fields | differing))

    return make


@pytest.fixture
def a_feed():
    """Return a function that makes a feed of the given entries."""

    def make(*entries, **differing):
        feed = FeedDocument(
            id="urn:uuid:6a1f1c5e-0a52-4b7e-9c1e-6a2f8b1d7c11",
            title="Latest updates",
            subtitle="Everything that is new",
            page_url="https://tidings.example/",
            forms=tuple(
                one.at(f"https://tidings.example/feed.{one.name}") for one in FORMATS.values()
            ),
            updated=NOON,
            entries=entries,
            icon="https://tidings.example/favicon.svg",
        )
        return replace(feed, **differing)

    return make


@pytest.fixture
def a_mate():
    """Return a function that makes the same story at another source, save what the caller says."""

    def make(**differing):
        source = replace(SOURCE, id=3, title="Quay & Co", url="https://quay.example/feed")
        fields = {"id": 9, "title": "Tides", "url": "https://quay.example/tides?a=1&b=2"}
        return AlsoAt(**(fields | {"source": source} | differing))

    return make


@pytest.fixture
def varied_feed(an_entry, a_feed, a_mate):
    """A feed with an entry of each kind: full, bare, Chinese, full of markup, told by others too."""
    bare = an_entry(
        2,
        title="",
        url=None,
        authors=(),
        categories=(),
        published=None,
        excerpt="A note without title or page",
        language=None,
        image=None,
        pictures=(),
        enclosures=(),
        content="",
        source=replace(SOURCE, id=2, title="", site_url=None, guid=None, rights=None),
    )
    chinese = an_entry(
        3,
        atom_id="https://shu.example/%E6%BD%AE",
        title="潮汐的数学",
        url="https://shu.example/潮",
        language="zh-cn",
        content="<p>潮汐力 <math><mi>F</mi></math></p>",
        pictures=(),
        enclosures=(),
    )
    markup = an_entry(
        4,
        title="Use <b> & </b>, not &lt;strong&gt;",
        excerpt="if a < b && c > d",
        pictures=(),
        enclosures=(),
    )
    told_twice = an_entry(5, also_at=(a_mate(), a_mate(url=None)), pictures=(), enclosures=())
    return a_feed(an_entry(), bare, chinese, markup, told_twice)


@pytest.fixture
def golden(request):
    """Return a check against a file of tests/golden/feeds; `--snapshot-update` writes it."""

    def check(name, body):
        path = GOLDEN / name
        if request.config.getoption("update_snapshots"):
            path.write_bytes(body)
        assert body.decode().splitlines() == path.read_bytes().decode().splitlines()

    return check


@pytest.fixture
def pretty():
    """Return a function that writes a JSON document so that its lines can be compared."""

    def write(body):
        return (json.dumps(json.loads(body), ensure_ascii=False, indent=2) + "\n").encode()

    return write
