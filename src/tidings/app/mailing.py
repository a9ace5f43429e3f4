"""Builds what mails: planner, senders, bounce processor, importer, doctor."""

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tidings.app.app import App, process_name, utc_now
from tidings.errors import ConfigError, InvalidError
from tidings.mail import addresses, reports
from tidings.mail.dns import Dns
from tidings.mail.folder import Folder
from tidings.mail.list_messages import MAX_LETTER
from tidings.mail.mailboxes import Mailbox, mailboxes_of
from tidings.mail.message import ListHeaders
from tidings.mail.settings import DomainLimits
from tidings.mail.smtp import Relay
from tidings.mail.transport import Connect
from tidings.model.newsletters import Digest, Newsletter
from tidings.newsletters.compose import Composer
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.issue_queue import IssueQueue, IssueSender
from tidings.newsletters.plan import Planner
from tidings.newsletters.render import RenderedIssue, compose
from tidings.newsletters.sender import Sender
from tidings.operator.daily_note import DailyNote
from tidings.operator.doctor import Doctor
from tidings.polling.mail_gatherer import MailGatherer
from tidings.subscribers.bounces import BounceProcessor
from tidings.subscribers.bulk_import import Importer, ImportPlan
from tidings.subscribers.store.transactional import ClaimedMessage
from tidings.subscribers.transactional_context import ContextBuilder
from tidings.subscribers.transactional_message import (
    MessageContext,
    RenderedMessage,
    render_message,
)
from tidings.subscribers.transactional_queue import TransactionalQueue
from tidings.templating.engine import Templates

# The domain of the sender that the shipped settings name.
PLACEHOLDER = "example.org"


def composer(app: App) -> Composer:
    """Return the composer of issues.

    Raises:
        TemplateError: A template of messages is broken.
        ConfigError: There is no secret, no usable sender, or an unusable logo.
    """
    site_url, templates = app.settings.web.public_url, app.mail_templates
    logo = app.settings.mail.logo or None
    # Mail programs show no picture that they would fetch in the clear.
    if logo and not logo.startswith("https://"):
        raise ConfigError("[mail] logo: expected an address that begins with https://")
    return Composer(
        render=partial(_render_issue, site_url=site_url, templates=templates, logo=logo),
        # Part of what an issue is known by: with other templates it is another issue.
        template_version=templates.fingerprint,
        secret=app.secret,
        mail_domain=app.sender.address.rpartition("@")[2],
        site_url=site_url,
    )


def planner(app: App) -> Planner:
    """Return the planner of issues.

    Raises:
        TemplateError: A template of messages is broken.
        ConfigError: There is no secret, or no usable sender.
    """
    return Planner(app.database, clock=utc_now, composer=composer(app))


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """The way out for messages: a relay, or a folder.

    Attributes:
        name: Of the relay, or the path of the folder: what pauses are kept under.
        connections: Messages that are sent at the same time.
        limits: What less holds for a recipient's domain.
    """

    connect: Connect
    name: str
    connections: int
    limits: Mapping[str, DomainLimits]


def sender_count(app: App) -> int:
    """Return how many may send issues at the same time; each gets a share of the connections."""
    smtp = app.settings.smtp
    # A limited rate is what one sender reaches easily, and could not be shared out so that one
    # alone uses it whole. Nothing else works on a SQLite database.
    if app.settings.mail.transport != "smtp" or smtp.per_second or app.database.is_sqlite:
        return 1
    return min(smtp.senders, smtp.connections)


