"""`tidings db`: the database."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click

from tidings.cli.output import progress
from tidings.cli.start import Start
from tidings.errors import InvalidError

# Entries that are removed in one transaction.
BATCH = 500


@click.group
def db() -> None:
    """Upgrade, back up, check and copy the database.

    Example: tidings db backup var/backup.db
    """


@db.command
@click.pass_obj
def upgrade(start: Start) -> None:
    """Bring the schema up to date; an SQLite file is backed up first.

    Example: tidings db upgrade
    """
    from tidings.db import schema
    from tidings.db.database import Database
    from tidings.search.store import index

    # Not by `opened`, which upgrades by itself and would say nothing of it.
    with closing(Database(start.settings().database.url)) as database:
        version = schema.upgrade(database, rebuild_index=index.rebuild)
        click.echo(f"{database.name} has schema {version}")


@db.command
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def backup(start: Start, file: Path) -> None:
    """Write a whole copy of an SQLite database, also while tidings runs.

    Example: tidings db backup var/backup.db
    """
    from tidings.db import backups
    from tidings.db.database import Database

    url = start.settings().database.url
    _refuse_postgresql(url, instead="pg_dump")
    with closing(Database(url)) as database:
        backups.backup(database, file)
    click.echo(f"backed up to {file}")


@db.command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def restore(start: Start, file: Path, *, yes: bool) -> None:
    """Put a backup in the place of an SQLite database, which is kept beside it.

    Stop tidings first. The tokens of operators are worth nothing afterwards: one of them may
    have been revoked since.

    Example: tidings db restore var/backup.db
    """
    from tidings.app.app import utc_now
    from tidings.db import backups, schema
    from tidings.db.database import Database
    from tidings.operator.store import sessions
    from tidings.search.store import index

    url = start.settings().database.url
    _refuse_postgresql(url, instead="pg_restore")
    with closing(Database(url)) as database:
        if not yes:
            click.confirm(f"Replace {database.path} by {file}?", abort=True)
        backups.restore(database, file)
        # The backup may be older than the program.
        schema.prepare(database, rebuild_index=index.rebuild)
        with database.write() as connection:
            # A token that was revoked after the backup was made would be valid again.
            sessions.revoke_every(connection, now=utc_now())
        click.echo(f"restored {database.path}")


@db.command
@click.pass_obj
def check(start: Start) -> None:
    """Look for damage; exits with status 1 if there is any.

    Example: tidings db check
    """
    from tidings.app.app import opened
    from tidings.db import backups
    from tidings.search.store import index

    with opened(start.settings()) as app:
        problems = backups.check(app.database, index_problems=index.problems)
    for problem in problems:
        click.echo(f"tidings: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)
    click.echo("nothing is wrong")


@db.command
@click.argument("url")
@click.pass_obj
def copy(start: Start, url: str) -> None:
    """Copy everything into an empty database of either kind; ids are kept.

    Example: tidings db copy postgresql://tidings@localhost/tidings
    """
    from tidings.app.app import opened
    from tidings.db import backups, schema
    from tidings.db.database import Database
    from tidings.search.store import index

    with closing(Database(url)) as target, opened(start.settings()) as app:
        # Makes the tables where there are none yet.
        schema.upgrade(target, rebuild_index=index.rebuild)
        with progress("copying", total=None) as done:
            backups.copy(
                app.database,
                target,
                rebuild_index=index.rebuild,
                advance=lambda table, rows: done(f"{table}: {rows}"),
            )
        click.echo(f"copied to {target.name}")


@db.command
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.IntRange(1, 36_500),
    help="Only what was first seen at least so many days ago.",
)
@click.option(
    "--keep",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="Keep so many of each source's newest, however old.",
)
@click.option("--public", is_flag=True, help="Also entries that are public, or held.")
@click.pass_obj
def prune(start: Start, older_than: int | None, keep: int | None, *, public: bool) -> None:
    """Remove old entries; they do not come back as news.

    Without --public only those go that were never shown as news, or that you have hidden. In
    any case those stay that an issue tells of, or that a subscription has yet to get.

    Example: tidings db prune --older-than 365 --keep 100
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.store import maintenance

    if older_than is None and keep is None:
        raise click.UsageError("say what may go: --older-than, --keep, or both")
    with opened(start.settings()) as app:
        now = utc_now()
        retention = maintenance.Retention(
            seen_since=now - timedelta(days=older_than) if older_than else None,
            newest=keep or 0,
            public=not public,
        )
        with app.database.read() as connection:
            # Looked up once, removed in batches, so that polls and visitors get their turn in
            # between.
            found = maintenance.removable(connection, retention)
        batches = [found[start : start + BATCH] for start in range(0, len(found), BATCH)]
        with progress("removing", total=len(batches)) as done:
            for number, batch in enumerate(batches, start=1):
                with app.database.write() as connection:
                    maintenance.remove(connection, batch, now=now)
                done(f"batch {number} of {len(batches)} removed")
    click.echo(f"{len(found)} entries removed")


def _refuse_postgresql(url: str, *, instead: str) -> None:
    if not url.startswith("sqlite"):
        raise InvalidError("database", url.partition(":")[0], f"not an SQLite file: use {instead}")
