"""Spans of time, for people."""

from datetime import timedelta

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def in_words(span: timedelta) -> str:
    """Return roughly how long that is: `40 min`, `3 h`, `12 d`."""
    if span < MINUTE:
        return f"{span.total_seconds():.0f} s"
    unit, name = next(
        (unit, name)
        for unit, name, limit in (
            (MINUTE, "min", 2 * HOUR),
            (HOUR, "h", 2 * DAY),
            (DAY, "d", timedelta.max),
        )
        if span < limit
    )
    return f"{round(span / unit)} {name}"
