"""Jobs that wait in PostgreSQL, in the tables of Procrastinate, for a worker on any machine.

On SQLite there are none: whoever may work there runs the clock as well.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from tidings.errors import ConfigError, NotFoundError
from tidings.model.jobs import Job

# What the library does with an error for each job that waits already, and a line in the server's log.
_DEFERRING = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)"
    " SELECT queue, name, priority, lock, key, '{}' FROM unnest(CAST(:queues AS text[]),"
    " CAST(:names AS text[]), CAST(:priorities AS int[]), CAST(:locks AS text[]), CAST(:keys AS text[]))"
    " AS given (queue, name, priority, lock, key)"
    # Whoever is just deferring the same is not waited for, in case they wait for us as well.
    " WHERE pg_try_advisory_xact_lock(hashtextextended(key, 0))"
    " ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING"
)


def defer(connection: Connection, *jobs: Job) -> None:
    """Let jobs wait for a worker, from the commit on.

    One that another transaction is just deferring is left out. It may be worked off before this
    transaction is committed: then the next tick of the clock finds what was missed.
    """
    if connection.dialect.name != "postgresql":
        return
    # All at once: clocks defer a dozen every second, most of which wait already.
    connection.execute(
        _DEFERRING,
        {
            "queues": [str(job.queue) for job in jobs],
            "names": [job.name for job in jobs],
            "priorities": [job.priority for job in jobs],
            "locks": [job.key if job.is_alone else None for job in jobs],
            "keys": [job.key for job in jobs],
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A job as the operator sees it.

    Attributes:
        state: `waiting`, `running` or `failed`.
        since: When it came into that state.
        worker: Who runs it; None also of one that has gone.
        because: Why it failed.
    """

    id: int
    queue: str
    job: str
    state: str
    since: datetime
    worker: int | None
    because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What works off a queue: each process has one for every queue it works off.

    Attributes:
        heard_at: Its last sign of life; there is one every ten seconds.
        running: How many jobs it runs.
    """

    id: int
    heard_at: datetime
    running: int


_TICKETS = text(
    "SELECT job.id, job.queue_name, coalesce(job.queueing_lock, job.task_name) AS job, job.worker_id,"
    " CASE job.status WHEN 'todo' THEN 'waiting' WHEN 'doing' THEN 'running' ELSE 'failed' END"
    " AS state, job.args ->> 'because' AS because,"
    " (SELECT max(at) FROM procrastinate_events WHERE job_id = job.id) AS since"
    " FROM procrastinate_jobs AS job WHERE job.status IN ('todo', 'doing', 'failed')"
    " ORDER BY job.status, job.priority DESC, job.id"
)
_WORKERS = text(
    "SELECT worker.id, worker.last_heartbeat, count(job.id) AS running"
    " FROM procrastinate_workers AS worker LEFT JOIN procrastinate_jobs AS job"
    " ON job.worker_id = worker.id AND job.status = 'doing' GROUP BY worker.id ORDER BY worker.id"
)
# Three signs of life were missed by then.
_ALIVE = text(
    "SELECT count(*) FROM procrastinate_workers"
    " WHERE last_heartbeat > clock_timestamp() - interval '30 seconds'"
)
# Of one kind the last failure is enough: what fails every second would fill the table.
_FORGETTING = text(
    "DELETE FROM procrastinate_jobs AS old USING procrastinate_jobs AS new"
    " WHERE new.id = :id AND old.status = 'failed' AND old.queueing_lock = new.queueing_lock"
)
_NOTING = text(
    "UPDATE procrastinate_jobs SET args = jsonb_build_object('because', CAST(:because AS text))"
    " WHERE id = :id"
)
# Of one whose handler failed its failure is noted.
_FORGETTING_UNKNOWN = text(
    "DELETE FROM procrastinate_jobs WHERE status = 'failed' AND args ->> 'because' IS NULL"
    " AND task_name <> ALL(:known) RETURNING task_name"
)
_FORGETTING_ENDED = text("DELETE FROM procrastinate_jobs WHERE id = ANY(:ids) AND status = 'doing'")
# Of one that runs only its worker can say that it ends.
_CANCELLING = text("DELETE FROM procrastinate_jobs WHERE id = :id AND status <> 'doing'")


def note_failure(connection: Connection, ticket_id: int, *, because: str) -> None:
    """Leave with a job why it failed, and forget earlier failures of its kind."""
    connection.execute(_FORGETTING, {"id": ticket_id})
    connection.execute(_NOTING, {"id": ticket_id, "because": because})


def forget_unknown(connection: Connection, *, known: Collection[str]) -> set[str]:
    """Delete jobs that somebody took who has no handler for them; return their names."""
    return set(connection.scalars(_FORGETTING_UNKNOWN, {"known": list(known)}))


def forget_ended(connection: Connection, ticket_ids: Collection[int]) -> None:
    """Delete jobs that have ended, and still are on record as running."""
    connection.execute(_FORGETTING_ENDED, {"ids": list(ticket_ids)})


def every(connection: Connection) -> list[Ticket]:
    """Return what waits, what runs, and what failed in the last days.

    Raises:
        ConfigError: On SQLite jobs wait nowhere.
    """
    return [
        Ticket(
            id=row.id,
            queue=row.queue_name,
            job=row.job,
            state=row.state,
            since=row.since,
            worker=row.worker_id,
            because=row.because,
        )
        for row in _on_postgresql(connection, _TICKETS)
    ]


def workers(connection: Connection) -> list[Worker]:
    """Return what works off jobs, or did a moment ago.

    Raises:
        ConfigError: On SQLite jobs wait nowhere.
    """
    found = _on_postgresql(connection, _WORKERS)
    return [Worker(id=row.id, heard_at=row.last_heartbeat, running=row.running) for row in found]


def counts(connection: Connection) -> tuple[dict[str, int], int] | None:
    """Return how many jobs wait, run and have failed, and how many workers have been heard lately.

    None on SQLite, where jobs wait nowhere.
    """
    if connection.dialect.name != "postgresql":
        return None
    found = Counter(one.state for one in every(connection))
    alive = connection.execute(_ALIVE).scalar_one()
    return {state: found[state] for state in ("waiting", "running", "failed")}, alive


def cancel(connection: Connection, ticket_id: int) -> None:
    """Delete a job that waits or has failed; the clock defers the next of its kind.

    Raises:
        ConfigError: On SQLite jobs wait nowhere.
        NotFoundError: There is none with that id, or it runs.
    """
    if not _on_postgresql(connection, _CANCELLING, id=ticket_id).rowcount:
        raise NotFoundError("job that waits", ticket_id)


def _on_postgresql(connection: Connection, statement: TextClause, **values: object) -> Any:
    if connection.dialect.name != "postgresql":
        raise ConfigError("jobs are listed on PostgreSQL; on SQLite `tidings run` has none waiting")
    return connection.execute(statement, values)
