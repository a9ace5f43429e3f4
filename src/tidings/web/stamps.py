"""Stamps, read together for all who ask at the same time."""

from asyncio import Future, Task, create_task, get_running_loop, shield
from collections.abc import Callable, Iterable

from starlette.concurrency import run_in_threadpool

from tidings.domain.publishing import Address, Stamp


class StampReader:
    """Whoever asks while a read is under way gets the next one, together with all the others.

    So no answer is older than its question, and under load a read serves many; a thread for
    each question costs more than the read.
    """

    def __init__(self, read: Callable[[Address], Stamp]) -> None:
        """`read` is called in a thread, for one address after the other."""
        self._read = read
        self._asked: dict[Address, Future[Stamp]] = {}
        self._reading: Task[None] | None = None

    async def get(self, address: Address) -> Stamp:
        """Return the stamp of an address as it is now; raises what `read` does."""
        if address not in self._asked:
            self._asked[address] = get_running_loop().create_future()
        if self._reading is None or self._reading.done():
            self._reading = create_task(self._serve())
        return await shield(self._asked[address])  # others may wait for the same

    async def _serve(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, {}
            found = await run_in_threadpool(self._read_all, asked)
            for future, stamp in zip(asked.values(), found, strict=True):
                if isinstance(stamp, Exception):
                    future.set_exception(stamp)
                else:
                    future.set_result(stamp)

    def _read_all(self, addresses: Iterable[Address]) -> list[Stamp | Exception]:
        return [self._try(address) for address in addresses]

    def _try(self, address: Address) -> Stamp | Exception:
        try:
            return self._read(address)
        except Exception as error:  # noqa: BLE001 - each is raised where its address was asked for
            return error
