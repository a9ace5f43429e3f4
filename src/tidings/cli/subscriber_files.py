"""`tidings subscriber import|export`: lists of subscribers as CSV."""

import sys
from collections import Counter
from pathlib import Path

import click

from tidings.cli.start import Start
from tidings.errors import ImportFileError


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, help="What they are subscribed to.")
@click.option("--ask", is_flag=True, help="Send a letter to confirm, where there is no proof.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it; write nothing.")
@click.pass_obj
def import_subscribers(start: Start, file: Path, slug: str, *, ask: bool, dry_run: bool) -> None:
    """Subscribe people from a CSV file, with the proof that they agreed.

    Its columns are address, confirmed_at and proof; frequency, hour, timezone, language, topics
    and paused_at may be there too. What is left out is reported by line; exits with status 1
    if a line was refused. It can be run again: who is subscribed already stays as they are.

    Example: tidings subscriber import readers.csv --newsletter weekly --dry-run
    """
    from tidings import mailing
    from tidings.domain import rosters
    from tidings.services.importing import Importer, ImportPlan
    from tidings.wiring import opened

    plan = ImportPlan(newsletter=slug, asks=ask, is_rehearsal=dry_run)
    counted: Counter[str] = Counter()
    try:
        with (
            file.open(encoding="utf-8", newline="") as lines,
            opened(start.settings()) as app,
        ):
            for one in Importer(mailing.reading(app), plan).run(rosters.read(lines)):
                counted.update(in_=one.is_in, asked=one.is_asked, known=one.is_known)
                counted["refused"] += one.problem is not None
                if one.problem:
                    click.echo(f"line {one.line}: {one.problem}", err=True)
                elif one.is_known:
                    click.echo(f"line {one.line}: is subscribed already", err=True)
    except UnicodeDecodeError as error:
        raise ImportFileError(file, "it is not UTF-8") from error
    except OSError as error:
        raise ImportFileError(file, error.strerror or str(error)) from error
    would = "would be " if dry_run else ""
    click.echo(
        f"{would}subscribed {counted['in_']}, asked {counted['asked']},"
        f" known {counted['known']}, refused {counted['refused']}"
    )
    if counted["refused"]:
        raise click.exceptions.Exit(1)


@click.command
@click.option("--newsletter", "slug", help="Only of this newsletter.")
@click.option("--consent", is_flag=True, help="What they agreed to and took back, and when.")
@click.option("--address", help="With --consent: only of this person.")
@click.pass_obj
def export(start: Start, slug: str | None, address: str | None, *, consent: bool) -> None:
    """Print who is subscribed as CSV, as `subscriber import` reads it.

    Example: tidings subscriber export --newsletter weekly
    """
    from tidings.delivery.addresses import mailbox
    from tidings.domain import rosters
    from tidings.services.exporting import CONSENT_COLUMNS, consent_rows, roster_rows
    from tidings.storage import newsletters
    from tidings.wiring import opened

    if address and not consent:
        raise click.UsageError("--address goes with --consent")
    key = mailbox(address).key if address else None
    with opened(start.settings()) as app, app.database.read() as connection:
        if slug:
            newsletters.get(connection, slug)
        if consent:
            rosters.write(consent_rows(connection, slug, key), sys.stdout, CONSENT_COLUMNS)
        else:
            rosters.write(roster_rows(connection, slug), sys.stdout, rosters.COLUMNS)
