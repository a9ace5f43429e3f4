"""The application object: settings, database, and what its parts share."""

import os
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tidings.config import Settings
from tidings.db import schema
from tidings.db.database import Connection, Database
from tidings.errors import ConfigError, InvalidError, StorageError
from tidings.operator.checks import faults
from tidings.resources import data_dir

# For annotations only: what is imported here, every command would pay for.
if TYPE_CHECKING:
    from tidings.mail.addresses import BounceAddress, FromAddress
    from tidings.mail.dkim import Signer
    from tidings.subscribers.signed_links import SignedLinks
    from tidings.templating.engine import Templates

VERSION = version("tidings")

# Characters that a secret has at least.
SHORTEST_SECRET = 16

_Built = TypeVar("_Built")

# Held while a part is built; one reentrant lock for all, since parts need each other.
_BUILDING = RLock()


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class BuiltOnce(Generic[_Built]):
    """A property that is computed once, however many threads ask for it first.

    `functools.cached_property` holds no lock from Python 3.12 on.
    """

    def __init__(self, build: Callable[[Any], _Built]) -> None:
        self.__doc__ = build.__doc__
        self._build = build
        self._name = build.__name__

    def __get__(self, instance: Any, _owner: type) -> _Built:
        # In the instance's dictionary: this descriptor has no `__set__`, so from then on Python
        # finds the value there, without this lock.
        kept = vars(instance)
        with _BUILDING:
            if self._name not in kept:
                kept[self._name] = self._build(instance)
            built: _Built = kept[self._name]
            return built


@dataclass(frozen=True, eq=False, kw_only=True)
class App:
    """The application: settings, an open database, and what all parts share.

    Shared parts are built on first use, from any thread, and kept: most commands need neither
    templates nor a secret, and must start without them.

    Attributes:
        prepared: What was done to the database on opening (made, upgraded); logged once everything
            else is known to work.
    """

    settings: Settings
    database: Database
    prepared: schema.SchemaChange | None = None

    @property
    def hub_callback(self) -> str | None:
        """The prefix of the addresses that hubs call; None if WebSub is not used."""
        return self.settings.websub.callback(self.settings.web.base_url)

    @property
    def faults_of_runtime(self) -> list[str]:
        """The known faults of the Python and the SQLite that this runs on."""
        sqlite = sqlite3.sqlite_version_info if self.database.is_sqlite else None
        return faults(sys.version_info[:3], sqlite)

    @BuiltOnce
    def secret(self) -> bytes:
        """The key of signed links: the setting, or on SQLite a file beside the database.

        Raises:
            ConfigError: There is none, it is too short, or the file cannot be used.
        """
        given = self.settings.secret.encode()
        if given:
            if len(given) < SHORTEST_SECRET:
                raise ConfigError(f"secret: use at least {SHORTEST_SECRET} characters")
            return given
        # Services on several machines must sign alike, so on PostgreSQL no file will do.
        if not self.database.is_sqlite:
            raise ConfigError("secret: on PostgreSQL set TIDINGS_SECRET or TIDINGS_SECRET_FILE")
        return _kept_secret(self.database.path.with_name("secret"))

    @BuiltOnce
    def links(self) -> "SignedLinks":
        """Signs and verifies links.

        Raises:
            ConfigError: There is no secret to sign with.
        """
        from tidings.subscribers.signed_links import SignedLinks

        return SignedLinks(self.secret)

    @BuiltOnce
    def sender(self) -> "FromAddress":
        """The From of messages, unless their newsletter has its own.

        Raises:
            ConfigError: The setting is not exactly one address.
        """
        from tidings.mail import addresses

        try:
            return addresses.parse_sender(self.settings.mail.from_)
        except InvalidError as error:
            raise ConfigError(f"[mail] from: {error}") from error

    @BuiltOnce
    def signer(self) -> "Signer | None":
        """Signs messages (DKIM); None if the relay does.

        Raises:
            ConfigError: The key cannot be used.
        """
        from tidings.mail.dkim import Signer

        return Signer(self.settings.dkim) if self.settings.dkim.key else None

    @BuiltOnce
    def bounce_address(self) -> "BounceAddress | None":
        """Makes and reads signed bounce addresses; None without `[bounce] address`.

        Raises:
            ConfigError: There is no secret, or the address cannot be used.
        """
        from tidings.mail.addresses import BounceAddress

        address = self.settings.bounce.address
        return BounceAddress(address, self.links.bounce_hash) if address else None

    @BuiltOnce
    def mail_templates(self) -> "Templates":
        """The templates of messages, loaded and checked.

        Raises:
            TemplateError: One of them is broken.
        """
        from tidings.app.templates import load_mail_templates

        return load_mail_templates(self._template_folders("email"))

    @BuiltOnce
    def page_templates(self) -> "Templates":
        """The templates of pages, loaded and checked.

        Raises:
            TemplateError: One of them is broken.
        """
        from tidings.app.fonts import fonts_in
        from tidings.app.templates import load_templates

        fonts = fonts_in(self.settings.templates.fonts)
        return load_templates(self._template_folders("web"), fonts=fonts)

    def _template_folders(self, kind: str) -> list[Path]:
        """Return the folders of templates of a kind, `web` or `email`: the operator's first."""
        own, shipped = self.settings.templates.folder, data_dir("templates") / kind
        # Both: the operator's folder needs only the templates that differ.
        return [Path(own) / kind, shipped] if own else [shipped]


@contextmanager
def opened(settings: Settings) -> Iterator[App]:
    """Open the database, upgraded to the schema of this version.

    Raises:
        ConfigError: It cannot be reached, or used as it is.
    """
    database = Database(settings.database.url)
    try:
        try:
            prepared = schema.prepare(database, rebuild_index=_rebuild_index)
        except StorageError as error:
            raise ConfigError(f"[database] url: {error}") from error
        yield App(settings=settings, database=database, prepared=prepared)
    finally:
        database.close()


def process_name() -> str:
    """Return a unique name for this process, for leases."""
    # With chance in it: in a container, host name and process id are often the same after a
    # restart, and the leases of the process that died are not ours.
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"


def _rebuild_index(connection: Connection, report: Callable[[int], None]) -> None:
    from tidings.search.store import index

    index.rebuild(connection, report)


def _kept_secret(path: Path) -> bytes:
    from tidings.db.durable_files import fsync_folder

    try:
        with suppress(FileExistsError):
            # O_EXCL: of two processes that start at once, one makes the secret and the other reads
            # it.
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w") as file:
                file.write(token_hex(32))
                file.flush()
                os.fsync(file.fileno())  # every link that is mailed depends on it
            fsync_folder(path.parent)
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"secret: cannot keep it in {path}: {error}") from error
    if len(kept) < SHORTEST_SECRET:
        raise ConfigError(f"secret: {path} is cut short: put the old one back, or delete the file")
    return kept.encode()
