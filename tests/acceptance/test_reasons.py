"""Why a source is polled when it is, in the operator's words."""

import time

import pytest

from fake_publisher import answer
from feed_documents import atom, items


def test_show_says_when_the_next_poll_is_and_why_then(tidings, web):
    url = web.serve(answer(body=atom(*items(7)), Cache_Control="max-age=21600"))
    tidings("source", "add", url)

    shown = tidings("source", "show", 1)

    assert shown.status == 0
    [line] = [line for line in shown.out.splitlines() if line.startswith("next poll: ")]
    assert ", in 6 h (after 6 h: the server says that what we have stays fresh)" in line
    assert "first poll: 7 entries, 5 of them public" in shown.out
    detailed = tidings("source", "show", 1, "--json").json
    assert detailed["next_poll_because"].startswith("after 6 h")
    assert [one["text"] for one in detailed["history"]] == [
        "first poll: 7 entries, 5 of them public"
    ]
    assert tidings("source", "list", "--json").json[0]["next_poll_because"].startswith("after 6 h")


def test_failures_are_told_in_a_word_and_in_the_history(tidings, web):
    url = web.serve(answer(body=atom(*items(1))), answer("404 Not Found"))
    tidings("source", "add", url)
    for _ in range(3):
        tidings("poll", 1)

    shown = tidings("source", "show", 1, "--json").json

    assert (shown["failing_with"], shown["failures"]) == ("http 404", 3)
    assert "3 polls in a row failed, the last with 404 Not Found" in shown["next_poll_because"]
    assert shown["history"][-1]["text"] == "failed: 404 Not Found (3 times)"
    assert "active, failing (3)" in tidings("source", "list").out


def test_a_pause_that_lasts_is_not_waited_for(tidings, web):
    url = web.serve(
        answer(body=atom(*items(1))), answer("429 Too Many Requests", Retry_After="7200")
    )
    tidings("source", "add", url)
    tidings("poll", 1)
    began = time.monotonic()

    again = tidings("poll", 1)

    assert "asked for a pause until" in again.err
    assert time.monotonic() - began < 15
    assert len(web.requests(url)) == 2


def test_a_source_that_did_not_move_cannot_go_back(tidings, web):
    tidings("source", "add", web.serve(answer(body=atom())))

    refused = tidings("source", "unmove", 1)

    assert refused.status == 1
    assert refused.err == "tidings: source 1 did not move by itself\n"


@pytest.mark.parametrize("interval", ["5h", "300m"])
def test_an_interval_of_the_operator_is_shown_and_kept(tidings, web, interval):
    tidings("source", "add", web.serve(answer(body=atom(*items(1)))))

    tidings("source", "edit", 1, "--interval", interval)
    tidings("poll", 1)

    shown = tidings("source", "show", 1, "--json").json
    assert shown["interval"] == "18000s"
    assert shown["next_poll_because"] == "after 5 h: the operator's interval"
