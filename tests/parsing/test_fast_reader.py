import time
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from real_samples import SAMPLES, needs
from tidings.model.feed import MAX_ENTRIES
from tidings.parsing import fast_reader, rss_atom
from tidings.parsing.decoding import decode
from tidings.parsing.document import JUDGED, Document, parse
from tidings.parsing.xml_repair import repair

DATA = Path(__file__).parents[1] / "data"
URL = "https://notes.example/feed.xml"

SPACES = (
    ' xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
)


def xml_feeds(folder):
    """Return every document of a folder that could be a feed in XML, repaired."""
    decoded = (
        decode(path.read_bytes()).text for path in sorted(folder.rglob("*")) if path.is_file()
    )
    repaired = (
        repair(text) for text in decoded if not text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
    )
    return [document for document in repaired if document.root not in {"", "html"}]


def share_taken(documents):
    """Return the share of documents that the fast reader takes; all of them as feedparser would."""
    taken = [one for one in documents if fast_reader.read(one.text, url=URL) is not None]
    for document in taken:
        assert rss_atom.read(document, url=URL) == rss_atom.read_by_feedparser(document, url=URL)
    return len(taken) / len(documents)


def a_feed(inside, *, head="", attributes=""):
    return repair(
        f'<rss version="2.0"{SPACES}{attributes}><channel><title>Notes</title>{head}'
        f"<item><guid>1</guid>{inside}</item></channel></rss>"
    )


def test_own_documents_are_read_as_feedparser_would():
    assert share_taken(xml_feeds(DATA / "feeds")) > 0.7  # most of the others are malformed
    assert share_taken(xml_feeds(DATA / "sequences")) == 1


@needs("feeds")
def test_real_feeds_are_read_as_feedparser_would_and_few_are_left_to_it():
    assert share_taken(xml_feeds(SAMPLES / "feeds")) > 0.85


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            repair('<rss xml:lang="fr" version="2.0"><channel><language>en</language><rss/></channel></rss>'),
            id="a language that a root within the root inherits",
        ),
        pytest.param(
            a_feed("<atom:content type='xhtml'><xhtml:div>It <xhtml:item>rained</xhtml:item></xhtml:div></atom:content>"),
            id="an entry within XHTML",
        ),
        pytest.param(
            a_feed("<atom:content type='xhtml'> <xhtml:div>It</xhtml:div> <xhtml:div>rained.</xhtml:div></atom:content>"),
            id="two elements around XHTML",
        ),
        pytest.param(
            a_feed("<dc:title>One</dc:title><media:content><media:title>Two</media:title></media:content><title>Three</title>"),
            id="a title at every depth",
        ),
        pytest.param(
            a_feed("<description>One</description><description>Two</description><description>Three</description>"),
            id="more than one description",
        ),
        pytest.param(
            a_feed("<atom:source><atom:author><atom:name>Ada</atom:name></atom:author><atom:title>Log</atom:title></atom:source><title>One</title>"),
            id="the feed that an entry was taken from",
        ),
        pytest.param(
            a_feed("<atom:link href='a'/><link/>", head="<image><url>/p.png</url><title>P</title></image>", attributes=" xml:base='/b/'"),
            id="a base, a picture, and a link without address",
        ),
    ],
)  # fmt: skip
def test_what_is_odd_is_read_as_feedparser_would(document):
    assert rss_atom.read(document, url=URL) == rss_atom.read_by_feedparser(document, url=URL)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(a_feed("<b><c>x</b></c>"), id="markup that is not well-formed"),
        pytest.param(a_feed("<title>It <b>rained</b></title>"), id="markup in a text"),
        pytest.param(a_feed("<description type='image/png'>x</description>"), id="no text at all"),
        pytest.param(a_feed("<textInput/>"), id="an element that it does not know"),
        pytest.param(a_feed("<links>x</links>"), id="a name that means something"),
        pytest.param(a_feed("<item/>"), id="an entry in an entry"),
        pytest.param(a_feed("<a>" * 150 + "</a>" * 150), id="elements in elements"),
        pytest.param(
            a_feed("<a " + " ".join(f"a{n}='1'" for n in range(60)) + "/>"), id="attributes"
        ),
        pytest.param(
            a_feed("".join(f"<n{n}:b xmlns:n{n}='urn:{n}'/>" for n in range(150))), id="namespaces"
        ),
        pytest.param(
            a_feed("".join(f"<category>c{n}</category>" for n in range(250))), id="categories"
        ),
        pytest.param(a_feed("</item><item>" * MAX_ENTRIES), id="entries"),
    ],
)
def test_what_is_not_plain_is_left_to_feedparser(document):
    assert fast_reader.read(document.text, url=URL) is None


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(a_feed("".join(f"<a{n} b{n}='x'/>" for n in range(20_000))), id="names"),
        pytest.param(
            a_feed("".join(f"<a xml:base='/{'b' * 40}/{n}/'><c/></a>" for n in range(9000))), id="bases"
        ),
        pytest.param(
            a_feed("".join(f"<n:a xmlns:n='urn:{n % 2}'/>" for n in range(20_000))),
            id="a prefix that changes its meaning",
        ),
        pytest.param(a_feed(f"<description>{'&lt;b&gt;' * 300_000}</description>"), id="references"),
    ],
)  # fmt: skip
def test_long_documents_are_read_in_no_time(document):
    before = time.process_time()
    found = fast_reader.read(document.text, url=URL)

    assert time.process_time() - before < 5
    assert found is not None
    assert len(found.entries) == 1


def a_judged_document():
    """Return a document that both read in production."""
    for number in range(10 * JUDGED):
        text = (
            f'<rss version="2.0"><channel><item><title>Note {number}</title></item></channel></rss>'
        )
        found = Document(url=URL, body=text.encode())
        if crc32(found.body) % JUDGED == 0:
            return found
    pytest.fail("no document was chosen")


def test_where_both_read_a_document_they_agree():
    assert parse(a_judged_document(), {}).disagreement == ""


def test_where_they_disagree_feedparser_is_believed(monkeypatch):
    document = a_judged_document()
    right = parse(document, {})
    wrong = [
        {
            "title": "Wrong",
            "title_detail": {"type": "text/plain", "value": "Wrong"},
            "has_title": True,
        }
    ]
    read = fast_reader.read
    monkeypatch.setattr(
        fast_reader, "read", lambda text, *, url: replace(read(text, url=url), entries=wrong)
    )

    found = parse(document, {})

    assert found == replace(right, disagreement="entries.title")
