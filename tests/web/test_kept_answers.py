"""Answers that are kept until something is committed."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tidings.web import kept_answers
from tidings.web.kept_answers import KeptAnswers, keep_answer


class Exchange:
    """An application that answers how often it was asked, and those who ask it."""

    def __init__(self):
        self.state = 1
        self.asked = 0
        self.during = lambda: None
        self._answers = KeptAnswers(self._app, state=lambda: self.state)

    async def _app(self, scope, receive, send):
        self.asked += 1
        request = Request(scope)
        if not scope["path"].startswith("/health"):
            keep_answer(request)
        self.during()
        await Response(f"answer {self.asked}")(scope, receive, send)

    def ask(self, path="/", *, method="GET", query=b"", **headers):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        sent = []

        async def send(message):
            sent.append(message)

        with ThreadPoolExecutor(1) as pool:  # a browser test may have left its loop in this thread
            pool.submit(asyncio.run, self._answers(scope, None, send)).result()
        assert [message["type"] for message in sent] == [
            "http.response.start",
            "http.response.body",
        ]
        return sent[1]["body"].decode()


@pytest.fixture
def exchange():
    return Exchange()


def test_the_same_request_is_answered_once_until_something_changes(exchange):
    same = [exchange.ask(), exchange.ask(user_agent="another", x_forwarded_for="192.0.2.1")]

    exchange.state = 2

    assert [*same, exchange.ask()] == ["answer 1", "answer 1", "answer 2"]


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/feed.atom"},
        {"method": "HEAD"},
        {"query": b"page=2"},
        {"accept_encoding": "gzip"},
        {"if_none_match": '"7-f00d"'},
        {"if_modified_since": "Fri, 20 Nov 2026 12:00:00 GMT"},
        {"a_im": "feed"},
        {"cookie": "tidings-operator=secret"},
    ],
    ids=str,
)
def test_a_request_that_may_have_another_answer_gets_its_own(exchange, other):
    exchange.ask()

    assert exchange.ask(**other) == "answer 2"


def test_what_was_not_said_to_depend_on_the_database_alone_is_not_kept(exchange):
    assert [exchange.ask("/health/ready") for _ in range(2)] == ["answer 1", "answer 2"]


def test_what_was_made_while_something_changed_is_not_kept(exchange):
    def another_asks_after_a_change():
        exchange.during = lambda: None
        exchange.state = 2
        exchange.ask("/feed.atom")

    exchange.during = another_asks_after_a_change
    exchange.ask()

    assert exchange.ask() == "answer 3"


def test_kept_answers_take_a_bounded_room(exchange, monkeypatch):
    monkeypatch.setattr(kept_answers, "MAX_SIZE", 3 * kept_answers.HEAD_SIZE)

    for number in range(20):
        exchange.ask(f"/entries/{number}")

    assert exchange.ask("/entries/0") == "answer 21"


def test_a_bug_is_not_kept(visitor, publication):
    def fail():
        publication.before_rendering = lambda: None
        raise RuntimeError

    publication.before_rendering = fail

    assert [visitor.ask("/entries/1").status for _ in range(2)] == [500, 200]


def test_a_kept_answer_is_the_same_with_all_its_headers(visitor):
    first, second = (visitor.ask("/", Accept_Encoding="gzip") for _ in range(2))

    for one in (first, second):
        one.headers.pop("date")
    assert second == first
    assert b"</html>" in gzip.decompress(second.body)
