"""Answers that are kept whole, for requests that are alike, until something is committed."""

import time
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.web.access_log import log_answer, request_line

# Bytes that the kept answers take together.
MAX_SIZE = 16 * 1024 * 1024

# About what an answer takes beside its body.
HEAD_SIZE = 2_000

# Characters of a request that make it worth keeping: nobody sends a longer one twice.
MAX_KEY = 1_000

# The headers of requests that answers depend on; all others make no difference.
DECIDING = frozenset({b"accept-encoding", b"if-none-match", b"if-modified-since", b"a-im"})

Key = tuple[str, str, bytes, tuple[tuple[bytes, bytes], ...]]


class KeptAnswer(NamedTuple):
    """The two messages of an answer, and the line of its request for the log."""

    start: Message
    body: Message
    line: dict[str, str]


def keep_answer(request: Request) -> None:
    """Note that the answer to a request depends on what is committed and `DECIDING` alone."""
    request.state.may_be_kept = True


class KeptAnswers:
    """The outermost middleware, for what most feed readers ask: what they asked a moment ago.

    An answer is made of what was committed when its request came, or later. So it is right for
    whoever asks before something else is committed.

    Args:
        app: Makes the answers.
        state: Returns a value that differs once something was committed; quick.
    """

    def __init__(self, app: ASGIApp, *, state: Callable[[], object]) -> None:
        self._app = app
        self._read_state = state
        self._state: object = None
        self._answers: dict[Key, KeptAnswer] = {}
        self._size = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        key = _find_key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        state = self._read_state()
        if state != self._state:
            self._forget(state)
        if kept := self._answers.get(key):
            await send(kept.start)
            await send(kept.body)
            log_answer(kept.line, kept.start["status"], started=started)
            return
        sent: list[Message] = []

        async def send_and_note(message: Message) -> None:
            sent.append(message)
            await send(message)

        await self._app(scope, receive, send_and_note)
        # Something may have been committed, and seen by another request, since this one came.
        if scope.get("state", {}).get("may_be_kept") and state == self._state and len(sent) == 2:
            start, body = sent
            self._keep(key, KeptAnswer(start, body, request_line(scope)))

    def _forget(self, state: object) -> None:
        self._answers.clear()
        self._size = 0
        self._state = state

    def _keep(self, key: Key, answer: KeptAnswer) -> None:
        self._size += len(answer.body["body"]) + HEAD_SIZE
        # All at once: to note which was used last would cost every request, and they come back
        # quickly, from the cache of bodies.
        if self._size > MAX_SIZE:
            self._forget(self._state)
            return
        self._answers[key] = answer


def _find_key(scope: Scope) -> Key | None:
    """Return what requests with the same answer have in common; None if answers may differ."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return None
    deciding = []
    size = len(scope["path"]) + len(scope["query_string"])
    for header in scope["headers"]:
        if header[0] in DECIDING:
            deciding.append(header)
            size += len(header[1])
        elif header[0] == b"cookie":
            return None  # it may be an operator's
    if size > MAX_KEY:
        return None
    return scope["method"], scope["path"], scope["query_string"], tuple(deciding)
