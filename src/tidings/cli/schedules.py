"""What commands about newsletters and subscribers share: frequencies, hours, zones, topics."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tidings.domain.newsletters import Frequency, Schedule, read_timezone

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


def preference_options(command: Command) -> Command:
    """Add the options that say how often, when, in what language and of what."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def schedule_of(given: dict[str, Any], default: Schedule) -> Schedule:
    """Return the schedule that options ask for; `default` where they do not.

    Raises:
        InvalidError: There is no such time zone.
    """
    zone = read_timezone(given["timezone"] or default.timezone)
    hour = default.hour if given["hour"] is None else given["hour"]
    return Schedule(
        frequency=Frequency(given["frequency"] or default.frequency), hour=hour, timezone=zone
    )
