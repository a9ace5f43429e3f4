"""Durations, as in `90m`, `1.5h`, `2d`, parsed and formatted; and how operators are told a moment."""

import re
from datetime import timedelta

from tidings.errors import InvalidError

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": timedelta(seconds=1)}
LONGEST = timedelta(days=3650)

# For aware UTC times.
MOMENT_FORMAT = "%Y-%m-%d %H:%M UTC"


def parse_duration(text: str) -> timedelta:
    """Return the duration that `90m`, `1.5h` or `2d` means; an empty text is zero.

    Raises:
        InvalidError: It is not written like that, or longer than ten years.
    """
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd])", text.strip())
    if text.strip() and match is None:
        raise InvalidError("interval", text, "expected a duration such as 90m, 3h or 2d")
    span = float(match[1]) * UNITS[match[2]] if match else timedelta(0)
    if span > LONGEST:
        raise InvalidError("interval", text, f"expected at most {LONGEST.days} days")
    return span


def format_duration(span: timedelta) -> str:
    """Return the inverse of `parse_duration`, in the largest unit that is exact."""
    unit = next((unit for unit, length in UNITS.items() if not span % length), None)
    if unit is None:
        return f"{span.total_seconds()}s"
    return f"{span // UNITS[unit]}{unit}" if span else ""


def duration_in_words(span: timedelta) -> str:
    """Return a duration rounded for people: `40 min`, `3 h`, `12 d`."""
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
