"""The web server: the listening socket, uvicorn, and what the application needs."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn

from tidings.app import mailing, publishing
from tidings.app.app import App, utc_now
from tidings.config import listed
from tidings.db import schema
from tidings.db.database import Database
from tidings.errors import ConfigError, StorageError
from tidings.model.subscribers import Network, WebSettings, parse_networks
from tidings.operator.delivery_desk import DeliveryDesk
from tidings.operator.inbox_desk import InboxDesk
from tidings.operator.moderation import OperatorActions, Overview
from tidings.operator.newsletter_desk import MailRoom, NewsletterDesk
from tidings.operator.people_desk import PeopleDesk
from tidings.operator.service import ServiceDesk
from tidings.operator.sessions import Sessions
from tidings.operator.source_desk import SourceDesk
from tidings.operator.status import status_body, status_document
from tidings.operator.store import status
from tidings.polling.push import HubRequests
from tidings.publishing.publication import Publication
from tidings.publishing.rehearsal import rehearse
from tidings.subscribers.address_change import AddressChanges
from tidings.subscribers.preferences import SubscriberPreferences
from tidings.subscribers.sign_up import NewsletterChoices, SignUps
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.unsubscribe import Unsubscriber
from tidings.web.connections import AT_A_TIME, Connections, Server, VisitorProtocol
from tidings.web.metrics import exposition
from tidings.web.routes import create_app
from tidings.web.services import Check, OperatorServices, Probes, SubscriberServices, TokenServices

# For an annotation only: it brings what fetches and parses, which pages do without.
if TYPE_CHECKING:
    from tidings.app.polling import Polling

logger = logging.getLogger(__name__)

# How long requests in progress may take after SIGTERM; messages being sent get the rest of the 30
# seconds until systemd kills us.
GRACE_SECONDS = 1


@contextmanager
def bound(settings: WebSettings) -> Iterator[socket.socket]:
    """Bind the address to serve at.

    Raises:
        ConfigError: It cannot be had: taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's delay off: 1 ms an answer instead of 44.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        # Or a restart would fail while connections of the former process are in TIME_WAIT.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        # OverflowError: a port above 65535.
        except (OSError, OverflowError) as error:
            because = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(
                f"[web] host, port: cannot serve at {settings.host}:{settings.port}: {because}"
            ) from error
        yield listening


def serve(
    app: App, listening: socket.socket, *, on_start: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT; requests in progress are finished first.

    Args:
        app: What is served.
        listening: The socket, bound.
        on_start: Called once visitors are answered.

    Raises:
        ConfigError: The secret or the list of trusted proxies cannot be used.
        TemplateError: A template is broken.
    """
    links = _find_links(app)
    subscribers = _subscriber_services(app, links) if links else None
    context = publishing.site_context_of(app, _page_path)
    site = replace(context.site, has_forms=subscribers is not None, has_status=True)
    context = replace(context, site=site)
    publication = Publication(app.database, context)
    application = create_app(
        publication,
        site,
        templates=context.templates,
        tokens=_token_services(app, links, subscribers),
        probes=Probes(
            health=lambda: health(app.database),
            metrics=lambda: _metrics(app),
            status=lambda: status_body(app.database, context, now=utc_now()),
            figures=lambda: status_document(app.database, now=utc_now()),
        ),
    )
    connections = Connections()
    config = uvicorn.Config(
        application,
        http=cast("type[asyncio.Protocol]", partial(VisitorProtocol, connections=connections)),
        backlog=AT_A_TIME,
        # Our own format, set up before; uvicorn's access log would show the tokens in addresses.
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would believe whoever is on this machine
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="off",
    )
    _say_what_is_served(app, listening)
    server = Server(
        config,
        connections,
        rehearse=partial(rehearse, publication, app.database),
        on_start=on_start,
    )
    server.run(sockets=[listening])


def _say_what_is_served(app: App, listening: socket.socket) -> None:
    if app.prepared:
        done = {name: text for name, text in asdict(app.prepared).items() if text}
        logger.info(done.pop("event"), extra=done)
    host, port, *_ = listening.getsockname()
    at = replace(app.settings.web, host=host, port=port, base_url="").public_url
    logger.info("serving", extra={"at": at, "public": app.settings.web.public_url})


def _page_path(path: str, number: int) -> str:
    return f"{path}?page={number}"


def _find_links(app: App) -> SignedLinks | None:
    """Return the signer of links; None without a secret, as without newsletters."""
    # Beside an SQLite file a secret is made and kept; processes on PostgreSQL share no folder.
    if not app.settings.secret and not app.database.is_sqlite:
        return None
    return app.links


def _token_services(
    app: App, links: SignedLinks | None, subscribers: SubscriberServices | None
) -> TokenServices:
    return TokenServices(
        unsubscribing=Unsubscriber(app.database, links=links, clock=utc_now),
        callbacks=HubRequests(app.database, clock=utc_now, max_size=app.settings.fetch.max_size),
        subscribers=subscribers,
        trusted=_trusted(app.settings.web),
        clock=utc_now,
        operators=_operators(app, links) if links else None,
    )


def _subscriber_services(app: App, links: SignedLinks) -> SubscriberServices:
    database, languages = app.database, app.mail_templates.languages
    return SubscriberServices(
        offers=NewsletterChoices(database),
        subscribing=SignUps(database, links=links, clock=utc_now, languages=languages),
        preferences=SubscriberPreferences(
            database, links=links, clock=utc_now, languages=languages
        ),
        moving=AddressChanges(database, links=links, clock=utc_now),
        languages=languages,
    )


def _operators(app: App, links: SignedLinks) -> OperatorServices:
    languages = tuple(app.mail_templates.languages)
    return OperatorServices(
        sessions=Sessions(app.database, links=links, clock=utc_now),
        operating=OperatorActions(app.database, clock=utc_now),
        overview=Overview(app.database),
        newsletters=NewsletterDesk(
            app.database,
            clock=utc_now,
            mail=MailRoom(
                composer=partial(mailing.composer, app),
                messages=partial(mailing.issue_messages, app),
                sender=partial(mailing.issue_sender, app),
                planner=partial(mailing.planner, app),
            ),
            languages=languages,
        ),
        deliveries=DeliveryDesk(app.database, clock=utc_now),
        people=PeopleDesk(app.database, links=links, clock=utc_now, languages=languages),
        service=ServiceDesk(app.database, clock=utc_now, settings=tuple(listed(app.settings))),
        sources=SourceDesk(app.database, clock=utc_now, probing=partial(_polling, app)),
        inbox=InboxDesk(app.database, clock=utc_now),
    )


def _polling(app: App) -> "AbstractContextManager[Polling]":
    """Return what asks publishers: its threads and processes last for one look at an address."""
    from tidings.app.polling import polling

    return polling(app)


def _trusted(settings: WebSettings) -> tuple[Network, ...]:
    try:
        return parse_networks(settings.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"[web] trusted_proxies: {error}") from error


def health(database: Database) -> Sequence[Check]:
    """Tell whether the database has our schema, and can be written to."""
    try:
        with database.read() as connection:
            found = schema.version(connection)
        # With another schema we are not ready, whether it takes writes or not.
        if found == schema.latest_version():
            schema.try_to_write(database)
    except StorageError as error:
        return [Check("database", ok=False, detail=str(error))]
    return [Check("database", ok=found == schema.latest_version(), detail=f"schema {found}")]


def _metrics(app: App) -> bytes:
    with app.database.read() as connection:
        return exposition(status.collect(connection, now=utc_now()))
