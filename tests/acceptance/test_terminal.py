"""What a person at a terminal sees, where a pipe gets plain lines."""

import os
import pty
import subprocess
import sys

import pytest

from fake_publisher import answer
from feed_documents import atom, items


@pytest.fixture
def on_terminal(tidings_on_sqlite):
    """Run a command as at a terminal, and return what it shows."""

    def on_terminal(*arguments):
        ours, theirs = pty.openpty()
        with tidings_on_sqlite.start(
            *arguments, stdout=theirs, stderr=theirs, stdin=theirs
        ) as process:
            os.close(theirs)
            shown = read_all(ours)
        os.close(ours)
        return process.returncode, shown

    return on_terminal


def read_all(terminal):
    shown = b""
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError:  # how a terminal says that its other end is gone
        pass
    return shown.decode()


def test_lists_are_tables_with_headings(on_terminal, tidings_on_sqlite, web):
    tidings_on_sqlite.add(web.serve(answer(body=atom(*items(2)))))

    status, shown = on_terminal("source", "list")

    assert status == 0
    assert all(heading in shown for heading in ("id", "title", "state", "entries"))


def test_statistics_are_drawn(on_terminal, tidings_on_sqlite, web):
    tidings_on_sqlite.add(web.serve(answer(body=atom(*items(2)))))
    tidings_on_sqlite("poll")

    status, shown = on_terminal("stats")

    assert status == 0
    assert "Polls" in shown
    assert "█" in shown


def test_a_poll_shows_a_bar_and_then_the_summary(on_terminal, tidings_on_sqlite, web):
    tidings_on_sqlite.add(*(web.serve(answer(body=atom(*items(2)))) for _ in range(3)))

    status, shown = on_terminal("poll")

    assert status == 0
    assert "polling" in shown
    assert "3 polled, " in shown


def test_removing_asks_first(tidings_on_sqlite, web):
    tidings_on_sqlite.add(web.serve(answer(body=atom())))

    with tidings_on_sqlite.start("source", "remove", 1, stdin=subprocess.PIPE) as process:
        out, _ = process.communicate("n\n", timeout=30)

    assert "Remove 127.0.0.1 and its 0 entries?" in out
    assert process.returncode != 0
    assert len(tidings_on_sqlite("source", "list", "--json").json) == 1


def test_the_program_is_a_module_too():
    done = subprocess.run(
        [sys.executable, "-m", "tidings", "--version"], check=True, capture_output=True, text=True
    )

    assert done.stdout.startswith("tidings, version ")
