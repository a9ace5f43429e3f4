"""Many requests at a time: order, politeness, and ends of every kind."""

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from queue import Queue
from threading import Event, Lock, current_thread, main_thread

import pytest

from fake_publisher import FakePublisher, answer, hanging_up, redirect, silence
from tidings.errors import FetchError, StatusError
from tidings.fetching.outcomes import Fetched, FormPost, PostReply, Request
from tidings.fetching.policy import HostPolicy


def requests_for(*urls):
    return [Request(source_id=number, url=url) for number, url in enumerate(urls)]


def test_requests_of_one_host_are_sent_one_after_the_other(a_fetcher, gather, publisher):
    paths = [f"/{number}" for number in range(10)]
    urls = [publisher.serve(path, answer(body=path.encode())) for path in paths]

    with a_fetcher() as fetcher:
        outcomes = gather(fetcher, urls)

    assert [outcome.body.decode() for outcome in outcomes] == paths
    assert [request.path for request in publisher.received] == paths
    assert publisher.most_at_once == 1


def test_one_round_uses_one_connection_and_leaves_none(a_fetcher, gather, publisher):
    urls = [publisher.serve(f"/{number}", answer(body=b"x")) for number in range(3)]

    with a_fetcher() as fetcher:
        gather(fetcher, urls)

    assert publisher.connections == 1
    sent = [request.headers["connection"] for request in publisher.received]
    assert sent == ["keep-alive", "keep-alive", "close"]


def test_a_connection_that_went_away_meanwhile_is_replaced(a_fetcher, gather, publisher):
    urls = [publisher.serve("/0", hanging_up(answer(body=b"x"))), publisher.serve("/1", answer())]

    with a_fetcher() as fetcher:
        outcomes = gather(fetcher, urls)

    assert [type(outcome) for outcome in outcomes] == [Fetched, Fetched]


def test_a_connection_that_its_server_is_about_to_close_is_not_used_again(a_fetcher, publisher):
    async def slow_to_close(writer):
        writer.write(answer("202 Accepted"))
        await asyncio.sleep(0.5)

    form = FormPost(url=publisher.serve("/hub", slow_to_close), fields={})
    outcomes = Queue()

    with a_fetcher() as fetcher:
        for _ in range(2):
            fetcher.post(form, outcomes.put)
        taken = [outcomes.get(timeout=10) for _ in range(2)]

    assert taken == [PostReply(url=form.url, status=202, text="")] * 2


def test_two_rounds_for_one_host_take_turns(a_fetcher, publisher):
    url = publisher.serve("/feed", answer(body=b"x"))
    outcomes = Queue()

    with a_fetcher() as fetcher:
        for _ in range(5):
            fetcher.submit(requests_for(url, url), lambda *pair: outcomes.put(pair))
        taken = [outcomes.get(timeout=10) for _ in range(10)]

    assert all(isinstance(outcome, Fetched) for _, outcome in taken)
    assert publisher.most_at_once == 1


def test_redirects_that_cross_do_not_block_each_other(a_fetcher, publisher, elsewhere, seconds):
    here = publisher.serve("/from", redirect(elsewhere.url("/to")))
    there = elsewhere.serve("/from", redirect(publisher.url("/to")))
    publisher.serve("/to", answer(body=b"x"))
    elsewhere.serve("/to", answer(body=b"x"))
    outcomes = Queue()

    with a_fetcher(host_interval=seconds(0.02)) as fetcher:
        for url in [here, there] * 3:
            fetcher.submit(requests_for(url), lambda *pair: outcomes.put(pair))
        taken = [outcomes.get(timeout=10) for _ in range(6)]

    assert all(isinstance(outcome, Fetched) for _, outcome in taken)
    assert publisher.most_at_once == elsewhere.most_at_once == 1


def test_a_host_has_the_interval_of_its_own(a_fetcher, gather, publisher, seconds):
    url = publisher.serve("/feed", answer(body=b"x"))
    patient = {publisher.host: HostPolicy(interval=seconds(60))}

    with a_fetcher(hosts=patient) as fetcher:
        gather(fetcher, [url])
        outcomes = Queue()
        fetcher.submit(requests_for(url), lambda _, outcome: outcomes.put(outcome))
        fetcher.cancel()
        outcome = outcomes.get(timeout=5)

    assert outcome.because == "cancelled"
    assert len(publisher.received) == 1


def test_one_silent_host_does_not_hold_up_the_others(a_fetcher, gather, publisher, elsewhere):
    stuck = publisher.serve("/feed", silence)
    well = elsewhere.serve("/feed", answer(body=b"x"))

    with a_fetcher() as fetcher:
        fetcher.submit(requests_for(stuck), lambda *_: None)
        (outcome,) = gather(fetcher, [well])

    assert outcome.body == b"x"


