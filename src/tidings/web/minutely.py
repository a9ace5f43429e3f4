"""Documents that age by themselves, made at most once a minute."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response

from tidings.model.scopes import CacheValidator
from tidings.web import responses
from tidings.web.response_cache import CachedBody, compress

FOR_A_MINUTE = "public, max-age=60"


class MinutelyDocument:
    """A document of this minute.

    Args:
        render: Makes it.
        headers: Those that do not depend on its content.
        clock: Aware UTC.
    """

    def __init__(
        self,
        render: Callable[[], bytes],
        *,
        headers: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._render = render
        self._headers = headers
        self._clock = clock
        self._made: tuple[CacheValidator, CachedBody] | None = None
        self._lock = Lock()

    def answer(self, request: Request) -> Response:
        """Answer with the document of this minute."""
        stamp, body = self._of_this_minute()
        headers = {**self._headers, **responses.validators(request, stamp)}
        if responses.is_current(request.headers, etag=stamp.etag, changed_at=stamp.changed_at):
            return responses.not_modified(headers)
        return responses.full_response(request, body, headers=headers)

    def _of_this_minute(self) -> tuple[CacheValidator, CachedBody]:
        minute = self._clock().astimezone(UTC).replace(second=0, microsecond=0)
        # Held while rendering: all who come meanwhile wait for the one document.
        with self._lock:
            if self._made is None or self._made[0].changed_at != minute:
                plain = self._render()
                fingerprint = sha256(plain).hexdigest()[:12]
                # In the place of a change number: the document ages by itself.
                number = int(minute.timestamp())
                stamp = CacheValidator(change=number, changed_at=minute, fingerprint=fingerprint)
                self._made = stamp, compress(plain)
            return self._made
