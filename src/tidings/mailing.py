"""How what mails is put together: planning, composing, the way out."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from secrets import token_hex

from tidings.delivery import addresses
from tidings.delivery.dkim import Signer, signing
from tidings.delivery.folder import Folder
from tidings.delivery.letters import Letterhead
from tidings.delivery.mailboxes import Imap, Mailbox, Maildir
from tidings.delivery.relay import Relay
from tidings.delivery.settings import DomainLimits
from tidings.delivery.transports import Connect
from tidings.delivery.verp import BounceAddress
from tidings.domain.newsletters import Digest, Newsletter
from tidings.errors import ConfigError, InvalidError
from tidings.rendering.mail import Composed, compose
from tidings.rendering.notices import NoticeContext, WrittenNotice, write_notice
from tidings.rendering.templates import Templates
from tidings.services.bouncing import BounceTools
from tidings.services.composing import PlanTools
from tidings.services.delivering import Sender
from tidings.services.issue_messages import IssueMessages
from tidings.services.issue_queue import IssueQueue, IssueSender
from tidings.services.links import Links
from tidings.services.notice_contexts import NoticeWriter
from tidings.services.notices import TransactionalQueue
from tidings.services.readers import ReaderTools
from tidings.services.watch import WatchTools
from tidings.storage.backups import flush_names
from tidings.storage.notices import ClaimedNotice
from tidings.templates import load_mail_templates
from tidings.wiring import App, process_name, utc_now

PLACEHOLDER = "example.org"
"""The domain of the sender that the shipped settings name."""

SHORTEST_SECRET = 16
"""Characters that a secret has at least."""


@lru_cache(maxsize=1)
def templates_of(app: App) -> Templates:
    """Return the templates of the letters, read and tried once.

    Raises:
        TemplateError: One of them is broken.
    """
    return load_mail_templates(app.template_folders("email"))


def planning(app: App) -> PlanTools:
    """Return what planning needs.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret, or no usable sender.
    """
    settings = app.settings
    templates = templates_of(app)
    site_url = settings.web.public_url
    write = partial(_write_letter, site_url=site_url, templates=templates)
    return PlanTools(
        database=app.database,
        clock=utc_now,
        write_letter=write,
        template_version=templates.fingerprint,
        secret=secret(app),
        mail_domain=sender_of(app).address.rpartition("@")[2],
        site_url=site_url,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """The way out for messages.

    Attributes:
        name: Of the relay, or the path of the folder: what pauses are kept under.
        connections: Messages that are sent at the same time.
        limits: What less holds for a recipient's domain.
    """

    connect: Connect
    name: str
    connections: int
    limits: Mapping[str, DomainLimits]


def transport(app: App) -> Transport:
    """Return the way out for messages, whatever they are.

    Raises:
        ConfigError: The transport is unknown or cannot be used.
    """
    settings = app.settings
    if settings.mail.transport == "smtp":
        if sender_of(app).address.endswith(f"@{PLACEHOLDER}"):
            raise ConfigError("[mail] from: set your own address before mail goes to a relay")
        name = f"{settings.smtp.host}:{settings.smtp.port}"
        connect: Connect = Relay(settings.smtp).connect
        connections, limits = settings.smtp.connections, settings.smtp.domains
    else:
        name = settings.mail.folder
        connect, connections, limits = Folder(Path(name)).connect, 1, {}
    if signer := signer_of(app):
        connect = signing(connect, signer)
    return Transport(connect=connect, name=name, connections=connections, limits=limits)


def issue_messages(app: App) -> IssueMessages:
    """Return what makes issues into messages.

    Raises:
        ConfigError: There is no secret, or no usable sender.
    """
    signed, sender, site_url = links(app), sender_of(app), app.settings.web.public_url
    return IssueMessages(
        sender=sender.address,
        bounces_to=_bounces_to(app),
        letterhead_of=partial(_letterhead_of, sender=sender, site_url=site_url),
        unsubscribe_url=lambda *numbers: (
            f"{site_url}/unsubscribe/{signed.unsubscribe.sign(*numbers)}"
        ),
        preferences_url=lambda *numbers: (
            f"{site_url}/preferences/{signed.preferences.sign(*numbers)}"
        ),
    )


def issue_sender(app: App) -> IssueSender:
    """Return what sends issues.

    Raises:
        ConfigError: The transport is unknown or cannot be used, or there is no secret.
    """
    messages, way_out = issue_messages(app), transport(app)
    return Sender(
        partial(IssueQueue, app.database, messages, clock=utc_now),
        database=app.database,
        clock=utc_now,
        owner=process_name(),
        connect=way_out.connect,
        relay=way_out.name,
        connections=way_out.connections,
        limits=way_out.limits,
    )


def transactional_sender(app: App) -> Sender[ClaimedNotice]:
    """Return what sends transactional mail: the same way out, over one connection more.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: The transport is unknown or cannot be used, or there is no secret.
    """
    way_out, sender, templates = transport(app), sender_of(app), templates_of(app)
    domain, site_url = sender.address.rpartition("@")[2], app.settings.web.public_url

    def letterhead_of(newsletter: Newsletter | None) -> Letterhead:
        if newsletter is not None:
            return _letterhead_of(newsletter, sender=sender, site_url=site_url)
        return Letterhead(sender=sender, reply_to=None, list_id=domain, list_title=sender.name)

    def write(context: NoticeContext) -> WrittenNotice:
        return write_notice(context, templates)

    open_queue = partial(
        TransactionalQueue,
        app.database,
        writer=NoticeWriter(links(app), site_url=site_url, contact=sender.address),
        write=write,
        letterhead_of=letterhead_of,
        mail_domain=domain,
    )
    return Sender(
        open_queue,
        database=app.database,
        clock=utc_now,
        owner=process_name(),
        connect=way_out.connect,
        relay=way_out.name,
        connections=1,
        limits={},
    )


def _letterhead_of(
    newsletter: Newsletter, *, sender: addresses.Sender, site_url: str
) -> Letterhead:
    return Letterhead(
        sender=addresses.sender(newsletter.sender) if newsletter.sender else sender,
        reply_to=newsletter.reply_to,
        list_id=f"{newsletter.slug}.{sender.address.rpartition('@')[2]}",
        list_title=newsletter.title,
        archive_url=f"{site_url}/issues",
    )


def bouncing(app: App) -> BounceTools:
    """Return what judging needs that comes back.

    Raises:
        ConfigError: There is no secret, or the address cannot be used.
    """
    signed = links(app)
    return BounceTools(
        database=app.database,
        clock=utc_now,
        hash_of=partial(signed.keyed_hash, "suppression"),
        address=_bounce_address(app),
        read_unsubscribe=signed.unsubscribe.read,
    )


def bounce_mailboxes(app: App) -> list[Mailbox]:
    """Return where bounces arrive, as far as we are to look there."""
    bounce = app.settings.bounce
    folders: list[Mailbox] = [Maildir(Path(bounce.maildir))] if bounce.maildir else []
    return [*folders, Imap(bounce)] if bounce.imap_host else folders


def watching(app: App) -> WatchTools:
    """Return what the operator's daily note needs.

    Raises:
        ConfigError: The operator's address is none.
    """
    given, language = app.settings.operator.email, app.settings.publish.language
    try:
        operator = addresses.mailbox(given).address if given else ""
    except InvalidError as error:
        raise ConfigError(f"[operator] email: {error}") from error
    return WatchTools(
        database=app.database,
        clock=utc_now,
        operator=operator,
        language=language if language in templates_of(app).languages else "en",
        disk=partial(free_space, app),
    )


def sender_of(app: App) -> addresses.Sender:
    """Return who letters are from.

    Raises:
        ConfigError: The setting is not exactly one address.
    """
    try:
        return addresses.sender(app.settings.mail.from_)
    except InvalidError as error:
        raise ConfigError(f"[mail] from: {error}") from error


def signer_of(app: App) -> Signer | None:
    """Return what signs letters; None if the relay does.

    Raises:
        ConfigError: The key cannot be used.
    """
    return Signer(app.settings.dkim) if app.settings.dkim.key else None


def reading(app: App) -> ReaderTools:
    """Return what it takes to serve readers.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret to sign with.
    """
    return ReaderTools(
        database=app.database,
        links=links(app),
        clock=utc_now,
        languages=templates_of(app).languages,
    )


def links(app: App) -> Links:
    """Return what makes and reads signed links.

    Raises:
        ConfigError: There is no secret to sign with.
    """
    return Links(secret(app))


def secret(app: App) -> bytes:
    """Return what signs links: the setting, on SQLite failing that a file beside the database.

    Raises:
        ConfigError: There is none, it is too short, or the file cannot be used.
    """
    given = app.settings.secret.encode()
    if given:
        if len(given) < SHORTEST_SECRET:
            raise ConfigError(f"secret: use at least {SHORTEST_SECRET} characters")
        return given
    if not app.database.is_sqlite:
        raise ConfigError("secret: on PostgreSQL set TIDINGS_SECRET or TIDINGS_SECRET_FILE")
    return _kept_secret(app.database.path.with_name("secret"))


def _write_letter(
    digest: Digest, issue_url: str, *, site_url: str, templates: Templates
) -> Composed:
    return compose(digest, site_url=site_url, issue_url=issue_url, templates=templates)


def _bounce_address(app: App) -> BounceAddress | None:
    address = app.settings.bounce.address
    return BounceAddress(address, partial(links(app).keyed_hash, "bounce")) if address else None


def _bounces_to(app: App) -> Callable[[int, str], str | None]:
    address = _bounce_address(app)
    return lambda number, message_id: address.of(number, message_id) if address else None


def free_space(app: App) -> tuple[int, int] | None:
    """Return the free bytes and all bytes of the disk with the database, if it is a file."""
    if not app.database.is_sqlite:
        return None
    usage = shutil.disk_usage(app.database.path.parent)
    return usage.free, usage.total


def _kept_secret(path: Path) -> bytes:
    try:
        with suppress(FileExistsError):
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w") as file:
                file.write(token_hex(32))
                file.flush()
                os.fsync(file.fileno())  # every link that is mailed depends on it
            flush_names(path.parent)
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"secret: cannot keep it in {path}: {error}") from error
    if len(kept) < SHORTEST_SECRET:
        raise ConfigError(f"secret: {path} is cut short: put the old one back, or delete the file")
    return kept.encode()
