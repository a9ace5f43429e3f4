"""`tidings run` and `tidings web`: the services."""

import ctypes
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from tidings.cli.start import Start

# For an annotation only: what is imported here, `--help` would pay for.
if TYPE_CHECKING:
    from tidings.config import Settings

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
    from tidings.app.children import Child, kept_running
    from tidings.app.first_sources import import_first_sources
    from tidings.web.server import bound, serve

    settings = start.service_settings()
    end_in_order()
    return_memory()
    # The socket first: a port that is taken must stop us before anything is polled or mailed.
    with opened(settings) as app, bound(settings.web) as listening:
        import_first_sources(app)
        # Said by the service alone, which runs for months.
        for fault in app.faults_of_runtime:
            logger.warning("update wanted", extra={"because": fault})
        # In a process of its own, lest pages wait for what polls and mails: threads of one share an
        # interpreter. Started once visitors are answered, for it takes a second to load.
        ticking = Child("poll and mail", _polling_and_mailing, settings)
        with kept_running([ticking]) as start_children:
            serve(app, listening, on_start=start_children)


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
    return_memory()
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
def _polling_and_mailing(settings: "Settings") -> Iterator[None]:
    from tidings import log
    from tidings.app.app import App
    from tidings.app.scheduler import ticking
    from tidings.db.database import Database

    log.configure(settings.log.format, settings.log.level)
    return_memory()
    database = Database(settings.database.url)
    try:
        with ticking(App(settings=settings, database=database)):
            yield
    finally:
        database.close()


def return_memory() -> None:
    """Have glibc return the memory of large documents to the system."""
    # By default it raises the threshold for mmap with each large block that is freed, and keeps the
    # following ones in its heap: after a 5 MB feed the process would never shrink again.
    with suppress(AttributeError, OSError):  # musl, or another system: nothing to set there
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def _end(signum: int, _frame: object) -> None:
    signal.signal(signum, signal.SIG_DFL)  # the server raises again here what it caught
    raise SystemExit(0)
