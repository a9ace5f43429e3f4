"""`tidings web --processes`, as its visitors and its supervisor meet it."""

import os
import signal
import socket
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fake_publisher import answer
from feed_documents import atom, items
from installation import free_port, on_sqlite, wait_until

PATIENCE = 30
GRACE = 20
NUMBER = 2


class WebProcesses:
    """A parent and its children, by the id of the parent."""

    def __init__(self, process, port):
        self.process = process
        self.port = port

    @property
    def children(self):
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @property
    def is_whole(self):
        assert self.process.poll() is None, self.process.communicate()
        # The last child is a child already when it has not opened anything yet.
        return len(self.children) == NUMBER and all(
            self.answers(alone=pid) for pid in self.children
        )

    def get(self, path="/", *, timeout=PATIENCE):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def pages(self):
        """Return the first page of each child."""
        pages = []
        for pid in self.children:
            with self.only(pid):
                pages.append(self.get()[1])
        return pages

    def answers(self, *, alone):
        with suppress(OSError), self.only(alone):
            return self.get(timeout=1)[0] == 200
        return False

    @contextmanager
    def only(self, pid):
        """Hold up all children but one."""
        others = [one for one in self.children if one != pid]
        for one in others:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in others:
                os.kill(one, signal.SIGCONT)


@pytest.fixture
def serving(tidings):
    """Start the processes, and kill whatever is left of them at the end."""

    @contextmanager
    def serving(**settings):
        port = free_port()
        command = ("web", "--processes", NUMBER)
        settings = {"WEB__PORT": port, "LOG__FORMAT": "json"} | settings
        with tidings.start(*command, **settings) as process:
            try:
                service = WebProcesses(process, port)
                wait_until(lambda: service.is_whole)
                yield service
            finally:
                process.kill()

    return serving


def is_alive(pid):
    with suppress(OSError):
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def test_every_child_answers_with_what_another_process_has_polled(serving, tidings, web):
    with serving() as service:
        tidings.add(web.serve(answer(body=atom(*items(2)))))
        before = service.pages()

        tidings("poll")
        time.sleep(1)

        after = service.pages()
    assert [page.count("/entries/") > 0 for page in before] == [False] * NUMBER
    assert [page.count("/entries/") > 0 for page in after] == [True] * NUMBER


@on_sqlite
def test_a_child_that_is_killed_is_replaced_while_the_others_answer(serving):
    with serving() as service:
        killed, other = service.children
        os.kill(killed, signal.SIGKILL)

        statuses = set()
        while not service.is_whole:
            statuses.add(service.get()[0])

        assert statuses <= {200}
        assert other in service.children
        assert killed not in service.children


@on_sqlite
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_parent_ends_all_in_order(serving, signum):
    with serving() as service:
        children = service.children

        service.process.send_signal(signum)
        _, log = service.process.communicate(timeout=GRACE)

        assert service.process.returncode == 0
        assert "Traceback" not in log
        assert [pid for pid in children if is_alive(pid)] == []


@on_sqlite
def test_no_child_outlives_a_parent_that_is_killed(serving):
    with serving() as service:
        children = service.children

        service.process.kill()

        wait_until(lambda: not any(is_alive(pid) for pid in children))
        with socket.create_server(("127.0.0.1", service.port)):
            pass


@on_sqlite
def test_what_keeps_a_child_from_starting_is_said_once_and_ends_all(tidings, tmp_path):
    (tmp_path / "mine" / "web").mkdir(parents=True)
    (tmp_path / "mine" / "web" / "list.html").write_text("{{ nothing_of_ours }}")

    result = tidings.call(
        "web", "--processes", NUMBER, WEB__PORT=free_port(), TEMPLATES__FOLDER=tmp_path / "mine"
    )

    alone = tidings.call("web", WEB__PORT=free_port(), TEMPLATES__FOLDER=tmp_path / "mine")
    assert result.err == alone.err
    assert "nothing_of_ours" in result.err
    assert result.status == alone.status


@on_sqlite
def test_a_port_that_is_taken_is_said_before_there_are_children(tidings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = tidings.call("web", "--processes", NUMBER, WEB__PORT=port)

    assert result.status == 2
    assert result.err.count("cannot serve at") == 1
