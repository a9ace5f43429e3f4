"""Turns: what a round of planning does with each schedule, worked out once."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from tidings.catalog import change_log
from tidings.db.database import Database
from tidings.model.newsletters import Schedule
from tidings.newsletters.store import plans
from tidings.newsletters.windows import Turn, find_due_slot, next_due, slot_outside_calendar


class Turns:
    """The turns of a round.

    Args:
        database: Where their upper bounds are frozen.
        now: The time of the round, aware UTC.
    """

    def __init__(self, database: Database, *, now: datetime) -> None:
        self._database = database
        self._now = now
        self._known: dict[Schedule, Turn] = {}

    def of(self, schedules: Iterable[Schedule]) -> Mapping[Schedule, Turn]:
        """Return the turns of these schedules, and perhaps of others."""
        if new := set(schedules) - self._known.keys():
            self._known |= self._work_out(new)
        return self._known

    def _work_out(self, schedules: Collection[Schedule]) -> dict[Schedule, Turn]:
        slots = {schedule: find_due_slot(schedule, self._now) for schedule in schedules}
        moments = sorted({slot.due_at for slot in slots.values() if slot})
        with self._database.write() as connection:
            upto_seqs = {moment: plans.freeze_upto_seq(connection, moment) for moment in moments}
            latest = change_log.last_seq(connection)
        at_once = slot_outside_calendar("e", latest, self._now)
        return {
            schedule: Turn(
                slot=slot or at_once,
                upto_seq=upto_seqs[slot.due_at] if slot else latest,
                next_issue_at=next_due(schedule, self._now),
            )
            for schedule, slot in slots.items()
        }
