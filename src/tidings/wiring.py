"""How the parts are put together, and taken apart again."""

import logging
import os
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

from tidings.config import Settings
from tidings.domain.hubs import is_address
from tidings.domain.runtimes import faults
from tidings.domain.urls import without_credentials
from tidings.errors import ConfigError, ParseError, StorageError
from tidings.fetching.fetcher import Fetcher
from tidings.parsing.children import Parser
from tidings.parsing.opml import read_opml
from tidings.rendering.mail import load_mail_templates
from tidings.rendering.pages import load_templates
from tidings.rendering.site import Site
from tidings.rendering.templates import Templates
from tidings.resources import data_dir
from tidings.services import site
from tidings.services.announcing import AnnounceTools
from tidings.services.claims import HostRules
from tidings.services.forms import Post
from tidings.services.imprint import Imprint
from tidings.services.poll import PollTools
from tidings.services.publication import Publication
from tidings.services.settling import Rules
from tidings.services.site import Written
from tidings.services.site_files import page_path
from tidings.services.subscribe import import_sources
from tidings.storage import leases, schema, sources
from tidings.storage.database import Database

logger = logging.getLogger(__name__)

VERSION = version("tidings")
FILES = ("style.css", "script.js", "favicon.svg")
"""Of the templates: what pages need beside them."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)  # no slots: it keeps what it has read
class App:
    """The program, ready: what commands, pages and ticks work with."""

    settings: Settings
    database: Database

    @property
    def hub_callback(self) -> str | None:
        """What precedes the tokens in our addresses for hubs; None if hubs are not used."""
        return self.settings.websub.callback(self.settings.web.base_url)

    @contextmanager
    def polling(self) -> Iterator[PollTools]:
        """Start what polling needs: the event loop of the sockets, and the children."""
        settings, database = self.settings, self.database
        owner = process_name()
        lease = partial(_lease_hop, database, owner)
        with (
            Parser(settings.parse) as parser,
            Fetcher(settings.fetch, version=VERSION, lease=lease) as fetcher,
        ):
            yield PollTools(
                database=database,
                fetch=fetcher.submit,
                post=fetcher.post,
                parse=parser.submit,
                clock=utc_now,
                owner=owner,
                rules=Rules(
                    policy=settings.poll,
                    first_poll=settings.publish.first_poll,
                    fold=settings.publish.fold,
                    interval_of=settings.fetch.poll_interval_of,
                    subscribes=self.hub_callback is not None,
                ),
                hosts=HostRules(
                    concurrency=settings.fetch.concurrency, pause_of=settings.fetch.interval_of
                ),
                page_size=settings.publish.page_size,
            )

    @property
    def hubs(self) -> tuple[str, ...]:
        """Who is told when a feed of ours has changed.

        Raises:
            ConfigError: One of them is no address.
        """
        for hub in self.settings.websub.hubs:
            shown = without_credentials(hub)
            if shown != hub or not hub.isascii() or not is_address(hub):  # all the world sees it
                because = "expected an address, without a password"
                raise ConfigError(f"[websub] hubs: {shown}: {because}")
        return self.settings.websub.hubs

    def announcing(self, post: Post) -> AnnounceTools:
        """Return what tells hubs of our feeds, by `post`."""
        return AnnounceTools(
            database=self.database,
            publication=self.publication(_unnumbered),
            hubs=self.hubs,
            base_url=self.settings.web.public_url,
            post=post,
            clock=utc_now,
        )

    def faults_of_runtime(self) -> list[str]:
        """Return the known faults of the Python and the SQLite that this runs on."""
        sqlite = sqlite3.sqlite_version_info if self.database.is_sqlite else None
        return faults(sys.version_info[:3], sqlite)

    def import_first_sources(self) -> None:
        """Follow the sources of the list that the settings name, if there is no source yet.

        Raises:
            ConfigError: The list cannot be read.
        """
        name = self.settings.sources.import_at_first_start
        with self.database.read() as connection:
            if not name or sources.urls(connection):
                return
        path = Path(name) if Path(name).exists() else data_dir("config").parent / name
        try:
            listed = read_opml(path.read_bytes())
        except (OSError, ParseError) as error:
            raise ConfigError(f"[sources] import_at_first_start: {error}") from error
        imported = import_sources(self.database, listed.outlines, clock=utc_now)
        logger.info("sources imported", extra={"list": str(path), "added": imported.added})

    def site(self) -> Site:
        """Return what all pages share."""
        publish = self.settings.publish
        return Site(
            title=publish.title,
            kicker=publish.kicker,
            base_url=self.settings.web.public_url,
            language=publish.language,
            version=VERSION,
            hubs=self.hubs,
        )

    def templates(self) -> Templates:
        """Read the templates of the pages.

        Raises:
            TemplateError: One of them is broken.
        """
        own = self.settings.templates.folder
        shipped = data_dir("templates") / "web"
        return load_templates([Path(own) / "web", shipped] if own else [shipped])

    @cached_property
    def mail_templates(self) -> Templates:
        """The templates of the letters, read and tried once.

        Raises:
            TemplateError: One of them is broken.
        """
        own = self.settings.templates.folder
        shipped = data_dir("templates") / "email"
        return load_mail_templates([Path(own) / "email", shipped] if own else [shipped])

    def assets(self) -> dict[str, bytes]:
        """Return the files that pages need, by path."""
        templates = self.templates()
        return {name: templates.file(name) for name in FILES}

    def imprint(self, page_path: Callable[[str, int], str]) -> Imprint:
        """Return what all that is published has in common, as where pages are mere files.

        Args:
            page_path: Gives our path of a numbered page, by that of the newest.
        """
        return Imprint(
            settings=self.settings.publish,
            site=self.site(),
            templates=self.templates(),
            page_path=page_path,
        )

    def publication(self, page_path: Callable[[str, int], str]) -> Publication:
        """Return what is published; `page_path` as for `imprint`."""
        return Publication(self.database, self.imprint(page_path))

    def publish(self, folder: Path) -> Written:
        """Write what is published into a folder.

        Raises:
            ConfigError: The folder cannot be written to.
            ConflictError: Another process writes into it.
        """
        imprint = self.imprint(page_path)
        return site.publish(self.database, imprint, folder, assets=self.assets(), clock=utc_now)


@contextmanager
def opened(settings: Settings) -> Iterator[App]:
    """Open the database, in the schema of this version.

    Raises:
        ConfigError: It cannot be reached, or used as it is.
    """
    database = Database(settings.database.url)
    try:
        try:
            schema.prepare(database)
        except StorageError as error:
            raise ConfigError(f"[database] url: {error}") from error
        yield App(settings=settings, database=database)
    finally:
        database.close()


def _unnumbered(path: str, _number: int) -> str:
    """Return the path of a page; no feed leads to a page by its number."""
    return path


def _lease_hop(database: Database, owner: str, host: str) -> bool:
    with database.write() as connection:
        return leases.claim_hop(connection, owner, host)


def process_name() -> str:
    """Return a name for this process that nothing else has, for leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
