"""Builds what publishes: site, feeds and pages, the static site, hub pings."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tidings.app.app import VERSION, App, utc_now
from tidings.catalog import change_log
from tidings.errors import ConfigError, DatabaseAwayError
from tidings.fetching.post import Post
from tidings.log import Seldom
from tidings.model.urls import without_credentials
from tidings.operator.status import status_body
from tidings.operator.store import status
from tidings.polling.hub_rules import is_address
from tidings.publishing import static_site
from tidings.publishing.hub_pings import HubPinger
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext
from tidings.publishing.static_site import Written
from tidings.publishing.static_site import page_path as file_path
from tidings.templating.site import Site

# Of the templates: what pages need beside them.
FILES = ("style.css", "status.css", "script.js", "search.js", "favicon.svg")

# How often files are looked through where nothing has changed.
AN_HOUR = timedelta(hours=1)

logger = logging.getLogger(__name__)


def hubs_of(app: App) -> tuple[str, ...]:
    """Return the hubs that are pinged when one of our feeds changes.

    Raises:
        ConfigError: One of them is no address.
    """
    # Checked here, at start: every feed names them, and a password would be published.
    for hub in app.settings.websub.hubs:
        shown = without_credentials(hub)
        if shown != hub or not hub.isascii() or not is_address(hub):  # all the world sees it
            because = "expected an address, without a password"
            raise ConfigError(f"[websub] hubs: {shown}: {because}")
    return app.settings.websub.hubs


def hub_pinger(app: App, post: Post) -> HubPinger:
    """Return what pings hubs, by `post`."""
    return HubPinger(
        app.database,
        publication=publication_of(app, _unnumbered),
        hubs=hubs_of(app),
        base_url=app.settings.web.public_url,
        post=post,
        clock=utc_now,
    )


def site_of(app: App) -> Site:
    """Return what all pages share."""
    publish = app.settings.publish
    named = {"title": publish.title, "kicker": publish.kicker}
    site = Site(
        title=publish.title,
        kicker=publish.kicker,
        base_url=app.settings.web.public_url,
        language=publish.language,
        version=VERSION,
        hubs=hubs_of(app),
        unnamed=tuple(name for name, given in named.items() if not given),
    )
    # With the language as it was set: it may be a variety of that of the catalogue.
    spoken = site.in_language(app.page_templates.words(publish.language))
    return replace(spoken, language=publish.language)


def site_context_of(app: App, page_path: Callable[[str, int], str]) -> SiteContext:
    """Return the context of everything that is published.

    Args:
        app: The application.
        page_path: Gives the path of a numbered page, by that of the newest.
    """
    return SiteContext(
        settings=app.settings.publish,
        site=site_of(app),
        templates=app.page_templates,
        page_path=page_path,
    )


def publication_of(app: App, page_path: Callable[[str, int], str]) -> Publication:
    """Return the publication; `page_path` as for `site_context_of`."""
    return Publication(app.database, site_context_of(app, page_path))


def publish(app: App, folder: Path) -> Written:
    """Write the static site into a folder.

    Raises:
        ConfigError: The folder cannot be written to.
        ConflictError: Another process writes into it.
    """
    context = _files_context(app)
    return static_site.publish(
        app.database, context, folder, assets=_assets(app, context), clock=utc_now
    )


def published_again(app: App, folder: Path, *, pause: timedelta) -> Iterator[Written]:
    """Write the static site, again and again: after something has changed, and once an hour.

    Args:
        app: The application.
        folder: Nobody else writes into it meanwhile.
        pause: Between one time and the next, at least.

    Raises:
        ConfigError: The folder cannot be written to.
        ConflictError: Another process writes into it.
    """
    context, outage = _files_context(app), Seldom(logger, "database away")
    published: tuple[int, datetime] | None = None
    with static_site.opened(folder) as site:
        while True:
            try:
                change, now = _last_change(app), utc_now()
                # The hour is for the status page, which moves with every poll.
                if published is None or change != published[0] or now - published[1] > AN_HOUR:
                    assets = _assets(app, context)
                    yield static_site.bring_up_to_date(
                        site, app.database, context, assets=assets, clock=utc_now
                    )
                    published = change, now
            except DatabaseAwayError as error:
                outage.warn(because=str(error))
            time.sleep(pause.total_seconds())


def _files_context(app: App) -> SiteContext:
    context = site_context_of(app, file_path)
    site = replace(context.site, has_file_search=True, has_status=True)
    return replace(context, site=site, is_live=False)


def _assets(app: App, context: SiteContext) -> dict[str, bytes]:
    templates = app.page_templates
    return {
        **templates.fonts,
        **{name: templates.file(name) for name in FILES},
        "status/index.html": status_body(app.database, context, now=_last_poll(app)),
    }


def _last_change(app: App) -> int:
    with app.database.read() as connection:
        return change_log.last_change(connection)


def _last_poll(app: App) -> datetime:
    """Return when something was last polled: a status as of now would be new each time."""
    with app.database.read() as connection:
        return status.last_poll(connection) or change_log.get_newest_change(connection)[1]


def _unnumbered(path: str, _number: int) -> str:
    """Return the path of a page; feeds never link to a numbered one."""
    return path
