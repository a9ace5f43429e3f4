"""Logging: one line an event, as text for people or JSON for machines."""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from threading import Lock

from tidings.errors import one_line

MINUTE = 60.0

# What every record has; the rest came with `extra`. `taskName` is there from Python 3.12 on,
# `color_message` in uvicorn's.
_PLAIN = set(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


def configure(form: str, level: str) -> None:
    """Send every record to standard error, as text for people or as JSON for machines.

    Args:
        form: `text`, `json`, or `auto`: text on a terminal and JSON elsewhere.
        level: What is less important is not sent.
    """
    is_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json else TextFormatter())
    # A service configures twice: for its start like any command, then as its settings say.
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("alembic", "asyncio", "fontTools", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Of outages, which the engine tells of once, they tell with a traceback for each of their tasks.
    for desperate in ("procrastinate", "psycopg.pool"):
        logging.getLogger(desperate).setLevel(logging.CRITICAL)
    # It warns of every run that is left out because the one before is not over yet.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Seldom:
    """A warning that is logged once a minute at most, with how often it was due since.

    Thread-safe.
    """

    def __init__(self, logger: logging.Logger, message: str) -> None:
        self._logger = logger
        self._message = message
        self._lock = Lock()
        self._times = 0
        self._quiet_until = 0.0

    def warn(self, *, because: str, exc_info: BaseException | None = None) -> None:
        """Count a reason, and say so unless that was said a moment ago."""
        with self._lock:
            self._times += 1
            # Not the wall clock, which may be set back by hours.
            if time.monotonic() < self._quiet_until:
                return
            times, self._times = self._times, 0
            self._quiet_until = time.monotonic() + MINUTE
        extra = {"because": because, "times": times}
        self._logger.warning(self._message, extra=extra, exc_info=exc_info)


class JsonFormatter(logging.Formatter):
    """An object a line; what a record carries in `extra` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        event = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        # `default`: what a log line holds must never be the reason that it is lost.
        return json.dumps(event, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, message, and `key=value` for what comes with it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one printable line, with the traceback below it, if any."""
        pairs = [f"{key}={_quoted(str(value))}" for key, value in _extra(record).items()]
        line = " ".join([_time(record), f"{record.levelname:<7}", record.getMessage(), *pairs])
        # Servers write part of it: no second line, no escape sequence for the terminal.
        line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return f"{line}\n{trace}" if trace else line


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _PLAIN}


def _quoted(text: str) -> str:
    line = one_line(text)
    return f'"{line}"' if " " in line or not line else line
