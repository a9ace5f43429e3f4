"""Documents of any bytes: read or refused, and clean."""

import contextlib
import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.soups import ANY_TEXT, CODECS, DOCUMENTS, HTML, JSON_FEEDS, XML
from hostile_round import assert_harmless, assert_readable, assert_web_address
from tidings.errors import ParseError
from tidings.model.feed import Document
from tidings.parsing.decoding import decode
from tidings.parsing.document import parse
from tidings.parsing.entry_body import (
    beginning_of_text,
    clean_body,
    plain_to_html,
    visible_text,
)
from tidings.parsing.opml import MAX_OUTLINES, read_opml
from tidings.parsing.sanitizer import sanitize
from tidings.parsing.text_cleaning import clean_line, clean_text
from tidings.parsing.xml_repair import repair

URL = "https://example.org/feed"
LABELS = (
    CODECS | st.sampled_from(["undefined", "punycode", "idna", "a\0b", ""]) | st.text(max_size=9)
)


@given(DOCUMENTS, st.none() | LABELS)
def test_any_bytes_are_text(body, label):
    text = decode(body, label).text

    text.encode()


@given(st.text(min_size=1).filter(lambda text: not text.isascii()), st.none() | LABELS)
def test_valid_utf_8_is_believed_more_than_any_label(text, label):
    body = b"<rss><title>" + text.encode()

    assert decode(body, label).text == body.decode()


@given(XML | ANY_TEXT)
def test_what_is_mended_is_text_of_xml(text):
    mended = repair(text).text

    assert clean_text(mended) == mended


@given(DOCUMENTS, st.none() | LABELS)
def test_a_document_is_a_clean_feed_or_a_parse_error(body, label):
    try:
        feed = parse(Document(url=URL, body=body, charset=label), {})
    except ParseError:
        return

    assert_clean(feed)


@given(JSON_FEEDS)
def test_a_json_feed_is_a_clean_feed_or_a_parse_error(value):
    body = json.dumps(value).encode()
    try:
        feed = parse(Document(url=URL, body=body), {})
    except ParseError:
        return

    assert_clean(feed)
    assert len(feed.entries) <= len(value["items"])


@given(DOCUMENTS)
def test_what_was_read_is_known_the_next_time(body):
    document = Document(url=URL, body=body)
    try:
        first = parse(document, {})
    except ParseError:
        return

    again = parse(document, {entry.key: entry.raw_hash for entry in first.entries})

    assert again.entries == ()


def assert_clean(feed):
    """Assert that nothing in a feed can hurt anybody."""
    for line in (feed.title, feed.subtitle):
        assert_readable(line)
    assert_web_address(feed.site_url)
    keys = [entry.key for entry in feed.entries]
    assert len(set(keys)) == len(keys)
    for entry in feed.entries:
        for line in (entry.title, entry.excerpt, *entry.authors, *entry.categories):
            assert_readable(line)
        for url in (entry.url, entry.image and entry.image.url, *(e.url for e in entry.enclosures)):
            assert_web_address(url)
        assert clean_text(entry.guid or "") == (entry.guid or "")
        assert entry.published is None or 1900 <= entry.published.year <= 2999
        assert clean_text(entry.content) == entry.content
        assert_harmless(entry.content)


@given(HTML)
@example("<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=x&gt;'>")
def test_sanitized_html_is_harmless_and_stays_as_it_is(html):
    # A byte order mark at the start is not text to a parser, so one goes each time.
    once = sanitize(clean_text(html).replace("\ufeff", ""))

    assert_harmless(once)
    assert sanitize(once) == once


@given(HTML, st.sampled_from([None, "zh", "en"]))
@example("<math><mi>&#8;x</mi></math>", None)
@example("$\\text{a\u202eb}$", None)
def test_a_clean_body_is_harmless(html, language):
    body = clean_body(html, bases=["http://example.org/a/"], language=language)

    assert_harmless(body.html)
    assert_readable(body.excerpt)
    assert clean_text(body.html) == body.html
    if body.image:
        assert_web_address(body.image.url)


@given(HTML | ANY_TEXT)
def test_plain_text_never_becomes_markup(text):
    shown = plain_to_html(text)

    assert_harmless(shown)
    assert "<" not in re.sub(r"</?p>|<br>", "", shown)


@given(HTML, st.integers(1, 30))
@example("a]]>b" + "c" * 200 + "<p>", 3)
def test_the_beginning_of_a_text_is_read_from_the_beginning_of_its_body(html, length):
    text = beginning_of_text(html, length)

    assert text[:length] == visible_text(html)[:length]


@given(HTML | ANY_TEXT, st.booleans(), st.integers(1, 60))
def test_a_line_is_one_line(raw, html, limit):
    line = clean_line(raw, html=html, limit=limit)

    assert_readable(line)
    assert len(line) <= limit
    assert line == line.strip()


@given(DOCUMENTS | XML.map(lambda text: f"<opml><body>{text}".encode(errors="surrogatepass")))
def test_a_list_is_read_or_refused(body):
    with contextlib.suppress(ParseError):
        subscriptions = read_opml(body)
        assert len(subscriptions.outlines) <= MAX_OUTLINES
        for outline in subscriptions.outlines:
            assert outline.url.startswith(("http://", "https://"))
