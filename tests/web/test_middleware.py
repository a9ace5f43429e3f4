import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.responses import PlainTextResponse

from tidings.errors import DatabaseAwayError
from tidings.web.middleware import ExchangeMiddleware

REQUEST = {"type": "http", "method": "GET", "path": "/", "headers": []}


def messages_of(app, *, requests=1, base_url="https://news.example"):
    """Run requests one after the other, and return what was sent."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    envelope = ExchangeMiddleware(
        app,
        base_url=base_url,
        failed=lambda _: PlainTextResponse("sorry", 500),
        away=lambda _: PlainTextResponse("later", 503),
    )
    with ThreadPoolExecutor(1) as pool:  # a browser test may have left its loop in this thread
        for _ in range(requests):
            pool.submit(asyncio.run, envelope(REQUEST, receive, send)).result()
    return sent


def test_a_bug_before_the_answer_is_answered():
    async def app(scope, receive, send):
        raise LookupError

    assert messages_of(app)[0]["status"] == 500


def test_a_bug_within_the_answer_breaks_it_off():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError

    with pytest.raises(LookupError):
        messages_of(app)


def test_an_outage_is_answered_each_time_and_noted_once_a_minute_without_a_traceback(caplog):
    async def app(scope, receive, send):
        raise DatabaseAwayError("test", "database is locked")

    with caplog.at_level(logging.WARNING):
        sent = messages_of(app, requests=5)

    statuses = [message["status"] for message in sent if "status" in message]
    assert statuses == [503] * 5
    [line] = caplog.records
    assert "locked" in line.because
    assert line.exc_info is None


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        pytest.param("https://news.example", b"max-age=31536000", id="public over TLS"),
        pytest.param("http://127.0.0.1:8000", None, id="on this machine"),
    ],
)
def test_browsers_are_told_to_stay_with_tls_where_the_site_has_it(base_url, expected):
    async def app(scope, receive, send):
        await PlainTextResponse("hello")(scope, receive, send)

    [start, _] = messages_of(app, base_url=base_url)

    assert dict(start["headers"]).get(b"strict-transport-security") == expected
