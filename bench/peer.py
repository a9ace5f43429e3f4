"""The peer that our polling is measured beside: the library `reader`, in a process of its own."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection

from publisher import Web, resolve

IS_INSTALLED = find_spec("reader") is not None

WORKERS = 10
"""Threads that fetch; it parses and saves in one."""


@contextmanager
def peer(web: Web) -> Iterator[Callable[[], dict[str, float]]]:
    """Yield what makes the peer poll everything, and returns seconds by the clock and processor."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_obey, args=(theirs, web.ports), daemon=True)
    process.start()
    theirs.close()
    ours.recv()

    def poll() -> dict[str, float]:
        ours.send("poll")
        taken: dict[str, float] = ours.recv()
        return taken

    try:
        yield poll
    finally:
        ours.close()
        process.join()


def _obey(pipe: Connection, ports: Mapping[str, int]) -> None:
    from reader import make_reader  # noqa: PLC0415 - it need not be installed

    resolve(ports)
    warnings.simplefilter("ignore")  # it warns of every entry of real feeds that it leaves out
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        reader = make_reader(f"{folder}/reader.db")
        for name in ports:
            reader.add_feed(f"http://{name}/feed")
        pipe.send("ready")
        while _is_asked(pipe):
            started, own = time.perf_counter(), time.process_time()
            reader.update_feeds(scheduled=False, workers=WORKERS)
            seconds = time.perf_counter() - started
            pipe.send({"seconds": seconds, "own": time.process_time() - own})
        reader.close()


def _is_asked(pipe: Connection) -> bool:
    try:
        pipe.recv()
    except EOFError:
        return False
    return True
