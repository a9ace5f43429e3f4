"""The cookies of an operator's browser: who is signed in, and what they did last."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
SAID = re.compile(r"([a-z]{1,20})(?:\.([1-9][0-9]{0,17}))?")
MOMENT = 60
"""Seconds that it takes at most from an act to the page that tells of it."""


class OperatorCookies:
    """Reads and sets the cookies. Nobody else's page can send them, and no script can read them.

    Their names tie them to this very host where a browser lets them: that is, at the root of a
    site with TLS. Below a path of such a site, they are tied to TLS only.
    """

    def __init__(self, base_url: str) -> None:
        """Cookies are for what lies below `base_url`."""
        parts = urlsplit(base_url)
        self._path = parts.path or "/"
        self._is_secure = parts.scheme == "https"
        prefix = ""
        if self._is_secure:
            prefix = "__Secure-" if parts.path else "__Host-"
        self._session, self._said = f"{prefix}tidings-operator", f"{prefix}tidings-said"

    def find_secret(self, request: Request) -> str | None:
        """Return what the browser holds if an operator is signed in with it, or was."""
        secret = request.cookies.get(self._session, "")
        return secret if SECRET.fullmatch(secret) else None

    def keep_secret(self, response: Response, secret: str, *, until: datetime) -> None:
        """Sign the browser in."""
        self._set(response, self._session, secret, until=until)

    def drop_secret(self, response: Response) -> None:
        """Sign the browser out."""
        self._set(response, self._session, "", until=0)

    def said(self, request: Request) -> tuple[str, int | None]:
        """Return what was done last, and to which entry; nothing if that was told."""
        match = SAID.fullmatch(request.cookies.get(self._said, ""))
        if match is None:
            return "", None
        return match[1], int(match[2]) if match[2] else None

    def say(self, response: Response, act: str, entry_id: int | None = None) -> None:
        """Let the next page tell what was done."""
        text = act if entry_id is None else f"{act}.{entry_id}"
        self._set(response, self._said, text, until=MOMENT)

    def has_said(self, response: Response) -> None:
        """Take note that a page tells it."""
        self._set(response, self._said, "", until=0)

    def _set(self, response: Response, name: str, value: str, *, until: datetime | int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=until if isinstance(until, int) else None,
            expires=until if isinstance(until, datetime) else None,
            path=self._path,
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )
