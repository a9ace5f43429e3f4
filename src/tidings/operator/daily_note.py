"""The daily note to the operator: problems that need attention, at most once a day."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from tidings.db.database import Database
from tidings.model.operators import NOTE_HOUR, Problem, problems_in
from tidings.model.subscribers import MessageKind
from tidings.operator.store import moderation
from tidings.subscribers.store import transactional
from tidings.subscribers.store.transactional import NewMessage

logger = logging.getLogger(__name__)


class DailyNote:
    """Writes to the operator about problems, at most once a day.

    Args:
        database: Where it looks, and queues the note.
        clock: Aware UTC.
        operator: The operator's address; empty for no note.
        language: Of the note.
        disk: Gives the free bytes and all bytes of the disk with the database; None for a server.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        operator: str,
        language: str,
        disk: Callable[[], tuple[int, int] | None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._operator = operator
        self._language = language
        self._disk = disk

    def queue(self) -> bool:
        """Queue the day's note if there is a problem; return whether this call did it."""
        now = self._clock()
        if not self._operator or now.hour < NOTE_HOUR:
            return False
        # The name is unique, so the outbox itself keeps it at one a day, whoever queues first.
        name = f"{now:%Y%m%d}.operator"
        # Looked up first: the snapshot counts whole tables, and this runs every quarter of an hour.
        with self._database.read() as connection:
            if transactional.is_known(connection, name):
                return False
            snapshot = moderation.health_snapshot(connection, now=now)
        if space := self._disk():
            snapshot = replace(snapshot, free_space=space[0], whole_space=space[1])
        found = problems_in(snapshot, now=now)
        if not found:
            return False
        note = NewMessage(
            kind=MessageKind.OPERATOR,
            address=self._operator,
            language=self._language,
            details=_kept(found),
            name=name,
        )
        with self._database.write() as connection:
            is_new = transactional.add(connection, note, now=now)
        if is_new:
            logger.info("operator told", extra={"about": [worry.kind.value for worry in found]})
        return is_new


def _kept(found: Sequence[Problem]) -> dict[str, object]:
    """Return problems as they are stored with the message."""
    return {"worries": [[one.kind, one.count, list(one.lines)] for one in found]}
