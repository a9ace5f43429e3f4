"""The service as operators look after it on the pages: its settings, jobs, workers and channels."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.channels.store import channels
from tidings.db import job_tickets
from tidings.db.database import Database
from tidings.db.job_tickets import Ticket, Worker
from tidings.model.channels import Channel
from tidings.model.operators import ChannelAct, SettingLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWorker:
    """A worker, and how long ago its last sign of life was."""

    worker: Worker
    silent_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What waits, runs and has failed, and who works it off."""

    tickets: tuple[Ticket, ...]
    workers: tuple[ShownWorker, ...]


class ServiceDesk:
    """Settings, jobs, workers and channels; thread-safe.

    Attributes:
        settings: Those in force, in the order of the file.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        settings: tuple[SettingLine, ...],
    ) -> None:
        self.settings = settings
        self._database = database
        self._clock = clock

    def jobs(self) -> Workload | None:
        """Return the jobs; None on SQLite, where they wait nowhere."""
        if self._database.is_sqlite:
            return None
        now = self._clock()
        with self._database.read() as connection:
            workers = job_tickets.workers(connection)
            return Workload(
                tickets=tuple(job_tickets.every(connection)),
                workers=tuple(
                    ShownWorker(worker=one, silent_for=now - one.heard_at) for one in workers
                ),
            )

    def cancel(self, job_id: int) -> None:
        """Delete a job that waits or has failed; the work itself stays due.

        Raises:
            ConfigError: On SQLite jobs wait nowhere.
            NotFoundError: There is none with that id, or it runs.
        """
        with self._database.write() as connection:
            job_tickets.cancel(connection, job_id)

    def channels(self) -> tuple[Channel, ...]:
        """Return all channels by name."""
        with self._database.read() as connection:
            return tuple(channels.every(connection))

    def act_on_channel(self, name: str, act: ChannelAct) -> None:
        """Pause a channel, or tell it again.

        Raises:
            NotFoundError: There is none of that name.
        """
        with self._database.write() as connection:
            if act is ChannelAct.PAUSE:
                channels.pause(connection, name, now=self._clock())
            else:
                channels.resume(connection, name)
