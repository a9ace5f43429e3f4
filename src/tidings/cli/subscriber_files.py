"""`tidings subscriber import|export`: lists of subscribers as CSV."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import click

from tidings.cli.start import Start
from tidings.domain import rosters
from tidings.domain.rosters import COLUMNS, LineResult
from tidings.errors import ImportFileError, InvalidError, StorageError

MOST_ALIKE = 3
"""Lines that are left out for the same reason and still told of one by one."""


class _How(TypedDict):
    columns: tuple[str, ...]
    ask: bool
    dry_run: bool


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, help="What they are subscribed to.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="What a column means; - for nothing. Can be given again.",
)
@click.option("--ask", is_flag=True, help="Send a letter to confirm, where there is no proof.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it; write nothing.")
@click.pass_obj
def import_subscribers(start: Start, /, file: Path, slug: str, **how: Unpack[_How]) -> None:
    """Subscribe people from a CSV file, with the proof that they agreed.

    Its columns are address, confirmed_at and proof; frequency, hour, timezone, language, topics
    and paused_at may be there too. Lists of Mailchimp, Ghost, Buttondown, Substack and listmonk
    are known by their headings; who had left there, or could not be reached, gets nothing. What
    is left out is reported by line; exits with status 1 if a line was refused. It can be run
    again: who is subscribed already stays as they are.

    Example: tidings subscriber import readers.csv --newsletter weekly --dry-run
    """
    from tidings import mailing
    from tidings.services.importing import ImportPlan
    from tidings.wiring import opened

    plan = ImportPlan(newsletter=slug, asks=how["ask"], is_rehearsal=how["dry_run"])
    given = dict(_meaning(one) for one in how["columns"])
    text = _looked_through(file, given)
    report = _Report(is_rehearsal=how["dry_run"])
    with opened(start.settings()) as app:
        _, lines = rosters.read_csv(text, given)
        try:
            for one in mailing.importer(app, plan).run(lines):
                report.note(one)
        except (StorageError, KeyboardInterrupt):
            click.echo(f"stopped, and what is in stays in: {report}; run it again", err=True)
            raise
    report.show_left_out()
    click.echo(report)
    if report.counted["refused"]:
        raise click.exceptions.Exit(1)


def _looked_through(file: Path, given: Mapping[str, str]) -> str:
    """Return the text of a list, all of which has been looked at before anything is written."""
    try:
        text = rosters.decoded(file.read_bytes())
        columns, lines = rosters.read_csv(text, given)
        for _ in lines:
            pass
    except OSError as error:
        raise ImportFileError(file, error.strerror or str(error)) from error
    except InvalidError as error:
        raise ImportFileError(file, f"{error}; nothing was brought in") from error
    if columns.program:
        unread = f"; not read: {', '.join(columns.unread)}" if columns.unread else ""
        click.echo(f"read as a list of {columns.program}{unread}", err=True)
    return text


def _meaning(text: str) -> tuple[str, str]:
    column, equals, field = text.rpartition("=")
    if not equals:
        raise click.UsageError(f"--map {text}: say COLUMN=FIELD, as in --map Mail=address")
    return column, field.strip().lower()


class _Report:
    """What came of a list: numbers, and each line that was left out, those alike together."""

    def __init__(self, *, is_rehearsal: bool) -> None:
        self.counted: Counter[str] = Counter()
        self._is_rehearsal = is_rehearsal
        self._left_out: dict[str, list[tuple[int, str]]] = {}

    def note(self, one: LineResult) -> None:
        """Count a line."""
        self.counted["in"] += one.is_in
        self.counted["asked"] += one.is_asked
        self.counted["known"] += one.is_known
        self.counted["suppressed"] += one.is_suppressed
        self.counted["refused"] += one.problem is not None
        if one.problem:
            self._left_out.setdefault(one.cause, []).append((one.line, one.problem))
        elif one.is_known:
            said = "is subscribed already"
            self._left_out.setdefault(said, []).append((one.line, said))

    def show_left_out(self) -> None:
        """Name the lines, those with few alike one by one."""
        alone = [one for alike in self._left_out.values() for one in alike[:MOST_ALIKE]]
        for number, problem in sorted(alone):
            click.echo(f"line {number}: {problem}", err=True)
        for cause, alike in self._left_out.items():
            if more := [number for number, _ in alike[MOST_ALIKE:]]:
                click.echo(f"{len(more)} more lines: {cause}: {_ranges(more)}", err=True)

    def __str__(self) -> str:
        would = "would be " if self._is_rehearsal else ""
        names = {"in": "subscribed", "asked": "asked", "known": "known", "refused": "refused"}
        if self.counted["suppressed"]:
            names["suppressed"] = "suppressed"
        return would + ", ".join(f"{name} {self.counted[key]}" for key, name in names.items())


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in few words, as in `3-7, 9`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, one)) for one in found)


@click.command
@click.option("--newsletter", "slug", help="Only of this newsletter.")
@click.option("--consent", is_flag=True, help="What they agreed to and took back, and when.")
@click.option("--address", help="With --consent: only of this person.")
@click.pass_obj
def export(start: Start, slug: str | None, address: str | None, *, consent: bool) -> None:
    """Print who is subscribed as CSV, as `subscriber import` reads it.

    Example: tidings subscriber export --newsletter weekly
    """
    from tidings.delivery.addresses import parse_address
    from tidings.services.importing import CONSENT_COLUMNS, consent_rows, subscriber_rows
    from tidings.storage import newsletters
    from tidings.wiring import opened

    if address and not consent:
        raise click.UsageError("--address goes with --consent")
    key = parse_address(address).key if address else None
    with opened(start.settings()) as app, app.database.read() as connection:
        if slug:
            newsletters.get(connection, slug)
        if consent:
            rosters.write_csv(consent_rows(connection, slug, key), sys.stdout, CONSENT_COLUMNS)
        else:
            rosters.write_csv(subscriber_rows(connection, slug), sys.stdout, COLUMNS)
