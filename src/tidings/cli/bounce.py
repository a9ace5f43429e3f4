"""`tidings bounce`: bounces and complaints."""

import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from threading import Event

import click

from tidings.cli.output import json_option, limit_option, moment, show_json, show_table
from tidings.cli.start import TRY_LATER, Start
from tidings.errors import TidingsError
from tidings.model.contracts import rfc3339
from tidings.subscribers.bounce_rules import BounceKind

KINDS = tuple(one.value for one in BounceKind)


@click.group
def bounce() -> None:
    """Process bounces and complaints, and list them.

    Example: tidings bounce list --kind gone
    """


@bounce.command("list")
@click.option("--address", help="About this subscriber only.")
@click.option("--kind", type=click.Choice(KINDS), help="Of this kind only.")
@limit_option
@json_option
@click.pass_obj
def list_bounces(start: Start, /, *, as_json: bool, limit: int, **rules: str | None) -> None:
    """List bounces and complaints, newest first.

    Example: tidings bounce list --address ada@example.org
    """
    from tidings.app.app import opened
    from tidings.mail.addresses import parse_address
    from tidings.subscribers.store import bounces

    key = parse_address(rules["address"]).key if rules["address"] else None
    kind = BounceKind(rules["kind"]) if rules["kind"] else None
    with opened(start.settings()) as app, app.database.read() as connection:
        found = bounces.latest(connection, key=key, kind=kind, limit=limit or None)
    if as_json:
        show_json([{**asdict(one), "at": rfc3339(one.at)} for one in found])
        return
    headings = ("at", "subscriber", "newsletter", "slot", "kind", "status", "diagnostic")
    rows = [
        (
            moment(one.at),
            one.subscriber,
            one.newsletter,
            one.slot,
            one.kind,
            one.status,
            one.diagnostic,
        )
        for one in found
    ]
    show_table(headings, rows)


@bounce.command
@click.argument("source", required=False, type=click.Choice(["-"]), metavar="[-]")
@click.option(
    "--maildir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read this folder instead of the one that [bounce] names.",
)
@click.option("--to", "sent_to", help="With `-`: whom the message was for, as the server has it.")
@click.pass_obj
def read(start: Start, source: str | None, maildir: Path | None, sent_to: str | None) -> None:
    """Read bounces and complaints where [bounce] says, or one from standard input: `-`.

    With `-` a mail server can hand each message over: status 0 means that it is done with,
    75 that it is to be handed over again.

    Example: tidings bounce read --maildir /var/mail/bounces
    """
    if source is None:
        _read_mailboxes(start, maildir)
        return
    try:
        _read_message(start, [sent_to] if sent_to else [])
    except TidingsError as error:
        click.echo(f"tidings: {error}", err=True)
        raise click.exceptions.Exit(TRY_LATER) from error


def _read_message(start: Start, sent_to: list[str]) -> None:
    from tidings.app import mailing
    from tidings.app.app import opened
    from tidings.mail.reports import MAX_SIZE

    # Bytes: bounces come in any encoding, or in none.
    raw = sys.stdin.buffer.read(MAX_SIZE)
    while sys.stdin.buffer.read(MAX_SIZE):  # who writes wants to get rid of all of it
        pass
    with opened(start.settings()) as app:
        click.echo(mailing.bounce_processor(app).process(raw, sent_to=sent_to))


def _read_mailboxes(start: Start, maildir: Path | None) -> None:
    from tidings.app import mailing
    from tidings.app.app import opened
    from tidings.mail.mailboxes import Maildir
    from tidings.mail.reports import MAX_SIZE
    from tidings.subscribers.bounces import BounceResult

    total = Counter[BounceResult]()
    with opened(start.settings()) as app:
        mailboxes = (
            [Maildir(maildir, max_size=MAX_SIZE)] if maildir else mailing.bounce_mailboxes(app)
        )
        if not mailboxes:
            raise click.UsageError("set [bounce] maildir or imap_host, or name a --maildir or `-`")
        processor = mailing.bounce_processor(app)
        # What relays refused while sending counts like bounces.
        processor.process_refusals()
        for mailbox in mailboxes:
            while taken := processor.read_mailbox(mailbox, stop=Event()):
                total += taken
    click.echo(", ".join(f"{total[one]} {one.value}" for one in BounceResult))