def transport(app: App, *, part: int = 0, of: int = 1) -> Transport:
    """Return the transport that the settings name.

    Args:
        app: With the settings.
        part: Of several that send at the same time, which share what the relay takes.
        of: How many they are.

    Raises:
        ConfigError: The transport is unknown or cannot be used.
    """
    settings = app.settings
    if settings.mail.transport == "smtp":
        # Mail in the name of a domain that is not the operator's fails SPF and DMARC.
        if app.sender.address.endswith(f"@{PLACEHOLDER}"):
            raise ConfigError(
                f"[mail] from: {app.sender.address} is nobody's: set your own address before mail goes to a relay"
            )
        name = f"{settings.smtp.host}:{settings.smtp.port}"
        connect: Connect = Relay(settings.smtp).connect
        connections = len(range(part, settings.smtp.connections, of))
        limits = settings.smtp.domains
    else:
        name = settings.mail.folder
        connect, connections, limits = Folder(Path(name)).connect, 1, {}
    return Transport(connect=connect, name=name, connections=connections, limits=limits)


def issue_messages(app: App) -> IssueMessages:
    """Return the builder of issues' messages.

    Raises:
        ConfigError: There is no secret, or no usable sender.
    """
    signed, sender, site_url = app.links, app.sender, app.settings.web.public_url
    return IssueMessages(
        sender=sender.address,
        bounces_to=_bounces_to(app),
        list_headers_of=partial(_list_headers_of, sender=sender, site_url=site_url),
        unsubscribe_url=lambda *numbers: (
            f"{site_url}/unsubscribe/{signed.unsubscribe.sign(*numbers)}"
        ),
        preferences_url=lambda *numbers: (
            f"{site_url}/preferences/{signed.preferences.sign(*numbers)}"
        ),
    )


def issue_sender(app: App, *, part: int = 0, of: int = 1) -> IssueSender:
    """Return the sender of issues, or one of several; `part` and `of` as for `transport`.

    Raises:
        ConfigError: The transport is unknown or cannot be used, or there is no secret.
    """
    messages, way_out = issue_messages(app), transport(app, part=part, of=of)
    # Their limits cannot be shared: they are one sender's alone.
    without = tuple(sorted(way_out.limits)) if part else ()
    open_queue = partial(
        IssueQueue,
        app.database,
        messages,
        clock=utc_now,
        without=without,
        withdraws=not part,
    )
    return Sender(
        open_queue,
        database=app.database,
        clock=utc_now,
        owner=process_name(),
        connect=way_out.connect,
        # For the folder as well: letters in it are what would be sent.
        signer=app.signer,
        relay=way_out.name,
        connections=way_out.connections,
        limits=way_out.limits,
    )


def transactional_sender(app: App) -> Sender[ClaimedMessage]:
    """Return the sender of transactional mail: the same transport, one connection of its own.

    Raises:
        TemplateError: A template of messages is broken.
        ConfigError: The transport is unknown or cannot be used, or there is no secret.
    """
    way_out, sender, templates = transport(app), app.sender, app.mail_templates
    domain, site_url = sender.address.rpartition("@")[2], app.settings.web.public_url

    def list_headers_of(newsletter: Newsletter | None) -> ListHeaders:
        if newsletter is not None:
            return _list_headers_of(newsletter, sender=sender, site_url=site_url)
        return ListHeaders(sender=sender, reply_to=None, list_id=domain, list_title=sender.name)

    def render(context: MessageContext) -> RenderedMessage:
        return render_message(context, templates)

    open_queue = partial(
        TransactionalQueue,
        app.database,
        contexts=ContextBuilder(app.links, site_url=site_url, contact=sender.address),
        render=render,
        list_headers_of=list_headers_of,
        mail_domain=domain,
    )
    return Sender(
        open_queue,
        database=app.database,
        clock=utc_now,
        owner=process_name(),
        connect=way_out.connect,
        signer=app.signer,
        relay=way_out.name,
        # One, beside those of issues, and no limits of domains: each is for one person, who waits
        # for it.
        connections=1,
        limits={},
    )


