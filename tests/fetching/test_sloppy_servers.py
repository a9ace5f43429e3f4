"""Answers that are not quite HTTP, and that browsers and curl read all the same."""

import gzip
import zlib

import pytest

from fake_publisher import answer, hanging_up
from tidings.errors import BrokenTransferError
from tidings.fetching.outcomes import Fetched

DOCUMENT = b"<feed>" + b"<entry>caf\xc3\xa9</entry>" * 40 + b"</feed>"
LONG = b"<feed>" + b"<entry>caf\xc3\xa9</entry>" * 20_000 + b"</feed>"
SIZE = len(DOCUMENT)


def sent(*headers, body=DOCUMENT, status="HTTP/1.1 200 OK", end="\r\n"):
    return hanging_up(end.join([status, *headers, "", ""]).encode() + body)


def chunks(body, *, last=b"0\r\n\r\n"):
    return b"%x\r\n%b\r\n" % (len(body), body) + last


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(sent(f"Content-Length: {SIZE}", f"content-length:{SIZE}"), id="length twice"),
        pytest.param(sent(f"Content-Length: {SIZE}, {SIZE}"), id="length twice in a line"),
        pytest.param(sent("Content-Length:"), id="an empty length"),
        pytest.param(
            sent("Content-Length: 7", "Transfer-Encoding: chunked", body=chunks(DOCUMENT)),
            id="chunks beside a length",
        ),
        pytest.param(
            sent("Transfer-Encoding: identity", f"Content-Length: {SIZE}"),
            id="a coding that is none",
        ),
        pytest.param(sent("a line of junk", f"Content-Length: {SIZE}"), id="a junk line"),
        pytest.param(sent("A name: a value", f"Content-Length: {SIZE}"), id="a name that is none"),
        pytest.param(sent(f"Content-Length : {SIZE}"), id="a blank before the colon"),
        pytest.param(sent("X-Long: one", " two", f"Content-Length: {SIZE}"), id="a folded header"),
        pytest.param(sent("X-Long: caf\u00e9"), id="letters beyond ASCII"),
        pytest.param(sent(f"Content-Length: {SIZE}", end="\n"), id="line feeds only"),
        pytest.param(sent(f"Content-Length: {SIZE}", body=DOCUMENT + b"\r\n"), id="a line more"),
        pytest.param(sent(status="HTTP/1.0 200"), id="no phrase"),
        pytest.param(sent(status="HTTP/1.1 203 Non-Authoritative"), id="through a proxy"),
        pytest.param(
            sent(
                "Link: </a>",
                "",
                f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}",
                status="HTTP/1.1 103 Early Hints",
            ),
            id="after an early hint",
        ),
    ],
)
def test_a_head_that_is_not_quite_right_is_read(fetch, publisher, script):
    url = publisher.serve("/feed", script)

    outcome = fetch(url)

    assert isinstance(outcome, Fetched), outcome
    assert (outcome.body, outcome.problems) == (DOCUMENT, ())


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_head_that_comes_in_pieces_is_read(fetch, publisher, size):
    whole = f"HTTP/1.1 200 OK\r\njunk\r\nContent-Length: {SIZE}\r\n\r\n".encode() + DOCUMENT

    async def script(writer):
        for start in range(0, len(whole), size):
            writer.write(whole[start : start + size])
            await writer.drain()

    url = publisher.serve("/feed", script)

    assert fetch(url).body == DOCUMENT


@pytest.mark.parametrize(
    ("label", "body"),
    [
        pytest.param("utf-8", DOCUMENT, id="a charset by mistake"),
        pytest.param("none", DOCUMENT, id="none"),
        pytest.param("UTF-8, gzip", gzip.compress(DOCUMENT), id="a charset before the compression"),
        pytest.param("", gzip.compress(DOCUMENT), id="compressed without a label"),
        pytest.param("identity", gzip.compress(DOCUMENT), id="compressed, and denying it"),
        pytest.param("gzip", DOCUMENT, id="a label, and not compressed"),
        pytest.param("deflate", DOCUMENT, id="another label, and not compressed"),
        pytest.param("br", DOCUMENT, id="a label that we did not ask for"),
        pytest.param("gzip, gzip", DOCUMENT, id="two labels, and not compressed"),
        pytest.param("gzip", b"\xef\xbb\xbf\n" + DOCUMENT, id="the same, behind a mark"),
        pytest.param("gzip", zlib.compress(DOCUMENT), id="the label of another compression"),
        pytest.param("deflate", gzip.compress(DOCUMENT), id="the same, the other way round"),
    ],
)
def test_of_label_and_body_the_body_is_believed(fetch, publisher, label, body):
    url = publisher.serve("/feed", answer(body=body, Content_Encoding=label))

    assert fetch(url).body.endswith(DOCUMENT)


