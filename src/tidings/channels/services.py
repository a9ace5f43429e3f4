"""Telling chats and services through Apprise, each time in a child that can be ended."""

import json
import re
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Event

from tidings.channels.pace import TellResult
from tidings.errors import ConfigError
from tidings.model.channels import Announcement

# Seconds that telling a service may take. Some take several requests, and where a service limits its
# rate, Apprise would wait for as long as that says.
PATIENCE = 30

# Seconds that are left to it when we are to stop.
GRACE = 3

EXTRA = "Apprise is not here: pip install 'tidings[channels]'"


def check_address(url: str) -> str | None:
    """Return why Apprise cannot use an address; None if it can.

    Raises:
        ConfigError: Apprise is not installed.
    """
    if find_spec("apprise") is None:
        raise ConfigError(EXTRA)
    return _ask({"url": url}, stop=Event())


def tell_service(
    url: str, announcement: Announcement, *, key: str, stop: Event
) -> TellResult | None:
    """Tell a service through Apprise; None if `stop` is set first."""
    if find_spec("apprise") is None:
        return TellResult(because=EXTRA)
    asked = {
        "url": url,
        "title": _quiet(announcement.title),
        "lines": [_quiet(line) for line in announcement.lines],
        "link": announcement.link,
        "key": key,
    }
    because = _ask(asked, stop=stop)
    return None if because and stop.is_set() else TellResult(because=because)


def _quiet(text: str) -> str:
    """Return text that calls nobody: `@name`, or `<!channel>` of Slack, would notify people."""
    return re.sub(r"@|<(?=!)", "\\g<0>\N{ZERO WIDTH SPACE}", text)


def _ask(asked: Mapping[str, object], *, stop: Event) -> str | None:
    # By its standard input: anybody on the machine can read a command line. A session of its own, since
    # Ctrl-C on a terminal would end it in the middle.
    command = [sys.executable, "-P", "-m", "tidings.channels.service_child"]
    with Popen(  # noqa: S603 - a module of our own
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True, start_new_session=True
    ) as child:
        try:
            said = _talk(child, json.dumps(asked), stop=stop)
        except TimeoutExpired:
            child.kill()
            return f"not done within {PATIENCE} s"
    try:
        because: str | None = json.loads(said).get("because")
    except ValueError:
        return "Apprise failed"
    return because


def _talk(child: Popen[str], asked: str, *, stop: Event) -> str:
    """Return what a child says in the end.

    Raises:
        TimeoutExpired: It took too long.
    """
    until = time.monotonic() + PATIENCE
    left: str | None = asked
    while True:
        try:
            return child.communicate(left, timeout=0.2)[0]
        except TimeoutExpired:
            left = None  # it goes on with what it was given
            if stop.is_set():
                return child.communicate(timeout=GRACE)[0]
            if time.monotonic() > until:
                raise
