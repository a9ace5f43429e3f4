import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Future
from datetime import timedelta

import pytest

from tidings.errors import ParseError
from tidings.model.feed import Document
from tidings.parsing.limits import ParseLimits
from tidings.parsing.pool import MAX_DOCUMENTS, STOPPED, Parser

MEGABYTE = 2**20


def limits(**changes):
    plain = {"processes": 2, "time_limit": timedelta(seconds=1), "memory_limit": 1024 * MEGABYTE}
    return ParseLimits(**(plain | changes))


def a_document(items="<item><guid>1</guid><title>Rain</title></item>"):
    body = f'<rss version="2.0"><channel><title>Notes</title>{items}</channel></rss>'
    return Document(url="https://notes.example/feed", body=body.encode())


def an_endless_document():
    """Return one of a million elements, all of which feedparser has to look at."""
    return a_document(f"<item><textInput/>{'<a/>' * 1_000_000}</item>")


def error_of(future: Future):
    error = future.exception(timeout=20)
    assert isinstance(error, ParseError), error
    return error


def child_of(parser):
    return parser._slots[0]._child.process.pid


@pytest.fixture
def parser():
    with Parser(limits()) as parser:
        yield parser


def test_a_document_is_read_in_a_child(parser):
    feed = parser.submit(a_document(), {}).result(timeout=20)

    assert (feed.title, [entry.title for entry in feed.entries]) == ("Notes", ["Rain"])


def test_what_is_known_is_known_in_the_child_too(parser):
    (entry,) = parser.submit(a_document(), {}).result(timeout=20).entries

    feed = parser.submit(a_document(), {entry.key: entry.raw_hash}).result(timeout=20)

    assert (feed.entries, feed.unchanged) == ((), 1)


def test_what_is_no_feed_fails_with_its_reason(parser):
    error = error_of(parser.submit(Document(url="https://notes.example/", body=b"<html>"), {}))

    assert str(error) == "cannot read https://notes.example/: an HTML page, not a feed"


def test_an_endless_document_ends_and_its_neighbours_are_unharmed(parser):
    bad = parser.submit(an_endless_document(), {})
    neighbours = [parser.submit(a_document(), {}) for _ in range(20)]

    assert "took longer than" in error_of(bad).because
    assert [len(future.result(timeout=20).entries) for future in neighbours] == [1] * 20


def test_a_child_that_was_killed_is_replaced():
    with Parser(limits(processes=1)) as parser:
        error_of(parser.submit(an_endless_document(), {}))

        feed = parser.submit(a_document(), {}).result(timeout=20)

    assert len(feed.entries) == 1


def test_a_child_that_stands_still_is_given_up():
    with Parser(limits(processes=1, time_limit=timedelta(seconds=0.2))) as parser:
        parser.submit(a_document(), {}).result(timeout=20)
        os.kill(child_of(parser), signal.SIGSTOP)

        stuck = parser.submit(a_document(), {})

        assert error_of(stuck).because == "took longer than 2 s"


def test_a_child_is_replaced_when_it_is_old():
    with Parser(limits(processes=1)) as parser:
        parser.submit(a_document(), {}).result(timeout=20)
        first = child_of(parser)

        results = [parser.submit(a_document(), {}) for _ in range(MAX_DOCUMENTS)]

        assert all(len(future.result(timeout=20).entries) == 1 for future in results)
        assert child_of(parser) != first


def test_processor_time_of_earlier_documents_does_not_count():
    slow = a_document("<item><title>x</title></item>" * 3000)
    with Parser(limits(processes=1)) as parser:
        results = [parser.submit(slow, {}) for _ in range(10)]

        assert [future.result(timeout=30).cut for future in results] == [1000] * 10


def test_a_document_that_takes_too_much_memory_fails_alone():
    text = "rain " * 8 * MEGABYTE
    with Parser(
        limits(processes=1, time_limit=timedelta(seconds=20), memory_limit=256 * MEGABYTE)
    ) as parser:
        bad = parser.submit(a_document(f"<item><description>{text}</description></item>"), {})
        good = parser.submit(a_document(), {})

        assert "memory" in error_of(bad).because
        assert len(good.result(timeout=20).entries) == 1


def test_closing_does_not_wait_for_what_is_being_read():
    parser = Parser(limits(time_limit=timedelta(minutes=1)))
    parser.submit(a_document(), {}).result(timeout=20)
    results = [parser.submit(an_endless_document(), {}) for _ in range(4)]
    results += [parser.submit(a_document("x" * 5 * MEGABYTE), {}) for _ in range(4)]

    began = time.monotonic()
    parser.close()

    assert time.monotonic() - began < 2
    assert {error_of(future).because for future in results} == {STOPPED}


def test_a_closed_parser_says_so():
    parser = Parser(limits())
    parser.close()

    error = error_of(parser.submit(a_document(), {}))

    assert error.because == STOPPED


def test_a_document_that_waits_may_be_cancelled():
    with Parser(limits(processes=1)) as parser:
        busy = parser.submit(an_endless_document(), {})
        waiting = parser.submit(a_document(), {})

        assert waiting.cancel()
        assert isinstance(error_of(busy), ParseError)


SERVICE = textwrap.dedent("""
    import signal, sys, threading, time
    from datetime import timedelta
    from tidings.parsing.pool import Parser
    from tidings.model.feed import Document
    from tidings.parsing.limits import ParseLimits

    if __name__ == "__main__":
        # Who starts the tests in the background has it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        limits = ParseLimits(
            processes=2, time_limit=timedelta(seconds=2), memory_limit=1 << 30
        )
        parser = Parser(limits)
        endless = b"<rss version='2.0'><item><textInput/>" + b"<a/>" * 1_000_000 + b"</item></rss>"
        busy = parser.submit(Document(url="a", body=endless), {})
        parser.submit(Document(url="b", body=b"<rss version='2.0'/>"), {}).result()
        try:
            print("ready", flush=True)
            # Short ones: Python does not wake from a sleep for a signal that came right before it.
            for _ in range(600):
                time.sleep(0.1)
        except KeyboardInterrupt:
            parser.close()
""")


def is_empty(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("to_the_group", "which"),
    [
        pytest.param(True, signal.SIGINT, id="Ctrl-C"),
        pytest.param(True, signal.SIGTERM, id="SIGTERM to the group"),
        pytest.param(False, signal.SIGKILL, id="SIGKILL to the service alone"),
    ],
)
def test_no_child_outlives_the_service_or_complains(tmp_path, to_the_group, which):
    script = tmp_path / "service"
    script.write_text(SERVICE)
    command = [sys.executable, script]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as service:
        assert service.stdout.readline() == "ready\n"

        (os.killpg if to_the_group else os.kill)(service.pid, which)
        _, complaints = service.communicate(timeout=20)

    deadline = time.monotonic() + 10
    while not is_empty(service.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_empty(service.pid)
    assert complaints == ""


def test_a_long_feed_comes_back_whole_and_in_order_with_what_search_and_stories_need():
    items = "".join(f"<item><guid>{n}</guid><title>Note {n}</title></item>" for n in range(120))
    with Parser(limits(processes=1)) as parser:
        feed = parser.submit(a_document(items), {}).result(timeout=20)

    assert [entry.guid for entry in feed.entries] == [str(n) for n in range(120)]
    assert [entry.terms.words.title for entry in feed.entries] == [f"note {n}" for n in range(120)]
