"""Metrics in the text format of Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from tidings.operator.store.status import Statistics

_Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily


def exposition(figures: Statistics) -> bytes:
    """Return metrics in Prometheus' text format; counted in the database, not in this process."""
    # One for each request: the global one has figures of this process as well, and takes no second
    # collector of the same names.
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    text: bytes = generate_latest(registry)
    return text


class _Figures(Collector):
    def __init__(self, figures: Statistics) -> None:
        self._figures = figures

    def collect(self) -> Iterator[_Family]:
        yield from _of_intake(self._figures)
        yield from _of_mail_and_hubs(self._figures)
        if self._figures.jobs is not None:
            yield _by_state("tidings_jobs", "Jobs by state.", self._figures.jobs)
            yield GaugeMetricFamily(
                "tidings_workers",
                "Queues that are worked off, counted for each process.",
                self._figures.workers,
            )


def _of_intake(figures: Statistics) -> Iterator[_Family]:
    yield _by_state("tidings_sources", "Sources by state.", figures.sources)
    yield GaugeMetricFamily(
        "tidings_sources_failing", "Active sources whose last poll failed.", figures.failing
    )
    yield GaugeMetricFamily(
        "tidings_sources_dead", "Active sources that seem to be gone.", figures.dead
    )
    yield _by_state("tidings_entries", "Entries by state.", figures.entries)
    yield GaugeMetricFamily(
        "tidings_entries_deferred",
        "Older entries of first documents that are still to be stored.",
        figures.deferred,
    )
    polls = CounterMetricFamily("tidings_polls", "Polls by outcome.", labels=["outcome"])
    for outcome, number in figures.polls.items():
        polls.add_metric([outcome], number)
    yield polls
    yield CounterMetricFamily(
        "tidings_reader_disagreements",
        "Documents that our own reader and feedparser read differently, of one in a hundred.",
        figures.disagreements,
    )
    yield _lag(figures)
    yield GaugeMetricFamily(
        "tidings_poll_overdue_seconds",
        "How long the source that is due longest has been due.",
        figures.overdue_seconds,
    )


def _of_mail_and_hubs(figures: Statistics) -> Iterator[_Family]:
    yield _by_state("tidings_hub_subscriptions", "Subscriptions at hubs by state.", figures.hubs)
    yield _by_state(
        "tidings_hub_pings",
        "Feeds of ours and hubs, by whether they were told of the last change.",
        figures.hub_pings,
        label="standing",
    )
    yield _by_state("tidings_deliveries", "Deliveries by state.", figures.deliveries)
    yield _by_state("tidings_bounces", "What came back, by kind.", figures.bounces, label="kind")
    yield _by_state("tidings_channels", "Channels by state.", figures.channels)
    yield _by_state(
        "tidings_channel_messages", "Messages to channels by state.", figures.channel_messages
    )
    yield GaugeMetricFamily(
        "tidings_slot_overdue_seconds",
        "How long the slot of a newsletter that is due longest has been due.",
        figures.slot_overdue_seconds,
    )


def _by_state(
    name: str, meaning: str, numbers: Mapping[str, int], *, label: str = "state"
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for state, number in sorted(numbers.items()):
        family.add_metric([state], number)
    return family


def _lag(figures: Statistics) -> HistogramMetricFamily:
    buckets, total = [], 0
    # Buckets are cumulative in Prometheus.
    for bound, number in figures.lags.items():
        total += number
        buckets.append(("+Inf" if bound == float("inf") else f"{bound:g}", total))
    return HistogramMetricFamily(
        "tidings_freshness_lag_seconds",
        "From an entry's claimed publication to our first sight of it, after the first poll.",
        buckets=buckets,
        sum_value=figures.lag_seconds,
    )
