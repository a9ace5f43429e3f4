"""`tidings stats`: the status page on the terminal."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from tidings.cli.output import json_option, moment, show_json
from tidings.cli.start import Start
from tidings.model.contracts import status_json
from tidings.model.durations import duration_in_words, parse_duration
from tidings.model.service_status import LAGS, HubStatus, PollCounts, Status, median_lag

# Of the longest bar.
WIDTH = 32

LAG_WORDS = (*(f"within {duration_in_words(lag)}" for lag in LAGS), "later")

EIGHTHS = " ▏▎▍▌▋▊▉█"

HEIGHTS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class StatsSection:
    """Numbers under a heading, and what else there is to say.

    Attributes:
        course: The same over time.
    """

    heading: str
    numbers: Sequence[tuple[str, int]] = ()
    course: Sequence[int] = ()
    lines: Sequence[Sequence[str]] = ()


@click.command
@click.option("--since", default="7d", show_default=True, help="How far to look back.")
@json_option
@click.pass_obj
def stats(start: Start, since: str, *, as_json: bool) -> None:
    """Show the state of the service: freshness, polls, sources, letters, hubs.

    The numbers come from the database, whichever processes run.

    Example: tidings stats --since 30d
    """
    from tidings.app.app import opened, utc_now
    from tidings.operator.status import read_status

    span = parse_duration(since)
    with opened(start.settings()) as app:
        status = read_status(app.database, now=utc_now(), spans=[span])
    if as_json:
        show_json(status_json(status))
    elif sys.stdout.isatty():
        _draw(status)
    else:
        for section in _sections(status):
            for words in _plain(section):
                click.echo("\t".join((section.heading, *words)))


def _sections(status: Status) -> Iterator[StatsSection]:
    yield _freshness(status.whole)
    yield _polls(status)
    yield StatsSection(
        "sources", [(health.value, number) for health, number in status.sources.items()]
    )
    failing = [
        (
            str(one.id),
            one.title,
            one.word,
            f"since {moment(one.since)}" if one.has_worked else "never reached",
        )
        for one in status.failing
    ]
    yield StatsSection("failing longest", lines=failing)
    slow = [(str(one.id), one.title, f"after {duration_in_words(one.lag)}") for one in status.slow]
    yield StatsSection("seen latest", lines=slow)
    yield _letters(status)
    yield StatsSection("hubs", lines=[_hub(one) for one in status.hubs])


def _freshness(tally: PollCounts) -> StatsSection:
    place = median_lag(tally.lags)
    median = [("half of the entries", LAG_WORDS[place])] if place is not None else []
    return StatsSection("freshness", list(zip(LAG_WORDS, tally.lags, strict=True)), lines=median)


def _polls(status: Status) -> StatsSection:
    return StatsSection(
        "polls",
        [(outcome.value, number) for outcome, number in status.whole.polls.items()],
        course=[sum(step.tally.polls.values()) for step in status.steps],
        lines=[
            ("last poll", moment(status.polled_at)),
            ("longest overdue", duration_in_words(status.overdue)),
        ],
    )


def _letters(status: Status) -> StatsSection:
    letters = [(became.value, number) for became, number in status.letters.items()]
    return StatsSection(
        "letters",
        [("issues", status.issues), *letters],
        course=[sum(step.letters.values()) for step in status.steps],
    )


def _hub(one: HubStatus) -> Sequence[str]:
    standing = (f"{one.told} told", f"{one.waiting} waiting", f"{one.failing} failing")
    return (one.hub, *standing, *([one.error] if one.error else []))


def _plain(section: StatsSection) -> Iterable[Sequence[str]]:
    yield from ((name, str(number)) for name, number in section.numbers)
    yield from section.lines


def _draw(status: Status) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(f"since {moment(status.since)}", style="dim"))
    for section in _sections(status):
        # Without newsletters or hubs their headings would stand over nothing.
        if not section.numbers and not section.lines:
            continue
        table = Table(box=None, show_header=False, padding=(0, 2), pad_edge=False)
        table.add_column(min_width=19)
        table.add_column(justify="right")
        # A bar in two lines would look like two.
        table.add_column(overflow="crop", no_wrap=True, style="cyan")
        for row in _rows(section):
            # `Text`: a title such as "[red]" is no markup.
            table.add_row(*map(Text, row))
        console.print(Text(f"\n{section.heading.capitalize()}", style="bold"), table)
        for words in section.lines:
            console.print(Text("  ".join(words)))


def _rows(section: StatsSection) -> Iterator[tuple[str, str, str]]:
    most = max((number for _, number in section.numbers), default=0)
    for name, number in section.numbers:
        yield name, f"{number:,}", bar(number, most=most, width=WIDTH)
    if any(section.course):
        yield "over time", f"≤ {max(section.course):,}", sparkline(section.course)


def bar(number: int, *, most: int, width: int) -> str:
    """Return a bar as long as `number` is to `most`; what is little can be seen."""
    if not number:
        return ""
    # One bad poll among thousands has to be seen.
    eighths = max(round(8 * width * number / most), 1)
    # The blank for no eighth at all is not part of the bar.
    return EIGHTHS[-1] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def sparkline(numbers: Sequence[int]) -> str:
    """Return a column of a character for each number; a dot stands for zero."""
    most = max(numbers, default=0)
    return "".join(
        HEIGHTS[min(len(HEIGHTS) * number // most, len(HEIGHTS) - 1)] if number else "·"
        for number in numbers
    )
