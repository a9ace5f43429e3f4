"""Child process that tells one service through Apprise, and ends.

A process and not a thread: a service can be waited for no longer than we like, and what Apprise logs
of addresses, which hold tokens, stays here.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.plugins import NotifyBase
from apprise.plugins.mastodon import NotifyMastodon
from requests import sessions
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers

from tidings.templating.plain_text import clipped

# A line that is cut shorter than this says nothing.
SHORTEST_LINE = 40

# Seconds that an answer is waited for. Apprise's own four are not enough for a server that is busy: what
# it has taken, but not confirmed by then, is sent again.
PATIENCE = 20

# How its plugins write what a service answered. It is all that is passed on: the rest may hold tokens.
_STATUS = re.compile(r"\berror=(\d{3})\b")


def fit(lines: Sequence[str], link: str, *, room: int) -> str:
    """Return as many lines as there is room for, and the link after them."""
    left = room - len(link) - 1
    kept = []
    for line in lines:
        left -= 1
        if len(line) > left:
            if left >= SHORTEST_LINE:
                kept.append(clipped(line, left))
            break
        kept.append(line)
        left -= len(line)
    return "\n".join([*kept, "", link])


def answer(asked: Mapping[str, Any]) -> dict[str, str]:
    """Send what is asked for, if there is a text; return why that is not possible, or nothing."""
    answers = _Answers()
    logger = logging.getLogger("apprise")
    logger.addHandler(answers)
    logger.propagate = False
    # Without files: by default it keeps tokens of sessions in the home folder.
    service = Apprise.instantiate(asked["url"], asset=AppriseAsset(storage_mode="memory"))
    if not isinstance(service, NotifyBase):
        return {"because": "Apprise does not know such an address"}
    if "title" not in asked:
        return {}
    service.socket_read_timeout = PATIENCE
    if isinstance(service, NotifyMastodon):
        _send_with_each_request({"Idempotency-Key": asked["key"]})
    link, room = asked["link"], service.body_maxlen
    if service.title_maxlen:
        title = clipped(asked["title"], service.title_maxlen)
    else:
        # It stands above the text, with a line break of two characters; the link has two before it.
        title = clipped(asked["title"], room - len(link) - 4)
        room -= len(title) + 2
    body = fit(asked["lines"], link, room=room)
    if service.notify(body=body, title=title, body_format=NotifyFormat.TEXT):
        return {}
    return {"because": answers.status or "the service did not take it"}


def _send_with_each_request(headers: Mapping[str, str]) -> None:
    # Apprise writes the key of a toot into the document, where Mastodon does not look for it, and has
    # no place for headers. Without it, a toot whose reply was lost would be there twice.
    all_headers = {**default_headers(), **headers}
    ours = partial(CaseInsensitiveDict[str], all_headers)
    sessions.default_headers = ours  # type: ignore[attr-defined] # it is made for `requests` alone


class _Answers(logging.Handler):
    """Takes what Apprise logs, and keeps the last status that a service answered with."""

    def __init__(self) -> None:
        super().__init__()
        self.status = ""

    def emit(self, record: logging.LogRecord) -> None:
        if found := _STATUS.search(record.getMessage()):
            self.status = f"the service answers {found[1]}"


if __name__ == "__main__":
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
