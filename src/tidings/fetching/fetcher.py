"""Fetcher: an event loop in a thread of its own that takes requests and reports outcomes."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock, Thread
from typing import Self, TypeVar

from tidings.errors import FetchError, StatusError
from tidings.fetching.client import Client
from tidings.fetching.exchange import Exchange, HostThrottle
from tidings.fetching.guard import Guard, without_credentials
from tidings.fetching.outcomes import BodyPost, FormPost, Outcome, PostReply, Request
from tidings.fetching.policy import FetchPolicy
from tidings.model.urls import host_of, mask

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Fetcher:
    """Fetches documents on an event loop of its own; a context manager that starts and ends it.

    Args:
        policy: The limits.
        version: Ours, for the user agent.
        lease: Called in a thread with a `hostname:port` that a redirect leads to; true if
            that host is ours now.
    """

    def __init__(self, policy: FetchPolicy, *, version: str, lease: Callable[[str], bool]) -> None:
        guard = Guard(policy.allow)
        throttle = HostThrottle(policy, lease=lease)
        self._exchange = Exchange(policy, version=version, guard=guard)
        self._client = Client(policy, exchange=self._exchange, throttle=throttle, guard=guard)
        self._slots = asyncio.Semaphore(policy.concurrency)
        self._tasks: set[asyncio.Task[object]] = set()
        # For DNS lookups and host leases, which block: one slot needs one thread at most.
        self._threads = ThreadPoolExecutor(policy.concurrency, thread_name_prefix="fetching")
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(self._threads)
        self._thread = Thread(target=self._loop.run_forever, name="fetching", daemon=True)
        self._lock = Lock()
        self._is_open = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._exchange.open())
        self._is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_open = False
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._loop.close()

    def submit(self, requests: Sequence[Request], done: Callable[[Request, Outcome], None]) -> None:
        """Fetch `requests`, one after the other.

        When their host answers 429, the rest is not sent and has that for an outcome, too.

        Args:
            requests: All of one host: their URLs have the same `host_of`.
            done: Called once for each request as it completes, on the thread of the event
                loop: it must not block.
        """
        self._call(partial(self._start, _HostBatch(requests, done)))

    def post(
        self, post: FormPost | BodyPost, done: Callable[[PostReply | FetchError], None]
    ) -> None:
        """Post a form or a document, and report the response; redirects are not followed.

        Args:
            post: What to send; its host need not be leased yet.
            done: As for `submit`.
        """
        self._call(partial(self._start_post, post, done))

    def cancel(self) -> None:
        """Cancel everything in flight: the missing outcomes are errors, "cancelled"."""
        with self._lock:
            if self._is_open:
                self._loop.call_soon_threadsafe(self._cancel_all)

    def _call(self, start: Callable[[], None]) -> None:
        with self._lock:
            if not self._is_open:
                raise RuntimeError("the fetcher is not open")
            self._loop.call_soon_threadsafe(start)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _start(self, requests: "_HostBatch") -> None:
        task = self._loop.create_task(self._fetch_all(requests))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before it began never runs its own `finally`.
        task.add_done_callback(lambda _: requests.report_all(_cancelled))

    def _start_post(
        self, post: FormPost | BodyPost, done: Callable[[PostReply | FetchError], None]
    ) -> None:
        task = self._loop.create_task(self._post(post))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(
            lambda task: done(_cancelled(post) if task.cancelled() else task.result())
        )

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _close(self) -> None:
        self._cancel_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._exchange.close()

    async def _fetch_all(self, requests: "_HostBatch") -> None:
        async with self._slots:
            while requests.left:
                request = requests.left[0]
                answer = self._client.fetch(request, keep_alive=len(requests.left) > 1)
                outcome = await _outcome(answer, request.url)
                requests.report(outcome)
                if isinstance(outcome, StatusError) and _asks_to_pause(outcome, request):
                    requests.report_all(partial(_paused, by=outcome))

    async def _post(self, post: FormPost | BodyPost) -> PostReply | FetchError:
        # Of where a document goes the whole address may be secret.
        shown = post.url if isinstance(post, FormPost) else mask(post.url)
        async with self._slots:
            return await _outcome(self._client.post(post), shown)


class _HostBatch:
    """The requests to one host that lack an outcome, and the callback that waits for it."""

    def __init__(
        self, requests: Sequence[Request], done: Callable[[Request, Outcome], None]
    ) -> None:
        self.left = deque(requests)
        self._done = done

    def report(self, outcome: Outcome) -> None:
        request = self.left.popleft()
        try:
            self._done(request, outcome)
        except Exception:
            url = without_credentials(request.url)
            logger.exception("outcome not taken", extra={"source": url})

    def report_all(self, outcome_of: Callable[[Request], Outcome]) -> None:
        while self.left:
            self.report(outcome_of(self.left[0]))


async def _outcome(answer: Awaitable[_T], url: str) -> _T | FetchError:
    try:
        return await answer
    except FetchError as error:
        return error
    except Exception as error:  # a bug must not take the other sources with it
        shown = without_credentials(url)
        logger.exception("fetch failed unexpectedly", extra={"source": shown})
        return FetchError(shown, type(error).__name__)


def _asks_to_pause(error: StatusError, request: Request) -> bool:
    """Tell whether the 429 comes from the host of `request`, not from one it redirects to."""
    return error.status == 429 and host_of(error.url) == host_of(without_credentials(request.url))


def _paused(request: Request, *, by: StatusError) -> StatusError:
    phrase = "Too Many Requests, so its host was left alone"
    return StatusError(
        without_credentials(request.url), by.status, phrase, retry_after=by.retry_after
    )


def _cancelled(request: Request | FormPost | BodyPost) -> FetchError:
    return FetchError(without_credentials(request.url), "cancelled")
