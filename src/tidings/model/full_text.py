"""Full text: whether the articles of a source are fetched from their pages, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TextMode(StrEnum):
    """Of which new entries of a source the page is fetched."""

    ON = "on"
    """Of all."""
    AUTO = "auto"
    """Of those that look like the beginning of something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextNote:
    """What one poll got of the pages of new entries.

    Attributes:
        fetched: How many articles.
        failed: How many entries were left as the feed has them.
        error: Why the last one was, in words; empty if none was.
    """

    fetched: int
    failed: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FullText:
    """How the articles of a source are fetched.

    Attributes:
        fetched: How many articles were, so far.
        failed: How many entries stayed as the feed has them, though their page was wanted.
        error: Why the last one did; None if the last poll got all that it wanted.
        failing_since: Since when no poll got all.
    """

    mode: TextMode
    fetched: int = 0
    failed: int = 0
    error: str | None = None
    failing_since: datetime | None = None

    @property
    def summary(self) -> str:
        """How it stands, in one line."""
        counts = f"{self.mode}, {self.fetched} fetched"
        if not self.failing_since:
            return counts
        since = f"{self.failing_since:%Y-%m-%d %H:%M}"
        return f"{counts}, {self.failed} not; failing since {since}: {self.error}"
