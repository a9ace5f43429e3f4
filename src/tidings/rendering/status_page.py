"""The page that tells how the service does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tidings.domain.status import MessageOutcome, PollCounts, PollOutcome, Status, median_lag
from tidings.rendering.charts import Chart, draw
from tidings.rendering.site import Site

LAGS = ("15m", "1h", "6h", "1d", "more")
"""The keys of the catalogue for how late an entry is seen, the quickest first."""

POLLS = ("quiet", "news", "failed")
LETTERS = (MessageOutcome.ACCEPTED, MessageOutcome.WAITING, MessageOutcome.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """How the service does.

    Attributes:
        lags: How many entries were seen how late, by key of the catalogue.
        median: The key of the median entry; None if there is none.
        polls: By step and kind, in the order of the steps: `news`, `quiet`, `failed`.
        freshness_chart: A column for each of `lags`.
        polls_chart: A column for each step, as is the chart of letters.
    """

    template: ClassVar[str] = "status.html"

    site: Site
    status: Status
    lags: Mapping[str, int]
    median: str | None
    polls: tuple[Mapping[str, int], ...]
    freshness_chart: Chart
    polls_chart: Chart
    letters_chart: Chart


def status_page(site: Site, status: Status) -> StatusPage:
    """Return the page of a status."""
    numbers = status.whole.lags
    place = median_lag(numbers)
    polls = tuple(kinds_of(step.tally) for step in status.steps)
    return StatusPage(
        site=site,
        status=status,
        lags=dict(zip(LAGS, numbers, strict=True)),
        median=None if place is None else LAGS[place],
        polls=polls,
        freshness_chart=draw(("entries",), [{"entries": number} for number in numbers]),
        polls_chart=draw(POLLS, polls),
        letters_chart=draw(LETTERS, [step.letters for step in status.steps]),
    )


def kinds_of(tally: PollCounts) -> Mapping[str, int]:
    """Return the polls of a time by what they brought: `news`, nothing (`quiet`), or `failed`."""
    polls = tally.polls
    return {
        "news": polls[PollOutcome.NEW] + polls[PollOutcome.UPDATED],
        "quiet": polls[PollOutcome.UNCHANGED] + polls[PollOutcome.NOT_MODIFIED],
        "failed": polls[PollOutcome.FAILED],
    }
