"""Cache of rendered bodies by address and ETag, so that a burst of visitors renders once."""

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from tidings.model.scopes import Address

# Bytes that the kept bodies take together.
MAX_SIZE = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedBody:
    """A body, plain and compressed."""

    plain: bytes
    gzipped: bytes

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.plain) + len(self.gzipped)


def compress(plain: bytes) -> CachedBody:
    """Return `plain` with its gzip form; the same bytes always compress to the same."""
    return CachedBody(plain=plain, gzipped=gzip.compress(plain, compresslevel=6, mtime=0))


class ResponseCache:
    """The most recently used bodies, one per address. Thread-safe."""

    def __init__(self, *, max_size: int = MAX_SIZE) -> None:
        self._max_size = max_size
        self._size = 0
        # One tag for each address: an older one is never asked for again.
        self._kept: OrderedDict[Address, tuple[str, CachedBody]] = OrderedDict()
        self._rendering: dict[tuple[Address, str], Future[CachedBody]] = {}
        self._lock = threading.Lock()

    def find(self, address: Address, etag: str) -> CachedBody | None:
        """Return the body of `address` for `etag`, if it is cached."""
        with self._lock:
            return self._find(address, etag)

    def get(self, address: Address, etag: str, *, render: Callable[[], bytes]) -> CachedBody:
        """Return the body of `address` for `etag`.

        The first caller renders; those who call meanwhile wait for it, and share its error.
        """
        future: Future[CachedBody] = Future()
        with self._lock:
            if body := self._find(address, etag):
                return body
            # With the tag: who comes after a change must not wait for what was there before.
            first = self._rendering.setdefault((address, etag), future)
        # Outside the lock: rendering one page must not hold up the others.
        if first is future:
            self._render(address, etag, render=render, future=future)
        return first.result()

    def _find(self, address: Address, etag: str) -> CachedBody | None:
        kept_etag, body = self._kept.get(address, (None, None))
        if body is None or kept_etag != etag:
            return None
        self._kept.move_to_end(address)
        return body

    def _render(
        self,
        address: Address,
        etag: str,
        *,
        render: Callable[[], bytes],
        future: Future[CachedBody],
    ) -> None:
        try:
            body = compress(render())
        # Of any kind, or those who wait for this future would wait for ever.
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            # Before it is taken out of `_rendering`: nobody in between renders it again.
            self._keep(address, etag, body)
            future.set_result(body)
        finally:
            with self._lock:
                del self._rendering[address, etag]

    def _keep(self, address: Address, etag: str, body: CachedBody) -> None:
        with self._lock:
            if address in self._kept:
                self._size -= self._kept.pop(address)[1].size
            self._kept[address] = etag, body
            self._size += body.size
            # The least recently used first; a body larger than the whole cache goes at once.
            while self._size > self._max_size:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._size -= oldest.size
