"""How what gathers is put together: sockets, parsers, and the first list of sources."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tidings.errors import ConfigError, ParseError
from tidings.fetching.fetcher import Fetcher
from tidings.parsing.children import Parser
from tidings.parsing.opml import read_opml
from tidings.resources import data_dir
from tidings.services.claims import HostRules
from tidings.services.paging import keep_some_pages
from tidings.services.poll import PollTools
from tidings.services.settling import Rules
from tidings.services.subscribe import import_sources
from tidings.storage import leases, sources
from tidings.storage.database import Database
from tidings.wiring import VERSION, App, process_name, utc_now

logger = logging.getLogger(__name__)


@contextmanager
def polling(app: App) -> Iterator[PollTools]:
    """Start what polling needs: the event loop of the sockets, and the children."""
    settings, database = app.settings, app.database
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
                subscribes=app.hub_callback is not None,
            ),
            hosts=HostRules(
                concurrency=settings.fetch.concurrency, pause_of=settings.fetch.interval_of
            ),
            repaginate=partial(
                keep_some_pages, database, size=settings.publish.page_size, clock=utc_now
            ),
        )


def import_first_sources(app: App) -> None:
    """Follow the sources of the list that the settings name, if there is no source yet.

    Raises:
        ConfigError: The list cannot be read.
    """
    name = app.settings.sources.import_at_first_start
    with app.database.read() as connection:
        if not name or sources.urls(connection):
            return
    path = Path(name) if Path(name).exists() else data_dir("config").parent / name
    try:
        listed = read_opml(path.read_bytes())
    except (OSError, ParseError) as error:
        raise ConfigError(f"[sources] import_at_first_start: {error}") from error
    imported = import_sources(app.database, listed.outlines, clock=utc_now)
    logger.info("sources imported", extra={"list": str(path), "added": imported.added})


def _lease_hop(database: Database, owner: str, host: str) -> bool:
    with database.write() as connection:
        return leases.claim_hop(connection, owner, host)