def _list_headers_of(
    newsletter: Newsletter, *, sender: addresses.FromAddress, site_url: str
) -> ListHeaders:
    return ListHeaders(
        sender=addresses.parse_sender(newsletter.sender) if newsletter.sender else sender,
        reply_to=newsletter.reply_to,
        # By the sender's domain, not the site's: a List-Id stays when the site moves (RFC 2919).
        list_id=f"{newsletter.slug}.{sender.address.rpartition('@')[2]}",
        list_title=newsletter.title,
        archive_url=f"{site_url}/issues",
    )


def bounce_processor(app: App) -> BounceProcessor:
    """Return the processor of bounces.

    Raises:
        ConfigError: There is no secret, or the address cannot be used.
    """
    return BounceProcessor(app.database, links=app.links, address=app.bounce_address, clock=utc_now)


def bounce_mailboxes(app: App) -> list[Mailbox]:
    """Return the mailboxes that bounces are read from; none if others deliver them to us."""
    return mailboxes_of(app.settings.bounce, max_size=reports.MAX_SIZE)


def mail_gatherer(app: App) -> MailGatherer:
    """Return what stores the messages of newsletters and mailing lists."""
    return MailGatherer(app.database, clock=utc_now)


def inboxes(app: App) -> list[Mailbox]:
    """Return the mailboxes that these write to; none if others deliver their messages to us."""
    return mailboxes_of(app.settings.inbox, max_size=MAX_LETTER)


def daily_note(app: App) -> DailyNote:
    """Return the daily note to the operator.

    Raises:
        TemplateError: A template of messages is broken.
        ConfigError: The operator's address is none.
    """
    given, language = app.settings.operator.email, app.settings.publish.language
    try:
        operator = addresses.parse_address(given).address if given else ""
    except InvalidError as error:
        raise ConfigError(f"[operator] email: {error}") from error
    return DailyNote(
        app.database,
        clock=utc_now,
        operator=operator,
        # Pages may be in a language that messages have no templates for.
        language=language if language in app.mail_templates.languages else "en",
        disk=partial(free_space, app),
    )


def importer(app: App, plan: ImportPlan) -> Importer:
    """Return an importer of a list of subscribers.

    Raises:
        TemplateError: A template of messages is broken.
        ConfigError: There is no secret.
        NotFoundError: There is no such newsletter.
    """
    languages = app.mail_templates.languages
    return Importer(app.database, plan, links=app.links, clock=utc_now, languages=languages)


def _bounces_to(app: App) -> Callable[[int, str], str | None]:
    address = app.bounce_address
    return lambda number, message_id: address.of(number, message_id) if address else None


def _render_issue(
    digest: Digest, issue_url: str, *, site_url: str, templates: Templates, logo: str | None
) -> RenderedIssue:
    return compose(digest, site_url=site_url, issue_url=issue_url, templates=templates, logo=logo)


def free_space(app: App) -> tuple[int, int] | None:
    """Return the free bytes and all bytes of the disk with the SQLite file; None on PostgreSQL."""
    if not app.database.is_sqlite:
        return None
    usage = shutil.disk_usage(app.database.path.parent)
    return usage.free, usage.total


@contextmanager
def examining(app: App, dns: Dns) -> Iterator[Doctor]:
    """Return the doctor, and check the templates of pages.

    Raises:
        TemplateError: A template is broken.
        ConfigError: A setting of the mail cannot be used, or there is no secret.
    """
    settings = app.settings
    _ = app.page_templates  # a broken one is told of before anything is looked at
    is_mailed = settings.mail.transport == "smtp"
    messages, sender = issue_messages(app), issue_sender(app)
    yield Doctor(
        app.database,
        clock=utc_now,
        dns=dns,
        smtp=settings.smtp if is_mailed else None,
        signer=app.signer,
        # SPF and bounces go by the envelope sender.
        returns_to=settings.bounce.address or messages.sender,
        base_url=settings.web.base_url,
        contact_url=settings.fetch.contact_url,
        host=socket.getfqdn(),
        faults=app.faults_of_runtime,
        disk=partial(free_space, app),
        composer=composer(app),
        messages=messages,
        sender=sender,
    )
