"""Jobs that wait twice, whatever defers them."""

from contextlib import contextmanager

BEGIN = (
    """
    CREATE FUNCTION double_job() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO procrastinate_jobs (queue_name, task_name, priority, queueing_lock, args)
      VALUES (NEW.queue_name, NEW.task_name, NEW.priority, NEW.queueing_lock || ' again', '{}')
      ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER double_job AFTER INSERT ON procrastinate_jobs FOR EACH ROW
    WHEN (NEW.queueing_lock NOT LIKE '% again') EXECUTE FUNCTION double_job()
    """,
)
END = "DROP FUNCTION double_job CASCADE"


@contextmanager
def doubled(execute):
    """Let each job come twice; the second one has no lock that keeps it from running beside it."""
    for statement in BEGIN:
        execute(statement)
    try:
        yield
    finally:
        execute(END)
