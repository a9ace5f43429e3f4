"""What somebody wishes of a newsletter, checked: out of forms, files and letters."""

from collections.abc import Collection

from tidings.domain.newsletters import Frequency, Newsletter, Schedule, read_timezone
from tidings.domain.readers import Preferences, PreferencesForm
from tidings.errors import InvalidError
from tidings.storage import topics
from tidings.storage.database import Connection

HOURS = range(24)


def offered_topics(connection: Connection, newsletter: Newsletter) -> tuple[str, ...]:
    """Return the slugs of the topics that a subscription can be narrowed to."""
    return newsletter.topics or tuple(topic.slug for topic in topics.every(connection))


def read_preferences(
    choice: PreferencesForm,
    default: Preferences,
    *,
    languages: Collection[str],
    offered: Collection[str],
) -> Preferences:
    """Return the wish in a form; what is empty is as in `default`, but for the topics.

    Raises:
        InvalidError: A value is none of those that there are; its kind names the field.
    """
    schedule = Schedule(
        frequency=_frequency(choice.frequency or default.schedule.frequency),
        hour=_hour(choice.hour or str(default.schedule.hour)),
        timezone=read_timezone(choice.timezone or default.schedule.timezone),
    )
    language = choice.language or default.language
    if language not in languages:
        raise InvalidError("language", language, f"use {' or '.join(languages)}")
    wanted = tuple(dict.fromkeys(choice.topics))
    for slug in wanted:
        if slug not in offered:
            raise InvalidError("topic", slug, "the newsletter has no such topic")
    return Preferences(schedule=schedule, language=language, topics=wanted)


def default_preferences(newsletter: Newsletter) -> Preferences:
    """Return what a subscription gets if nothing else is said."""
    return Preferences(schedule=newsletter.schedule, language=newsletter.language, topics=())


def _frequency(text: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError as error:
        raise InvalidError("frequency", text, f"use {', '.join(Frequency)}") from error


def _hour(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:3]) in HOURS):
        raise InvalidError("hour", text, "use 0 to 23")
    return int(text)
