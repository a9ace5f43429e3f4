"""How the doctor is put together."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tidings import mailing, publishing
from tidings.delivery.dns import Dns
from tidings.services.doctor import DoctorTools
from tidings.wiring import App, utc_now


@contextmanager
def examining(app: App, dns: Dns) -> Iterator[DoctorTools]:
    """Return what there is to examine, and try the templates of the pages.

    Raises:
        TemplateError: A template is broken.
        ConfigError: A setting of the mail cannot be used, or there is no secret.
    """
    settings = app.settings
    publishing.templates_of(app)
    is_mailed = settings.mail.transport == "smtp"
    messages, sender = mailing.issue_messages(app), mailing.issue_sender(app)
    yield DoctorTools(
        database=app.database,
        clock=utc_now,
        dns=dns,
        smtp=settings.smtp if is_mailed else None,
        signer=mailing.signer_of(app),
        returns_to=settings.bounce.address or messages.sender,
        base_url=settings.web.base_url,
        contact_url=settings.fetch.contact_url,
        host=socket.getfqdn(),
        faults=app.faults_of_runtime(),
        disk=partial(mailing.free_space, app),
        planning=mailing.planning(app),
        messages=messages,
        sender=sender,
    )
