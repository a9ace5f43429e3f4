"""Servers that say "not modified" for ever, although there is news."""

from datetime import timedelta

from tidings.domain.schedule import Rhythm
from tidings.model.sources import DueSource

STALE = timedelta(days=7)
MISSED = 5
"""Entries that should have come meanwhile, before "not modified" is doubted."""


def is_doubtful(source: DueSource) -> bool:
    """Tell whether the whole document is to be asked for, without conditions.

    That is so once its server has said nothing but "not modified" for a week or longer, and at
    the source's rhythm `MISSED` entries should have come. It is the stored row that decides, as
    of its last poll, so that asking and settling agree.
    """
    if not (source.read_at and source.last_polled_at and source.silent_polls):
        return False
    silence = source.last_polled_at - source.read_at
    rhythm = Rhythm(entries=source.learned_entries, seconds=source.learned_seconds)
    return silence >= STALE and rhythm.expected(silence) >= MISSED
