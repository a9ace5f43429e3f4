"""Output of commands: tables for people, lines for pipes, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from tidings.model.durations import duration_in_words

# An id on the command line: one that a database can hold.
ID = click.IntRange(1, 2**63 - 1)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
limit_option = click.option(
    "--limit",
    type=click.IntRange(0, 2**31),
    default=50,
    show_default=True,
    help="How many; 0 is all.",
)


def show_json(value: object) -> None:
    """Print `value` as JSON; what is not ASCII stays readable."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=list))


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows: as a table on a terminal, elsewhere as lines with tabs."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    # A pipe gets lines without headings, for `cut` and `awk`; colours and borders would be in the
    # way.
    if not sys.stdout.isatty():
        for row in texts:
            click.echo("\t".join(row))
        return
    # Imported here: it takes a tenth of a second, which every command would pay for.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in texts:
        table.add_row(*map(Text, row))  # `Text`: a title such as "[red]" is no markup
    Console().print(table)


def moment(value: datetime | None) -> str:
    """Return a time for people: UTC, minutes; a dash if there is none."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if value else "-"


def until(value: datetime, *, now: datetime) -> str:
    """Return how far off a time is, for people."""
    return f"in {duration_in_words(value - now)}" if value > now else "due"


@contextmanager
def progress(label: str, *, total: int | None) -> Iterator[Callable[[str], None]]:
    """Yield what to call after each step: moves a bar on a terminal, prints a line on a pipe."""
    # On standard error, so that a bar does not end up in a file.
    if not sys.stderr.isatty():
        yield click.echo
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Transient: what is left in the end is the summary alone.
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda _: bar.advance(task)
