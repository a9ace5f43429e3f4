"""The program, opened: what commands, pages and ticks work with."""

import os
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

from tidings.config import Settings
from tidings.domain.runtimes import faults
from tidings.errors import ConfigError, StorageError
from tidings.resources import data_dir
from tidings.storage import schema, search_index
from tidings.storage.database import Database

VERSION = version("tidings")


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class App:
    """The program, ready; its parts are put together by `polling`, `publishing` and `mailing`.

    There is one of it, and what they keep is kept for this very one.

    Attributes:
        prepared: What had to be done to the database; said once all else is known to work.
    """

    settings: Settings
    database: Database
    prepared: schema.Prepared | None = None

    @property
    def hub_callback(self) -> str | None:
        """What precedes the tokens in our addresses for hubs; None if hubs are not used."""
        return self.settings.websub.callback(self.settings.web.base_url)

    def template_folders(self, kind: str) -> list[Path]:
        """Return where the templates of a kind are, `web` or `email`: the operator's first."""
        own, shipped = self.settings.templates.folder, data_dir("templates") / kind
        return [Path(own) / kind, shipped] if own else [shipped]

    def faults_of_runtime(self) -> list[str]:
        """Return the known faults of the Python and the SQLite that this runs on."""
        sqlite = sqlite3.sqlite_version_info if self.database.is_sqlite else None
        return faults(sys.version_info[:3], sqlite)


@contextmanager
def opened(settings: Settings) -> Iterator[App]:
    """Open the database, in the schema of this version.

    Raises:
        ConfigError: It cannot be reached, or used as it is.
    """
    database = Database(settings.database.url)
    try:
        try:
            prepared = schema.prepare(database, rebuild_index=search_index.rebuild)
        except StorageError as error:
            raise ConfigError(f"[database] url: {error}") from error
        yield App(settings=settings, database=database, prepared=prepared)
    finally:
        database.close()


def process_name() -> str:
    """Return a name for this process that nothing else has, for leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
