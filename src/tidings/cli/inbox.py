"""`tidings inbox`: newsletters and mailing lists that are followed by mail."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from tidings.cli.output import json_option, moment, show_json, show_table
from tidings.cli.start import TRY_LATER, Start
from tidings.errors import TidingsError
from tidings.model.contracts import rfc3339
from tidings.model.entries import Republish

if TYPE_CHECKING:
    from tidings.app.app import App
    from tidings.model.mail_lists import MailList


@click.group
def inbox() -> None:
    """Follow newsletters and mailing lists that come by mail.

    Example: tidings inbox list
    """


@inbox.command("list")
@json_option
@click.pass_obj
def list_lists(start: Start, /, *, as_json: bool) -> None:
    """List who has written to the mailbox of [inbox], the latest first.

    Example: tidings inbox list
    """
    from tidings.app.app import opened
    from tidings.polling.store import mail_lists

    with opened(start.settings()) as app, app.database.read() as connection:
        found = mail_lists.every(connection)
    if as_json:
        times = ("first_at", "last_at")
        show_json(
            [{**asdict(one), **{key: rfc3339(getattr(one, key)) for key in times}} for one in found]
        )
        return
    headings = ("list", "name", "messages", "waiting", "last", "state")
    rows = [
        (one.key, one.name, one.messages, one.waiting, moment(one.last_at), _state(one))
        for one in found
    ]
    show_table(headings, rows)


def _state(found: "MailList") -> str:
    if found.refused:
        return "refused"
    return f"source {found.source_id}" if found.source_id else "asks"


@inbox.command
@click.argument("key", metavar="LIST")
@click.option("--title", help="Instead of the name that the list gives itself.")
@click.option("--topic", "topics", multiple=True, help="A topic; may be given again.")
@click.option(
    "--republish",
    type=click.Choice([one.value for one in Republish]),
    default=Republish.EXCERPT.value,
    show_default=True,
    help="How much of its messages pages, feeds and letters may show.",
)
@click.pass_obj
def follow(
    start: Start, key: str, *, title: str | None, topics: Sequence[str], republish: str
) -> None:
    """Follow a list as a source, and read what waits of it.

    LIST is its List-Id, or the sender's address, as `tidings inbox list` shows it.

    Example: tidings inbox follow weekly.python.example --topic python
    """
    from tidings.app.app import opened, utc_now
    from tidings.catalog.sources import NewSource
    from tidings.polling.mail_gatherer import follow_list

    new = NewSource(url="", title=title, topics=topics, republish=Republish(republish))
    with opened(start.settings()) as app:
        source = follow_list(app.database, key, new, now=utc_now())
        _read_waiting(app)
    click.echo(f"{source.id} {source.title}")


@inbox.command
@click.argument("key", metavar="LIST")
@click.pass_obj
def refuse(start: Start, key: str) -> None:
    """Drop what a list that nobody follows has sent, and will send; `follow` takes it back.

    Example: tidings inbox refuse offers@shop.example
    """
    from tidings.app.app import opened
    from tidings.polling.store import mail_lists

    with opened(start.settings()) as app, app.database.write() as connection:
        mail_lists.refuse(connection, key)


@inbox.command
@click.argument("source", required=False, type=click.Choice(["-"]), metavar="[-]")
@click.option(
    "--maildir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read this folder instead of the one that [inbox] names.",
)
@click.pass_obj
def read(start: Start, source: str | None, maildir: Path | None) -> None:
    """Read messages where [inbox] says, or one from standard input: `-`.

    With `-` a mail server can hand each message over: status 0 means that it is done with,
    75 that it is to be handed over again.

    Example: tidings inbox read --maildir /var/mail/lists
    """
    if source is None:
        _read_mailboxes(start, maildir)
        return
    try:
        _read_message(start)
    except TidingsError as error:
        click.echo(f"tidings: {error}", err=True)
        raise click.exceptions.Exit(TRY_LATER) from error


def _read_message(start: Start) -> None:
    from tidings.app import mailing
    from tidings.app.app import opened
    from tidings.mail.list_messages import MAX_LETTER

    # Bytes: mail comes in any encoding, or in none.
    raw = sys.stdin.buffer.read(MAX_LETTER)
    while sys.stdin.buffer.read(MAX_LETTER):  # who writes wants to get rid of all of it
        pass
    with opened(start.settings()) as app:
        found = mailing.mail_gatherer(app).take(raw)
    click.echo(
        f"{found.key}: {_state(found)}" if found else "ignored: no list, no sender, or no text"
    )


def _read_mailboxes(start: Start, maildir: Path | None) -> None:
    from tidings.app import mailing
    from tidings.app.app import opened
    from tidings.mail.list_messages import MAX_LETTER
    from tidings.mail.mailboxes import Maildir

    with opened(start.settings()) as app:
        mailboxes = [Maildir(maildir, max_size=MAX_LETTER)] if maildir else mailing.inboxes(app)
        if not mailboxes:
            raise click.UsageError("set [inbox] maildir or imap_host, or name a --maildir or `-`")
        gatherer, taken = mailing.mail_gatherer(app), 0
        for mailbox in mailboxes:
            while number := gatherer.read_mailbox(mailbox, stop=Event()):
                taken += number
        _read_waiting(app)
    click.echo(f"{taken} taken")


def _read_waiting(app: "App") -> None:
    from tidings.app.polling import polling

    with polling(app) as gathering:
        gathering.intake_reader().ingest_all(stop=Event())
