"""Looking at an address here and now, as politely as a round of polling does."""

import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from threading import Event
from typing import Self, TypeVar

from tidings.domain.documents import ParsedFeed
from tidings.domain.schedule import PollPolicy
from tidings.domain.urls import host_of, without_credentials
from tidings.errors import ConflictError, FetchError, ParseError, StatusError
from tidings.fetching.outcomes import Fetched, Outcome, Request
from tidings.parsing.document import Document
from tidings.services.claims import HostRules
from tidings.services.poll import Fetch
from tidings.services.readings import Parse
from tidings.storage import leases
from tidings.storage.database import Database

_T = TypeVar("_T")

_PAUSE = 0.2
"""Seconds between two attempts to have a host, and two looks at whether to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What an address answered with.

    Attributes:
        feed: What it says; None if it is no feed.
        because: What it is instead.
    """

    fetched: Fetched
    feed: ParsedFeed | None = None
    because: str = ""


class Prober:
    """Looks at addresses, beside the rounds of polling and as politely.

    Args:
        database: Where the leases are.
        fetch: As for polling.
        parse: As for polling.
        owner: This process's name.
        hosts: The pauses of hosts, and how long one that is busy is waited for.
        policy: How long a host is left alone that asks for it.
    """

    def __init__(  # noqa: PLR0913 - an engine takes what it needs
        self,
        database: Database,
        *,
        fetch: Fetch,
        parse: Parse,
        owner: str,
        hosts: HostRules,
        policy: PollPolicy,
    ) -> None:
        self.database = database
        self.fetch = fetch
        self.parse = parse
        self.owner = owner
        self.hosts = hosts
        self.policy = policy

    def visit(self, *, stop: Event, patience: timedelta | None = None) -> "Visit":
        """Begin to look.

        Args:
            stop: Set to end the visit early; what is asked then fails.
            patience: How long a host that is busy is waited for at most, if not for as long as
                the rules say.
        """
        longest = self.hosts.patience
        shorter = longest if patience is None else min(patience, longest)
        return Visit(self, stop=stop, patience=shorter)


class Visit:
    """A few addresses that are looked at in turn; a context manager.

    Their hosts are held from the first question to the end, beside those that a round of this
    process may hold: under `owner`. That is also the name to save under.
    """

    def __init__(self, prober: Prober, *, stop: Event, patience: timedelta) -> None:
        self.owner = leases.borrower(prober.owner)
        self.stop = stop
        self._prober = prober
        self._patience = patience
        self._pauses: dict[str, timedelta] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._prober.database.write() as connection:
            leases.release(connection, self.owner, self._pauses)

    def look(self, url: str) -> Looked:
        """Ask for a document and read it.

        Raises:
            ConflictError: Another process holds its host, or it has to be left alone.
            FetchError: There is no document.
        """
        self.hold(host_of(url))
        fetched = self._fetch(url)
        document = Document(
            url=fetched.url,
            body=fetched.body,
            content_type=fetched.content_type,
            charset=fetched.charset,
            language=fetched.language,
        )
        try:
            feed = self._result(self._prober.parse(document, {}), url)
        except ParseError as error:
            return Looked(fetched=fetched, because=error.because)
        return Looked(fetched=fetched, feed=feed)

    def hold(self, host: str) -> None:
        """Take a host, or keep it for longer; wait for it if need be.

        Raises:
            ConflictError: Another process holds it, or it has to be left alone.
        """
        give_up_at = time.monotonic() + self._patience.total_seconds()
        while not self._claim(host):
            if time.monotonic() > give_up_at or self.stop.wait(_PAUSE):
                with self._prober.database.read() as connection:
                    because = leases.find_obstacle(connection, host) or "is busy"
                raise ConflictError("host", host, because=f"is not free: {because}")
        self._pauses.setdefault(host, self._prober.hosts.pause_of(host))

    def _claim(self, host: str) -> bool:
        with self._prober.database.write() as connection:
            leases.renew(connection, self.owner)
            return leases.claim_one(connection, self.owner, host)

    def _fetch(self, url: str) -> Fetched:
        answer: Future[Outcome] = Future()
        self._prober.fetch(
            [Request(source_id=0, url=url)], lambda _, outcome: answer.set_result(outcome)
        )
        outcome = self._result(answer, url)
        if isinstance(outcome, Fetched):
            return outcome
        error = (
            outcome
            if isinstance(outcome, FetchError)
            else FetchError(url, "the server says it has not changed, but we never saw it")
        )
        self._heed(error, host_of(url))
        raise error

    def _heed(self, error: FetchError, host: str) -> None:
        is_tired = isinstance(error, StatusError) and error.status == HTTPStatus.TOO_MANY_REQUESTS
        if is_tired and host_of(error.url) == host:
            policy = self._prober.policy
            self._pauses[host] = min(error.retry_after or policy.interval, policy.max_pause)

    def _result(self, future: "Future[_T]", url: str) -> _T:
        while not wait_for([future], timeout=_PAUSE).done:
            if self.stop.is_set():
                raise FetchError(without_credentials(url), "the service is stopping")
        return future.result()
