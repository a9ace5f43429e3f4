"""Settings for requests to other people's servers: limits, timeouts, pauses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """Settings of one host; None for those of all hosts.

    Attributes:
        interval: Pause between the starts of two requests.
        poll_interval: The shortest pause between two polls of a source.
    """

    interval: timedelta | None = None
    poll_interval: timedelta | None = None


_AS_ALL = HostPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """The limits of a fetch; each is a setting under `[fetch]`.

    Attributes:
        contact_url: Page where a publisher reads who we are; part of the user agent.
        allow: Exact `host:port` that may be dialled although the address is not public.
        host_interval: Pause between the starts of two requests to one host.
        concurrency: Hosts requested from at the same time.
        max_size: Bytes of a body, once decoded.
        max_ratio: How many times its size on the wire a body may decode to.
        hosts: Exceptions, by `hostname:port`.
    """

    contact_url: str
    allow: tuple[str, ...]
    host_interval: timedelta
    concurrency: int
    connect_timeout: timedelta
    first_byte_timeout: timedelta
    read_timeout: timedelta
    total_timeout: timedelta
    max_size: int
    max_ratio: int
    max_redirects: int
    hosts: Mapping[str, HostPolicy]

    def interval_of(self, host: str) -> timedelta:
        """Return the pause between the starts of two requests to `host`."""
        special = self.hosts.get(host, _AS_ALL).interval
        return self.host_interval if special is None else special

    def poll_interval_of(self, host: str) -> timedelta:
        """Return the shortest pause between two polls of a source on `host`."""
        return self.hosts.get(host, _AS_ALL).poll_interval or timedelta(0)