def test_no_more_hosts_are_asked_at_once_than_the_policy_allows(a_fetcher):
    lock = Lock()
    at_once = most = 0

    async def counting(writer):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        await asyncio.sleep(0.02)
        with lock:
            at_once -= 1
        writer.write(answer(body=b"x"))

    with ExitStack() as stack:
        publishers = [stack.enter_context(FakePublisher()) for _ in range(6)]
        allow = tuple(publisher.host for publisher in publishers)
        fetcher = stack.enter_context(a_fetcher(concurrency=2, allow=allow))
        outcomes = Queue()
        for publisher in publishers:
            url = publisher.serve("/feed", counting)
            fetcher.submit(requests_for(url), lambda _, outcome: outcomes.put(outcome))
        taken = [outcomes.get(timeout=10) for _ in publishers]

    assert [outcome.body for outcome in taken] == [b"x"] * 6
    assert most == 2


def test_after_a_429_the_host_is_left_alone(a_fetcher, gather, publisher):
    first = publisher.serve("/0", answer(body=b"x"))
    second = publisher.serve("/1", answer("429 Too Many Requests", Retry_After="600"))
    third = publisher.serve("/2", answer(body=b"x"))

    with a_fetcher() as fetcher:
        outcomes = gather(fetcher, [first, second, third])

    assert isinstance(outcomes[0], Fetched)
    assert [(error.status, error.retry_after) for error in outcomes[1:]] == [
        (429, timedelta(minutes=10))
    ] * 2
    assert outcomes[2].url == third
    assert [request.path for request in publisher.received] == ["/0", "/1"]


def test_a_429_from_elsewhere_does_not_pause_the_host_itself(
    a_fetcher, gather, publisher, elsewhere
):
    there = elsewhere.serve("/feed", answer("429 Too Many Requests"))
    urls = [publisher.serve("/0", redirect(there)), publisher.serve("/1", answer(body=b"x"))]

    with a_fetcher() as fetcher:
        outcomes = gather(fetcher, urls)

    assert [type(outcome) for outcome in outcomes] == [StatusError, Fetched]


def test_cancel_gives_every_missing_outcome(a_fetcher, publisher):
    reached = Event()

    async def stuck(_writer):
        reached.set()
        await silence(_writer)

    urls = [publisher.serve("/0", answer(body=b"x")), publisher.serve("/1", stuck)]
    outcomes = Queue()

    with a_fetcher() as fetcher:
        fetcher.submit(requests_for(*urls, urls[0]), lambda *pair: outcomes.put(pair))
        assert reached.wait(5)
        fetcher.cancel()
        taken = [outcomes.get(timeout=5) for _ in range(3)]

    assert [request.source_id for request, _ in taken] == [0, 1, 2]
    assert isinstance(taken[0][1], Fetched)
    assert [error.because for _, error in taken[1:]] == ["cancelled"] * 2
    assert all(error.transient for _, error in taken[1:])


def test_a_fetcher_that_was_cancelled_goes_on(a_fetcher, gather, publisher):
    url = publisher.serve("/feed", answer(body=b"x"))

    with a_fetcher() as fetcher:
        fetcher.cancel()
        (outcome,) = gather(fetcher, [url])

    assert outcome.body == b"x"


@pytest.mark.parametrize("hosts", [1, 50], ids=["one round", "more than there are slots"])
def test_leaving_reports_what_is_pending(a_fetcher, publisher, hosts):
    url = publisher.serve("/feed", silence)
    outcomes = []

    with a_fetcher(concurrency=2) as fetcher:
        for _ in range(hosts):
            fetcher.submit(requests_for(url, url), lambda _, outcome: outcomes.append(outcome))

    assert [outcome.because for outcome in outcomes] == ["cancelled"] * 2 * hosts


def test_a_closed_fetcher_takes_nothing(a_fetcher, publisher):
    with a_fetcher() as fetcher:
        pass

    fetcher.cancel()
    with pytest.raises(RuntimeError, match="not open"):
        fetcher.submit(requests_for(publisher.url()), lambda *_: None)


def test_outcomes_come_on_the_thread_of_the_loop(a_fetcher, publisher):
    url = publisher.serve("/feed", answer(body=b"x"))
    threads = Queue()

    with a_fetcher() as fetcher:
        fetcher.submit(requests_for(url), lambda *_: threads.put(current_thread()))
        thread = threads.get(timeout=5)

    assert thread is not main_thread()
    assert thread.name == "fetching"


def test_a_callback_that_fails_does_not_stop_the_round(a_fetcher, publisher, caplog):
    url = publisher.serve("/feed", answer(body=b"x"))
    outcomes = Queue()

    def done(request, outcome):
        outcomes.put(outcome)
        raise ZeroDivisionError

    with a_fetcher() as fetcher:
        fetcher.submit(requests_for(url, url), done)
        taken = [outcomes.get(timeout=5) for _ in range(2)]

    assert [type(outcome) for outcome in taken] == [Fetched, Fetched]
    assert len(caplog.records) == 2


def test_a_bug_becomes_an_error_of_its_source_alone(
    a_fetcher, gather, publisher, elsewhere, caplog
):
    def lease(_host):
        raise ZeroDivisionError

    url = f"http://user:secret@{publisher.host}/0"
    publisher.serve("/0", redirect(elsewhere.url()))
    well = publisher.serve("/1", answer(body=b"x"))

    with a_fetcher(lease=lease) as fetcher:
        outcomes = gather(fetcher, [url, well])

    assert type(outcomes[0]) is FetchError
    assert outcomes[0].because == "ZeroDivisionError"
    assert isinstance(outcomes[1], Fetched)
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text
