import contextlib
import random

import pytest

from tidings.errors import ParseError
from tidings.parsing.document import Document, parse


def a_document(body, charset=None):
    return Document(url="https://notes.example/feed", body=body, charset=charset)


@pytest.mark.parametrize(
    ("body", "because"),
    [
        pytest.param(b"", "an empty document", id="nothing"),
        pytest.param(b"\xef\xbb\xbf \n\0", "an empty document", id="blanks"),
        pytest.param(b"/etc/passwd", "plain text, not a feed", id="a path"),
        pytest.param(
            b"<!DOCTYPE html>\n<html><title>x</title></html>", "an HTML page, not a feed", id="HTML"
        ),
        pytest.param(
            b"<html><body><rss></rss></body></html>", "an HTML page, not a feed", id="HTML around"
        ),
        pytest.param(b"<opml version='2.0'><body/></opml>", "an OPML list, not a feed", id="OPML"),
        pytest.param(b"<urlset/>", "a site map, not a feed", id="site map"),
        pytest.param(b"<note>x</note>", "a document of <note>, not a feed", id="other XML"),
        pytest.param(b'{"a": 1}', "JSON, but no JSON Feed", id="other JSON"),
        pytest.param(b'{"version": "x", "items": []}', "JSON, but no JSON Feed", id="own JSON"),
        pytest.param(b"[1, 2]", "JSON, but no JSON Feed", id="a JSON list"),
        pytest.param(b"[" * 100_000, "it nests too deep", id="deep JSON"),
        pytest.param(b"\x1f\x8b\x08\x00", "compressed data, not a feed", id="gzip"),
        pytest.param(b"%PDF-1.7", "a PDF document, not a feed", id="PDF"),
    ],
)
def test_what_is_no_feed_is_named(body, because):
    with pytest.raises(ParseError) as caught:
        parse(a_document(body), {})

    assert caught.value.because == because


def test_whatever_the_parser_raises_is_a_parse_error():
    pos = b"<gml:Point srsName='EPSG:x'><gml:pos>1 2</gml:pos></gml:Point>"
    head = b"<rss version='2.0' xmlns:gml='http://www.opengis.net/gml'>"
    body = head + b"<channel><item>" + pos + b"</item></channel></rss>"

    with pytest.raises(ParseError, match="reading it fails: ValueError"):
        parse(a_document(body), {})


def test_broken_json_says_where():
    with pytest.raises(ParseError, match=r"broken JSON: .*line 1"):
        parse(a_document(b'{"version": '), {})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\n" * 400_000 + b"<rss version='2.0'/>", id="blank lines"),
        pytest.param(b"<?xml " + b"encoding='x" * 40_000 + b"?><rss version='2.0'/>", id="labels"),
        pytest.param(b"<!DOCTYPE a [" + b"<!ENTITY a 'x" * 40_000 + b"<rss/>", id="entities"),
        pytest.param(b"<rss version='2.0'>" + b"<![CDATA[" * 50_000, id="open sections"),
        pytest.param(b"<rss version='2.0'>" + b"<!--" * 50_000 + b"</rss>", id="open comments"),
        pytest.param(b"<rss version='2.0'>" + b"&#" * 100_000 + b"</rss>", id="references"),
    ],
)
def test_documents_made_to_take_for_ever_do_not(body):
    assert parse(a_document(body), {}).entries == ()


@pytest.mark.parametrize(
    "label",
    [
        "undefined",
        "unicode_escape",
        "utf-7",
        "punycode",
        "zlib",
        "a\0b",
        "ÿþ",
        "x" * 10_000,
        "idna",
    ],
)
def test_no_label_reaches_a_codec_that_it_should_not(label):
    body = '<rss version="2.0"><channel><title>Zoë</title></channel></rss>'
    declared = f'<?xml version="1.0" encoding="{label}"?>{body}'

    by_header = parse(a_document(body.encode(), label), {})
    by_declaration = parse(a_document(declared.encode()), {})

    assert by_header.title == by_declaration.title == "Zoë"


def test_entities_that_grow_stay_small():
    bomb = b"<!DOCTYPE rss [<!ENTITY a '" + b"x" * 1000 + b"'>]><rss version='2.0'><channel><title>"
    document = a_document(bomb + b"&a;" * 1000 + b"</title><item/></channel></rss>")

    feed = parse(document, {})

    assert len(feed.title) <= 1000
    assert feed.problems == ("935 references that XML does not know",)


def test_any_bytes_end_in_a_feed_or_a_parse_error():
    chance = random.Random(7)  # noqa: S311 - the same bytes every time
    pieces = [
        b"<rss version='2.0'>",
        b"<item>",
        b"</item>",
        b"<title>",
        b"&#x",
        b"&a;",
        b"<![CDATA[",
    ]
    pieces += [
        b"]]>",
        b"<!--",
        b"\xff\xfe",
        b"\0",
        b"<?xml encoding='gbk'?>",
        b"<feed ",
        b"='",
        b">",
    ]

    for _ in range(300):
        body = b"".join(chance.choices([*pieces, chance.randbytes(3)], k=30))
        with contextlib.suppress(ParseError):
            assert parse(a_document(body), {}).unchanged == 0
