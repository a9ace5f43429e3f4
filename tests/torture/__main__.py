"""`make torture`: kills on each kind of database, then of each role, then a year of letters."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, text

from tidings.search.store import index

sys.path.insert(0, str(Path(__file__).parents[1]))
import postgres
from tidings.db import schema
from tidings.db.database import Database

HERE = Path(__file__).parent
LIMITS = ("--kills", "300", "--seconds", "280")
OF_ROLES = ("--kills", "100", "--seconds", "280")


def main():
    with tempfile.TemporaryDirectory(prefix="tidings-torture-") as folder:
        kills = {"SQLite": run("kills.py", f"sqlite:///{folder}/tidings.db", *LIMITS)}
        with postgres.cluster() as server:
            kills["PostgreSQL"] = run("kills.py", new_database(server, "kills"), *LIMITS)
            roles = {"roles": run("roles.py", new_database(server, "roles"), *OF_ROLES)}
        show(kills)
        show(roles)
        year = {"a year": run("year.py", f"sqlite:///{folder}/year.db")}
        show(year)
    sys.exit(any(status for status, _ in [*kills.values(), *roles.values(), *year.values()]))


def run(program, url, *limits):
    """Return the status and the report of a run; its complaints are shown as they come."""
    command = [sys.executable, HERE / program, url, *limits]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        sys.exit(done.returncode or 1)
    return done.returncode, json.loads(done.stdout)


def show(reports):
    print(f"{'':16}" + "".join(f"{name:>12}" for name in reports))
    for what in next(iter(reports.values()))[1]:
        numbers = (f"{report[what]:>12,}" for _, report in reports.values())
        print(f"{what.replace('_', ' '):16}" + "".join(numbers))
    print(flush=True)


def new_database(server, name):
    admin = create_engine(postgres.url(server, "postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    url = postgres.url(server, name)
    database = Database(url)
    schema.upgrade(database, rebuild_index=index.rebuild)
    database.close()
    return url


if __name__ == "__main__":
    main()
