"""`tidings worker` and `tidings jobs`: the same work on many machines."""

from collections.abc import Sequence
from importlib.util import find_spec
from threading import Event

import click

from tidings.cli.output import ID, json_option, moment, show_json, show_table
from tidings.cli.start import Start
from tidings.model.contracts import rfc3339
from tidings.model.jobs import JobQueue

# Jobs of one queue that a process works off at a time.
MAX_THREADS = 64


class QueueType(click.ParamType[tuple[JobQueue, int]]):
    """A queue, and how many of its jobs are worked off at a time: `poll` or `poll=2`."""

    name = "queue"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[JobQueue, int]:
        """Return both."""
        name, _, number = value.partition("=")
        if name not in set(JobQueue):
            self.fail(f"{name!r} is no queue; there are {', '.join(JobQueue)}", param, ctx)
        if not (number or "1").isdecimal() or not 1 <= int(number or 1) <= MAX_THREADS:
            self.fail(f"{number!r} is no number from 1 to {MAX_THREADS}", param, ctx)
        return JobQueue(name), int(number or 1)


@click.command
@click.option(
    "--queue",
    "queues",
    type=QueueType(),
    multiple=True,
    metavar="NAME[=N]",
    help="Only this queue, N jobs at a time; may be given again. Without, all of them.",
)
@click.option("--no-clock", is_flag=True, help="Leave it to others to look for what is due.")
@click.pass_obj
def worker(start: Start, queues: Sequence[tuple[JobQueue, int]], *, no_clock: bool) -> None:
    """Poll and mail what is due, together with others on the same PostgreSQL database.

    Queues: poll; mail (issues); prompt (what somebody waits for); odd (all else).

    Example: tidings worker --queue poll --queue odd
    """
    from tidings.app.app import opened
    from tidings.app.scheduler import ticking
    from tidings.cli.run import end_in_order, return_memory
    from tidings.errors import ConfigError

    settings = start.service_settings()
    end_in_order()
    return_memory()
    with opened(settings) as app:
        if app.database.is_sqlite:
            raise ConfigError(
                "SQLite serves one machine, by `tidings run`; workers need PostgreSQL"
            )
        if find_spec("procrastinate") is None:
            raise ConfigError("workers need the extra: pip install 'tidings[cluster]'")
        with ticking(app, threads=dict(queues) or None, has_clock=not no_clock):
            Event().wait()  # for a signal


@click.group
def jobs() -> None:
    """List what waits for workers, runs or has failed; cancel it.

    Example: tidings jobs list
    """


@jobs.command("list")
@json_option
@click.pass_obj
def list_jobs(start: Start, *, as_json: bool) -> None:
    """List jobs: what waits, what runs, what failed in the last three days and why.

    Example: tidings jobs list
    """
    from tidings.app.app import opened
    from tidings.db import job_tickets

    with opened(start.settings()) as app, app.database.read() as connection:
        found = job_tickets.every(connection)
    if as_json:
        show_json(
            [
                {
                    "id": one.id,
                    "queue": one.queue,
                    "job": one.job,
                    "state": one.state,
                    "since": rfc3339(one.since),
                    "worker": one.worker,
                    "because": one.because,
                }
                for one in found
            ]
        )
        return
    rows = [
        (one.id, one.queue, one.job, one.state, moment(one.since), one.worker, one.because)
        for one in found
    ]
    show_table(("id", "queue", "job", "state", "since", "worker", "because"), rows)


@jobs.command("workers")
@json_option
@click.pass_obj
def list_workers(start: Start, *, as_json: bool) -> None:
    """List workers, one for each queue of a process, with their last sign of life.

    One that has ended without a word is listed until another one starts.

    Example: tidings jobs workers
    """
    from tidings.app.app import opened, utc_now
    from tidings.db import job_tickets

    with opened(start.settings()) as app, app.database.read() as connection:
        found = job_tickets.workers(connection)
    if as_json:
        show_json(
            [
                {"id": one.id, "heard_at": rfc3339(one.heard_at), "running": one.running}
                for one in found
            ]
        )
        return
    now = utc_now()
    rows = [
        (one.id, f"{(now - one.heard_at).total_seconds():.0f} s ago", one.running) for one in found
    ]
    show_table(("id", "last heard", "running"), rows)


@jobs.command
@click.argument("job_id", metavar="ID", type=ID)
@click.pass_obj
def cancel(start: Start, job_id: int) -> None:
    """Delete a job that waits or has failed; the work itself stays due.

    Example: tidings jobs cancel 4711
    """
    from tidings.app.app import opened
    from tidings.db import job_tickets

    with opened(start.settings()) as app, app.database.write() as connection:
        job_tickets.cancel(connection, job_id)
    click.echo(f"cancelled: job {job_id}")
