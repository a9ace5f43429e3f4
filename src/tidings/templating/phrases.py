"""Phrases of the interface, one catalogue a language."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from tidings.errors import TemplateError

Phrase = TypeVar("Phrase")

RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}
)


def direction(language: str | None) -> str:
    """Return how text in `language` (BCP 47) runs: `rtl` or `ltr`."""
    return "rtl" if (language or "").lower().split("-")[0] in RIGHT_TO_LEFT else "ltr"


@dataclass(frozen=True, slots=True, kw_only=True)
class DateWords:
    """The date formats of a language: `str.format` patterns, names of months and days.

    Attributes:
        long_day: With the day of the week.
        month: With the year.
        short_day: Without the year, with one of `short_months`.
        days: For several days: within a month, within a year, beyond.
        weekdays: From Monday on.
    """

    day: str
    long_day: str
    month: str
    short_day: str
    days: tuple[str, ...]
    time: str
    moment: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    weekdays: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The phrases of a language; templates know it as `t`.

    Attributes:
        language: BCP 47; the file's name is the same.
        texts: Phrases by key, with placeholders `{name}`.
        counts: Phrases with a number `{n}`: the form for one, then the form for all others;
            languages without plural forms have a single one.
    """

    language: str
    dates: DateWords
    texts: Mapping[str, str]
    counts: Mapping[str, tuple[str, ...]]

    def __call__(self, key: str, **values: str) -> str:
        """Return the phrase `key`, with `values` filled in."""
        return self._find(self.texts, key).format(**values)

    def count(self, key: str, number: int, **values: str) -> str:
        """Return the phrase `key` for so many things, with `values` filled in."""
        forms = self._find(self.counts, key)
        # For Chinese both are the same form.
        return (forms[0] if number == 1 else forms[-1]).format(n=f"{number:,}", **values)

    def day(self, moment: datetime, timezone: str = "UTC") -> str:
        """Return the calendar day of `moment` in a time zone."""
        day = moment.astimezone(ZoneInfo(timezone))
        # Not `strftime`, which speaks the language of the process's locale.
        month = self.dates.months[day.month - 1]
        return self.dates.day.format(day=day.day, month=month, year=day.year)

    def long_day(self, moment: datetime, timezone: str = "UTC") -> str:
        """Return the calendar day of `moment` in a zone, and which day of the week it is."""
        weekday = self.dates.weekdays[moment.astimezone(ZoneInfo(timezone)).weekday()]
        return self.dates.long_day.format(weekday=weekday, day=self.day(moment, timezone))

    def short_day(self, moment: datetime, timezone: str = "UTC") -> str:
        """Return the day and month of `moment` in a time zone."""
        day = moment.astimezone(ZoneInfo(timezone))
        return self.dates.short_day.format(
            day=day.day, short_month=self.dates.short_months[day.month - 1]
        )

    def month(self, moment: datetime) -> str:
        """Return the month and year of `moment` in UTC."""
        day = moment.astimezone(UTC)
        return self.dates.month.format(month=self.dates.months[day.month - 1], year=day.year)

    def period(self, since: datetime | None, until: datetime, timezone: str) -> str:
        """Return the calendar days from `since` to `until` in a time zone: one, or several."""
        zone = ZoneInfo(timezone)
        first, last = (since or until).astimezone(zone), until.astimezone(zone)
        if first.date() >= last.date():
            return self.day(until, timezone)
        # 0, 1 or 2: what both days share is written once, as in "3-9 May 2026".
        within = (first.year != last.year) + ((first.year, first.month) != (last.year, last.month))
        return self.dates.days[within].format(
            day=first.day,
            month=self.dates.months[first.month - 1],
            year=first.year,
            to_day=last.day,
            to_month=self.dates.months[last.month - 1],
            to_year=last.year,
        )

    def time(self, moment: datetime, timezone: str = "UTC") -> str:
        """Return the time of day of `moment` in a zone."""
        time = moment.astimezone(ZoneInfo(timezone))
        return self.dates.time.format(hour=time.hour, minute=time.minute)

    def moment(self, moment: datetime) -> str:
        """Return the calendar day and the time of day of `moment` in UTC."""
        return self.dates.moment.format(day=self.day(moment), time=self.time(moment))

    def vocabulary(self) -> frozenset[str]:
        """Return the keys of all phrases."""
        return frozenset(self.texts) | frozenset(self.counts)

    def _find(self, phrases: Mapping[str, Phrase], key: str) -> Phrase:
        if key not in phrases:
            raise TemplateError(f"{self.language}.toml", f"no phrase {key!r}")
        return phrases[key]


def read_words(text: str, *, name: str) -> Words:
    """Read a catalogue from the TOML `text` of the file `name`.

    Raises:
        TemplateError: It is not TOML, or something is missing or of the wrong kind.
    """
    try:
        words = _words(tomllib.loads(text))
    except ValueError as error:
        raise TemplateError(name, str(error)) from error
    named = {len(words.dates.months), len(words.dates.short_months)}
    if named != {12} or not all(words.counts.values()):
        raise TemplateError(name, "needs twelve months, and a form for every count")
    if len(words.dates.days) != 3:
        raise TemplateError(name, "needs three forms for several days")
    if len(words.dates.weekdays) != 7:
        raise TemplateError(name, "needs seven days of the week")
    return words


def _words(given: Mapping[str, object]) -> Words:
    dates, counts, texts = (_section(given, key) for key in ("dates", "counts", "texts"))
    return Words(
        language=_text(given, "language"),
        dates=DateWords(
            day=_text(dates, "day"),
            time=_text(dates, "time"),
            moment=_text(dates, "moment"),
            months=_texts(dates, "months"),
            short_months=_texts(dates, "short_months"),
            days=_texts(dates, "days"),
            long_day=_text(dates, "long_day"),
            month=_text(dates, "month"),
            short_day=_text(dates, "short_day"),
            weekdays=_texts(dates, "weekdays"),
        ),
        texts={key: _text(texts, key) for key in texts},
        counts={key: _texts(counts, key) for key in counts},
    )


def _section(given: Mapping[str, object], key: str) -> Mapping[str, object]:
    match given.get(key):
        case dict() as section:
            return section
    raise ValueError(f"needs a section [{key}]")


def _text(given: Mapping[str, object], key: str) -> str:
    match given.get(key):
        case str() as text:
            return text
    raise ValueError(f"{key}: needs a text")


def _texts(given: Mapping[str, object], key: str) -> tuple[str, ...]:
    match given.get(key):
        case list() as texts if all(isinstance(text, str) for text in texts):
            return tuple(texts)
    raise ValueError(f"{key}: needs a list of texts")
