"""Settings: shipped defaults, then the operator's file, then the environment.

Each section of `config/tidings.toml` is a frozen dataclass, declared by the package that uses
it. There are no defaults in code: what the shipped file does not set is an error.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from tidings.errors import ConfigError, InvalidError
from tidings.fetching.policy import FetchPolicy
from tidings.mail.settings import BounceSettings, DkimSettings, InboxSettings, SmtpSettings
from tidings.model.durations import LONGEST, UNITS, parse_duration
from tidings.model.operators import OperatorSettings, SettingLine
from tidings.model.scopes import PublishSettings
from tidings.model.subscribers import WebSettings
from tidings.model.text import nearest
from tidings.model.websub import WebSubSettings
from tidings.parsing.limits import ParseLimits
from tidings.polling.schedule import PollPolicy

PREFIX = "TIDINGS_"
SECRET_NAMES = ("TIDINGS_SECRET", "TIDINGS_SECRET_FILE")
# Ends of names, so that new settings of that kind are masked as well.
_SECRETS = ("secret", "password", "key")
_MASK = "***"
# In addresses of databases and relays; the user name helps to find what is wrong.
_CREDENTIALS = r"(?<=://)([^/@:]*):[^/@]*@"
# Settings of which nothing would be left if they were zero.
POSITIVE = frozenset(
    {
        ("fetch", "concurrency"),
        ("fetch", "connect_timeout"),
        ("fetch", "first_byte_timeout"),
        ("fetch", "read_timeout"),
        ("fetch", "total_timeout"),
        ("fetch", "max_size"),
        ("fetch", "max_ratio"),
        ("poll", "tick"),
        ("poll", "interval"),
        ("poll", "min_interval"),
        ("parse", "time_limit"),
        ("parse", "memory_limit"),
        ("publish", "feed_size"),
        ("publish", "page_size"),
        ("smtp", "connections"),
        ("smtp", "senders"),
        ("smtp", "timeout"),
        ("smtp", "reply_timeout"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where everything is kept."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesSettings:
    """What is followed from the start: an OPML file, read when there is no source yet."""

    import_at_first_start: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSettings:
    """Where the operator's own templates are; each file there replaces the shipped one.

    Attributes:
        fonts: Where the fonts of pages are kept; empty for none.
    """

    folder: str
    fonts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """How messages are sent, and from whom.

    Attributes:
        folder: Where the folder transport puts letters.
        from_: One address, with a name if wanted: `Tidings <tidings@example.org>`.
        logo: https, for the head of issues; empty for none.
    """

    transport: Literal["folder", "smtp"]
    folder: str
    from_: str
    logo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The form and the level of the log; `auto` is text on a terminal, JSON elsewhere."""

    format: Literal["auto", "text", "json"]
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can set; the sections of `tidings.toml`.

    Attributes:
        secret: What signs links; empty for one that is made and kept beside an SQLite file.
        origins: Where each was found, by section and key: a file, or a variable.
    """

    secret: str
    database: DatabaseSettings
    web: WebSettings
    sources: SourcesSettings
    fetch: FetchPolicy
    poll: PollPolicy
    websub: WebSubSettings
    parse: ParseLimits
    publish: PublishSettings
    templates: TemplateSettings
    mail: MailSettings
    smtp: SmtpSettings
    dkim: DkimSettings
    bounce: BounceSettings
    inbox: InboxSettings
    operator: OperatorSettings
    log: LogSettings
    origins: Mapping[tuple[str, ...], str] = field(
        default_factory=dict, metadata={"is_setting": False}
    )


def load(shipped: Path, operators: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings once.

    Args:
        shipped: The file with every default.
        operators: The operator's file; None for `TIDINGS_CONFIG`, failing that no such file.
        environment: `TIDINGS_SECTION__KEY`, or `TIDINGS_SECTION__KEY_FILE` for a file that
            holds the value. It wins over every file. Lists are split at commas.

    Raises:
        ConfigError: A file cannot be read, a setting is unknown or has an impossible value;
            the message names the setting and where it stands.
    """
    if operators is None and environment.get("TIDINGS_CONFIG"):
        operators = Path(environment["TIDINGS_CONFIG"])
    merged: dict[str, Any] = {}
    for path in filter(None, (shipped, operators)):
        _merge(merged, _read(path), origin=str(path))
    # Sorted, so that it never depends on the shell which of two counts: NAME_FILE follows NAME.
    for name, value in sorted(environment.items()):
        # Others, like TIDINGS_CONFIG, are no settings.
        if name.startswith(PREFIX) and ("__" in name or name in SECRET_NAMES):
            _merge(merged, _from_environment(name, value), origin=name)
    settings = cast("Settings", _build(Settings, merged, path=()))
    return replace(settings, origins=dict(_origins(merged)))


