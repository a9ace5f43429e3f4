"""How what mails is put together: planning, composing, the way out."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tidings.delivery import addresses
from tidings.delivery.dkim import signing
from tidings.delivery.folder import Folder
from tidings.delivery.letters import Letterhead
from tidings.delivery.mailboxes import Imap, Mailbox, Maildir
from tidings.delivery.relay import Relay
from tidings.delivery.transports import Connect
from tidings.domain.newsletters import Digest, Newsletter
from tidings.errors import ConfigError, InvalidError
from tidings.rendering.mail import Composed, compose
from tidings.rendering.notices import NoticeContext, WrittenNotice, write_notice
from tidings.rendering.templates import Templates
from tidings.services.bouncing import BounceProcessor
from tidings.services.composing import Composer
from tidings.services.delivering import DeliverTools
from tidings.services.importing import Importer, ImportPlan
from tidings.services.notice_contexts import NoticeWriter
from tidings.services.notices import NoticeTools
from tidings.services.planning import Planner
from tidings.services.watch import DailyNote
from tidings.wiring import App, process_name, utc_now

PLACEHOLDER = "example.org"
"""The domain of the sender that the shipped settings name."""


def composer(app: App) -> Composer:
    """Return what writes issues.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret, or no usable sender.
    """
    site_url, templates = app.settings.web.public_url, app.mail_templates
    return Composer(
        write_letter=partial(_write_letter, site_url=site_url, templates=templates),
        template_version=templates.fingerprint,
        secret=app.secret,
        mail_domain=app.sender.address.rpartition("@")[2],
        site_url=site_url,
    )


def planner(app: App) -> Planner:
    """Return what plans issues.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret, or no usable sender.
    """
    return Planner(app.database, clock=utc_now, composer=composer(app))


@contextmanager
def delivering(app: App) -> Iterator[DeliverTools]:
    """Open the way out for letters.

    Raises:
        ConfigError: The transport is unknown or cannot be used, or there is no secret.
    """
    settings, signed, sender = app.settings, app.links, app.sender
    domain = sender.address.rpartition("@")[2]
    if settings.mail.transport == "smtp":
        if domain == PLACEHOLDER:
            raise ConfigError("[mail] from: set your own address before mail goes to a relay")
        relay = f"{settings.smtp.host}:{settings.smtp.port}"
        connect: Connect = Relay(settings.smtp).connect
        connections = settings.smtp.connections
    else:
        relay = settings.mail.folder
        connect, connections = Folder(Path(relay)).connect, 1
    if signer := app.signer:
        connect = signing(connect, signer)
    yield DeliverTools(
        database=app.database,
        clock=utc_now,
        owner=process_name(),
        connect=connect,
        relay=relay,
        connections=connections,
        limits=settings.smtp.domains if settings.mail.transport == "smtp" else {},
        sender=sender.address,
        bounces_to=_bounces_to(app),
        letterhead_of=lambda newsletter: Letterhead(
            sender=addresses.sender(newsletter.sender) if newsletter.sender else sender,
            reply_to=newsletter.reply_to,
            list_id=f"{newsletter.slug}.{domain}",
            list_title=newsletter.title,
            archive_url=f"{settings.web.public_url}/issues",
        ),
        unsubscribe_url=lambda *numbers: (
            f"{settings.web.public_url}/unsubscribe/{signed.unsubscribe.sign(*numbers)}"
        ),
        preferences_url=lambda *numbers: (
            f"{settings.web.public_url}/preferences/{signed.preferences.sign(*numbers)}"
        ),
    )


def noticing(app: App, delivering: DeliverTools) -> NoticeTools:
    """Return what sending letters needs that are no issue; they take the same way out.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret, or no usable sender.
    """
    sender, templates = app.sender, app.mail_templates
    domain = sender.address.rpartition("@")[2]

    def letterhead_of(newsletter: Newsletter | None) -> Letterhead:
        if newsletter is not None:
            return delivering.letterhead_of(newsletter)
        return Letterhead(sender=sender, reply_to=None, list_id=domain, list_title=sender.name)

    def write(context: NoticeContext) -> WrittenNotice:
        return write_notice(context, templates)

    site_url = app.settings.web.public_url
    return NoticeTools(
        database=delivering.database,
        clock=delivering.clock,
        owner=delivering.owner,
        connect=delivering.connect,
        relay=delivering.relay,
        letterhead_of=letterhead_of,
        writer=NoticeWriter(app.links, site_url=site_url, contact=sender.address),
        write=write,
        domain=domain,
    )


def bounce_processor(app: App) -> BounceProcessor:
    """Return what judges the mail that comes back.

    Raises:
        ConfigError: There is no secret, or the address cannot be used.
    """
    return BounceProcessor(app.database, links=app.links, address=app.bounce_address, clock=utc_now)


def bounce_mailboxes(app: App) -> list[Mailbox]:
    """Return where bounces arrive, as far as we are to look there."""
    bounce = app.settings.bounce
    folders: list[Mailbox] = [Maildir(Path(bounce.maildir))] if bounce.maildir else []
    return [*folders, Imap(bounce)] if bounce.imap_host else folders


def daily_note(app: App) -> DailyNote:
    """Return what writes to the operator once a day.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: The operator's address is none.
    """
    given, language = app.settings.operator.email, app.settings.publish.language
    try:
        operator = addresses.mailbox(given).address if given else ""
    except InvalidError as error:
        raise ConfigError(f"[operator] email: {error}") from error
    return DailyNote(
        app.database,
        clock=utc_now,
        operator=operator,
        language=language if language in app.mail_templates.languages else "en",
        disk=partial(free_space, app),
    )


def importer(app: App, plan: ImportPlan) -> Importer:
    """Return what brings in a list of subscribers.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret.
        NotFoundError: There is no such newsletter.
    """
    languages = app.mail_templates.languages
    return Importer(app.database, plan, links=app.links, clock=utc_now, languages=languages)


def _bounces_to(app: App) -> Callable[[int, str], str | None]:
    address = app.bounce_address
    return lambda number, message_id: address.of(number, message_id) if address else None


def _write_letter(
    digest: Digest, issue_url: str, *, site_url: str, templates: Templates
) -> Composed:
    return compose(digest, site_url=site_url, issue_url=issue_url, templates=templates)


def free_space(app: App) -> tuple[int, int] | None:
    """Return the free bytes and all bytes of the disk with the database, if it is a file."""
    if not app.database.is_sqlite:
        return None
    usage = shutil.disk_usage(app.database.path.parent)
    return usage.free, usage.total
