"""`tidings poll`: poll sources now."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from threading import Event, Thread

import click

from tidings.cli.output import json_option, progress, show_json
from tidings.cli.source import SOURCE
from tidings.cli.start import Start
from tidings.model.service_status import PollResult, PollSummary
from tidings.model.sources import login_advice


@click.command
@click.argument("source_ids", metavar="[SOURCE]...", nargs=-1, type=SOURCE)
@click.option("--all", "every", is_flag=True, help="All active sources, due or not.")
@click.option(
    "--replay",
    "replayed",
    metavar="SOURCE",
    type=SOURCE,
    help="Read the stored documents of this source again, without the network.",
)
@json_option
@click.pass_obj
def poll(
    start: Start,
    source_ids: tuple[int, ...],
    *,
    every: bool,
    replayed: int | None,
    as_json: bool,
) -> None:
    """Poll the sources that are due, or those that are named, due or not.

    Exits with status 1 if a source failed.

    Example: tidings poll 3 5
    """
    from tidings.app.app import opened, utc_now
    from tidings.app.polling import polling
    from tidings.catalog import sources
    from tidings.polling.store import leases

    if bool(source_ids) + every + bool(replayed) > 1:
        raise click.UsageError("use only one of: sources, --all, --replay")
    with opened(start.settings()) as app:
        with app.database.read() as connection:
            for source_id in source_ids:
                sources.get(connection, source_id)
            wanted = leases.LeaseRequest(
                due_at=None if every else utc_now(), only=source_ids or None
            )
            # For the bar alone where what is due is polled: another process may take some of it.
            named = leases.requested_ids(connection, wanted)
        with (
            polling(app) as gathering,
            progress("polling", total=len(named)) as done,
            ended_by_ctrl_c() as stop,
        ):
            # No progress beside JSON, which would not be JSON any more.
            report = partial(_report, done=None if as_json else done)
            if replayed:
                summary = gathering.replayer().replay(replayed, report=report, stop=stop)
            elif source_ids or every:
                summary = gathering.poller().poll_sources(named, report=report, stop=stop)
            else:
                summary = gathering.poller().poll_due(report=report, stop=stop)
    if as_json:
        show_json(asdict(summary, dict_factory=_contract))
    else:
        click.echo(_in_words(summary))
    if summary.failed:
        raise click.exceptions.Exit(1)


@contextmanager
def ended_by_ctrl_c() -> Iterator[Event]:
    """Yield an event that Ctrl-C sets as well, to be waited for beside KeyboardInterrupt."""
    # Python drops what is raised in a destructor or a callback of a weak reference: one Ctrl-C in
    # a hundred came just then, and ended nothing.
    stop = Event()

    def end(_signum: int, _frame: object) -> None:
        # By another thread: this one may just hold the lock of the event.
        Thread(target=stop.set).start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, end)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
    if stop.is_set():
        raise KeyboardInterrupt


def _report(result: PollResult, done: Callable[[str], None] | None) -> None:
    """Show one result: what failed on standard error, the rest as progress."""
    if done:
        done(_line(result))
    if result.error:
        click.echo(f"tidings: source {result.source_id}: {result.error}", err=True)
        if result.wants_login:
            click.echo(login_advice(str(result.source_id)), err=True)


def _line(result: PollResult) -> str:
    counts = f": {result.new} new, {result.updated} updated" if result.new + result.updated else ""
    return f"{result.source_id}\t{result.outcome}{counts}\t{result.url}"


def _in_words(summary: PollSummary) -> str:
    parts = [
        f"{summary.polled} polled",
        f"{summary.new} entries new",
        f"{summary.updated} updated",
        f"{summary.unchanged} sources unchanged",
        f"{summary.failed} failed",
    ]
    if summary.skipped:
        parts.append(f"{summary.skipped} skipped")
    return ", ".join(parts)


def _contract(fields: list[tuple[str, object]]) -> dict[str, object]:
    """Name fields as the JSON contract does, which has no problems and no skipped."""
    names = {"source_id": "id"}
    hidden = {"problems", "skipped", "wants_login"}
    return {names.get(name, name): value for name, value in fields if name not in hidden}
