"""What every exchange has, whatever is asked: protecting headers, an answer, a line in the log."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.web.answers import POLICY

logger = logging.getLogger(__name__)

BEFORE_TOKENS = re.compile(
    "(.*?/(?:address|confirm|preferences|unsubscribe|websub)/)(.+)", re.DOTALL
)
"""What follows in a path is a secret between us and one other, and goes into no log."""

PROTECTION: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)


class Envelope:
    """Wraps the application.

    Args:
        app: What answers.
        prefix: The path the site lies under, as in `/news`; whether a proxy in front takes
            it off or not, the same page answers.
        failed: Makes the answer to a request that met a bug.
    """

    def __init__(self, app: ASGIApp, *, prefix: str, failed: Callable[[Request], Response]) -> None:
        self._app = app
        self._prefix = prefix
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_protected(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _protect(MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(self._within_prefix(scope), receive, send_protected)
        except Exception:
            logger.exception("request failed", extra=_what(scope))
            if status:
                raise
            await self._failed(Request(scope))(scope, receive, send_protected)
        finally:
            elapsed = round((time.perf_counter() - started) * 1000, 1)
            logger.info("request answered", extra={**_what(scope), "status": status, "ms": elapsed})

    def _within_prefix(self, scope: Scope) -> Scope:
        path: str = scope["path"]
        if self._prefix and f"{path}/".startswith(f"{self._prefix}/"):
            return {**scope, "path": path.removeprefix(self._prefix) or "/"}
        return scope


def _protect(headers: MutableHeaders) -> None:
    for name, value in PROTECTION.items():
        headers.setdefault(name, value)


def _what(scope: Scope) -> dict[str, str]:
    """Return what was asked; the path quoted, for a visitor may put anything into it."""
    path: str = scope["path"]
    secret = BEFORE_TOKENS.fullmatch(path)
    return {"method": scope["method"], "path": f"{quote(secret[1])}…" if secret else quote(path)}
