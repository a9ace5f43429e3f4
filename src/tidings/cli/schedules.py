"""What commands about newsletters and subscribers share: frequencies, hours, zones, topics."""

import difflib
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import click

from tidings.domain.newsletters import Frequency, Schedule
from tidings.errors import InvalidError

Command = TypeVar("Command", bound=Callable[..., Any])

LANGUAGES = ("en", "zh")
FREQUENCIES = tuple(one.value for one in Frequency)  # as members, their names would be asked for
OPTIONS = (
    click.option("--frequency", type=click.Choice(FREQUENCIES), help="How often."),
    click.option("--hour", type=click.IntRange(0, 23), help="Of the day, on the wall clock."),
    click.option("--timezone", metavar="ZONE", help="An IANA name such as Asia/Shanghai."),
    click.option("--language", type=click.Choice(LANGUAGES), help="Of the letters."),
    click.option("--topic", "topics", multiple=True, help="Only this topic; repeatable."),
)


def wish_options(command: Command) -> Command:
    """Add the options that say how often, when, in what language and of what."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def schedule_of(given: dict[str, Any], default: Schedule) -> Schedule:
    """Return the schedule that options ask for; `default` where they do not.

    Raises:
        InvalidError: There is no such time zone.
    """
    zone = given["timezone"] or default.timezone
    if zone not in available_timezones():
        nearest = difflib.get_close_matches(zone, available_timezones(), n=1)
        hint = f"; {nearest[0]}?" if nearest else ""
        raise InvalidError("time zone", zone, f"no such zone, use an IANA name{hint}")
    ZoneInfo(zone)
    hour = default.hour if given["hour"] is None else given["hour"]
    return Schedule(
        frequency=Frequency(given["frequency"] or default.frequency), hour=hour, timezone=zone
    )
