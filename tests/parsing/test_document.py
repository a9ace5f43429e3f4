import contextlib
import random
import time

import pytest

from tidings.errors import ParseError
from tidings.model.feed import Document
from tidings.parsing.document import parse


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


class Unforeseen(dict):
    """What is known, raising `error` when it is asked."""

    def __init__(self, error):
        self.error = error

    def get(self, *_):
        raise self.error


@pytest.mark.parametrize(
    ("error", "because"),
    [
        pytest.param(ZeroDivisionError("x"), "reading it fails: ZeroDivisionError: x", id="any"),
        pytest.param(MemoryError(), "reading it takes too much memory", id="no memory"),
        pytest.param(RecursionError(), "it nests too deep", id="no stack"),
    ],
)
def test_whatever_reading_raises_is_a_parse_error(error, because):
    document = a_document(an_rss("<item><guid>1</guid></item>"))

    with pytest.raises(ParseError) as caught:
        parse(document, Unforeseen(error))

    assert caught.value.because == because


SPACES = (
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:gml="http://www.opengis.net/gml"'
    ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:psc="http://podlove.org/simple-chapters"'
)


def an_rss(inside):
    return (
        f'<rss version="2.0"{SPACES}><channel><title>Notes</title>{inside}</channel></rss>'.encode()
    )


@pytest.mark.parametrize(
    "oddity",
    [
        pytest.param("<gml:Point srsName='EPSG:x'><gml:pos>1 2</gml:pos></gml:Point>", id="place"),
        pytest.param("<psc:chapters><psc:chapter/></psc:chapters>", id="chapter without start"),
        pytest.param("<authors kind='x'/><author>Ann</author>", id="a list's own name"),
        pytest.param("<links kind='x'/><link>https://notes.example/</link>", id="another"),
        pytest.param("<media:credit a='b'><item kind='x'/></media:credit>", id="entry in a credit"),
        pytest.param("<textInput href='x'><textInput/></textInput>", id="input in an input"),
        pytest.param("<description><width a='b'>x</width></description>", id="width of a text"),
        pytest.param("<description xml:base='http://['>x</description>", id="base that is none"),
        pytest.param(f"<a xml:base='{'a' * 5000}'/>", id="base without end"),
    ],
)
def test_an_element_that_makes_no_sense_does_not_cost_the_document(oddity):
    body = an_rss(f"<item><title>One</title>{oddity}</item><item><title>Two</title></item>")

    titles = [entry.title for entry in parse(a_document(body), {}).entries]

    assert (titles[0], titles[-1]) == ("One", "Two")


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


def nested(name, count, *, attributes=""):
    return f"<{name}{attributes}>" * count + f"</{name}>" * count


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(f"<author>{'a' * 200_000}</author>", id="an author"),
        pytest.param(f"<author>{'a@' * 100_000}</author>", id="an author of addresses"),
        pytest.param(f"<dc:creator>{'a' * 200_000}</dc:creator>", id="a creator"),
        pytest.param("".join(f"<category>c{n}</category>" for n in range(30_000)), id="categories"),
        pytest.param("<a " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>", id="attributes"),
        pytest.param(nested("a", 20_000, attributes=" xml:base='aaaaaaaaaa/'"), id="bases"),
        pytest.param(nested("a", 100_000), id="elements in elements"),
        pytest.param(
            "".join(f"<n{n}:b xmlns:n{n}='urn:{n}'/>" for n in range(9000)),
            id="namespaces",
        ),
        pytest.param(f"<description>{'&lt;b&gt;' * 500_000}</description>", id="references"),
        pytest.param(f"<description>{'<b>x</b>' * 200_000}</description>", id="markup in a body"),
        pytest.param(f"<link rel='{'x' * 5_000_000}'/>", id="an attribute of 5 MB"),
    ],
)
def test_what_would_keep_a_parser_busy_for_minutes_is_passed_over(inside):
    document = a_document(
        an_rss(f"<item><title>One</title>{inside}</item><item><guid>2</guid></item>")
    )

    before = time.process_time()
    feed = parse(document, {})

    assert time.process_time() - before < 15
    assert len(feed.entries) == 2
    assert feed.entries[0].title == "One"


def test_of_a_deep_text_the_letters_are_left():
    deep = "<b>" * 1000 + "rain" + "</b>" * 1000
    body = an_rss(f"<item><description>It {deep}ed.</description></item>")

    (entry,) = parse(a_document(body), {}).entries

    assert entry.excerpt == "It rained."


@pytest.mark.parametrize("end", [None, -20])
def test_of_forty_thousand_entries_the_newest_are_read(end):
    items = "".join(
        f"<item><guid>{n}</guid><pubDate>{n % 20 + 2000}-01-01</pubDate></item>"
        for n in range(40_000)
    )

    feed = parse(a_document(an_rss(items)[:end]), {})

    assert (len(feed.entries), feed.cut) == (2000, 38_000)
    assert {entry.published.year for entry in feed.entries} == {2019}
    assert feed.entries[0].guid == "19"


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


@pytest.mark.parametrize(
    ("text", "named", "language"),
    [
        pytest.param("It rained.", "en-GB", "en-gb", id="a header where nothing else is known"),
        pytest.param("我们今天讨论一个问题。", "en", "zh", id="a script that says otherwise"),
        pytest.param("我们今天讨论一个问题。", "zh-TW", "zh-tw", id="a script that says the same"),
        pytest.param("It rained.", "no language at all", None, id="nonsense"),
        pytest.param("It rained.", None, None, id="nothing"),
    ],
)
def test_the_language_that_a_server_names_is_believed_least(text, named, language):
    body = f'<rss version="2.0"><channel><item><title>{text}</title></item></channel></rss>'
    stated = body.replace("<channel>", "<channel><language>de</language>")

    guessed, known = (
        parse(Document(url="https://a.example/", body=one.encode(), language=named), {})
        for one in (body, stated)
    )

    assert guessed.entries[0].language == language
    assert (known.language, known.entries[0].language) == ("de", "de")
