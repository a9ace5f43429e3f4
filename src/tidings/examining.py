"""How the doctor is put together."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tidings import mailing
from tidings.delivery.dns import Dns
from tidings.services.doctor import Doctor
from tidings.wiring import App, utc_now


@contextmanager
def examining(app: App, dns: Dns) -> Iterator[Doctor]:
    """Return what examines the set-up, and try the templates of the pages.

    Raises:
        TemplateError: A template is broken.
        ConfigError: A setting of the mail cannot be used, or there is no secret.
    """
    settings = app.settings
    _ = app.page_templates  # a broken one is told of before anything is looked at
    is_mailed = settings.mail.transport == "smtp"
    messages, sender = mailing.issue_messages(app), mailing.issue_sender(app)
    yield Doctor(
        app.database,
        clock=utc_now,
        dns=dns,
        smtp=settings.smtp if is_mailed else None,
        signer=app.signer,
        returns_to=settings.bounce.address or messages.sender,
        base_url=settings.web.base_url,
        contact_url=settings.fetch.contact_url,
        host=socket.getfqdn(),
        faults=app.faults_of_runtime,
        disk=partial(mailing.free_space, app),
        composer=mailing.composer(app),
        messages=messages,
        sender=sender,
    )
