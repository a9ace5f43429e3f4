"""Markers that are committed together: one transaction for all threads that wait for theirs."""

from collections.abc import Callable, Collection, Sequence
from threading import Lock

from tidings.errors import LeaseLostError

# Commits the markers of messages, and returns those whose lease is still held.
CommitMarkers = Callable[[Sequence[int]], Collection[int]]


class MarkerCommits:
    """Gathers the markers that come while a transaction runs, and commits them in the next.

    No marker is set ahead of its turn: each thread has one, and waits for it.
    """

    def __init__(self, commit: CommitMarkers) -> None:
        self._commit = commit
        self._turn, self._gathering = Lock(), Lock()
        self._waiting: list[int] = []
        self._errors: dict[int, Exception | None] = {}

    def mark(self, message: int) -> None:
        """Return once the marker of a message is committed.

        Raises:
            LeaseLostError: The message is not ours any more; nothing may be sent.
            StorageError: The database failed, for every message of the transaction.
        """
        with self._gathering:
            self._waiting.append(message)
        with self._turn:
            # Unless the thread before committed ours along with its own.
            if message not in self._errors:
                self._commit_waiting()
            error = self._errors.pop(message)
        if error:
            raise error

    def _commit_waiting(self) -> None:
        with self._gathering:
            messages, self._waiting = self._waiting, []
        try:
            held = self._commit(messages)
        except Exception as error:  # noqa: BLE001 - whatever it is, each thread raises it
            self._errors |= dict.fromkeys(messages, error)
        else:
            self._errors |= {one: None if one in held else LeaseLostError() for one in messages}
