"""The status page: how the service does, for everybody."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidings.domain.publishing import Stamp
from tidings.web import answers
from tidings.web.bodies import CachedBody, compress
from tidings.web.conditions import is_current
from tidings.web.publication import Probes

FOR_A_MINUTE = "public, max-age=60"


class StatusPages:
    """Answers with the status page, which is made once a minute at most, whoever asks."""

    def __init__(self, probes: Probes, *, clock: Callable[[], datetime]) -> None:
        self._probes = probes
        self._clock = clock
        self._made: tuple[Stamp, CachedBody] | None = None
        self._lock = Lock()

    def route(self) -> Route:
        """Return the route of the page."""
        return Route("/status", self.answer)

    def answer(self, request: Request) -> Response:
        """Answer with the page of this minute."""
        stamp, body = self._of_this_minute()
        headers = answers.page_headers(cache_control=FOR_A_MINUTE)
        headers |= answers.validators(request, stamp)
        if is_current(request.headers, etag=stamp.etag, changed_at=stamp.changed_at):
            return answers.not_modified(headers)
        return answers.full_response(request, body, headers=headers)

    def _of_this_minute(self) -> tuple[Stamp, CachedBody]:
        minute = self._clock().astimezone(UTC).replace(second=0, microsecond=0)
        with self._lock:
            if self._made is None or self._made[0].changed_at != minute:
                plain = self._probes.status()
                fingerprint = sha256(plain).hexdigest()[:12]
                number = int(minute.timestamp())
                stamp = Stamp(change=number, changed_at=minute, fingerprint=fingerprint)
                self._made = stamp, compress(plain)
            return self._made
