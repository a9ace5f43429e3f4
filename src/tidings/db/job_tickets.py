"""Jobs that wait in PostgreSQL, in the tables of Procrastinate, for a worker on any machine.

On SQLite there are none: whoever may work there runs the clock as well.
"""

from sqlalchemy import Connection, table, text
from sqlalchemy.sql.expression import column

from tidings.model.jobs import Job

_jobs = table("procrastinate_jobs", column("id"), column("queue_name"), column("status"))

# What the library does with an error for each job that waits already, and a line in the server's log.
_DEFERRING = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)"
    " VALUES (:queue, :name, :priority, :lock, :key, '{}')"
    " ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING"
)


def defer(connection: Connection, *jobs: Job) -> None:
    """Let jobs wait for a worker, from the commit on; to be called at the end of a transaction.

    Until then whoever defers the same has to wait for that transaction.
    """
    if connection.dialect.name != "postgresql":
        return
    # In this order everywhere: two who defer several at once would wait for each other.
    for job in sorted(jobs, key=lambda job: job.key):
        connection.execute(
            _DEFERRING,
            {
                "queue": job.queue,
                "name": job.name,
                "priority": job.priority,
                "lock": job.name if job.is_alone else None,
                "key": job.key,
            },
        )