def _origins(
    merged: Mapping[str, Any], *, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in merged.items():
        if isinstance(value, _Value):
            yield (*path, key), value.origin
        else:
            yield from _origins(value, path=(*path, key))


def listed(settings: Settings) -> list[SettingLine]:
    """Return every setting that has a value, in the order of the file; passwords are masked."""
    return [
        SettingLine(path=path, value=value, origin=settings.origins.get(path, "default"))
        for path, value in _lines(settings, path=())
    ]


def _lines(value: object, *, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if is_dataclass(value):
        # `from_` is `from` in the file.
        shown = [one for one in fields(value) if one.metadata.get("is_setting", True)]
        inner = {one.name.rstrip("_"): getattr(value, one.name) for one in shown}
    elif isinstance(value, Mapping) and value:
        inner = dict(value)
    else:
        yield path, _plain(path[-1], value)
        return
    for key, one in inner.items():
        if one is not None:
            yield from _lines(one, path=(*path, key))


def _plain(name: str, value: object) -> object:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, str) and value and name.endswith(_SECRETS):
        return _MASK
    return re.sub(_CREDENTIALS, rf"\1:{_MASK}@", value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A setting as found, with the place where it was."""

    value: object
    origin: str

    def error(self, path: tuple[str, ...], because: str) -> ConfigError:
        return ConfigError(f"{self.origin}: {_shown(path)}: {because}")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _from_environment(name: str, value: str) -> dict[str, Any]:
    keys = name.removeprefix(PREFIX).lower().split("__")
    if keys[-1].endswith("_file"):
        keys[-1] = keys[-1].removesuffix("_file")
        try:
            # Editors and `echo` end a file with a line break.
            value = Path(value).read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{name}: cannot read {value}: {error}") from error
    nested: dict[str, Any] = {keys[-1]: value}
    for key in reversed(keys[:-1]):
        nested = {key: nested}
    return nested


def _merge(merged: dict[str, Any], layer: Mapping[str, Any], *, origin: str) -> None:
    for key, value in layer.items():
        if isinstance(value, dict):
            inner = merged.setdefault(key, {})
            if isinstance(inner, _Value):
                raise ConfigError(f"{origin}: {key}: a section where a value belongs")
            _merge(inner, value, origin=origin)
        else:
            merged[key] = _Value(value=value, origin=origin)


def _build(kind: Any, given: object, *, path: tuple[str, ...]) -> Any:
    if not is_dataclass(kind) and get_origin(kind) is not Mapping:
        return _convert(kind, given, path=path)
    if isinstance(given, _Value):
        raise given.error(path, "a value where a section belongs")
    section: dict[str, Any] = given if isinstance(given, dict) else {}
    if get_origin(kind) is Mapping:
        inner = get_args(kind)[1]
        return {key: _build(inner, value, path=(*path, key)) for key, value in section.items()}
    # `from` is a word of the language: such a field ends in an underscore, its setting does not.
    names = {
        one.name.rstrip("_"): one.name
        for one in fields(kind)
        if one.metadata.get("is_setting", True)
    }
    types = get_type_hints(kind)
    hints = {key: types[name] for key, name in names.items()}
    for key, value in section.items():
        if key not in hints:
            raise _unknown((*path, key), hints, origin=_origin(value))
    # What may be None can be left out, in the shipped file as well.
    needed = [key for key, hint in hints.items() if type(None) not in get_args(hint)]
    missing = [key for key in needed if key not in section and get_origin(hints[key]) != Mapping]
    if missing:
        raise ConfigError(f"{_shown((*path, missing[0]))}: not set")
    values = {
        name: _build(hints[key], section.get(key, {}), path=(*path, key))
        for key, name in names.items()
        if key in section or key in needed
    }
    return cast("Callable[..., object]", kind)(**values)


def _convert(kind: Any, given: object, *, path: tuple[str, ...]) -> Any:
    if not isinstance(given, _Value):
        raise ConfigError(f"{_shown(path)}: a section where a value belongs")
    value = given.value
    # Of `timedelta | None` what it is if it is set.
    kind = next((one for one in get_args(kind) if one in {timedelta, int}), kind)
    if kind is timedelta:
        return _duration(given, path=path)
    if kind is int:
        return _whole_number(given, path=path)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise given.error(path, f"expected one of {', '.join(get_args(kind))}, got {value!r}")
        return value
    if get_origin(kind) is tuple:
        return _list(given, path=path)
    if not isinstance(value, str):
        raise given.error(path, f"expected a text, got {value!r}")
    return value


def _list(given: _Value, *, path: tuple[str, ...]) -> tuple[str, ...]:
    # The environment has texts only.
    parts = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(parts, list):
        raise given.error(path, f"expected a list, got {given.value!r}")
    return tuple(str(part).strip() for part in parts if str(part).strip())


def _whole_number(given: _Value, *, path: tuple[str, ...]) -> int:
    least = 1 if path in POSITIVE else 0
    text = str(given.value)  # `true` is no number in TOML, although it is one in Python
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise given.error(path, f"expected a whole number from {least} on, got {given.value!r}")
    return int(text)


def _duration(given: _Value, *, path: tuple[str, ...]) -> timedelta:
    text = str(given.value)
    try:
        duration = parse_duration(
            text if text[-1:] in UNITS else f"{text}s"
        )  # a number is of seconds
    except InvalidError as error:
        because = f'expected a duration such as "15m", "1.5s" or 90, up to {LONGEST.days} days'
        raise given.error(path, f"{because}, got {text!r}") from error
    if path in POSITIVE and not duration:
        raise given.error(path, f"expected more than 0 to {LONGEST.days} days, got {text!r}")
    return duration


def _unknown(path: tuple[str, ...], known: Iterable[str], *, origin: str) -> ConfigError:
    meant = nearest(path[-1], known)
    hint = f" ({meant}?)" if meant else ""
    return ConfigError(f"{origin}: {_shown(path)}: no such setting{hint}")


def _origin(value: object) -> str:
    # An unknown section came from wherever its first setting did.
    while isinstance(value, dict):
        value = next(iter(value.values()), None)
    return value.origin if isinstance(value, _Value) else "settings"


def _shown(path: tuple[str, ...]) -> str:
    return f"[{'.'.join(path[:-1])}] {path[-1]}" if len(path) > 1 else f"[{path[0]}]"
