"""Servers that send too much, too slowly, or not what they say."""

import gzip
import socket
import time
import tracemalloc
import zlib
from contextlib import ExitStack

import pytest

from fake_publisher import answer, dripping, hanging_up, silence
from tidings.errors import BrokenTransferError, FetchError, TimedOutError, TooLargeError

DOCUMENT = b"".join(b"<entry>%d</entry>" % number for number in range(2000))
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def _flood(head, piece):
    async def script(writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return script


def _chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answer(body=bytes(1_000_001)), id="declared"),
        pytest.param(_flood(OK + b"\r\n", bytes(65536)), id="without a length"),
        pytest.param(_flood(CHUNKED, _chunk(bytes(65536))), id="endless chunks"),
        pytest.param(
            answer(body=gzip.compress(bytes(range(256)) * 40_000), Content_Encoding="gzip"),
            id="once decoded",
        ),
    ],
)
def test_a_document_beyond_the_size_limit_is_refused(fetch, publisher, script):
    url = publisher.serve("/feed", script)

    outcome = fetch(url, max_size=1_000_000, max_ratio=1_000_000)

    assert isinstance(outcome, TooLargeError)
    assert not outcome.transient
    assert str(outcome) == f"cannot fetch {url}: larger than 1000000 bytes"


def test_a_document_of_just_the_limit_is_taken(fetch, publisher):
    body = bytes(1_000_000)
    url = publisher.serve("/feed", answer(body=gzip.compress(body), Content_Encoding="gzip"))

    outcome = fetch(url, max_size=1_000_000, max_ratio=1)

    assert outcome.body == body


def test_a_bomb_is_refused_by_its_ratio(fetch, publisher):
    bomb = gzip.compress(bytes(2_000_000))
    url = publisher.serve("/feed", answer(body=bomb, Content_Encoding="gzip"))

    outcome = fetch(url)

    assert isinstance(outcome, TooLargeError)
    assert "50 times" in str(outcome)


def test_a_bomb_does_not_take_memory(fetch, publisher):
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    url = publisher.serve("/feed", answer(body=bomb, Content_Encoding="gzip"))
    tracemalloc.start()

    outcome = fetch(url, max_size=4_000_000)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(outcome, TooLargeError)
    assert peak < 20_000_000


def test_a_body_of_countless_members_is_refused(fetch, publisher):
    body = gzip.compress(b"") * 2000
    url = publisher.serve("/feed", answer(body=body, Content_Encoding="gzip"))

    outcome = fetch(url)

    assert isinstance(outcome, BrokenTransferError)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hanging_up(answer(body=DOCUMENT)[:-100]), id="shorter than it says"),
        pytest.param(hanging_up(CHUNKED + _chunk(DOCUMENT)), id="no last chunk"),
        pytest.param(hanging_up(CHUNKED + b"zz\r\n"), id="chunks that are none"),
        pytest.param(
            answer(body=gzip.compress(DOCUMENT)[:-12], Content_Encoding="gzip"), id="cut gzip"
        ),
        pytest.param(
            answer(body=zlib.compress(DOCUMENT)[:-6], Content_Encoding="deflate"), id="cut deflate"
        ),
        pytest.param(answer(body=b"\xff" * 99, Content_Encoding="gzip"), id="not gzip"),
        pytest.param(answer(body=b"\xff" * 99, Content_Encoding="deflate"), id="not deflate"),
        pytest.param(
            answer(body=gzip.compress(DOCUMENT)[:-8] + bytes(8), Content_Encoding="gzip"),
            id="a wrong checksum",
        ),
        pytest.param(hanging_up(b""), id="nothing at all"),
        pytest.param(hanging_up(b"SSH-2.0-OpenSSH_9.9\r\n"), id="another protocol"),
        pytest.param(hanging_up(b"<html>HTTP/0.9</html>"), id="no headers"),
        pytest.param(hanging_up(OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n"), id="a huge header"),
        pytest.param(hanging_up(OK + b"X: x\r\n" * 10_000 + b"\r\n"), id="too many headers"),
    ],
)
def test_a_broken_answer_is_a_passing_error(fetch, publisher, script):
    url = publisher.serve("/feed", script)

    outcome = fetch(url)

    assert isinstance(outcome, BrokenTransferError)
    assert outcome.transient
    assert "\n" not in str(outcome)


@pytest.mark.parametrize(
    ("script", "because"),
    [
        pytest.param(silence, "no answer within 0.1 s", id="silence"),
        pytest.param(dripping(OK, b"X: x\r\n"), "no answer within 0.1 s", id="slow headers"),
        pytest.param(
            dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "no answer within 0.1 s", id="103s"
        ),
        pytest.param(
            dripping(OK + b"\r\n", b"x", pause=60), "nothing more came within 0.3 s", id="stalled"
        ),
        pytest.param(dripping(OK + b"\r\n", b"x"), "not done within 0.8 s", id="byte by byte"),
        pytest.param(
            dripping(CHUNKED + b"1;", b"extension"), "more came within 0.3 s", id="chunk extension"
        ),
    ],
)
def test_every_slowness_has_its_deadline(fetch, publisher, seconds, script, because):
    url = publisher.serve("/feed", script)
    began = time.monotonic()

    outcome = fetch(
        url,
        connect_timeout=seconds(0.3),
        first_byte_timeout=seconds(0.1 if "no answer" in because else 2),
        read_timeout=seconds(0.3),
        total_timeout=seconds(0.8),
    )

    assert isinstance(outcome, TimedOutError)
    assert outcome.transient
    assert because in str(outcome)
    assert time.monotonic() - began < 4


def test_a_server_that_takes_no_connection_has_its_deadline(fetch, seconds):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        address = full.getsockname()
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        host = f"127.0.0.1:{address[1]}"

        outcome = fetch(f"http://{host}/", allow=(host,), connect_timeout=seconds(0.2))

    assert isinstance(outcome, TimedOutError)
    assert "no connection within 0.2 s" in str(outcome)


def test_a_port_where_nobody_listens_is_an_error(fetch, canary):
    host = f"127.0.0.1:{canary.port}"
    canary.__exit__()

    outcome = fetch(f"http://{host}/feed", allow=(host,))

    assert isinstance(outcome, FetchError)
    assert outcome.transient
    assert str(outcome) == f"cannot fetch http://{host}/feed: no connection: Connection refused"


def test_tls_that_fails_is_an_error(fetch, publisher):
    publisher.serve("/feed", answer(body=DOCUMENT))

    outcome = fetch(f"https://{publisher.host}/feed")

    assert isinstance(outcome, FetchError)
    assert outcome.transient
    assert "no connection" in str(outcome)