@pytest.mark.parametrize("document", [DOCUMENT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress], ids=["plain", "compressed without a label"]
)
def test_a_whole_document_without_its_last_chunk_is_read_and_noted(
    fetch, publisher, document, compress
):
    headers = ("Transfer-Encoding: chunked", 'ETag: "1"')
    url = publisher.serve("/feed", sent(*headers, body=chunks(compress(document), last=b"")))

    outcome = fetch(url)

    assert (outcome.body, outcome.validators.etag) == (document, '"1"')
    assert "last chunk" in outcome.problems[0]


def test_junk_behind_the_end_of_a_document_beyond_its_length_is_left_out(fetch, publisher):
    body = DOCUMENT + b"<!-- written by a cache -->"
    url = publisher.serve("/feed", sent(f"Content-Length: {SIZE}", body=body))

    outcome = fetch(url)

    assert outcome.body == DOCUMENT
    assert "Content-Length" in outcome.problems[0]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(sent(f"Content-Length: {SIZE - 30}"), id="a length that is too small"),
        pytest.param(
            sent(f"Content-Length: {len(LONG) - 30}", body=LONG), id="the same, of a long document"
        ),
        pytest.param(
            answer(body=LONG, Content_Length=len(LONG) - 30), id="the same, on an open connection"
        ),
        pytest.param(sent(f"Content-Length: {SIZE + 30}"), id="a length that is too great"),
        pytest.param(sent(f"Content-Length: {SIZE}", "Content-Length: 7"), id="two lengths"),
        pytest.param(
            sent("Transfer-Encoding: chunked", body=chunks(DOCUMENT, last=b"")[:-30]),
            id="an end within a chunk",
        ),
        pytest.param(
            sent("Transfer-Encoding: chunked", body=chunks(DOCUMENT[:-9], last=b"")),
            id="an end between chunks",
        ),
        pytest.param(
            sent("Content-Encoding: gzip", body=gzip.compress(DOCUMENT)[:-9]), id="half of a gzip"
        ),
        pytest.param(
            sent("Content-Encoding: br", body=b"\x8b\x03\x80" + DOCUMENT),
            id="a compression we did not ask for",
        ),
    ],
)
def test_what_is_cut_off_or_cannot_be_read_is_an_error(fetch, publisher, script):
    url = publisher.serve("/feed", script)

    outcome = fetch(url)

    assert isinstance(outcome, BrokenTransferError), outcome


def test_who_has_half_a_document_is_not_told_that_it_has_not_changed(fetch, publisher):
    half = answer(body=DOCUMENT[:-30], ETag='"1"', Last_Modified="today")
    url = publisher.serve("/feed", half)

    outcome = fetch(url)

    assert (outcome.validators.etag, outcome.validators.last_modified) == (None, None)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_a_whole_document_keeps_its_validators_in_any_encoding(fetch, publisher, codec):
    body = (DOCUMENT.decode() + "<!-- cached -->\n").encode(codec)
    url = publisher.serve("/feed", answer(body=body, ETag='"1"'))

    assert fetch(url).validators.etag == '"1"'


def test_who_asks_for_a_cookie_at_the_door_gets_it_and_once_only(fetch, publisher):
    door = answer("302 Found", Location="/feed", Set_Cookie="seen=1; Path=/")
    url = publisher.serve("/feed", door, answer(body=DOCUMENT))

    outcome = fetch(url)
    fetch(url)

    cookies = [one.headers.get("cookie") for one in publisher.received]
    assert outcome.body == DOCUMENT
    assert cookies == [None, "seen=1", None]


def test_what_comes_back_is_what_was_set_on_the_way(fetch, publisher):
    publisher.serve("/a", answer("302 Found", Location="/b", Set_Cookie="seen=1; Path=/"))
    publisher.serve("/b", answer("302 Found", Location="/c", Set_Cookie='id="a b"; Path=/'))
    publisher.serve("/c", answer(body=DOCUMENT))

    fetch(publisher.url("/a"))

    cookies = [one.headers.get("cookie") for one in publisher.received]
    assert cookies == [None, "seen=1", 'seen=1; id="a b"']


def test_a_cookie_of_one_site_is_not_shown_to_another(fetch, publisher, elsewhere):
    away = elsewhere.serve("/feed", answer(body=DOCUMENT)).replace("127.0.0.1", "localhost")
    url = publisher.serve("/feed", answer("302 Found", Location=away, Set_Cookie="a=b; Path=/"))

    fetch(url, allow=(publisher.host, f"localhost:{elsewhere.port}"))

    assert "cookie" not in elsewhere.received[0].headers


def test_an_error_tells_how_chunks_are_wrong_and_not_the_whole_document(fetch, publisher):
    body = b"%x\n%b\n0\n\n" % (SIZE, DOCUMENT)
    url = publisher.serve("/feed", sent("Transfer-Encoding: chunked", body=body))

    outcome = fetch(url)

    assert isinstance(outcome, BrokenTransferError), outcome
    assert "the answer is not HTTP: Expected LF after chunk size" in str(outcome)
    assert len(str(outcome)) < 250
