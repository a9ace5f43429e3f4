"""Hostile documents: each parsed by a child of its own, then all beside a service with visitors."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread
from typing import TypeVar

from measure import children_of, peak_memory, settings, table
from tidings.app.app import opened, utc_now
from tidings.errors import ParseError
from tidings.model.feed import Document
from tidings.model.scopes import FeedOutline
from tidings.parsing.limits import ParseLimits
from tidings.parsing.pool import Parser
from tidings.polling.source_list import import_sources

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import hostile_documents
from hostile_web import Ring, document

VISITS = 50
PAUSE = 0.1
ANSWER = TypeVar("ANSWER")


def measure(names: Sequence[str]) -> None:
    """Print what the hazards called `names` cost; all of them, if there are none."""
    hazards = {name: body for name, body in _hazards().items() if not names or name in names}
    limits = replace(settings("sqlite:///unused").parse, processes=1)
    rows = [_read(name, body, limits) for name, body in hazards.items()]
    rows.sort(key=lambda row: row[2], reverse=True)
    head = ("document", "kB", "seconds", "child's peak MB", "outcome")
    table("One by one, the slowest first", head, rows)
    _visit_beside(hazards)


def _hazards() -> Mapping[str, bytes]:
    burdens = hostile_documents.burdens()
    documents = (
        hostile_documents.amplifiers()
        | hostile_documents.endless_patterns()
        | hostile_documents.masses()
        | hostile_documents.floods()
        | {name: hostile_documents.item(described=html) for name, html in burdens.items()}
    )
    return {
        name: body if isinstance(body, bytes) else body.encode() for name, body in documents.items()
    }


def _read(name: str, body: bytes, limits: ParseLimits) -> tuple[str, int, float, float, str]:
    with Parser(limits) as parser:
        started = time.perf_counter()
        future = parser.submit(Document(url="https://example.org/feed", body=body), {})

        def outcome() -> str:
            try:
                return f"{len(future.result().entries)} entries"
            except ParseError as error:
                return error.because[:60]

        said, peak = _watched(outcome, _largest_child)
        return name, len(body) // 1000, time.perf_counter() - started, peak, said


def _visit_beside(hazards: Mapping[str, bytes]) -> None:
    """Print response times, and the service's memory, while it polls `hazards`."""
    healthy = {"a healthy source": hostile_documents.item()}
    scripts = {name: document(body) for name, body in {**hazards, **healthy}.items()}
    with Ring(scripts) as ring, _serving(ring) as (process, url):
        waits, peak = _watched(lambda: _visits(url, len(ring.urls)), lambda: _tree(process.pid))
    cuts = quantiles(waits, n=20)
    title = f"The front page beside {len(hazards)} hazards, {len(waits)} visits"
    head = ("", "ms p50", "ms p95", "ms max", "peak MB of all processes")
    row = ("a visit", cuts[9] * 1000, cuts[18] * 1000, max(waits) * 1000, peak)
    table(title, head, [row])


@contextmanager
def _serving(ring: Ring) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        database, port = f"sqlite:///{folder}/tidings.db", 18573
        with opened(settings(database)) as app:
            import_sources(
                app.database, [FeedOutline(url=url) for url in ring.urls.values()], clock=utc_now
            )
        environment = {
            "TIDINGS_DATABASE__URL": database,
            "TIDINGS_FETCH__ALLOW": ",".join(ring.hosts),
            "TIDINGS_WEB__PORT": str(port),
            "TIDINGS_POLL__TICK": "1s",
        }
        command = [sys.executable, "-m", "tidings", "run"]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        process = subprocess.Popen(command, env=os.environ | environment, **silent)
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _visits(url: str, sources: int) -> list[float]:
    """Fetch the front page again and again until everything is polled; return response times."""
    waits: list[float] = []
    while len(waits) < VISITS or _polled(url) < sources:
        started = time.perf_counter()
        with suppress(OSError):  # it is not there yet
            _get(f"{url}/")
            waits.append(time.perf_counter() - started)
        time.sleep(PAUSE)
    return waits


def _polled(url: str) -> float:
    lines = _get(f"{url}/metrics").decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("tidings_polls_total"))


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as response:
        body: bytes = response.read()
        return body


def _watched(work: Callable[[], ANSWER], megabytes: Callable[[], float]) -> tuple[ANSWER, float]:
    """Return the result of `work`, and the maximum of `megabytes` meanwhile."""
    peaks, done = [0.0], Event()

    def watch() -> None:
        while not done.wait(0.01):
            with suppress(OSError, StopIteration, ValueError):  # a process that ends meanwhile
                peaks.append(megabytes())

    watcher = Thread(target=watch)
    watcher.start()
    try:
        return work(), max(peaks)
    finally:
        done.set()
        watcher.join()


def _largest_child() -> float:
    return max(map(peak_memory, children_of("self")), default=0)


def _tree(pid: int) -> float:
    """Return the memory of a process and its descendants; shared pages count once."""
    return sum(map(_share, [str(pid), *children_of(str(pid))]))


def _share(pid: str) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    line = next(line for line in rollup if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024
