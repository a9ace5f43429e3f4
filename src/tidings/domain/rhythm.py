"""How often a source brings something, learned from what its polls found."""

from dataclasses import dataclass
from datetime import timedelta
from math import log

HALF_LIFE = timedelta(days=14)
"""The observed time after which half of what was learned is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """New entries, and the seconds that it took to see them; both fade with `HALF_LIFE`."""

    entries: float = 0.0
    seconds: float = 0.0

    @property
    def gap(self) -> timedelta:
        """The time from one entry to the next, as if one more came just now.

        That one keeps the gap finite, and small while little is known.
        """
        return timedelta(seconds=self.seconds / (self.entries + 1))

    def expected(self, during: timedelta) -> float:
        """Return how many entries such a time should have brought."""
        rate = self.entries / self.seconds if self.seconds else 0.0
        return rate * during.total_seconds()

    def after(self, found: int, elapsed: timedelta, *, at_once: timedelta) -> "Rhythm":
        """Return what is known after `elapsed` brought `found` more entries.

        With `k = ln 2 / HALF_LIFE`, `t` the elapsed seconds and `n` the entries that count:

            seconds' = seconds * exp(-kt) + w        where w = (1 - exp(-kt)) / k
            entries' = entries * exp(-kt) + n * w / t

        as if the entries had come evenly: a steady source has the same rate however seldom it
        is asked, so that an outage of ours teaches nothing wrong. A burst does not stand for a
        rate: of what comes in one poll, at most one entry per `at_once` counts.
        """
        seconds = elapsed.total_seconds()
        if seconds <= 0:
            return self
        decay = 0.5 ** (elapsed / HALF_LIFE)
        weight = (1 - decay) * HALF_LIFE.total_seconds() / log(2)
        counted = min(found, max(elapsed / at_once, 1))
        return Rhythm(
            entries=self.entries * decay + counted * weight / seconds,
            seconds=self.seconds * decay + weight,
        )
