"""Imports the list of sources that a new installation begins with."""

import logging
from pathlib import Path

from tidings.app.app import App, utc_now
from tidings.catalog import sources
from tidings.errors import ConfigError, ParseError
from tidings.resources import data_dir

logger = logging.getLogger(__name__)


def import_first_sources(app: App) -> None:
    """Import the list of sources that the settings name, if there are no sources yet.

    Raises:
        ConfigError: The list cannot be read.
    """
    name = app.settings.sources.import_at_first_start
    with app.database.read() as connection:
        # Only into an empty database: what the operator has removed must not come back.
        if not name or sources.urls(connection):
            return
    # Here: every later start of the service does without.
    from tidings.parsing.source_lists import read_source_list
    from tidings.polling.source_list import import_sources

    # The operator's file, failing that the one that we ship.
    path = Path(name) if Path(name).exists() else data_dir("config").parent / name
    try:
        listed = read_source_list(path.read_bytes())
    except (OSError, ParseError) as error:
        raise ConfigError(f"[sources] import_at_first_start: {error}") from error
    for problem in listed.problems:
        logger.warning(
            "list of sources read in part", extra={"list": str(path), "because": problem}
        )
    imported = import_sources(app.database, listed.outlines, clock=utc_now)
    logger.info("sources imported", extra={"list": str(path), "added": imported.added})
