"""The program, set up: its environment, and ways to run it."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from secrets import randbelow
from subprocess import PIPE

import pytest
from sqlalchemy import create_engine, text

from tidings.app.app import opened
from tidings.cli.main import run
from tidings.cli.start import Start

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What a test tells has nothing to do with SQL, or is told of SQL elsewhere on both kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class _Process(subprocess.Popen):
    """A process that does not outlive a test that fails beside it."""

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


class Installation:
    """Commands on one database; the publishers of the test may be polled, nobody else."""

    def __init__(self, url, folder, *, web, monkeypatch, capsys):
        self.url = url
        self.folder = folder
        self._web = web
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments, **environment):
        """Run a command in this process."""
        self._capsys.readouterr()
        with self._in(environment):
            status = run([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return Result(status=status, out=out, err=err)

    def call(self, *arguments, **environment):
        """Run a command in a process of its own."""
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate(timeout=60)
        return Result(status=process.returncode, out=out, err=err)

    def start(
        self,
        *arguments,
        program=("-m", "tidings"),
        stdin=None,
        stdout=PIPE,
        stderr=PIPE,
        **environment,
    ):
        """Start a command in a process of its own; whoever starts it also ends it."""
        return _Process(
            [sys.executable, *program, *map(str, arguments)],
            cwd=self.folder,
            env=os.environ | self._environment(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    @contextmanager
    def opened(self, **environment):
        """Open the program's inside, as a command does."""
        with self._in(environment):
            settings = Start(None).settings()
        with opened(settings) as app:
            yield app

    def execute(self, statement):
        """Change the database behind the program's back."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def add(self, *urls):
        """Follow sources without asking them for anything yet."""
        outlines = "".join(f'<outline type="rss" xmlUrl="{url}"/>' for url in urls)
        file = self.folder / "sources.opml"
        file.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>')
        assert self("source", "import", file).status == 0

    def polled(self, *arguments, **environment):
        """Poll, and return what came of each source by its address."""
        summary = self("poll", "--json", *arguments, **environment).json
        return {source["url"]: source for source in summary["sources"]}

    @contextmanager
    def _in(self, environment):
        with self._monkeypatch.context() as patch:
            for name, value in self._environment(environment).items():
                patch.setenv(name, value)
            yield

    def _environment(self, changes):
        return {
            "TIDINGS_DATABASE__URL": self.url,
            "TIDINGS_FETCH__ALLOW": ",".join(self._web.hosts),
            "TIDINGS_FETCH__HOST_INTERVAL": "0.01s",
            "TIDINGS_PARSE__PROCESSES": "1",
            "TIDINGS_SECRET": "a secret for tests only",
            "TIDINGS_SOURCES__IMPORT_AT_FIRST_START": "",
        } | {f"TIDINGS_{name}": str(value) for name, value in changes.items()}


def wait_until(is_so, *, patience=60):
    """Wait until something is so; fail after so many seconds."""
    give_up_at = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def free_port():
    """Return a port that no other test is given meanwhile: systems hand out higher ones."""
    while True:
        with suppress(OSError):
            port = 15_000 + randbelow(10_000)
            with socket.create_server(("127.0.0.1", port)):
                return port
