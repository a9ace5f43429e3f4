"""Sources that fail: how long they are left alone, and what stays of them."""

import pytest

from fake_publisher import answer
from feed_documents import atom, items


@pytest.mark.parametrize(
    ("status", "asked", "obeyed"),
    [
        pytest.param("429 Too Many Requests", "600", True, id="429 with a pause"),
        pytest.param("503 Service Unavailable", "7200", False, id="503 with a pause"),
    ],
)
def test_a_pause_that_was_asked_for_is_kept(tidings, web, *, status, asked, obeyed):
    publisher = web.publisher()
    urls = [publisher.serve(path, answer(status, Retry_After=asked)) for path in ("/a", "/b")]
    tidings.add(*urls)

    first = tidings.polled()

    assert {source["outcome"] for source in first.values()} == {"failed"}
    assert len(publisher.received) == (1 if obeyed else 2)
    assert tidings.polled() == {}


def test_a_source_that_fails_again_waits_longer_and_recovers_at_once(tidings, web):
    url = web.serve(*[answer("500 Internal Server Error")] * 4, answer(body=atom(*items(1))))
    tidings.add(url)

    failures, waits = [], []
    for _ in range(4):
        tidings("poll", "--all")
        [source] = tidings("source", "list", "--json").json
        failures.append(source["failures"])
        waits.append(source["next_poll_at"])
    tidings("poll", "--all")

    assert failures == [1, 2, 3, 4]
    assert waits[0] < waits[-1]
    [source] = tidings("source", "list", "--json").json
    assert (source["failures"], source["last_error"]) == (0, None)
    assert source["next_poll_at"] < waits[-1]


def test_what_was_there_stays_when_a_source_fails(tidings, web):
    url = web.serve(
        answer(body=atom(*items(3)), ETag='"1"'), answer(body=b"<!doctype html>Sorry", ETag='"2"')
    )
    tidings.add(url)
    tidings("poll")

    tidings("poll", "--all")
    tidings("poll", "--all")

    assert len(tidings("entry", "list", "--json").json) == 3
    assert [r.headers.get("if-none-match") for r in web.requests(url)] == [None, '"1"', '"1"']
