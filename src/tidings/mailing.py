"""How the mail half is put together: planning, composing, the way out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from secrets import token_hex

from tidings.delivery import addresses
from tidings.delivery.addresses import Sender
from tidings.delivery.folder import Folder
from tidings.delivery.letters import Letterhead
from tidings.delivery.relay import Relay
from tidings.domain.newsletters import Digest
from tidings.errors import ConfigError, InvalidError
from tidings.rendering.mail import Composed, compose, load_mail_templates
from tidings.rendering.templates import Templates
from tidings.resources import data_dir
from tidings.services.delivering import DeliverTools
from tidings.services.drafts import PlanTools
from tidings.services.links import Links
from tidings.wiring import App, process_name, utc_now

PLACEHOLDER = "example.org"
"""The domain of the sender that the shipped settings name."""

SHORTEST_SECRET = 16
"""Characters that a secret has at least."""


def planning(app: App) -> PlanTools:
    """Return what planning needs.

    Raises:
        TemplateError: A template of the letters is broken.
        ConfigError: There is no secret, or no usable sender.
    """
    settings = app.settings
    templates = mail_templates(app)
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


@contextmanager
def delivering(app: App) -> Iterator[DeliverTools]:
    """Open the way out for letters.

    Raises:
        ConfigError: The transport is unknown or cannot be used, or there is no secret.
    """
    settings, signed, sender = app.settings, links(app), sender_of(app)
    domain = sender.address.rpartition("@")[2]
    if settings.mail.transport == "smtp":
        if domain == PLACEHOLDER:
            raise ConfigError("[mail] from: set your own address before mail goes to a relay")
        relay = f"{settings.smtp.host}:{settings.smtp.port}"
        connect, connections = Relay(settings.smtp).connect, settings.smtp.connections
    else:
        relay = settings.mail.folder
        connect, connections = Folder(Path(relay)).connect, 1
    yield DeliverTools(
        database=app.database,
        clock=utc_now,
        owner=process_name(),
        connect=connect,
        relay=relay,
        connections=connections,
        sender=sender.address,
        letterhead_of=lambda newsletter: Letterhead(
            sender=sender,
            reply_to=newsletter.reply_to,
            list_id=f"{newsletter.slug}.{domain}",
            list_title=newsletter.title,
        ),
        unsubscribe_url=lambda subscription_id: (
            f"{settings.web.public_url}/unsubscribe/{signed.unsubscribe_token(subscription_id)}"
        ),
    )


def sender_of(app: App) -> Sender:
    """Return who letters are from.

    Raises:
        ConfigError: The setting is not exactly one address.
    """
    try:
        return addresses.sender(app.settings.mail.from_)
    except InvalidError as error:
        raise ConfigError(f"[mail] from: {error}") from error


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


def mail_templates(app: App) -> Templates:
    """Read the templates of the letters.

    Raises:
        TemplateError: One of them is broken.
    """
    own = app.settings.templates.folder
    shipped = data_dir("templates") / "email"
    return load_mail_templates([Path(own) / "email", shipped] if own else [shipped])


def _write_letter(
    digest: Digest, issue_url: str, *, site_url: str, templates: Templates
) -> Composed:
    return compose(digest, site_url=site_url, issue_url=issue_url, templates=templates)


def _kept_secret(path: Path) -> bytes:
    try:
        with suppress(FileExistsError):
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w") as file:
                file.write(token_hex(32))
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"secret: cannot keep it in {path}: {error}") from error
    if len(kept) < SHORTEST_SECRET:
        raise ConfigError(f"secret: {path} is cut short: put the old one back, or delete the file")
    return kept.encode()
