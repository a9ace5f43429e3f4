"""What headers say about when to come again."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_HINT = timedelta(days=7)
"""The longest pause that a header can ask for."""

_MAX_DIGITS = 9
_SECONDS = re.compile(r'\s*"?0*(\d+)', re.ASCII)
_DIRECTIVE = re.compile(r'([\w-]+)\s*(?:=\s*("[^"]*"|[^\s,]*))?', re.ASCII)


def fresh_for(
    cache_control: str,
    *,
    expires: str | None = None,
    age: str | None = None,
    date: str | None = None,
    now: datetime,
) -> timedelta | None:
    """Return how long an answer stays fresh from `now` on; None if its headers do not say.

    `max-age` counts before Expires, as it does for every cache. What must be asked for again
    each time is fresh for no time at all. The result lies between zero and `LONGEST_HINT`.

    Args:
        cache_control: Every Cache-Control header, joined by commas; may be empty.
        expires: The header of that name, as the next two.
        age: How long a cache on the way has had the answer.
        date: When the answer was made, by the clock that Expires goes by.
        now: By our clock; stands in for a missing Date.
    """
    directives = {name.lower(): value for name, value in _DIRECTIVE.findall(cache_control)}
    if "no-cache" in directives or "no-store" in directives:
        return timedelta(0)
    lifetime = _seconds(directives.get("max-age"))
    if lifetime is None and expires is not None:
        until = _moment(expires)
        lifetime = until - (_moment(date) or now) if until else timedelta(0)
    if lifetime is None:
        return None
    return _clamped(lifetime - (_seconds(age) or timedelta(0)))


def retry_after(value: str | None, *, date: str | None = None, now: datetime) -> timedelta | None:
    """Return the pause that a Retry-After header asks for; None if it says nothing readable.

    The result lies between zero and `LONGEST_HINT`.

    Args:
        value: The header; seconds, or a time.
        date: When the answer was made, by the clock that a time goes by.
        now: By our clock; stands in for a missing Date.
    """
    pause = _seconds(value)
    if pause is None and (until := _moment(value)):
        pause = until - (_moment(date) or now)
    return None if pause is None else _clamped(pause)


def _seconds(value: str | None) -> timedelta | None:
    match = _SECONDS.match(value or "")
    if match is None:
        return None
    digits = match[1]
    return timedelta(seconds=int(digits)) if len(digits) <= _MAX_DIGITS else LONGEST_HINT


def _moment(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _clamped(pause: timedelta) -> timedelta:
    return min(max(pause, timedelta(0)), LONGEST_HINT)
