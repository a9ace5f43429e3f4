import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.responses import PlainTextResponse

from tidings.web.envelope import Envelope

REQUEST = {"type": "http", "method": "GET", "path": "/", "headers": []}


def messages_of(app):
    """Run one request, and return what was sent."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    envelope = Envelope(app, prefix="", failed=lambda _: PlainTextResponse("sorry", 500))
    with ThreadPoolExecutor(1) as pool:  # a browser test may have left its loop in this thread
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
