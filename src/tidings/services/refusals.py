"""Answers after which a whole host is left alone."""

from datetime import timedelta
from http import HTTPStatus

from tidings.domain.schedule import PollPolicy
from tidings.domain.sources import DueSource
from tidings.domain.urls import host_of
from tidings.errors import FetchError, StatusError

FORBIDDEN_PAUSE = timedelta(hours=4)


def host_pause(due: DueSource, error: FetchError, policy: PollPolicy) -> timedelta | None:
    """Return for how long a whole host is left alone after an answer; None if it need not be.

    That is after "too many requests", and after the first "forbidden" from a server that
    answered before: it has had enough of us.
    """
    if not isinstance(error, StatusError) or host_of(error.url) != due.host:
        return None
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return min(error.retry_after or policy.interval, policy.max_pause)
    if error.status == HTTPStatus.FORBIDDEN and due.last_ok_at and not due.failures:
        return min(max(error.retry_after or FORBIDDEN_PAUSE, FORBIDDEN_PAUSE), policy.max_pause)
    return None
