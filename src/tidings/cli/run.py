"""`tidings run` and `tidings web`: the services."""

import ctypes
import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from typing import TYPE_CHECKING

import click

from tidings.cli.start import Start

# For an annotation only: what is imported here, `--help` would pay for.
if TYPE_CHECKING:
    from tidings.app.app import App

logger = logging.getLogger(__name__)

# A parameter of mallopt(3), and bytes from which on a block is returned when it is freed.
M_MMAP_THRESHOLD, LARGE = -3, 65_536


@click.command
@click.pass_obj
def run(start: Start) -> None:
    """Poll and mail what is due, and serve pages and feeds, until SIGTERM or Ctrl-C.

    At the first start the list named by [sources] import_at_first_start is imported.

    Example: tidings run
    """
    from tidings.app.app import opened
    from tidings.app.first_sources import import_first_sources
    from tidings.web.server import bound, serve

    settings = start.service_settings()
    end_in_order()
    _return_memory()
    # The socket first: a port that is taken must stop us before anything is polled or mailed.
    with opened(settings) as app, bound(settings.web) as listening:
        import_first_sources(app)
        # Said by the service alone, which runs for months.
        for fault in app.faults_of_runtime:
            logger.warning("update wanted", extra={"because": fault})
        with _ticking_beside(app) as begin:
            serve(app, listening, on_start=begin)


@click.command
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer at the one address; one for each core is enough.",
)
@click.pass_obj
def web(start: Start, processes: int) -> None:
    """Serve pages and feeds only; another process polls and mails.

    Example: tidings web --processes 2
    """
    from tidings.app.app import opened
    from tidings.web.processes import in_children
    from tidings.web.server import bound, serve

    settings = start.service_settings()
    end_in_order()
    _return_memory()
    if processes == 1:
        with opened(settings) as app, bound(settings.web) as listening:
            serve(app, listening)
        return
    with bound(settings.web) as listening:
        answering = in_children(processes)
        # From here on in a child: what is open before a fork would be shared.
        with opened(settings) as app:
            serve(app, listening, on_start=answering)


def end_in_order() -> None:
    """Make SIGTERM and Ctrl-C leave every context, and exit with 0; a second one ends at once."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _end)


@contextmanager
def _ticking_beside(app: "App") -> Iterator[Callable[[], None]]:
    """Yield what makes another thread poll and mail; what keeps it from that ends the service.

    Loading all that polls and trying the templates of messages takes a second, for which no page
    should wait.

    Raises:
        ConfigError: A setting cannot be used.
        TemplateError: A template of the messages is broken.
    """
    begun, ended = Event(), Event()

    def tick() -> None:
        begun.wait()
        if ended.is_set():
            return
        try:
            from tidings.app.scheduler import ticking

            with ticking(app):
                ended.wait()
        except BaseException:
            os.kill(os.getpid(), signal.SIGTERM)  # for the server, which holds the main thread
            raise

    with ThreadPoolExecutor(1) as beside:
        ticking_ends = beside.submit(tick)
        try:
            yield begun.set
        finally:
            ended.set()
            begun.set()
            ticking_ends.result()


def _return_memory() -> None:
    """Have glibc return the memory of large documents to the system."""
    # By default it raises the threshold for mmap with each large block that is freed, and keeps the
    # following ones in its heap: after a 5 MB feed the process would never shrink again.
    with suppress(AttributeError, OSError):  # musl, or another system: nothing to set there
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def _end(signum: int, _frame: object) -> None:
    signal.signal(signum, signal.SIG_DFL)  # the server raises again here what it caught
    raise SystemExit(0)
